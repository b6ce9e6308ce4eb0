//! The client's side of the fixed newstyle negotiation (proto.md, "Newstyle negotiation" and "Option haggling").

use std::io::{self, Read, Write};

use super::proto::*;

/// What the server says of its export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Export {
    /// Size in bytes.
    pub size: u64,
    /// Smallest block that may be asked for, in bytes; a power of two.
    pub min_block: u32,
    /// Largest read, in bytes.
    pub max_block: u32,
    /// Whether several connections see the same bytes.
    pub multi_conn: bool,
    /// Whether replies come in chunks.
    pub structured: bool,
    /// Number of the metadata context `base:allocation`; `None` if the server does not tell it.
    pub allocation: Option<u32>,
}

impl Export {
    fn new(size: u64, flags: u16) -> Self {
        let multi_conn = flags & HAS_FLAGS != 0 && flags & CAN_MULTI_CONN != 0;
        let (min_block, max_block) = (DEFAULT_MIN_BLOCK, MAX_READ);
        Self { size, min_block, max_block, multi_conn, structured: false, allocation: None }
    }
}

/// Takes the export `name` of the server at the other end.
///
/// # Errors
/// `InvalidData` if the server breaks the protocol, `ConnectionRefused` if it refuses; otherwise what the socket
/// reports.
pub(super) fn negotiate<S: Read + Write>(stream: &mut S, name: &str) -> io::Result<Export> {
    if u64::from_be_bytes(take(stream)?) != NBDMAGIC || u64::from_be_bytes(take(stream)?) != IHAVEOPT {
        return Err(violated("it does not begin as a newstyle server"));
    }
    let server = u16::from_be_bytes(take(stream)?);
    if server & FIXED_NEWSTYLE == 0 {
        return Err(violated("it is no fixed newstyle server"));
    }
    let ours = u32::from(FIXED_NEWSTYLE | (server & NO_ZEROES));
    stream.write_all(&ours.to_be_bytes())?;
    let structured = structured_replies(stream)?;
    let allocation = if structured { block_status(stream, name)? } else { None };
    let export = match go(stream, name)? {
        Some(export) => export,
        None => by_export_name(stream, name, server & NO_ZEROES != 0)?,
    };
    Ok(Export { structured, allocation, ..export })
}

/// `NBD_OPT_STRUCTURED_REPLY`: whether the server has agreed.
fn structured_replies<S: Read + Write>(stream: &mut S) -> io::Result<bool> {
    send_option(stream, OPT_STRUCTURED_REPLY, &[])?;
    match option_reply(stream, OPT_STRUCTURED_REPLY)?.0 {
        REP_ACK => Ok(true),
        kind if kind & REP_FLAG_ERROR != 0 => Ok(false),
        kind => Err(violated(format!("reply {kind} to NBD_OPT_STRUCTURED_REPLY"))),
    }
}

/// `NBD_OPT_SET_META_CONTEXT`: the number that the server gives `base:allocation`, if it has it.
fn block_status<S: Read + Write>(stream: &mut S, name: &str) -> io::Result<Option<u32>> {
    let mut data = Vec::new();
    push_text(&mut data, name)?;
    data.extend_from_slice(&1u32.to_be_bytes());
    push_text(&mut data, BASE_ALLOCATION)?;
    send_option(stream, OPT_SET_META_CONTEXT, &data)?;
    let mut number = None;
    for _ in 0..MAX_OPTION_REPLIES {
        let (kind, payload) = option_reply(stream, OPT_SET_META_CONTEXT)?;
        match kind {
            REP_ACK => return Ok(number),
            REP_META_CONTEXT => {
                let mut rest = &payload[..];
                let told = u32::from_be_bytes(take(&mut rest)?);
                if rest != BASE_ALLOCATION.as_bytes() {
                    return Err(violated("a metadata context that was not asked for"));
                }
                number = Some(told);
            }
            // A refusal of the export itself comes again with NBD_OPT_GO.
            kind if kind & REP_FLAG_ERROR != 0 => return Ok(None),
            kind => return Err(violated(format!("reply {kind} to NBD_OPT_SET_META_CONTEXT"))),
        }
    }
    Err(violated("it replies without end"))
}

