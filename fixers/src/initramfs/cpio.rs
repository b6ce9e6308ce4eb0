//! The archive inside a segment: "newc", and "crc", which differs in a checksum that the kernel does not look at
//! (buffer-format.rst, "cpio_file").

use std::io::{self, BufRead, ErrorKind, Read};

use super::error::CpioError;

/// Entries in all. The largest images known (live media with all firmware) hold about 20 000.
pub(super) const MAX_ENTRIES: u64 = 250_000;

/// Unpacked bytes in all: an initramfs has to fit into the guest's memory beside everything else; a decompression
/// bomb does not.
pub(super) const MAX_UNPACKED: u64 = 2 * 1024 * 1024 * 1024;

/// Longest name with its NUL: the kernel's PATH_MAX. The kernel passes over entries with longer names.
const MAX_NAME: u64 = 4096;

/// Length of an entry's header: the magic number and thirteen fields of eight hexadecimal digits.
const HEADER: usize = 110;

/// Name of the entry that ends an archive.
const TRAILER: &[u8] = b"TRAILER!!!";

/// What is left of the limits; shared by all archives of one initramfs.
#[derive(Debug)]
pub(super) struct Budget {
    entries: u64,
    bytes: u64,
}

impl Budget {
    /// All of it.
    pub(super) fn new() -> Self {
        Self { entries: MAX_ENTRIES, bytes: MAX_UNPACKED }
    }

    fn entry(&mut self) -> Result<(), CpioError> {
        let limit = CpioError::TooMany { what: "entries", limit: MAX_ENTRIES };
        self.entries = self.entries.checked_sub(1).ok_or(limit)?;
        Ok(())
    }

    fn take(&mut self, bytes: u64) -> Result<(), CpioError> {
        let limit = CpioError::TooMany { what: "unpacked bytes", limit: MAX_UNPACKED };
        self.bytes = self.bytes.checked_sub(bytes).ok_or(limit)?;
        Ok(())
    }
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Name as written; empty where it is longer than the kernel takes.
    pub(super) name: String,
    /// File type and permission bits.
    pub(super) mode: u32,
    /// Names that the file has.
    pub(super) links: u32,
    /// Bytes of its body.
    pub(super) size: u64,
}

impl Entry {
    /// Whether it is a regular file (`S_IFREG`).
    pub(super) fn is_file(&self) -> bool {
        self.mode & 0o170_000 == 0o100_000
    }

    /// Whether it is a directory (`S_IFDIR`).
    pub(super) fn is_directory(&self) -> bool {
        self.mode & 0o170_000 == 0o040_000
    }

    /// Whether it is a symbolic link (`S_IFLNK`).
    pub(super) fn is_link(&self) -> bool {
        self.mode & 0o170_000 == 0o120_000
    }
}

/// Reads archives from an unpacked segment.
pub(super) struct Archive<'a, R> {
    input: R,
    budget: &'a mut Budget,
    position: u64,
    /// Bytes of the body and its padding that nobody has read yet.
    unread: u64,
}

impl<'a, R: BufRead> Archive<'a, R> {
    /// Reads from `input`, whose first byte is at `position`: names and bodies are padded to four bytes from zero.
    pub(super) fn new(input: R, position: u64, budget: &'a mut Budget) -> Self {
        Self { input, budget, position, unread: 0 }
    }

    /// The next entry; `None` behind the trailer, or where the input ends between two entries (buffer-format.rst:
    /// the trailer may be missing).
    ///
    /// # Errors
    /// The archive is truncated, is not newc, or passes a limit.
    pub(super) fn next_entry(&mut self) -> Result<Option<Entry>, CpioError> {
        self.skip_body()?;
        if self.at_end()? {
            return Ok(None);
        }
        let start = self.position;
        let mut header = [0; HEADER];
        self.read_exact(&mut header, "an entry's header")?;
        let fields = parse(&header).map_err(|what| CpioError::Malformed { what, position: start })?;
        self.budget.entry()?;
        let name = self.read_name(fields.name_size)?;
        let body = fields.size;
        self.unread = padded(self.position.saturating_add(body)).saturating_sub(self.position);
        if name == TRAILER {
            self.skip_body()?;
            return Ok(None);
        }
        let name = String::from_utf8_lossy(&name).into_owned();
        Ok(Some(Entry { name, mode: fields.mode, links: fields.links, size: body }))
    }

