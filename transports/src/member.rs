//! A file of an OVF package, wherever its bytes are.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;

use flate2::CrcReader;
use flate2::read::DeflateDecoder;

use crate::source::DiskLocation;

/// Where a member's bytes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// A file of its own.
    File(PathBuf),
    /// A part of an archive, as it is.
    Part {
        /// The archive.
        path: PathBuf,
        /// First byte.
        offset: u64,
    },
    /// A part of a zip archive, compressed with deflate.
    Deflated {
        /// The archive.
        path: PathBuf,
        /// First compressed byte.
        offset: u64,
        /// Compressed bytes.
        length: u64,
        /// CRC-32 of the uncompressed bytes.
        crc32: u32,
    },
}

/// A file of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    /// Its name in the package, relative, with `/` between the components.
    pub name: String,
    /// Where its bytes are.
    pub place: Place,
    /// Its size in bytes, uncompressed.
    pub size: u64,
}

impl Member {
    /// All bytes of the member, from the first.
    ///
    /// # Errors
    /// What opening reports. Reading reports `UnexpectedEof` if the medium ends before the member does, and
    /// `InvalidData` for damaged compressed data.
    pub(crate) fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        Ok(match &self.place {
            Place::File(path) => Box::new(Exactly::new(File::open(path)?, self.size)),
            Place::Part { path, offset } => {
                let mut file = File::open(path)?;
                file.seek(SeekFrom::Start(*offset))?;
                Box::new(Exactly::new(file, self.size))
            }
            Place::Deflated { path, offset, length, crc32 } => {
                let mut file = File::open(path)?;
                file.seek(SeekFrom::Start(*offset))?;
                let inflated = Exactly::new(DeflateDecoder::new(file.take(*length)), self.size);
                Box::new(Checked { inner: CrcReader::new(inflated), crc32: *crc32 })
            }
        })
    }

    /// Where the bytes can be read without unpacking; `None` if they are compressed.
    pub(crate) fn in_place(&self) -> Option<DiskLocation> {
        match &self.place {
            Place::File(path) => Some(DiskLocation::File { path: path.clone() }),
            Place::Part { path, offset } => {
                Some(DiskLocation::Range { path: path.clone(), offset: *offset, length: self.size })
            }
            Place::Deflated { .. } => None,
        }
    }
}

/// Exactly so many bytes of a reader: an early end is an error, what follows is not read.
pub(crate) struct Exactly<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Exactly<R> {
    pub(crate) fn new(inner: R, size: u64) -> Self {
        Self { inner, left: size }
    }
}

impl<R: Read> Read for Exactly<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(buf.len());
        let Some(window) = buf.get_mut(..wanted).filter(|w| !w.is_empty()) else { return Ok(0) };
        let read = self.inner.read(window)?;
        if read == 0 {
            let message = format!("{} bytes before the end that was announced", self.left);
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, message));
        }
        self.left = self.left.saturating_sub(read as u64);
        Ok(read)
    }
}

/// Compares the CRC-32 of what was read when the end is reached.
struct Checked<R> {
    inner: CrcReader<R>,
    crc32: u32,
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buf)?;
        if read == 0 && !buf.is_empty() && self.inner.crc().sum() != self.crc32 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the CRC-32 does not match"));
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_ends_where_it_was_announced() {
        let mut text = String::new();
        Exactly::new(&b"abcdef"[..], 3).read_to_string(&mut text).unwrap();
        assert_eq!(text, "abc");
        let error = Exactly::new(&b"ab"[..], 3).read_to_end(&mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn parts_are_read_from_their_offset() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "0123456789").unwrap();
        let place = Place::Part { path: file.path().to_owned(), offset: 3 };
        let member = Member { name: "x".to_owned(), place, size: 4 };
        let mut text = String::new();
        member.open().unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "3456");
        assert!(matches!(member.in_place(), Some(DiskLocation::Range { offset: 3, length: 4, .. })));
    }
}
