//! What readers of formats that lay a disk out in blocks share: a format says where the piece at an offset lies,
//! here pieces become reads, extents and places.

use std::io;
use std::ops::Range;

use h2k_transports::RangeRead;

use super::extent_list::ExtentList;
use super::{Extent, ExtentKind, Place, check_range};

/// Where a piece of a virtual disk lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lies {
    /// In the image's file, from this byte on, as it is.
    At(u64),
    /// Nowhere: the image says that it is zeros.
    Zero,
    /// Nowhere: the image says nothing of it.
    Nowhere,
}

/// A piece of a virtual disk that lies in one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Run {
    /// Bytes; at least 1.
    pub len: u64,
    pub lies: Lies,
}

impl Run {
    /// Takes `next` in, if it lies right behind. Otherwise nothing changes and the answer is false.
    pub(crate) fn join(&mut self, next: Run) -> bool {
        let follows = match (self.lies, next.lies) {
            (Lies::At(this), Lies::At(next)) => this.checked_add(self.len) == Some(next),
            (this, next) => this == next,
        };
        if follows {
            self.len = self.len.saturating_add(next.len);
        }
        follows
    }
}

/// A virtual disk in blocks. Offsets and sizes are in bytes.
pub(crate) trait BlockMap {
    /// Virtual size.
    fn size(&self) -> u64;

    /// The piece from the guest offset `at` on; it ends at `end` or before. `at` lies before `end`, and `end` within
    /// the disk.
    ///
    /// # Errors
    /// `InvalidData` for tables that make no sense; otherwise what the medium reports.
    fn run(&self, at: u64, end: u64) -> io::Result<Run>;

    /// Fills `buf` from the image's file.
    ///
    /// # Errors
    /// What the medium reports.
    fn fetch(&self, buf: &mut [u8], offset: u64) -> io::Result<()>;
}

/// The piece at `at` with all that follow and lie right behind it, up to `end`.
fn joined(map: &dyn BlockMap, at: u64, end: u64) -> io::Result<Run> {
    let left = end.saturating_sub(at);
    let mut run = map.run(at, end)?;
    while run.len < left && run.len > 0 {
        if !run.join(map.run(at.saturating_add(run.len), end)?) {
            break;
        }
    }
    run.len = run.len.min(left);
    if run.len == 0 {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("no block holds the guest offset {at}"),
        ));
    }
    Ok(run)
}

/// [`super::DiskReader::read_at`]; neighbouring blocks are read at once.
pub(crate) fn read(map: &dyn BlockMap, buf: &mut [u8], offset: u64) -> io::Result<()> {
    let len = buf.len() as u64;
    check_range(offset, len, map.size())?;
    let end = offset.saturating_add(len);
    let (mut rest, mut at) = (buf, offset);
    while !rest.is_empty() {
        let run = joined(map, at, end)?;
        let count = usize::try_from(run.len).unwrap_or(usize::MAX).min(rest.len());
        let Some((piece, after)) = rest.split_at_mut_checked(count) else { break };
        match run.lies {
            Lies::At(place) => map.fetch(piece, place)?,
            Lies::Zero | Lies::Nowhere => piece.fill(0),
        }
        rest = after;
        at = at.saturating_add(run.len);
    }
    Ok(())
}

/// [`super::DiskReader::extents`].
pub(crate) fn extents(map: &dyn BlockMap, range: Range<u64>) -> io::Result<Vec<Extent>> {
    check_range(range.start, range.end.saturating_sub(range.start), map.size())?;
    let mut list = ExtentList::new(range.clone());
    let mut at = range.start;
    while at < range.end {
        let run = map.run(at, range.end)?;
        if run.len == 0 {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("no block holds the guest offset {at}"),
            ));
        }
        at = at.saturating_add(run.len);
        list.push_to(
            at,
            match run.lies {
                Lies::At(_) => ExtentKind::Data,
                Lies::Zero => ExtentKind::Zero,
                Lies::Nowhere => ExtentKind::Unallocated,
            },
        );
    }
    Ok(list.finish())
}

/// [`super::DiskReader::place`] of an image in `file`.
pub(crate) fn place(map: &dyn BlockMap, file: &dyn RangeRead, offset: u64) -> io::Result<Option<Place>> {
    check_range(offset, 0, map.size())?;
    let Some((file, start)) = file.local() else { return Ok(None) };
    if offset == map.size() {
        return Ok(None);
    }
    let run = map.run(offset, map.size())?;
    let Lies::At(at) = run.lies else { return Ok(None) };
    let place = |offset| Place { file: std::sync::Arc::clone(file), offset, len: run.len };
    Ok(start.checked_add(at).map(place))
}

/// How many bits from `from` on are alike, within `to`, and whether they are set; `set` says which bit of a byte is
/// which. Bits beyond the end count as clear. `None` if there is none.
pub(crate) fn bit_run(
    bits: &[u8],
    from: usize,
    to: usize,
    set: fn(u8, usize) -> bool,
) -> Option<(bool, usize)> {
    let is_set = |at: usize| bits.get(at / 8).is_some_and(|byte| set(*byte, at % 8));
    if from >= to {
        return None;
    }
    let first = is_set(from);
    let whole = if first { 0xff } else { 0 };
    let mut at = from.saturating_add(1);
    while at < to {
        if at.is_multiple_of(8) && bits.get(at / 8) == Some(&whole) {
            at = at.saturating_add(8);
        } else if is_set(at) == first {
            at = at.saturating_add(1);
        } else {
            break;
        }
    }
    Some((first, at.min(to) - from))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn msb(byte: u8, at: usize) -> bool {
        byte << at & 0x80 != 0
    }

    fn lsb(byte: u8, at: usize) -> bool {
        byte >> at & 1 != 0
    }

    #[test]
    fn bits_are_counted_in_either_order() {
        let bits = [0x0f, 0xff, 0xf0, 0, 0];
        assert_eq!(bit_run(&bits, 0, 40, msb), Some((false, 4)));
        assert_eq!(bit_run(&bits, 4, 40, msb), Some((true, 16)));
        assert_eq!(bit_run(&bits, 20, 39, msb), Some((false, 19)));
        assert_eq!(bit_run(&bits, 0, 40, lsb), Some((true, 4)));
        assert_eq!(bit_run(&bits, 8, 12, lsb), Some((true, 4)));
        assert_eq!(bit_run(&bits, 20, 24, lsb), Some((true, 4)));
        assert_eq!(bit_run(&bits, 5, 5, lsb), None);
        assert_eq!(bit_run(&[], 5, 50, lsb), Some((false, 45)));
    }

    #[test]
    fn only_what_lies_behind_is_joined() {
        let run = |len, lies| Run { len, lies };
        let mut first = run(10, Lies::At(100));
        assert!(first.join(run(5, Lies::At(110))));
        assert!(!first.join(run(5, Lies::At(116))));
        assert!(!first.join(run(5, Lies::Zero)));
        assert_eq!(first.len, 15);
        assert!(run(1, Lies::Zero).join(run(1, Lies::Zero)));
        assert!(!run(1, Lies::Zero).join(run(1, Lies::Nowhere)));
    }
}
