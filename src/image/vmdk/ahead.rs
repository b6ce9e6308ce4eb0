//! Reads ahead: grain tables are small, most lie one behind the other, and a disk of 2 TiB has 65,536 of them.

use std::io;
use std::sync::{Mutex, PoisonError};

use h2k_transports::RangeRead;

use crate::image::bytes::read_vec;

/// Bytes that are read at once: 32 tables of hosted sparse extents, 4 of COWD.
const BLOCK: u64 = 64 << 10;

/// What was read last of a file.
#[derive(Default)]
pub(super) struct Ahead {
    last: Mutex<(u64, Vec<u8>)>,
}

impl Ahead {
    /// `length` bytes from `at` of `file`, which is the same each time.
    ///
    /// # Errors
    /// `UnexpectedEof` if they end beyond the file; otherwise what the medium reports.
    pub(super) fn read(&self, file: &dyn RangeRead, at: u64, length: usize) -> io::Result<Vec<u8>> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(there) = part(&last, at, length) {
            return Ok(there.to_vec());
        }
        let block = BLOCK.min(file.size().saturating_sub(at)).max(length as u64);
        *last = (at, read_vec(file, at, usize::try_from(block).map_err(io::Error::other)?)?);
        Ok(last.1.get(..length).unwrap_or_default().to_vec())
    }
}

fn part((start, bytes): &(u64, Vec<u8>), at: u64, length: usize) -> Option<&[u8]> {
    let from = usize::try_from(at.checked_sub(*start)?).ok()?;
    bytes.get(from..from.checked_add(length)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::bytes::memory::Memory;

    #[test]
    fn what_is_read_is_what_is_there() {
        let bytes: Vec<u8> = (0..200_000u32).map(|n| (n * 7) as u8).collect();
        let (file, ahead) = (Memory(bytes.clone()), Ahead::default());
        for (at, length) in
            [(0, 2048), (2048, 2048), (63_000, 5000), (10, 1), (199_000, 1000), (150_000, 50_000)]
        {
            assert_eq!(ahead.read(&file, at as u64, length).unwrap(), bytes[at..at + length]);
        }
        for (at, length) in [(199_999, 2), (u64::MAX, 1), (200_000, 1)] {
            assert_eq!(ahead.read(&file, at, length).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        }
    }
}
