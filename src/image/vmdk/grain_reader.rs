//! A sparse extent as a disk: entries of its tables into runs of grains, runs into bytes. Hosted sparse, COWD and
//! seSparse extents differ in their headers and entries only.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use h2k_transports::RangeRead;

use super::ahead::Ahead;
use super::grains::{self, ENTRIES_AT_ONCE, Entries, Grain, Tables};
use super::packed::{PackedGrain, Packing};
use super::shared::{Key, Shared};
use crate::image::bytes::SECTOR;
use crate::image::error::ImageError;
use crate::image::extent_list::ExtentList;
use crate::image::{DiskReader, Extent, ExtentKind, Place, check_range};

/// Reads a sparse extent.
pub(super) struct GrainReader {
    bytes: Arc<dyn RangeRead>,
    shape: Tables,
    entries: Box<dyn Entries>,
    packing: Packing,
    shared: Shared,
    /// Where the grain directory lies in the file.
    directory: Range<u64>,
    /// Guest bytes that a grain table describes.
    covered: u64,
    ahead: Ahead,
}

/// Guest bytes of one kind, from where it was asked to `end`.
struct Run {
    what: Source,
    end: u64,
}

/// Where the bytes of a run come from.
#[derive(Clone, Copy)]
enum Source {
    Unallocated,
    Zero,
    /// They lie as they are at this offset of the file.
    Plain(u64),
    /// They are part of the grain that is compressed at this offset.
    Packed(u64),
}

/// The grain table that describes a place.
struct Table<'a> {
    number: u64,
    /// Where it lies in the file.
    at: u64,
    entries: &'a [u64],
}

impl GrainReader {
    /// # Errors
    /// `Corrupt` if the grain directory is absurd or does not lie in the file.
    pub(super) fn new(
        bytes: Arc<dyn RangeRead>,
        shape: Tables,
        entries: Box<dyn Entries>,
        packing: Packing,
        shared: Shared,
    ) -> Result<Self, ImageError> {
        let count = grains::directory_entries(&shape)?;
        let end = count.checked_mul(shape.entry).and_then(|len| shape.directory.checked_add(len));
        let end = end.filter(|end| *end <= bytes.size()).ok_or_else(|| {
            ImageError::corrupt(format!(
                "the grain directory of {count} entries at byte {} reaches beyond the file's end {}",
                shape.directory,
                bytes.size()
            ))
        })?;
        // `directory_entries` has checked the product.
        let covered = shape.per_table.saturating_mul(shape.grain);
        Ok(Self {
            bytes,
            shape,
            entries,
            packing,
            shared,
            directory: shape.directory..end,
            covered,
            ahead: Ahead::default(),
        })
    }

    /// What is at `at`, up to `limit` at most, and not beyond the grain table. `at < limit <= capacity`.
    fn run(&self, at: u64, limit: u64) -> io::Result<Run> {
        let number = at / self.covered;
        let piece = self.directory_from(number)?;
        let wanted = usize::try_from(limit.div_ceil(self.covered) - number).unwrap_or(usize::MAX);
        let unused = self.unused(piece.iter().take(wanted))?;
        if unused > 0 {
            let end = number.saturating_add(unused).saturating_mul(self.covered).min(limit);
            return Ok(Run { what: Source::Unallocated, end });
        }
        let entry = piece.first().ok_or_else(|| invalid("the grain directory is too short"))?;
        let table_at = self.entries.table(*entry).map_err(invalid)?.unwrap_or_default();
        let entries = self.table(number, table_at)?;
        if entries.is_empty() {
            let end = number.saturating_add(1).saturating_mul(self.covered).min(limit);
            return Ok(Run { what: Source::Unallocated, end });
        }
        self.run_in(&Table { number, at: table_at, entries: &entries }, at, limit)
    }

