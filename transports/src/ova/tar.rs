//! A walk over the members of a tar archive: by seeking in a file, or along a decompressed stream.
//!
//! Own code rather than the `tar` crate, which reads long names and attributes of any size into memory and
//! does not tell a hole-bearing file from a plain one by its position. Nothing is written here.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use super::pax;
pub(crate) use super::tar_header::BLOCK_BYTES;
use super::tar_header::{Header, Type, text};
use crate::confine::normalised;
use crate::error::FetchError;

/// Largest extension (long name, pax attributes) that is read, in bytes. A name has at most 4096; extended
/// attributes, which may stand beside it, at most 64 KiB each.
const MAX_EXTENSION_BYTES: u64 = 1 << 20;

/// Whether `head` starts with a tar header.
pub(crate) fn is_header(head: &[u8]) -> bool {
    head.first_chunk::<BLOCK_BYTES>().is_some_and(|block| Header::parse(block).is_some())
}

/// A regular file in an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Its name, safe and normalised.
    pub name: String,
    /// Offset of its data in the (decompressed) archive, in bytes.
    pub offset: u64,
    /// Size of its data in bytes.
    pub size: u64,
}

/// Something that can go forward without handing out what it passes.
pub(super) trait Skip: Read {
    /// Passes `bytes` bytes.
    fn skip(&mut self, bytes: u64) -> io::Result<()>;
}

impl Skip for File {
    fn skip(&mut self, bytes: u64) -> io::Result<()> {
        let distance = i64::try_from(bytes).map_err(|_| io::Error::from(io::ErrorKind::UnexpectedEof))?;
        self.seek(SeekFrom::Current(distance)).map(|_| ())
    }
}

/// A stream, which is passed by reading it.
pub(super) struct Stream(pub Box<dyn Read + Send>);

impl Read for Stream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read(buf)
    }
}

impl Skip for Stream {
    fn skip(&mut self, bytes: u64) -> io::Result<()> {
        let passed = io::copy(&mut self.0.by_ref().take(bytes), &mut io::sink())?;
        if passed < bytes { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }
}

/// The walk.
pub(super) struct Entries<R> {
    reader: R,
    /// Archive's name in messages.
    archive: String,
    /// Bytes passed so far.
    position: u64,
    /// Bytes of the current member, and of its padding, that are still to pass.
    data_left: u64,
    padding: u64,
}

impl<R: Skip> Entries<R> {
    /// A walk over `reader`, called `archive` in messages.
    pub(super) fn new(reader: R, archive: impl Into<String>) -> Self {
        Self { reader, archive: archive.into(), position: 0, data_left: 0, padding: 0 }
    }

    /// The next regular file, or `None` at the end. Directories are passed over.
    ///
    /// # Errors
    /// `Corrupt` for damage, `Unsafe` for links, devices and names that leave the archive, `Unsupported` for
    /// sparse members and continued volumes, `Io` if the host fails.
    pub(super) fn next(&mut self) -> Result<Option<Entry>, FetchError> {
        let mut ahead = pax::Attributes::default();
        loop {
            self.pass_member()?;
            let Some(block) = self.block()? else { return Ok(None) };
            if block.iter().all(|byte| *byte == 0) {
                return Ok(None);
            }
            let header = Header::parse(&block).ok_or_else(|| self.damaged("has no valid header there"))?;
            let own_size = header.size().ok_or_else(|| self.damaged("gives no valid size there"))?;
            let size = ahead.size.filter(|_| header.kind() == Type::Regular).unwrap_or(own_size);
            self.data_left = size;
            self.padding = size.wrapping_neg() % BLOCK_BYTES as u64;
            match header.kind() {
                Type::LongName => ahead.path = Some(text(&self.extension()?)),
                Type::Attributes => ahead.merge(&self.extension()?),
                Type::LongLink | Type::GlobalAttributes => {}
                Type::Directory => ahead = pax::Attributes::default(),
                kind => return self.member(kind, &header, ahead, size).map(Some),
            }
        }
    }

