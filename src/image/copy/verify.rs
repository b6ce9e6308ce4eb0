//! Proof of content: what is in a disk against digests, or against another disk.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::chunk::{self, CHUNK, Digest};
use super::content::Content;
use super::error::CopyError;
use super::feed::Feed;
use crate::exec;
use crate::image::DiskReader;
use crate::image::bytes::is_zero;

/// Where two disks differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// Their sizes, in bytes: expected and found.
    Size(u64, u64),
    /// The first chunk that differs, as its guest offset in bytes.
    At(u64),
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Difference::Size(expected, found) => write!(f, "it has {found} bytes instead of {expected}"),
            Difference::At(offset) => write!(f, "the 4 MiB at byte {offset} differ"),
        }
    }
}

/// Reads the whole disk and compares it with the digests that were taken. `progress` is told bytes of data read.
/// `None` if all is the same.
///
/// # Errors
/// `Read` where the disk cannot be read; `Cancelled`.
pub fn verify_content(
    disk: &dyn DiskReader,
    content: &Content,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Option<Difference>, CopyError> {
    if disk.size() != content.size {
        return Ok(Some(Difference::Size(content.size, disk.size())));
    }
    let found = digests(disk, progress)?;
    Ok(first_difference(&content.chunks, &found))
}

/// Compares two disks chunk by chunk. `None` if they hold the same.
///
/// # Errors
/// As [`verify_content`].
pub fn compare_disks(
    one: &dyn DiskReader,
    other: &dyn DiskReader,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Option<Difference>, CopyError> {
    if one.size() != other.size() {
        return Ok(Some(Difference::Size(one.size(), other.size())));
    }
    Ok(first_difference(&digests(one, progress)?, &digests(other, progress)?))
}

fn first_difference(expected: &BTreeMap<u64, Digest>, found: &BTreeMap<u64, Digest>) -> Option<Difference> {
    let differs = |a: &BTreeMap<u64, Digest>, b: &BTreeMap<u64, Digest>| {
        a.iter().find(|(index, digest)| b.get(index) != Some(digest)).map(|(index, _)| *index)
    };
    let first = differs(expected, found).into_iter().chain(differs(found, expected)).min();
    first.map(|index| Difference::At(index.saturating_mul(CHUNK)))
}

/// Digests of all chunks that are not zeros.
fn digests(
    disk: &dyn DiskReader,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<BTreeMap<u64, Digest>, CopyError> {
    let none = std::collections::HashSet::new();
    let feed = Feed::new(disk, &none);
    let all = Mutex::new(BTreeMap::new());
    let read = AtomicU64::new(0);
    let workers = rayon::current_num_threads();
    (0..workers).into_par_iter().try_for_each(|_| {
        let mut buffer = Vec::new();
        while let Some(task) = feed.next()? {
            exec::check_cancelled().map_err(|_| CopyError::Cancelled)?;
            if let Some(digest) = digest(disk, task.index, &mut buffer)? {
                all.lock().unwrap_or_else(PoisonError::into_inner).insert(task.index, digest);
            }
            progress(read.fetch_add(task.bytes(), Ordering::Relaxed).saturating_add(task.bytes()));
        }
        Ok(())
    })?;
    Ok(all.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// Digest of a chunk by its number; `None` for one of zeros.
pub(super) fn digest(
    disk: &dyn DiskReader,
    index: u64,
    buffer: &mut Vec<u8>,
) -> Result<Option<Digest>, CopyError> {
    let range = chunk::range(index, disk.size());
    buffer.resize((range.end - range.start) as usize, 0);
    let offset = range.start;
    disk.read_at(buffer, offset).map_err(|source| CopyError::Read { offset, source })?;
    Ok((!is_zero(buffer)).then(|| *blake3::hash(buffer).as_bytes()))
}
