//! The server's side of the fixed newstyle negotiation (proto.md, "Newstyle negotiation" and "Option haggling").

use std::io::{self, Read, Write};
use std::sync::Arc;

use super::handshake::take;
use super::proto::*;
use super::serve_replies::PREFERRED_BLOCK;
use super::serve_requests::MAX_LENGTH;
use crate::image::DiskReader;

/// Most options of one client. QEMU sends a handful, and one more for each export when it lists them.
const MAX_OPTIONS: u32 = 1000;

/// Number of the only metadata context.
pub(super) const CONTEXT: u32 = 1;

/// What every export can do.
const FLAGS: u16 = HAS_FLAGS | READ_ONLY | SEND_FLUSH | SEND_DF | CAN_MULTI_CONN;

/// A disk under a name.
pub(super) struct Export {
    pub name: String,
    pub reader: Arc<dyn DiskReader>,
}

/// How the negotiation ended.
pub(super) struct Agreed<'a> {
    pub export: &'a Export,
    /// Replies may come in chunks.
    pub structured: bool,
    /// The client chose `base:allocation`.
    pub allocation: bool,
}

/// Negotiates with a fresh client. `None` if it leaves without taking an export.
///
/// # Errors
/// `InvalidData` if the client breaks the protocol; otherwise what the socket reports.
pub(super) fn negotiate<'a>(
    reader: &mut impl Read,
    writer: &mut impl Write,
    exports: &'a [Export],
) -> io::Result<Option<Agreed<'a>>> {
    let mut greeting = Vec::new();
    greeting.extend_from_slice(&NBDMAGIC.to_be_bytes());
    greeting.extend_from_slice(&IHAVEOPT.to_be_bytes());
    greeting.extend_from_slice(&(FIXED_NEWSTYLE | NO_ZEROES).to_be_bytes());
    writer.write_all(&greeting)?;
    let client = u32::from_be_bytes(take(reader)?);
    if client & !u32::from(FIXED_NEWSTYLE | NO_ZEROES) != 0 {
        return Err(broken("flags that are not known"));
    }
    let no_zeroes = client & u32::from(NO_ZEROES) != 0;
    let mut haggle = Haggle { writer, exports, no_zeroes, structured: false, allocation: None };
    for _ in 0..MAX_OPTIONS {
        if u64::from_be_bytes(take(reader)?) != IHAVEOPT {
            return Err(broken("what comes is no option"));
        }
        let option = u32::from_be_bytes(take(reader)?);
        let length = u32::from_be_bytes(take(reader)?);
        if length > MAX_OPTION_PAYLOAD {
            // Too long to be skipped in good faith.
            return Err(broken("an option that is too long"));
        }
        let mut data = vec![0; length as usize];
        reader.read_exact(&mut data)?;
        match haggle.answer(option, &data)? {
            Next::More => {}
            Next::Take(export) => {
                // A context counts for the export that it was chosen for.
                let allocation = haggle.allocation.is_some_and(|chosen| std::ptr::eq(chosen, export));
                return Ok(Some(Agreed { export, structured: haggle.structured, allocation }));
            }
            Next::Leave => return Ok(None),
        }
    }
    Err(broken("options without end"))
}

pub(super) fn broken(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the NBD client breaks the protocol: {what}"))
}

enum Next<'a> {
    More,
    Take(&'a Export),
    Leave,
}

struct Haggle<'a, 'w, W> {
    writer: &'w mut W,
    exports: &'a [Export],
    no_zeroes: bool,
    structured: bool,
    /// The export that `base:allocation` was chosen for.
    allocation: Option<&'a Export>,
}