    /// The first bytes of the last entry's body, `limit` at most.
    ///
    /// # Errors
    /// The archive is truncated or passes a limit.
    pub(super) fn read_body(&mut self, entry: &Entry, limit: u64) -> Result<Vec<u8>, CpioError> {
        let wanted = entry.size.min(limit).min(self.unread);
        let mut body = vec![0; usize::try_from(wanted).unwrap_or(0)];
        self.read_exact(&mut body, "a file")?;
        self.unread = self.unread.saturating_sub(wanted);
        Ok(body)
    }

    /// Skips the zeros behind a trailer; whether another archive follows. False at the end of the segment.
    ///
    /// # Errors
    /// Something else follows, or the decoder failed.
    pub(super) fn next_archive(&mut self) -> Result<bool, CpioError> {
        loop {
            let (zeros, next) = {
                let buffer = self.fill()?;
                let zeros = buffer.iter().take_while(|b| **b == 0).count();
                (zeros, buffer.get(zeros).copied())
            };
            self.input.consume(zeros);
            self.advance(zeros as u64)?;
            match next {
                Some(b'0') => return Ok(true),
                Some(_) => {
                    let what = "neither an archive nor padding".to_owned();
                    return Err(CpioError::Malformed { what, position: self.position });
                }
                None if zeros == 0 => return Ok(false),
                None => {}
            }
        }
    }

    fn read_name(&mut self, size: u64) -> Result<Vec<u8>, CpioError> {
        let end = padded(self.position.saturating_add(size));
        if size > MAX_NAME {
            self.skip(end.saturating_sub(self.position), "a name")?;
            return Ok(Vec::new());
        }
        let mut name = vec![0; usize::try_from(size).unwrap_or(0)];
        self.read_exact(&mut name, "a name")?;
        self.skip(end.saturating_sub(self.position), "a name")?;
        let length = name.iter().position(|b| *b == 0).unwrap_or(name.len());
        name.truncate(length);
        Ok(name)
    }

    fn skip_body(&mut self) -> Result<(), CpioError> {
        let unread = std::mem::take(&mut self.unread);
        self.skip(unread, "a file")
    }

    fn skip(&mut self, count: u64, what: &'static str) -> Result<(), CpioError> {
        let position = self.position;
        self.advance(count)?;
        let copied = io::copy(&mut self.input.by_ref().take(count), &mut io::sink());
        match copied {
            Ok(copied) if copied == count => Ok(()),
            Ok(_) => Err(CpioError::Truncated { what, position }),
            Err(e) => Err(unpacking(e, what, position)),
        }
    }

    fn read_exact(&mut self, out: &mut [u8], what: &'static str) -> Result<(), CpioError> {
        let position = self.position;
        self.advance(out.len() as u64)?;
        self.input.read_exact(out).map_err(|e| unpacking(e, what, position))
    }

    fn at_end(&mut self) -> Result<bool, CpioError> {
        Ok(self.fill()?.is_empty())
    }

    fn fill(&mut self) -> Result<&[u8], CpioError> {
        let position = self.position;
        self.input.fill_buf().map_err(|e| unpacking(e, "the segment", position))
    }

    fn advance(&mut self, count: u64) -> Result<(), CpioError> {
        self.budget.take(count)?;
        self.position = self.position.saturating_add(count);
        Ok(())
    }
}

fn unpacking(source: io::Error, what: &'static str, position: u64) -> CpioError {
    if source.kind() == ErrorKind::UnexpectedEof {
        return CpioError::Truncated { what, position };
    }
    CpioError::Unpack { position, source }
}

/// The next multiple of four.
fn padded(position: u64) -> u64 {
    position.checked_next_multiple_of(4).unwrap_or(u64::MAX)
}

struct Fields {
    mode: u32,
    links: u32,
    size: u64,
    name_size: u64,
}

/// The fields of a header: magic[6] ino mode uid gid nlink mtime filesize maj min rmaj rmin namesize chksum.
fn parse(header: &[u8; HEADER]) -> Result<Fields, String> {
    let (magic, fields) = header.split_at(6);
    if magic != b"070701" && magic != b"070702" {
        return Err(format!("no newc entry (\"{}\")", magic.escape_ascii()));
    }
    let field = |number: usize| {
        let digits = fields.chunks(8).nth(number).unwrap_or_default();
        let text = std::str::from_utf8(digits).ok().filter(|t| t.bytes().all(|b| b.is_ascii_hexdigit()));
        text.and_then(|t| u32::from_str_radix(t, 16).ok())
            .ok_or_else(|| format!("a header field that is no number (\"{}\")", digits.escape_ascii()))
    };
    Ok(Fields { mode: field(1)?, links: field(4)?, size: field(6)?.into(), name_size: field(11)?.into() })
}
