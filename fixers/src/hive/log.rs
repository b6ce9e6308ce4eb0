//! Transaction logs of a hive: what Windows had logged and not yet written into it.
//!
//! Source: "Windows registry file format specification" (M. Suhanov), "Format of transaction log files", "New format"
//! (Windows 8.1 and newer). Logs of the old format are recognised and refused.

use super::header::{self, BASE_BLOCK, CHECKED, Header};
use crate::bytes::u32_at;

/// File type of a log of the new format.
const NEW_FORMAT: u32 = 6;
/// Where the entries of a log begin; entries are multiples of it.
const SECTOR: usize = 512;
/// Size of an entry's head, in front of the list of its pages.
const ENTRY_HEAD: usize = 40;
/// What the entries' hashes begin with.
const SEED: u64 = 0x82EF_4D88_7A4E_55C5;
/// Hive bins come in units of this many bytes.
const BIN: u32 = 4096;
/// Largest size of all hive bins: offsets in a hive have 31 bits.
const MAX_BINS: u32 = 0x7FFF_F000;

/// A group of pages that were logged together.
struct Entry<'a> {
    sequence: u32,
    bins_size: u32,
    pages: Vec<(usize, &'a [u8])>,
}

impl Entry<'_> {
    /// Whether `next` is the entry that was logged after it.
    fn leads_to(&self, next: &Entry<'_>) -> bool {
        next.sequence == self.sequence.wrapping_add(1)
    }
}

/// Replays logs into a hive that was not written as a whole.
///
/// # Errors
/// Why they do not make it whole; the hive is then not to be used.
pub fn replay(hive: &mut Vec<u8>, logs: &[&[u8]]) -> Result<(), &'static str> {
    let header = Header::parse(hive).ok_or("the hive has no header")?;
    let from = if header.checksum_fits { header.sequence_2 } else { 0 };
    let mut found: Vec<(&[u8], Vec<Entry<'_>>)> = Vec::new();
    let mut old = false;
    for log in logs.iter().filter(|log| !log.is_empty()) {
        match Header::parse(log) {
            Some(h) if h.file_type == NEW_FORMAT && h.checksum_fits => {
                found.push((log, entries(log, from.max(h.sequence_1))));
            }
            Some(h) if h.file_type == 1 || h.file_type == 2 => old = true,
            _ => {}
        }
    }
    found.sort_by_key(|(_, entries)| entries.first().map_or(0, |e| e.sequence));
    let (newest, _) = found.last().ok_or(none(old))?;
    if !header.checksum_fits {
        // The log repeats the base block; the newest is the one to take.
        let copy = newest.get(..CHECKED).ok_or("a log is cut off")?;
        hive.get_mut(..CHECKED).ok_or("the hive is cut off")?.copy_from_slice(copy);
    }
    let mut logged: Vec<Entry<'_>> = found.into_iter().flat_map(|(_, entries)| entries).collect();
    if !header.checksum_fits {
        logged = last_run(logged);
    }
    let last = apply(hive, logged.into_iter())?;
    let (sequence, bins_size) = last.ok_or(none(old))?;
    header::settle(hive, sequence.wrapping_add(1), bins_size);
    Ok(())
}

fn none(old: bool) -> &'static str {
    if old {
        "they are of a format before Windows 8.1, which is not replayed"
    } else {
        "they hold nothing newer"
    }
}