/// `NBD_OPT_GO`; `None` if the server does not know it.
fn go<S: Read + Write>(stream: &mut S, name: &str) -> io::Result<Option<Export>> {
    let mut data = Vec::new();
    push_text(&mut data, name)?;
    // One piece of information is asked for besides the export's size, which always comes.
    data.extend_from_slice(&1u16.to_be_bytes());
    data.extend_from_slice(&INFO_BLOCK_SIZE.to_be_bytes());
    send_option(stream, OPT_GO, &data)?;
    let mut export = None;
    let mut blocks = (DEFAULT_MIN_BLOCK, MAX_READ);
    for _ in 0..MAX_OPTION_REPLIES {
        let (kind, payload) = option_reply(stream, OPT_GO)?;
        match kind {
            REP_ACK => {
                let export: Export = export.ok_or_else(|| violated("it acknowledges without a size"))?;
                return Ok(Some(Export { min_block: blocks.0, max_block: blocks.1, ..export }));
            }
            REP_INFO => match information(&payload)? {
                Information::Size(bytes, flags) => export = Some(Export::new(bytes, flags)),
                Information::Blocks(min, max) => blocks = (min, max),
                Information::Other => {}
            },
            REP_ERR_UNSUP => return Ok(None),
            kind if kind & REP_FLAG_ERROR != 0 => {
                return Err(refusal(kind, &payload));
            }
            kind => return Err(violated(format!("reply {kind} to NBD_OPT_GO"))),
        }
    }
    Err(violated("it replies without end"))
}

/// `NBD_OPT_EXPORT_NAME`: the reply is bare, and a refusal is a closed connection.
fn by_export_name<S: Read + Write>(stream: &mut S, name: &str, no_zeroes: bool) -> io::Result<Export> {
    send_option(stream, OPT_EXPORT_NAME, name.as_bytes())?;
    let size = u64::from_be_bytes(take(stream)?);
    let flags = u16::from_be_bytes(take(stream)?);
    if !no_zeroes {
        let _zeros: [u8; 124] = take(stream)?;
    }
    Ok(Export::new(size, flags))
}

fn refusal(kind: u32, payload: &[u8]) -> io::Error {
    let words = String::from_utf8_lossy(payload);
    // The words are a stranger's: kept to one line of bearable length.
    let words: String = words.chars().filter(|c| !c.is_control()).take(500).collect();
    let why = match kind {
        REP_ERR_TLS_REQD => "it demands TLS, which is not supported".to_owned(),
        _ if !words.is_empty() => words,
        REP_ERR_UNKNOWN => "it has no export of this name".to_owned(),
        _ => format!("error {}", kind & !REP_FLAG_ERROR),
    };
    io::Error::new(io::ErrorKind::ConnectionRefused, format!("the NBD server refuses: {why}"))
}

enum Information {
    Size(u64, u16),
    Blocks(u32, u32),
    Other,
}

fn information(payload: &[u8]) -> io::Result<Information> {
    let mut rest = payload;
    match u16::from_be_bytes(take(&mut rest)?) {
        INFO_EXPORT => {
            let size = u64::from_be_bytes(take(&mut rest)?);
            Ok(Information::Size(size, u16::from_be_bytes(take(&mut rest)?)))
        }
        INFO_BLOCK_SIZE => {
            let min = u32::from_be_bytes(take(&mut rest)?);
            let _preferred: [u8; 4] = take(&mut rest)?;
            let max = u32::from_be_bytes(take(&mut rest)?);
            if !min.is_power_of_two() || min > MAX_MIN_BLOCK || max < min {
                return Err(violated(format!("blocks of {min} to {max} bytes")));
            }
            // A whole number of blocks, and not more than is held at once.
            let max = max.min(MAX_READ) / min * min;
            Ok(Information::Blocks(min, max))
        }
        _ => Ok(Information::Other),
    }
}

fn send_option<S: Write>(stream: &mut S, option: u32, data: &[u8]) -> io::Result<()> {
    let mut message = Vec::new();
    message.extend_from_slice(&IHAVEOPT.to_be_bytes());
    message.extend_from_slice(&option.to_be_bytes());
    message.extend_from_slice(&length_of(data)?.to_be_bytes());
    message.extend_from_slice(data);
    stream.write_all(&message)
}

/// Type and payload of a reply to `option`.
fn option_reply<S: Read>(stream: &mut S, option: u32) -> io::Result<(u32, Vec<u8>)> {
    if u64::from_be_bytes(take(stream)?) != OPTION_REPLY || u32::from_be_bytes(take(stream)?) != option {
        return Err(violated("no reply to the option that was sent"));
    }
    let kind = u32::from_be_bytes(take(stream)?);
    let length = u32::from_be_bytes(take(stream)?);
    if length > MAX_OPTION_PAYLOAD {
        return Err(violated(format!("an option reply of {length} bytes")));
    }
    let mut payload = vec![0; length as usize];
    stream.read_exact(&mut payload)?;
    Ok((kind, payload))
}

fn push_text(data: &mut Vec<u8>, text: &str) -> io::Result<()> {
    data.extend_from_slice(&length_of(text.as_bytes())?.to_be_bytes());
    data.extend_from_slice(text.as_bytes());
    Ok(())
}

fn length_of(data: &[u8]) -> io::Result<u32> {
    u32::try_from(data.len()).map_err(|_| io::ErrorKind::InvalidInput.into())
}

pub(super) fn take<const N: usize>(stream: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes)?;
    Ok(bytes)
}
