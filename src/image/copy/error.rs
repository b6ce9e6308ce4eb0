//! What can go wrong with a copy.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// A copy that did not come to its end. The unfinished target and its journal stay: the same copy goes on with them.
#[derive(Debug, Error)]
pub enum CopyError {
    /// The source could not be read.
    #[error("reading the disk at byte {offset}")]
    Read {
        /// Guest offset in bytes.
        offset: u64,
        /// What the medium reported.
        source: io::Error,
    },
    /// The target could not be written.
    #[error("writing {}", path.display())]
    Write {
        /// The target or its journal.
        path: PathBuf,
        /// What the host reported.
        source: io::Error,
    },
    /// It was stopped.
    #[error("stopped")]
    Cancelled,
}

impl CopyError {
    pub(super) fn write(path: &std::path::Path) -> impl Fn(io::Error) -> Self + '_ {
        move |source| CopyError::Write { path: path.to_path_buf(), source }
    }

    /// Whether the target's file system is full.
    pub fn is_full(&self) -> bool {
        matches!(self, CopyError::Write { source, .. } if matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded))
    }
}
