//! qcow2 targets: version 3, clusters of 64 KiB, no backing file (QEMU docs/interop/qcow2.rst).
//!
//! ```text
//!  0        header, written last: until then the file is no qcow2
//!  64 KiB   clusters of chunks, in the order in which they were done
//!           level 2 tables, level 1 table, refcount blocks, refcount table: written by `finish`
//! ```

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Compression;
use super::chunk::{CHUNK, CLUSTER, Record, runs};
use super::clone_ffi::clone_range;
use super::target::{Piece, Target, Written};

mod compress;
mod refcounts;
mod tables;

/// A qcow2 file that is being filled.
pub(super) struct Qcow2Target {
    file: File,
    size: u64,
    compress: Option<Compression>,
    /// Where the next chunk's clusters go, in bytes.
    next: AtomicU64,
}

impl Qcow2Target {
    /// Goes on after the chunks that are there.
    pub(super) fn new(file: File, size: u64, compress: Option<Compression>, there: &[Record]) -> Self {
        let ends = there.iter().map(|record| record.base.saturating_add(record.host_bytes()));
        let next = ends.max().unwrap_or(0).max(CLUSTER);
        Self { file, size, compress, next: AtomicU64::new(next) }
    }

    fn allocate(&self, record: &mut Record) {
        // A disk of 64 TiB, the largest, is far from overflowing this.
        record.base = self.next.fetch_add(record.host_bytes(), Ordering::Relaxed);
    }

    fn write_plain(&self, mut record: Record, bytes: &[u8]) -> io::Result<Written> {
        self.allocate(&mut record);
        let mut at = record.base;
        for (first, count) in runs(record.clusters) {
            let run = cut(bytes, first, count)?;
            self.file.write_all_at(run, at)?;
            at += run.len() as u64;
        }
        let bytes = at - record.base;
        Ok(Written { record, bytes })
    }

    fn write_compressed(&self, mut record: Record, bytes: &[u8], how: Compression) -> io::Result<Written> {
        let packed = compress::pack(&mut record, bytes, how)?;
        self.allocate(&mut record);
        self.file.write_all_at(&packed, record.base)?;
        Ok(Written { record, bytes: packed.len() as u64 })
    }
}

/// Clusters of a chunk's bytes.
fn cut(bytes: &[u8], first: u32, count: u32) -> io::Result<&[u8]> {
    let (from, len) = (first as usize * CLUSTER as usize, count as usize * CLUSTER as usize);
    bytes.get(from..from + len).ok_or_else(|| io::Error::other("a chunk is no whole number of clusters"))
}

impl Target for Qcow2Target {
    fn write(&self, record: Record, bytes: &[u8]) -> io::Result<Written> {
        match self.compress {
            None => self.write_plain(record, bytes),
            Some(how) => self.write_compressed(record, bytes, how),
        }
    }

    fn share(&self, mut record: Record, pieces: &[Piece]) -> io::Result<Record> {
        self.allocate(&mut record);
        let mut at = record.base;
        for piece in pieces {
            clone_range(&piece.file, piece.from, piece.len, &self.file, at)?;
            at += piece.len;
        }
        Ok(record)
    }

    fn share_unit(&self) -> u64 {
        CLUSTER
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn finish(&self, records: &[Record]) -> io::Result<u64> {
        let ends = records.iter().map(|record| record.base.saturating_add(record.host_bytes()));
        let data_end = ends.max().unwrap_or(0).max(CLUSTER);
        let zstd = self.compress == Some(Compression::Zstd);
        let written = tables::write(&self.file, self.size, records, data_end, zstd)?;
        self.file.sync_all()?;
        Ok(written)
    }
}

/// Number of a chunk's first cluster in the disk.
fn first_cluster(record: &Record) -> u64 {
    record.index * (CHUNK / CLUSTER)
}