    /// How many directory entries have no table, before the first that has.
    fn unused<'a>(&self, entries: impl Iterator<Item = &'a u64>) -> io::Result<u64> {
        let mut count = 0;
        for entry in entries {
            if self.entries.table(*entry).map_err(invalid)?.is_some() {
                break;
            }
            count += 1;
        }
        Ok(count)
    }

    /// Directory entries from the one with this number on; how many is a matter of what is read at once.
    fn directory_from(&self, number: u64) -> io::Result<Rest> {
        let first = number / ENTRIES_AT_ONCE * ENTRIES_AT_ONCE;
        let at = first.saturating_mul(self.shape.entry).saturating_add(self.directory.start);
        let count = self.directory.end.saturating_sub(at) / self.shape.entry;
        let load = || grains::entries_at(&*self.bytes, at, count.min(ENTRIES_AT_ONCE), self.shape.entry);
        let chunk = self.shared.tables.get(self.shared.key(Key::Directory(first)), load)?;
        Ok(Rest { chunk, skip: usize::try_from(number - first).unwrap_or(usize::MAX) })
    }

    fn table(&self, number: u64, at: u64) -> io::Result<Arc<[u64]>> {
        self.shared.tables.get(self.shared.key(Key::Table(number)), || {
            let length = self.shape.per_table.saturating_mul(self.shape.entry);
            self.check_place(at, length)
                .map_err(|why| invalid(format!("grain table {number} at byte {at} {why}")))?;
            grains::table_at(&*self.bytes, &self.ahead, at, &self.shape)
        })
    }

    fn run_in(&self, table: &Table<'_>, at: u64, limit: u64) -> io::Result<Run> {
        let grain = self.shape.grain;
        let mut index = at / grain % self.shape.per_table;
        let first = self.grain(table, index)?;
        let start = at / grain * grain;
        let mut end = start.saturating_add(grain);
        // Compressed grains do not follow each other byte by byte.
        let joins = self.packing == Packing::None || !matches!(first, Grain::At(_));
        while joins && end < limit && index + 1 < self.shape.per_table {
            index += 1;
            if !follows(first, end - start, self.grain(table, index)?) {
                break;
            }
            end = end.saturating_add(grain);
        }
        let end = end.min(limit);
        let what = match first {
            Grain::Unallocated => Source::Unallocated,
            Grain::Zero => Source::Zero,
            Grain::At(place) if self.packing != Packing::None => Source::Packed(place),
            Grain::At(place) => {
                let from = place.saturating_add(at - start);
                self.check_place(from, end - at).map_err(|why| {
                    invalid(format!(
                        "grain table {} at byte {} points to byte {place}, {why}",
                        table.number, table.at
                    ))
                })?;
                Source::Plain(from)
            }
        };
        Ok(Run { what, end })
    }

    fn grain(&self, table: &Table<'_>, index: u64) -> io::Result<Grain> {
        let entry = usize::try_from(index).ok().and_then(|index| table.entries.get(index));
        let entry = entry.ok_or_else(|| invalid(format!("grain table {} is too short", table.number)))?;
        self.entries
            .grain(*entry)
            .map_err(|e| invalid(format!("grain table {} at byte {}: {e}", table.number, table.at)))
    }

    /// Says what is wrong with bytes that a table, or data, is said to have in the file.
    fn check_place(&self, at: u64, length: u64) -> Result<(), String> {
        let file_end = self.bytes.size();
        let Some(end) = at.checked_add(length).filter(|end| *end <= file_end) else {
            return Err(format!("beyond the file's end {file_end}"));
        };
        let Range { start, end: directory_end } = self.directory;
        if at < SECTOR {
            return Err("into the header".to_owned());
        }
        if at < directory_end && start < end {
            return Err(format!("into the grain directory at byte {start}"));
        }
        Ok(())
    }

    /// Fills `buf` from the guest offset `at`, all of it inside the grain that is compressed at `place`.
    fn unpack(&self, buf: &mut [u8], at: u64, place: u64) -> io::Result<()> {
        let number = at / self.shape.grain;
        let start = number.saturating_mul(self.shape.grain);
        let needed = self.shape.grain.min(self.shape.capacity.saturating_sub(start));
        let packed = PackedGrain { bytes: &*self.bytes, at: place, packing: self.packing, start, needed };
        if buf.len() as u64 == self.shape.grain {
            return packed.unpack(buf);
        }
        // Guests' reads, and those of file systems' tools, are smaller than a grain and follow each other.
        let whole = self.shared.grains.get(self.shared.key(Key::Grain(number)), || {
            let mut whole = vec![0; usize::try_from(self.shape.grain).map_err(io::Error::other)?];
            packed.unpack(&mut whole)?;
            Ok(whole)
        })?;
        let from = usize::try_from(at - start).map_err(io::Error::other)?;
        let part = from.checked_add(buf.len()).and_then(|to| whole.get(from..to));
        buf.copy_from_slice(part.ok_or_else(|| invalid("a grain is shorter than its entry"))?);
        Ok(())
    }
}

