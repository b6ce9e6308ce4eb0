//! The log of a VHDX (2.3): a ring of entries, each a set of changes to structures of the file. A file that was not
//! closed cleanly is only whole with the changes of its active sequence.

use std::collections::HashMap;

use h2k_transports::RangeRead;

use super::crc::Crc32c;
use super::format::{Guid, Header, MIB, Region, get};
use super::replay::{LOG_SECTOR, Patch, Replay};
use crate::image::bytes::Fields;
use crate::image::error::ImageError;
use crate::image::truncated::Reach;

/// Largest log that is read. Windows and QEMU make logs of 1 MiB; the format has no limit below 4 GiB.
const MAX_LOG: u64 = 256 << 20;
/// Bytes of an entry's header, and of a descriptor.
const ENTRY_HEADER: u64 = 64;
const DESCRIPTOR: u64 = 32;

/// A valid entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    /// Sectors of the whole entry and of its header with the descriptors.
    sectors: u64,
    head_sectors: u64,
    descriptors: u64,
    sequence: u64,
    /// Where the sequence of which this is the head begins, in bytes of the log.
    tail: u64,
    flushed: u64,
    last: u64,
}

/// One change of an entry (2.3.1.2, 2.3.1.3).
enum Descriptor {
    Zero { range: std::ops::Range<u64> },
    Data { at: u64, leading: [u8; 8], trailing: [u8; 4] },
}

/// The changes that the log of the file holds; none if the log is empty.
///
/// # Errors
/// `Corrupt` if the log is not empty, but has no valid sequence, or if the file is shorter than when that was
/// written; `Unsupported` for another version or a log that is too large; `Io` if the medium fails.
pub(super) fn replay(file: &dyn RangeRead, header: &Header) -> Result<Replay, ImageError> {
    let Some(guid) = header.log_guid else { return Ok(Replay::default()) };
    let Region { offset, length } = header.log;
    if header.log_version != 0 {
        return Err(ImageError::unsupported(format!("a VHDX log of version {}", header.log_version)));
    }
    if offset < MIB || !offset.is_multiple_of(MIB) || length == 0 || !length.is_multiple_of(MIB) {
        return Err(ImageError::corrupt(format!(
            "the VHDX header places a log of {length} bytes at byte {offset}"
        )));
    }
    if length > MAX_LOG {
        return Err(ImageError::unsupported(format!("a VHDX log of {length} bytes, more than {MAX_LOG}")));
    }
    let mut reach = Reach::default();
    reach.extend(offset.checked_add(length));
    reach.check(file.size())?;
    Log { file, offset, sectors: length / LOG_SECTOR, guid }.replay()
}

struct Log<'a> {
    file: &'a dyn RangeRead,
    /// First byte in the file.
    offset: u64,
    sectors: u64,
    guid: Guid,
}

