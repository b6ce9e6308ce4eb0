//! A file as it would be after its log was replayed: a few sectors replaced, a few ranges zeroed, perhaps longer.
//! Nothing is copied; replaced sectors are read from the log when they are needed.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;

use h2k_transports::RangeRead;

use crate::image::check_range;

/// Bytes of a log sector, the unit of all changes (2.3.1).
pub(super) const LOG_SECTOR: u64 = 4 << 10;

/// Most changed ranges. A log of 256 MiB holds 65,536 sectors; this many cost 10 MiB of memory.
const MAX_PATCHES: usize = 128 << 10;

/// What stands in place of the file's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Patch {
    Zeros,
    /// One sector: the bytes 8..4092 of the data sector in the log, between these (2.3.1.3).
    Sector {
        /// Where the data sector stands in the file, in bytes.
        log: u64,
        leading: [u8; 8],
        trailing: [u8; 4],
    },
}

/// The changes of a log. Empty without one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Replay {
    /// Changed ranges by their first byte, each with its end; they do not overlap.
    patches: BTreeMap<u64, (u64, Patch)>,
    /// What the file must at least be extended to, in bytes.
    pub end: u64,
}

impl Replay {
    /// Puts a change over all earlier ones. All ranges are in whole log sectors.
    ///
    /// # Errors
    /// The number of changes, if that is too many.
    pub(super) fn put(&mut self, range: Range<u64>, patch: Patch) -> Result<(), usize> {
        let before = self.patches.range(..range.start).next_back().map(|(start, old)| (*start, *old));
        if let Some((start, (end, old))) = before.filter(|(_, (end, _))| *end > range.start) {
            self.patches.insert(start, (range.start, old));
            if end > range.end {
                self.patches.insert(range.end, (end, old));
            }
        }
        while let Some((start, (end, old))) = self.patches.range(range.clone()).next().map(|(s, o)| (*s, *o))
        {
            self.patches.remove(&start);
            if end > range.end {
                self.patches.insert(range.end, (end, old));
            }
        }
        self.patches.insert(range.start, (range.end, patch));
        if self.patches.len() > MAX_PATCHES { Err(self.patches.len()) } else { Ok(()) }
    }

    /// Whether a range is other than in the file.
    pub(super) fn changes(&self, range: &Range<u64>) -> bool {
        self.patches.range(..range.end).next_back().is_some_and(|(_, (end, _))| *end > range.start)
    }

    /// The file with these changes.
    pub(super) fn over<'a>(&'a self, file: &'a dyn RangeRead) -> Replayed<'a> {
        Replayed { file, replay: self }
    }

    /// The change at `at`, if there is one, and where it, or what is unchanged, ends.
    fn at(&self, at: u64) -> (Option<(u64, Patch)>, u64) {
        let found = self.patches.range(..=at).next_back();
        match found.filter(|(_, (end, _))| *end > at) {
            Some((start, (end, patch))) => (Some((*start, *patch)), *end),
            None => (None, self.patches.range(at..).next().map_or(u64::MAX, |(start, _)| *start)),
        }
    }
}

/// A file as it would be after the replay.
#[derive(Clone, Copy)]
pub(super) struct Replayed<'a> {
    file: &'a dyn RangeRead,
    replay: &'a Replay,
}

impl Replayed<'_> {
    /// Fills from the file; what the replay appended to it is zeros.
    fn plain(&self, buf: &mut [u8], at: u64) -> io::Result<()> {
        let there = usize::try_from(self.file.size().saturating_sub(at)).unwrap_or(usize::MAX).min(buf.len());
        let Some((from_file, appended)) = buf.split_at_mut_checked(there) else { return Ok(()) };
        appended.fill(0);
        if from_file.is_empty() { Ok(()) } else { self.file.read_at(from_file, at) }
    }

    fn sector(&self, buf: &mut [u8], skip: u64, log: u64, ends: ([u8; 8], [u8; 4])) -> io::Result<()> {
        let mut sector = [0; LOG_SECTOR as usize];
        self.file.read_at(&mut sector, log)?;
        let (leading, trailing) = ends;
        if let Some(first) = sector.first_chunk_mut() {
            *first = leading;
        }
        if let Some(last) = sector.last_chunk_mut() {
            *last = trailing;
        }
        let part = sector.get(skip as usize..).and_then(|rest| rest.get(..buf.len()));
        part.map(|part| buf.copy_from_slice(part)).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

impl RangeRead for Replayed<'_> {
    fn size(&self) -> u64 {
        self.file.size().max(self.replay.end)
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        check_range(offset, buf.len() as u64, self.size())?;
        let (mut rest, mut at) = (buf, offset);
        while !rest.is_empty() {
            let (patch, end) = self.replay.at(at);
            let count = usize::try_from(end.saturating_sub(at)).unwrap_or(usize::MAX).min(rest.len());
            let Some((piece, after)) = rest.split_at_mut_checked(count) else { break };
            match patch {
                None => self.plain(piece, at)?,
                Some((_, Patch::Zeros)) => piece.fill(0),
                Some((start, Patch::Sector { log, leading, trailing })) => {
                    self.sector(piece, at.saturating_sub(start), log, (leading, trailing))?;
                }
            }
            rest = after;
            at = end;
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "replay_tests.rs"]
mod tests;