/// Directory entries, from one of a cached piece on.
struct Rest {
    chunk: Arc<[u64]>,
    skip: usize,
}

impl std::ops::Deref for Rest {
    type Target = [u64];

    fn deref(&self) -> &[u64] {
        self.chunk.get(self.skip..).unwrap_or_default()
    }
}

/// Whether `next` goes on where a run of `length` bytes from `first` ends.
fn follows(first: Grain, length: u64, next: Grain) -> bool {
    match (first, next) {
        (Grain::At(first), Grain::At(next)) => first.checked_add(length) == Some(next),
        (first, next) => first == next,
    }
}

fn invalid(what: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

impl DiskReader for GrainReader {
    fn size(&self) -> u64 {
        self.shape.capacity
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        check_range(offset, buf.len() as u64, self.shape.capacity)?;
        let end = offset.saturating_add(buf.len() as u64);
        let (mut at, mut rest) = (offset, buf);
        while at < end {
            let run = self.run(at, end)?;
            let length = usize::try_from(run.end.saturating_sub(at)).map_err(io::Error::other)?;
            let cut = std::mem::take(&mut rest).split_at_mut_checked(length);
            let (now, later) = cut.filter(|(now, _)| !now.is_empty()).ok_or(io::ErrorKind::UnexpectedEof)?;
            match run.what {
                Source::Unallocated | Source::Zero => now.fill(0),
                Source::Plain(place) => self.bytes.read_at(now, place)?,
                Source::Packed(place) => self.unpack(now, at, place)?,
            }
            (at, rest) = (run.end, later);
        }
        Ok(())
    }

    fn extents(&self, range: Range<u64>) -> io::Result<Vec<Extent>> {
        check_range(range.start, range.end.saturating_sub(range.start), self.shape.capacity)?;
        let mut list = ExtentList::new(range.clone());
        let mut at = range.start;
        while at < range.end {
            let run = self.run(at, range.end)?;
            let kind = match run.what {
                Source::Unallocated => ExtentKind::Unallocated,
                Source::Zero => ExtentKind::Zero,
                Source::Plain(_) | Source::Packed(_) => ExtentKind::Data,
            };
            list.push_to(run.end, kind);
            at = run.end;
        }
        Ok(list.finish())
    }

    fn place(&self, offset: u64) -> io::Result<Option<Place>> {
        check_range(offset, 1, self.shape.capacity)?;
        let Some((file, base)) = self.bytes.local() else { return Ok(None) };
        let run = self.run(offset, self.shape.capacity)?;
        let Source::Plain(at) = run.what else { return Ok(None) };
        Ok(Some(Place {
            file: Arc::clone(file),
            offset: base.saturating_add(at),
            len: run.end.saturating_sub(offset),
        }))
    }
}

#[cfg(test)]
#[path = "grain_reader_tests.rs"]
mod tests;