impl<'a, W: Write> Haggle<'a, '_, W> {
    fn answer(&mut self, option: u32, data: &[u8]) -> io::Result<Next<'a>> {
        match option {
            OPT_EXPORT_NAME => return self.export_name(data),
            OPT_ABORT => {
                // "The client … MAY close the connection" without having read this.
                let _gone = self.reply(option, REP_ACK, &[]);
                return Ok(Next::Leave);
            }
            OPT_INFO | OPT_GO => return self.tell(option, data),
            OPT_LIST if data.is_empty() => self.list()?,
            OPT_STRUCTURED_REPLY if data.is_empty() => {
                self.structured = true;
                self.reply(option, REP_ACK, &[])?;
            }
            OPT_LIST | OPT_STRUCTURED_REPLY => self.reply(option, REP_ERR_INVALID, b"it takes no data")?,
            OPT_LIST_META_CONTEXT | OPT_SET_META_CONTEXT => self.contexts(option, data)?,
            _ => self.reply(option, REP_ERR_UNSUP, &[])?,
        }
        Ok(Next::More)
    }

    fn reply(&mut self, option: u32, kind: u32, payload: &[u8]) -> io::Result<()> {
        let mut message = Vec::with_capacity(20 + payload.len());
        message.extend_from_slice(&OPTION_REPLY.to_be_bytes());
        message.extend_from_slice(&option.to_be_bytes());
        message.extend_from_slice(&kind.to_be_bytes());
        // Payloads are our own: names and a few numbers.
        message.extend_from_slice(&(payload.len() as u32).to_be_bytes());
        message.extend_from_slice(payload);
        self.writer.write_all(&message)
    }

    fn find(&self, name: &[u8]) -> Option<&'a Export> {
        self.exports.iter().find(|export| export.name.as_bytes() == name)
    }

    /// `NBD_OPT_EXPORT_NAME`: bare size and flags; the only refusal is to close the connection.
    fn export_name(&mut self, name: &[u8]) -> io::Result<Next<'a>> {
        let Some(export) = self.find(name) else { return Ok(Next::Leave) };
        let mut message = Vec::new();
        message.extend_from_slice(&export.reader.size().to_be_bytes());
        message.extend_from_slice(&FLAGS.to_be_bytes());
        if !self.no_zeroes {
            message.extend_from_slice(&[0; 124]);
        }
        self.writer.write_all(&message)?;
        Ok(Next::Take(export))
    }

    fn list(&mut self) -> io::Result<()> {
        for export in self.exports {
            let mut payload = (export.name.len() as u32).to_be_bytes().to_vec();
            payload.extend_from_slice(export.name.as_bytes());
            self.reply(OPT_LIST, REP_SERVER, &payload)?;
        }
        self.reply(OPT_LIST, REP_ACK, &[])
    }

    /// `NBD_OPT_INFO` and `NBD_OPT_GO`: all information that there is, whatever was asked for, but for the name.
    fn tell(&mut self, option: u32, data: &[u8]) -> io::Result<Next<'a>> {
        let Some((name, wanted)) = name_and_wishes(data) else {
            self.reply(option, REP_ERR_INVALID, b"its lengths do not agree")?;
            return Ok(Next::More);
        };
        let Some(export) = self.find(name) else {
            self.reply(option, REP_ERR_UNKNOWN, b"there is no export of this name")?;
            return Ok(Next::More);
        };
        let mut size = INFO_EXPORT.to_be_bytes().to_vec();
        size.extend_from_slice(&export.reader.size().to_be_bytes());
        size.extend_from_slice(&FLAGS.to_be_bytes());
        self.reply(option, REP_INFO, &size)?;
        if wanted.contains(&INFO_NAME) {
            let name = [&INFO_NAME.to_be_bytes()[..], export.name.as_bytes()].concat();
            self.reply(option, REP_INFO, &name)?;
        }
        let mut blocks = INFO_BLOCK_SIZE.to_be_bytes().to_vec();
        for bytes in [1, PREFERRED_BLOCK, MAX_LENGTH] {
            blocks.extend_from_slice(&bytes.to_be_bytes());
        }
        self.reply(option, REP_INFO, &blocks)?;
        self.reply(option, REP_ACK, &[])?;
        Ok(if option == OPT_GO { Next::Take(export) } else { Next::More })
    }

    /// `NBD_OPT_LIST_META_CONTEXT` and `NBD_OPT_SET_META_CONTEXT`.
    fn contexts(&mut self, option: u32, data: &[u8]) -> io::Result<()> {
        let set = option == OPT_SET_META_CONTEXT;
        if set {
            // Each choice replaces the one before, also one that fails.
            self.allocation = None;
        }
        if !self.structured {
            return self.reply(option, REP_ERR_INVALID, b"structured replies come first");
        }
        let Some((name, queries)) = name_and_queries(data) else {
            return self.reply(option, REP_ERR_INVALID, b"its lengths do not agree");
        };
        let Some(export) = self.find(name) else {
            return self.reply(option, REP_ERR_UNKNOWN, b"there is no export of this name");
        };
        // Listing takes "base:" for all of a namespace, and no query for all there is.
        let base = BASE_ALLOCATION.as_bytes();
        let listed = !set && (queries.is_empty() || queries.contains(&&b"base:"[..]));
        if listed || queries.contains(&base) {
            let number = if set { CONTEXT } else { 0 };
            let payload = [&number.to_be_bytes()[..], base].concat();
            self.reply(option, REP_META_CONTEXT, &payload)?;
            if set {
                self.allocation = Some(export);
            }
        }
        self.reply(option, REP_ACK, &[])
    }
}

/// A text with its length before it, and what follows.
fn text(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = data.split_first_chunk()?;
    rest.split_at_checked(u32::from_be_bytes(*length) as usize)
}

/// Export name and the kinds of information that are asked for.
fn name_and_wishes(data: &[u8]) -> Option<(&[u8], Vec<u16>)> {
    let (name, rest) = text(data)?;
    let (count, rest) = rest.split_first_chunk()?;
    let (kinds, odd) = rest.as_chunks();
    let fits = odd.is_empty() && kinds.len() == usize::from(u16::from_be_bytes(*count));
    fits.then(|| (name, kinds.iter().map(|kind| u16::from_be_bytes(*kind)).collect()))
}

/// Export name and queries.
fn name_and_queries(data: &[u8]) -> Option<(&[u8], Vec<&[u8]>)> {
    let (name, rest) = text(data)?;
    let (count, mut rest) = rest.split_first_chunk()?;
    let mut queries = Vec::new();
    // The count is the client's, the bytes are bounded.
    for _ in 0..u32::from_be_bytes(*count) {
        let (query, after) = text(rest)?;
        queries.push(query);
        rest = after;
    }
    rest.is_empty().then_some((name, queries))
}
