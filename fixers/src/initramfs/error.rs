//! Why an initramfs cannot be listed.

use std::io;

use thiserror::Error;

use super::compress::Compression;

/// A failed listing. Offsets are in bytes from the start of the file, positions from the start of what a segment
/// unpacks to.
#[derive(Debug, Error)]
pub enum InitramfsError {
    /// Nothing that the kernel takes for an archive.
    #[error("no cpio archive and no known compression at its start")]
    NotAnInitramfs,
    /// Only padding, or nothing at all.
    #[error("empty")]
    Empty,
    /// The reader failed.
    #[error("reading it at byte {offset}")]
    Read {
        /// Offset in bytes.
        offset: u64,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The kernel knows this compression, h2k does not unpack it.
    #[error("the segment at byte {offset} is packed with {}, which is not read here", compression.name())]
    Unsupported {
        /// Offset in bytes.
        offset: u64,
        /// The compression.
        compression: Compression,
    },
    /// A segment's archive is broken.
    #[error("segment {number} ({} from byte {start}, broken before byte {offset})", compression.name())]
    Segment {
        /// Number, counted from 1.
        number: usize,
        /// Its compression.
        compression: Compression,
        /// Offset of its first byte.
        start: u64,
        /// Offset up to which it was read.
        offset: u64,
        /// What is wrong.
        #[source]
        source: CpioError,
    },
    /// More than a limit allows.
    #[error("more than {limit} {what}")]
    TooMany {
        /// What is counted.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
}

/// What is wrong with an archive inside a segment.
#[derive(Debug, Error)]
pub enum CpioError {
    /// It ends in the middle of something.
    #[error("truncated in {what} at position {position}")]
    Truncated {
        /// What was being read.
        what: &'static str,
        /// Position in bytes.
        position: u64,
    },
    /// It is not newc.
    #[error("{what} at position {position}")]
    Malformed {
        /// What is wrong.
        what: String,
        /// Position in bytes.
        position: u64,
    },
    /// More than a limit allows.
    #[error("more than {limit} {what}")]
    TooMany {
        /// What is counted.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
    /// The decoder failed.
    #[error("unpacking it at position {position}: {source}")]
    Unpack {
        /// Position in bytes.
        position: u64,
        /// The cause.
        source: io::Error,
    },
}

/// Why an archive cannot be written.
#[derive(Debug, Error)]
pub enum WriteError {
    /// A name that would lead out of the archive, or that no kernel takes.
    #[error("{0:?} is no name for an entry")]
    Name(String),
    /// It would be longer than anything that an initramfs lacks.
    #[error("the archive would have more than {} bytes", super::archive::MAX_ARCHIVE)]
    TooLong,
}

/// The message with its causes, on one line: what facts keep.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
