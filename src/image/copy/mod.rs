//! The one copy: a disk, whatever its format, into a raw or qcow2 file.
//!
//! ```text
//!  DiskReader ─► Feed: chunks of 4 MiB that hold data ─► workers ─► Target (raw, qcow2) ─► finish: tables, header
//!                     zeros are never read                │ reflink where the file system can
//!                                                         │ otherwise read, leave out zeros, digest, write
//!                                                         └► Flusher: data to disk, then the journal ─► resume
//! ```
//!
//! What the journal names is on disk; a copy that was killed takes it over and does the rest.

use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::DiskReader;

pub mod chunk;
mod clone;
mod clone_ffi;
mod content;
mod error;
mod feed;
mod flusher;
pub mod journal;
mod nonzero;
mod over;
mod qcow2;
mod rate;
mod raw;
mod run;
mod target;
mod verify;
mod worker;

pub use content::Content;
pub use error::CopyError;
pub use over::digests_over;
pub use run::run;
pub use verify::{Difference, compare_disks, verify_content};

/// What is written, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "format")]
pub enum Format {
    /// Raw bytes; what is zero is a hole unless `preallocate` is set.
    Raw {
        /// Reserve the whole size on the file system first.
        preallocate: bool,
    },
    /// qcow2 version 3 with clusters of 64 KiB.
    Qcow2 {
        /// Compress the clusters.
        compress: Option<Compression>,
    },
}

/// How clusters are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Compression {
    /// zstd (qcow2 `compression_type` 1).
    Zstd,
    /// Raw deflate (`compression_type` 0), which every QEMU reads.
    Zlib,
}

/// A copy to be made.
pub struct CopyJob<'a> {
    /// The disk.
    pub reader: Arc<dyn DiskReader>,
    /// Bytes of data in it, where somebody has counted them: then its tables are not walked once more.
    pub data: Option<u64>,
    /// The file to be written; incomplete until [`run`] returns.
    pub target: &'a Path,
    /// Where the journal stands while the target is incomplete.
    pub journal: &'a Path,
    /// What is written.
    pub format: Format,
    /// Says which content is copied: an unfinished copy of another is started over.
    pub source: &'a str,
    /// How it is done.
    pub options: CopyOptions,
    /// Told of progress, from several threads.
    pub progress: &'a (dyn Fn(Progress) + Sync),
}

/// How a copy is done; the content of the result does not depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CopyOptions {
    /// Worker threads; 0 for one per processor, at most [`MAX_THREADS`].
    pub threads: usize,
    /// Most bytes that are read per second.
    pub limit_rate: Option<u64>,
    /// Read and write even where the file system could share the blocks.
    pub no_reflink: bool,
}

/// Most worker threads: each holds a chunk in memory, and QEMU's own bound is 16.
pub const MAX_THREADS: usize = 16;

/// How far a copy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Bytes of data that are done, those of an earlier run included.
    pub done: u64,
    /// Bytes of data in all.
    pub total: u64,
}

/// What a copy did. All in bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Copied {
    /// Virtual size.
    pub size: u64,
    /// Data that was read.
    pub read: u64,
    /// Data and tables that were written.
    pub written: u64,
    /// Data that the target shares with the source (reflinks), neither read nor written.
    pub shared: u64,
    /// Read, found to be zeros and left out.
    pub zeros: u64,
    /// Known to be zeros or unallocated, and never read.
    pub skipped: u64,
    /// Data that an earlier, interrupted run had copied.
    pub taken_over: u64,
    /// Digests of what was copied.
    pub content: Content,
}

impl Copied {
    /// What became of the disk's bytes, in words and bytes; what did not happen is left out.
    pub fn parts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let parts = [
            ("copied", self.read.saturating_sub(self.zeros)),
            ("shared with the source", self.shared),
            ("found to be zeros", self.zeros),
            ("known to be empty, not read", self.skipped),
            ("taken over from an interrupted run", self.taken_over),
        ];
        parts.into_iter().filter(|(_, count)| *count > 0)
    }
}

#[cfg(test)]
mod tests;
