//! Positional reading of bytes, wherever they are.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

/// Positional read of remote or local bytes. Offsets and sizes are in bytes.
pub trait RangeRead: Send + Sync {
    /// Size in bytes.
    fn size(&self) -> u64;

    /// Fills `buf` from `offset`.
    ///
    /// # Errors
    /// `UnexpectedEof` if the range ends beyond [`RangeRead::size`]; otherwise what the medium reports.
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()>;

    /// The local file that these bytes are a part of, and where in it they begin; `None` if they lie elsewhere.
    fn local(&self) -> Option<(&Arc<File>, u64)> {
        None
    }
}

/// A local file, or a part of one (a member of an uncompressed tar). Opened read-only.
#[derive(Debug)]
pub struct LocalRange {
    file: Arc<File>,
    start: u64,
    len: u64,
}

impl LocalRange {
    /// The whole of a file (regular file or block device).
    ///
    /// # Errors
    /// What opening or measuring the file reports.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut file = File::open(path)?;
        // Seeking measures block devices too, whose metadata length is 0.
        let len = io::Seek::seek(&mut file, io::SeekFrom::End(0))?;
        Ok(Self { file: Arc::new(file), start: 0, len })
    }

    /// `len` bytes of a file from `start`.
    ///
    /// # Errors
    /// `UnexpectedEof` if the file ends before the range does.
    pub fn open_part(path: &Path, start: u64, len: u64) -> io::Result<Self> {
        let whole = Self::open(path)?;
        let end = start.checked_add(len).ok_or(io::ErrorKind::InvalidInput)?;
        if end > whole.len {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                format!("the file has {} bytes, the range ends at {end}", whole.len),
            ));
        }
        Ok(Self { file: whole.file, start, len })
    }
}

impl RangeRead for LocalRange {
    fn size(&self) -> u64 {
        self.len
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let end = offset.checked_add(buf.len() as u64).ok_or(io::ErrorKind::InvalidInput)?;
        if end > self.len {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                format!("reading {} bytes at {offset}: only {} there", buf.len(), self.len),
            ));
        }
        self.file.read_exact_at(buf, self.start + offset)
    }

    fn local(&self) -> Option<(&Arc<File>, u64)> {
        Some((&self.file, self.start))
    }
}
