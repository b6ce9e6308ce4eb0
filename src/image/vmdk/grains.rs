//! The grain directory and the grain tables of a sparse extent, and a walk over them: does everything that they
//! refer to lie inside the file? QEMU reads zeros beyond the end of a file, so a truncated extent would pass for an
//! empty disk.

use std::io;

use h2k_transports::RangeRead;

use super::ahead::Ahead;
use crate::image::bytes::{is_zero, read_vec};
use crate::image::error::ImageError;
use crate::image::truncated::Reach;

/// Most entries of a grain directory; QEMU's own bound. 64 TiB in tables of 2 MiB have 32 Mi.
pub(crate) const MAX_DIRECTORY_ENTRIES: u64 = 32 << 20;

/// Directory entries read at once.
pub(crate) const ENTRIES_AT_ONCE: u64 = 8192;

/// The shape of an extent's tables, in bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tables {
    /// Where the grain directory begins.
    pub directory: u64,
    /// Entries of a grain table.
    pub per_table: u64,
    /// Bytes of an entry, in the directory and in tables: 4 or 8.
    pub entry: u64,
    /// Bytes of a grain.
    pub grain: u64,
    /// Capacity of the extent.
    pub capacity: u64,
}

/// What the entry of a grain table says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Grain {
    /// The parent decides.
    Unallocated,
    /// Zeros, whatever the parent holds.
    Zero,
    /// Where the grain begins in the file, in bytes.
    At(u64),
}

/// What an entry means.
pub(crate) trait Entries: Send + Sync {
    /// Where the grain table of a directory entry begins in the file; `None` if there is none.
    fn table(&self, entry: u64) -> Result<Option<u64>, ImageError>;
    /// What a table entry says of its grain.
    fn grain(&self, entry: u64) -> Result<Grain, ImageError>;
    /// Where a grain of at most `bytes` that begins at `at` ends in the file at the latest.
    fn grain_end(&self, at: u64, bytes: u64) -> Option<u64> {
        at.checked_add(bytes)
    }
}

/// What the walk found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Walk {
    /// How far the extent reaches into its file.
    pub reach: Reach,
    /// Where the grain that lies last in the file begins.
    pub last_grain: Option<u64>,
}

/// Walks all tables.
///
/// # Errors
/// `Corrupt` if an entry makes no sense, tables overlap or the directory does not lie in the file; `Io` if the
/// medium fails. A grain beyond the end is no error here: it is in [`Walk::reach`].
pub(crate) fn walk(file: &dyn RangeRead, tables: &Tables, entries: &dyn Entries) -> Result<Walk, ImageError> {
    let mut walk = Walk::default();
    let count = directory_entries(tables)?;
    let directory_end = count.checked_mul(tables.entry).and_then(|len| tables.directory.checked_add(len));
    walk.reach.extend(directory_end);
    if directory_end.is_none_or(|end| end > file.size()) {
        walk.reach.at_least = true;
        return Ok(walk);
    }
    let ahead = Ahead::default();
    let mut budget = file.size();
    let mut first = 0;
    while first < count {
        let now = ENTRIES_AT_ONCE.min(count - first);
        let chunk = read_entries(file, tables.directory + first * tables.entry, now, tables.entry)?;
        for (index, entry) in (first..).zip(chunk) {
            if let Some(at) = entries.table(entry)? {
                // Each table has a place of its own, so together they are smaller than the file. This also bounds
                // the work that a small hostile file can cause.
                let table_bytes = tables.per_table * tables.entry;
                budget = budget
                    .checked_sub(table_bytes)
                    .ok_or_else(|| ImageError::corrupt("grain tables overlap"))?;
                walk_table(file, &ahead, tables, entries, index, at, &mut walk)?;
            }
        }
        first += now;
    }
    Ok(walk)
}

/// Number of directory entries that the capacity needs; the shape is checked on the way.
pub(crate) fn directory_entries(tables: &Tables) -> Result<u64, ImageError> {
    let covered = tables.per_table.checked_mul(tables.grain).filter(|covered| *covered > 0);
    let count = covered.map(|covered| tables.capacity.div_ceil(covered));
    count
        .filter(|count| *count <= MAX_DIRECTORY_ENTRIES && matches!(tables.entry, 4 | 8))
        .ok_or_else(|| ImageError::corrupt("the grain directory is larger than any disk needs"))
}

fn walk_table(
    file: &dyn RangeRead,
    ahead: &Ahead,
    tables: &Tables,
    entries: &dyn Entries,
    index: u64,
    at: u64,
    walk: &mut Walk,
) -> Result<(), ImageError> {
    let end = at.checked_add(tables.per_table * tables.entry);
    walk.reach.extend(end);
    if end.is_none_or(|end| end > file.size()) {
        walk.reach.at_least = true;
        return Ok(());
    }
    let table = table_at(file, ahead, at, tables);
    let table = table.map_err(|e| ImageError::io("reading the grain tables", e))?;
    for (grain, entry) in (index * tables.per_table..).zip(table) {
        // The directory's size was bounded, so the guest offset cannot overflow for a grain within the capacity.
        let left = grain.checked_mul(tables.grain).and_then(|at| tables.capacity.checked_sub(at));
        let Some(left) = left.filter(|left| *left > 0) else { break };
        if let Grain::At(at) = entries.grain(entry)? {
            walk.reach.extend(entries.grain_end(at, left.min(tables.grain)));
            walk.last_grain = walk.last_grain.max(Some(at));
        }
    }
    Ok(())
}

