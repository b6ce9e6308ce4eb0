//! Can a chunk be shared with the source instead of copied? And does the file system do it?

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use rustix::io::Errno;

use super::feed::Task;
use super::target::Piece;
use crate::image::DiskReader;

/// Chunks whose bounds the file system may refuse before no more are tried.
const MAX_REFUSALS: u32 = 16;

/// Whether sharing is still worth a try.
pub(super) struct Sharing {
    on: AtomicBool,
    refused: AtomicU32,
}

impl Sharing {
    pub(super) fn new(wanted: bool) -> Self {
        Self { on: AtomicBool::new(wanted), refused: AtomicU32::new(0) }
    }

    pub(super) fn is_on(&self) -> bool {
        self.on.load(Ordering::Relaxed)
    }

    /// Learns from a failure. Every one of them falls back to copying: the copy will tell what is really wrong.
    pub(super) fn failed(&self, error: &io::Error) {
        let bounds = error.raw_os_error() == Some(Errno::INVAL.raw_os_error());
        if !bounds || self.refused.fetch_add(1, Ordering::Relaxed) >= MAX_REFUSALS {
            self.on.store(false, Ordering::Relaxed);
        }
    }
}

/// Where the data of a chunk lies, if all of it lies in whole units of some local file.
///
/// # Errors
/// What the medium reports.
pub(super) fn pieces(
    reader: &dyn DiskReader,
    task: &Task,
    unit: u64,
    block: u64,
) -> io::Result<Option<Vec<Piece>>> {
    let mut pieces = Vec::new();
    for range in &task.data {
        if !range.start.is_multiple_of(unit) || !range.end.is_multiple_of(unit) {
            return Ok(None);
        }
        let mut at = range.start;
        while at < range.end {
            let Some(place) = reader.place(at)? else { return Ok(None) };
            let len = place.len.min(range.end - at) / unit * unit;
            if len == 0 || !place.offset.is_multiple_of(block) {
                return Ok(None);
            }
            pieces.push(Piece { file: place.file, from: place.offset, guest: at, len });
            at += len;
        }
    }
    Ok(Some(pieces))
}