/// What leads up to the newest entry without a gap. Where the hive does not tell what it has already, entries before
/// that may be of an earlier turn, and older than its pages. (Windows takes those of the newest log only, which may lack
/// what was logged before it changed from one to the other.)
fn last_run(mut entries: Vec<Entry<'_>>) -> Vec<Entry<'_>> {
    let mut pairs = entries.iter().zip(entries.iter().skip(1));
    let gap = pairs.rposition(|(entry, next)| !entry.leads_to(next));
    entries.split_off(gap.map_or(0, |at| at + 1))
}

/// Writes the pages of consecutive entries. The last one's number and the size of the hive bins then.
fn apply<'a>(
    hive: &mut Vec<u8>,
    entries: impl Iterator<Item = Entry<'a>>,
) -> Result<Option<(u32, u32)>, &'static str> {
    let mut last: Option<Entry<'a>> = None;
    for entry in entries {
        // A gap: what follows builds on what is lost, and Windows stops here as well.
        if last.as_ref().is_some_and(|last| !last.leads_to(&entry)) {
            break;
        }
        let end = BASE_BLOCK + entry.bins_size as usize;
        hive.resize(hive.len().max(end), 0);
        for (at, page) in &entry.pages {
            let from = BASE_BLOCK.checked_add(*at).ok_or("an entry's page lies outside of the hive")?;
            let place = hive.get_mut(from..from.saturating_add(page.len()));
            place.ok_or("an entry's page lies outside of the hive")?.copy_from_slice(page);
        }
        last = Some(entry);
    }
    Ok(last.map(|entry| (entry.sequence, entry.bins_size)))
}

/// The entries of a log from number `from` on, up to the first that does not hold or does not follow: what lies behind
/// is of an earlier turn of the log ("Log entries", notes 4, 5 and 7).
fn entries(log: &[u8], from: u32) -> Vec<Entry<'_>> {
    let mut found: Vec<Entry<'_>> = Vec::new();
    let mut at = SECTOR;
    while let Some((entry, size)) = log.get(at..).and_then(entry) {
        if found.last().is_some_and(|last| !last.leads_to(&entry)) {
            break;
        }
        if entry.sequence >= from {
            found.push(entry);
        }
        at += size;
    }
    found
}

/// The entry at the beginning of `bytes`, and its size.
fn entry(bytes: &[u8]) -> Option<(Entry<'_>, usize)> {
    if bytes.get(..4)? != b"HvLE" {
        return None;
    }
    let size = usize::try_from(u32_at(bytes, 4)?).ok()?;
    let (sequence, bins_size, count) = (u32_at(bytes, 12)?, u32_at(bytes, 16)?, u32_at(bytes, 20)?);
    let whole = bytes.get(..size)?;
    let sound = size >= SECTOR
        && size.is_multiple_of(SECTOR)
        && bins_size > 0
        && bins_size.is_multiple_of(BIN)
        && bins_size <= MAX_BINS
        && u64_at(whole, 24)? == marvin32(SEED, whole.get(ENTRY_HEAD..)?)
        && u64_at(whole, 32)? == marvin32(SEED, whole.get(..32)?);
    if !sound {
        return None;
    }
    let count = usize::try_from(count).ok()?;
    let mut data = ENTRY_HEAD.checked_add(count.checked_mul(8)?)?;
    let mut pages = Vec::new();
    for index in 0..count {
        let at = ENTRY_HEAD + index * 8;
        let (offset, len) = (u32_at(whole, at)? as usize, u32_at(whole, at + 4)? as usize);
        pages.push((offset, whole.get(data..data.checked_add(len)?)?));
        data += len;
    }
    Some((Entry { sequence, bins_size, pages }, size))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from(u32_at(bytes, at)?) | u64::from(u32_at(bytes, at + 4)?) << 32)
}

/// The hash of log entries (US patent 20130262421, "Marvin32").
pub(super) fn marvin32(seed: u64, data: &[u8]) -> u64 {
    let [a, b, c, d, e, f, g, h] = seed.to_le_bytes();
    let mut state = (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]));
    let words = data.chunks_exact(4);
    let mut last = [0; 4];
    let rest = words.remainder();
    for (place, byte) in last.iter_mut().zip(rest.iter().chain(std::iter::once(&0x80))) {
        *place = *byte;
    }
    for word in words.filter_map(|w| w.try_into().ok()).chain(std::iter::once(last)) {
        state = mix(state.0.wrapping_add(u32::from_le_bytes(word)), state.1);
    }
    let (low, high) = mix(state.0, state.1);
    u64::from(low) | u64::from(high) << 32
}

fn mix(low: u32, high: u32) -> (u32, u32) {
    let high = high ^ low;
    let low = low.rotate_left(20).wrapping_add(high);
    let high = high.rotate_left(9) ^ low;
    let low = low.rotate_left(27).wrapping_add(high);
    (low, high.rotate_left(19))
}