fn read_entries(file: &dyn RangeRead, at: u64, count: u64, width: u64) -> Result<Vec<u64>, ImageError> {
    entries_at(file, at, count, width).map_err(|e| ImageError::io("reading the grain tables", e))
}

/// `count` entries of `width` bytes from `at`, little-endian. The caller bounds `count`.
///
/// # Errors
/// `UnexpectedEof` if they end beyond the file; otherwise what the medium reports.
pub(crate) fn entries_at(file: &dyn RangeRead, at: u64, count: u64, width: u64) -> io::Result<Vec<u64>> {
    let length = count.checked_mul(width).and_then(|len| usize::try_from(len).ok());
    let (Some(length), Ok(width @ (4 | 8))) = (length, usize::try_from(width)) else {
        return Err(io::ErrorKind::UnexpectedEof.into());
    };
    Ok(decode(&read_vec(file, at, length)?, width))
}

/// The entries of the grain table at `at`; none where all are zero, which no format has mean anything but
/// "unallocated". Writers that reserve all tables at once leave most of them so.
///
/// # Errors
/// As [`entries_at`].
pub(super) fn table_at(
    file: &dyn RangeRead,
    ahead: &Ahead,
    at: u64,
    tables: &Tables,
) -> io::Result<Vec<u64>> {
    let length = tables.per_table.checked_mul(tables.entry).and_then(|len| usize::try_from(len).ok());
    let bytes = ahead.read(file, at, length.ok_or(io::ErrorKind::UnexpectedEof)?)?;
    if is_zero(&bytes) {
        return Ok(Vec::new());
    }
    Ok(decode(&bytes, if tables.entry == 4 { 4 } else { 8 }))
}

fn decode(bytes: &[u8], width: usize) -> Vec<u64> {
    if width == 4 {
        let (entries, _) = bytes.as_chunks::<4>();
        return entries.iter().map(|entry| u64::from(u32::from_le_bytes(*entry))).collect();
    }
    let (entries, _) = bytes.as_chunks::<8>();
    entries.iter().map(|entry| u64::from_le_bytes(*entry)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::bytes::memory::Memory;
    use crate::image::error::ImageErrorKind;

    struct Plain;

    impl Entries for Plain {
        fn table(&self, entry: u64) -> Result<Option<u64>, ImageError> {
            Ok((entry != 0).then_some(entry))
        }
        fn grain(&self, entry: u64) -> Result<Grain, ImageError> {
            Ok(if entry == 0 { Grain::Unallocated } else { Grain::At(entry) })
        }
    }

    fn image(words: &[u32], size: usize) -> Memory {
        let mut bytes: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();
        bytes.resize(size, 0);
        Memory(bytes)
    }

    const SHAPE: Tables = Tables { directory: 0, per_table: 2, entry: 4, grain: 100, capacity: 350 };

    #[test]
    fn the_last_grain_ends_with_the_capacity() {
        // Directory of two tables, at 8 and 16; the fourth grain holds the last 50 bytes.
        let walked = walk(&image(&[8, 16, 24, 0, 0, 300], 350), &SHAPE, &Plain).unwrap();
        assert_eq!(walked, Walk { reach: Reach { end: 350, at_least: false }, last_grain: Some(300) });
    }

    #[test]
    fn what_lies_beyond_the_end_is_counted() {
        let walked = walk(&image(&[8, 16, 1000, 0, 0, 0], 350), &SHAPE, &Plain).unwrap();
        assert_eq!(walked.reach, Reach { end: 1100, at_least: false });
        let walked = walk(&image(&[8, 400, 24, 0], 350), &SHAPE, &Plain).unwrap();
        assert_eq!(walked.reach, Reach { end: 408, at_least: true });
        let walked = walk(&image(&[], 4), &SHAPE, &Plain).unwrap();
        assert_eq!(walked.reach, Reach { end: 8, at_least: true });
    }

    #[test]
    fn overlapping_tables_and_absurd_shapes_are_refused() {
        let shape = Tables { capacity: 200 * 1000, ..SHAPE };
        let many = walk(&image(&[8; 1000], 4000), &shape, &Plain).unwrap_err();
        assert_eq!(many.kind(), ImageErrorKind::Corrupt);
        for shape in [
            Tables { grain: 0, ..SHAPE },
            Tables { per_table: u64::MAX, ..SHAPE },
            Tables { capacity: u64::MAX, ..SHAPE },
            Tables { entry: 3, ..SHAPE },
        ] {
            assert_eq!(walk(&image(&[], 350), &shape, &Plain).unwrap_err().kind(), ImageErrorKind::Corrupt);
        }
        let shape = Tables { directory: u64::MAX, ..SHAPE };
        assert_eq!(walk(&image(&[], 350), &shape, &Plain).unwrap().reach.end, u64::MAX);
    }
}
