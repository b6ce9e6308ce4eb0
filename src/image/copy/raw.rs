//! Raw targets: what is zero is a hole.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::chunk::{CHUNK, Record};
use super::clone_ffi::clone_range;
use super::nonzero;
use super::target::{Piece, Target, Written};

/// Block size of the file systems that share blocks, in bytes.
const BLOCK: u64 = 4096;

/// A raw file of the disk's size.
pub(super) struct RawTarget {
    file: File,
    size: u64,
}

impl RawTarget {
    /// Gives the file its size, and its blocks if `preallocate` is set.
    ///
    /// # Errors
    /// What the file system reports.
    pub(super) fn new(file: File, size: u64, preallocate: bool) -> io::Result<Self> {
        file.set_len(size)?;
        if preallocate {
            rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, size)?;
        }
        Ok(Self { file, size })
    }
}

impl Target for RawTarget {
    fn write(&self, record: Record, bytes: &[u8]) -> io::Result<Written> {
        let start = record.index * CHUNK;
        let inside = usize::try_from(self.size.saturating_sub(start)).unwrap_or(usize::MAX).min(bytes.len());
        let bytes = bytes.get(..inside).unwrap_or_default();
        let mut written = 0;
        for (from, to) in nonzero::runs(bytes) {
            let run = bytes.get(from..to).unwrap_or_default();
            self.file.write_all_at(run, start + from as u64)?;
            written += run.len() as u64;
        }
        Ok(Written { record, bytes: written })
    }

    fn share(&self, record: Record, pieces: &[Piece]) -> io::Result<Record> {
        for piece in pieces {
            clone_range(&piece.file, piece.from, piece.len, &self.file, piece.guest)?;
        }
        Ok(record)
    }

    fn share_unit(&self) -> u64 {
        BLOCK
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn finish(&self, _: &[Record]) -> io::Result<u64> {
        self.file.sync_all()?;
        Ok(0)
    }
}