impl Log<'_> {
    fn replay(&self) -> Result<Replay, ImageError> {
        let entries = self.entries()?;
        let Some((sequence, head)) = self.active(&entries) else {
            return Err(ImageError::corrupt(format!(
                "the VHDX was not closed cleanly, and its log at byte {} holds no valid sequence of changes",
                self.offset
            ))
            .with_hint(
                "fetch the file again; if the original is the same, repair it on a Windows host (`Mount-VHD`, `Dismount-VHD`)",
            ));
        };
        // "FlushedFileOffset": the file had this size when the entry was written.
        let mut reach = Reach::default();
        reach.extend(Some(head.flushed));
        reach.check(self.file.size())?;
        let mut replay = Replay::default();
        replay.end = head.last;
        for (position, entry) in sequence {
            self.apply(position, &entry, &mut replay)?;
        }
        Ok(replay)
    }

    /// Where a sector of the ring stands in the file, in bytes.
    fn place(&self, sector: u64) -> u64 {
        // `sectors` is not zero, and the log lies within the file.
        self.offset.saturating_add(sector.checked_rem(self.sectors).unwrap_or(0).saturating_mul(LOG_SECTOR))
    }

    fn sector(&self, sector: u64) -> Result<Vec<u8>, ImageError> {
        get(self.file, self.place(sector), LOG_SECTOR as usize, "the VHDX log")
    }

    /// All valid entries by their first sector.
    fn entries(&self) -> Result<HashMap<u64, Entry>, ImageError> {
        let mut entries = HashMap::new();
        // Entries do not overlap, but what is left of overwritten ones may claim any length. No log that was written
        // as the format says makes more work than twice its size.
        let mut budget = self.sectors.saturating_mul(8);
        for position in 0..self.sectors {
            let first = self.sector(position)?;
            let Some(entry) = self.entry_header(&first) else { continue };
            budget = budget.checked_sub(entry.sectors).ok_or_else(|| {
                ImageError::corrupt(format!("the entries of the VHDX log at byte {} overlap", self.offset))
            })?;
            if self.is_whole(position, &first, &entry)? {
                entries.insert(position, entry);
            }
        }
        Ok(entries)
    }

    /// The header of an entry (2.3.1.1), as far as it can be valid.
    fn entry_header(&self, sector: &[u8]) -> Option<Entry> {
        let f = Fields(sector);
        let length = u64::from(f.u32_le(8)?);
        let descriptors = u64::from(f.u32_le(24)?);
        let entry = Entry {
            sectors: length / LOG_SECTOR,
            head_sectors: (ENTRY_HEADER + descriptors * DESCRIPTOR).div_ceil(LOG_SECTOR),
            descriptors,
            sequence: f.u64_le(16)?,
            tail: u64::from(f.u32_le(12)?),
            flushed: f.u64_le(48)?,
            last: f.u64_le(56)?,
        };
        let valid = sector.starts_with(b"loge")
            && f.array(32) == Some(self.guid)
            && entry.sequence > 0
            && length.is_multiple_of(LOG_SECTOR)
            && entry.tail.is_multiple_of(LOG_SECTOR)
            && (entry.head_sectors..=self.sectors).contains(&entry.sectors);
        valid.then_some(entry)
    }

    /// Whether checksum, descriptors and data sectors of an entry agree with its header.
    fn is_whole(&self, position: u64, first: &[u8], entry: &Entry) -> Result<bool, ImageError> {
        let mut crc = Crc32c::new();
        crc.update(first.get(..4).unwrap_or_default());
        crc.update(&[0; 4]);
        crc.update(first.get(8..).unwrap_or_default());
        let (mut sound, mut data) = (true, 0);
        for number in 0..entry.sectors {
            let sector =
                if number == 0 { first.to_vec() } else { self.sector(position.saturating_add(number))? };
            if number > 0 {
                crc.update(&sector);
            }
            if number < entry.head_sectors {
                let descriptors = descriptors(&sector, number, entry);
                sound &= descriptors.iter().all(Option::is_some);
                let of_data = |d: &&Option<Descriptor>| matches!(d, Some(Descriptor::Data { .. }));
                data += descriptors.iter().filter(of_data).count() as u64;
            } else if number < entry.head_sectors.saturating_add(data) {
                sound &= is_data_sector(&sector, entry.sequence);
            }
        }
        sound &= entry.head_sectors.saturating_add(data) <= entry.sectors;
        Ok(sound && Fields(first).u32_le(4) == Some(crc.finish()))
    }

    /// The entries of the active sequence (2.3.2, 2.3.3), first to last, and the last one again: that with the highest
    /// sequence number of those whose tail lies in the same row of entries.
    fn active(&self, entries: &HashMap<u64, Entry>) -> Option<(Vec<(u64, Entry)>, Entry)> {
        let follower = |position: u64, entry: &Entry| {
            let next = position.saturating_add(entry.sectors).checked_rem(self.sectors)?;
            let found = entries.get(&next)?;
            (Some(found.sequence) == entry.sequence.checked_add(1)).then_some(next)
        };
        let followers: HashMap<u64, u64> =
            entries.iter().filter_map(|(at, entry)| Some((follower(*at, entry)?, *at))).collect();
        let mut best: Option<(Vec<(u64, Entry)>, Entry)> = None;
        for first in entries.keys().filter(|at| !followers.contains_key(at)) {
            // Sequence numbers rise, so a row ends.
            let mut row = Vec::new();
            let mut next = Some(*first);
            while let Some((at, entry)) = next.and_then(|at| Some((at, *entries.get(&at)?))) {
                row.push((at, entry));
                next = follower(at, &entry);
            }
            let Some((_, head)) = row.last().copied() else { continue };
            let tail = row.iter().position(|(at, _)| at.checked_mul(LOG_SECTOR) == Some(head.tail));
            let better = best.as_ref().is_none_or(|(_, other)| head.sequence > other.sequence);
            if let (Some(tail), true) = (tail, better) {
                best = Some((row.split_off(tail), head));
            }
        }
        best
    }

    /// Applies the changes of an entry in their order.
    fn apply(&self, position: u64, entry: &Entry, replay: &mut Replay) -> Result<(), ImageError> {
        let mut data = position.saturating_add(entry.head_sectors);
        for number in 0..entry.head_sectors {
            let sector = self.sector(position.saturating_add(number))?;
            for descriptor in descriptors(&sector, number, entry).into_iter().flatten() {
                let (range, patch) = match descriptor {
                    Descriptor::Zero { range } => (range, Patch::Zeros),
                    Descriptor::Data { at, leading, trailing } => {
                        let log = self.place(data);
                        data = data.saturating_add(1);
                        (at..at.saturating_add(LOG_SECTOR), Patch::Sector { log, leading, trailing })
                    }
                };
                replay.put(range, patch).map_err(|count| {
                    ImageError::unsupported(format!("a VHDX log with more than {count} changes"))
                })?;
            }
        }
        Ok(())
    }
}