    fn member(
        &self,
        kind: Type,
        header: &Header<'_>,
        ahead: pax::Attributes,
        size: u64,
    ) -> Result<Entry, FetchError> {
        let name = ahead.path.unwrap_or_else(|| header.name());
        match kind {
            Type::Regular if !ahead.sparse => {}
            Type::Link => {
                return Err(FetchError::dangerous(format!("unsafe member {name:?}: it is a link")));
            }
            Type::Device => {
                return Err(FetchError::dangerous(format!("unsafe member {name:?}: it is a device")));
            }
            Type::Regular | Type::Sparse => {
                return Err(FetchError::unsupported(format!(
                    "{name:?} is stored with holes (a sparse member)"
                ))
                .with_hint("unpack the archive and give the .ovf"));
            }
            _ => {
                return Err(FetchError::unsupported(format!(
                    "{name:?} is of a type that has no place in an OVA"
                )));
            }
        }
        let name = safe_name(&name)?;
        Ok(Entry { name, offset: self.position, size })
    }

    /// The data of the entry that was returned last.
    pub(super) fn data(&mut self) -> impl Read {
        Data(self)
    }

    fn pass_member(&mut self) -> Result<(), FetchError> {
        let bytes = self.data_left.saturating_add(self.padding);
        if bytes > 0 {
            self.reader.skip(bytes).map_err(|e| self.failed(e))?;
            self.position = self.position.saturating_add(bytes);
        }
        (self.data_left, self.padding) = (0, 0);
        Ok(())
    }

    /// The next block, or `None` if the archive ends before it. Archives without end blocks are common.
    fn block(&mut self) -> Result<Option<[u8; BLOCK_BYTES]>, FetchError> {
        let mut bytes = Vec::with_capacity(BLOCK_BYTES);
        let read = self.reader.by_ref().take(BLOCK_BYTES as u64).read_to_end(&mut bytes);
        read.map_err(|e| self.failed(e))?;
        self.position = self.position.saturating_add(bytes.len() as u64);
        match (bytes.is_empty(), bytes.first_chunk::<BLOCK_BYTES>()) {
            (true, _) => Ok(None),
            (_, Some(block)) => Ok(Some(*block)),
            _ => Err(self.damaged("ends within a header there")),
        }
    }

    /// The data of an extension member.
    fn extension(&mut self) -> Result<Vec<u8>, FetchError> {
        if self.data_left > MAX_EXTENSION_BYTES {
            return Err(self.damaged("has an attribute there that is larger than any attribute"));
        }
        let (wanted, mut bytes) = (self.data_left, Vec::new());
        let read = self.data().take(wanted).read_to_end(&mut bytes);
        read.map_err(|e| self.failed(e))?;
        if (bytes.len() as u64) < wanted {
            return Err(self.damaged("ends within an attribute there"));
        }
        Ok(bytes)
    }

    fn damaged(&self, what: &str) -> FetchError {
        FetchError::corrupt(format!("corrupt OVA: {} {what} (at byte {})", self.archive, self.position))
            .with_hint("the archive may have been cut off; fetch it again")
    }

    fn failed(&self, error: io::Error) -> FetchError {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => self.damaged("ends within a member there"),
            _ => FetchError::io(format!("reading {}", self.archive), error),
        }
    }
}

/// Data of the current entry.
struct Data<'a, R>(&'a mut Entries<R>);

impl<R: Skip> Read for Data<'_, R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.0.data_left).unwrap_or(usize::MAX).min(buf.len());
        let Some(window) = buf.get_mut(..wanted).filter(|w| !w.is_empty()) else { return Ok(0) };
        let read = self.0.reader.read(window)?;
        if read == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the archive ends within this member"));
        }
        self.0.data_left = self.0.data_left.saturating_sub(read as u64);
        self.0.position = self.0.position.saturating_add(read as u64);
        Ok(read)
    }
}

/// A member's name, checked.
///
/// # Errors
/// `Unsafe` if it is absolute, leaves the archive, is empty or holds control characters.
pub(super) fn safe_name(name: &str) -> Result<String, FetchError> {
    normalised(name).map_err(|why| FetchError::dangerous(format!("unsafe member name {name:?}: {why}")))
}
