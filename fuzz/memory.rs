//! Bytes in memory that claim to be a part of a local file.

use std::fs::File;
use std::io;
use std::sync::{Arc, OnceLock};

use h2k_transports::RangeRead;

/// Where in the local file the bytes claim to begin.
pub const START: u64 = 12_345;

/// A disk image.
pub struct Memory(pub Vec<u8>);

impl RangeRead for Memory {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let start = usize::try_from(offset).map_err(|_| io::ErrorKind::UnexpectedEof)?;
        let end = start.checked_add(buf.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        buf.copy_from_slice(self.0.get(start..end).ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn local(&self) -> Option<(&Arc<File>, u64)> {
        static ANY: OnceLock<Arc<File>> = OnceLock::new();
        Some((ANY.get_or_init(|| Arc::new(File::open("/dev/null").expect("there is one"))), START))
    }
}