/// The descriptors in a sector of an entry; `None` for those that make no sense.
fn descriptors(sector: &[u8], number: u64, entry: &Entry) -> Vec<Option<Descriptor>> {
    let header = ENTRY_HEADER / DESCRIPTOR;
    let each = LOG_SECTOR / DESCRIPTOR;
    // The header stands in place of the first two.
    let skip = if number == 0 { header } else { 0 };
    let before = (number * each).saturating_sub(header);
    let count = entry.descriptors.saturating_sub(before).min(each - skip);
    let all = sector.chunks_exact(DESCRIPTOR as usize).skip(skip as usize).take(count as usize);
    all.map(|bytes| descriptor(Fields(bytes), entry.sequence)).collect()
}

fn descriptor(f: Fields<'_>, sequence: u64) -> Option<Descriptor> {
    let at = f.u64_le(16)?;
    let end = |length: u64| at.checked_add(length).filter(|_| at.is_multiple_of(LOG_SECTOR));
    if f.u64_le(24)? != sequence {
        return None;
    }
    match &f.array::<4>(0)? {
        b"zero" => {
            let length = f.u64_le(8)?;
            let sound = length > 0 && length.is_multiple_of(LOG_SECTOR);
            end(length).filter(|_| sound).map(|end| Descriptor::Zero { range: at..end })
        }
        b"desc" => {
            end(LOG_SECTOR)?;
            Some(Descriptor::Data { at, leading: f.array(8)?, trailing: f.array(4)? })
        }
        _ => None,
    }
}

/// A data sector (2.3.1.4): the sequence number stands in two halves at its ends, so that a torn one shows.
fn is_data_sector(sector: &[u8], sequence: u64) -> bool {
    let f = Fields(sector);
    let halves = || Some(u64::from(f.u32_le(4)?) << 32 | u64::from(f.u32_le(4092)?));
    sector.starts_with(b"data") && halves() == Some(sequence)
}
