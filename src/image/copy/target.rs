//! What a copy is written into.

use std::fs::File;
use std::io;
use std::sync::Arc;

use super::chunk::Record;

/// A target file: chunks in any order, from several threads, then its tables.
pub(super) trait Target: Send + Sync {
    /// Writes the clusters of a chunk that are set in `record.clusters`, and completes the record. `bytes` is the
    /// chunk as the guest sees it, with zeros up to a whole cluster.
    ///
    /// # Errors
    /// What the file system reports.
    fn write(&self, record: Record, bytes: &[u8]) -> io::Result<Written>;

    /// Shares blocks with the source instead, and completes the record. The pieces cover the clusters that are set.
    ///
    /// # Errors
    /// What the file system reports; nothing of the chunk counts then.
    fn share(&self, record: Record, pieces: &[Piece]) -> io::Result<Record>;

    /// Guest bytes in which blocks can be shared: offsets and lengths of pieces are multiples.
    fn share_unit(&self) -> u64;

    /// Has everything that was written so far on disk.
    ///
    /// # Errors
    /// What the file system reports.
    fn sync(&self) -> io::Result<()>;

    /// Writes the tables for all chunks, sorted by their number, and has everything on disk. Returns the bytes
    /// written.
    ///
    /// # Errors
    /// What the file system reports.
    fn finish(&self, records: &[Record]) -> io::Result<u64>;
}

/// A chunk that was written.
pub(super) struct Written {
    pub record: Record,
    /// Bytes that were given to the file system.
    pub bytes: u64,
}

/// A part of a chunk whose blocks are to be shared.
pub(super) struct Piece {
    /// Where its bytes lie.
    pub file: Arc<File>,
    /// Where in that file, in bytes.
    pub from: u64,
    /// Where in the disk, as the guest counts.
    pub guest: u64,
    /// Bytes.
    pub len: u64,
}
