//! Whether blocks and structures lie inside the file and apart from each other.

use h2k_transports::RangeRead;

use super::format::{MIB, Region};
use super::table::{self, Layout, PAGE_ENTRIES, PRESENT, Payload};
use crate::image::error::ImageError;
use crate::image::truncated::Reach;

/// Largest file whose blocks are checked: twice the largest disk. A bit for each MiB takes 16 MiB then.
const MAX_END: u64 = 128 << 40;

/// Which MiB of the file are taken.
#[derive(Default)]
struct Taken(Vec<u64>);

impl Taken {
    /// Takes the MiBs from `start` to `end`, which must not be beyond [`MAX_END`]. Whether they were free.
    fn take(&mut self, start: u64, end: u64) -> bool {
        let (mut at, end) = (start / MIB, end.div_ceil(MIB));
        self.0.resize(self.0.len().max(end.div_ceil(64) as usize), 0);
        let mut free = true;
        while at < end {
            let bit = at % 64;
            let count = (64 - bit).min(end - at);
            let mask = (u64::MAX >> (64 - count)) << bit;
            if let Some(word) = self.0.get_mut((at / 64) as usize) {
                free &= *word & mask == 0;
                *word |= mask;
            }
            at = at.saturating_add(count);
        }
        free
    }
}

struct Check {
    taken: Taken,
    reach: Reach,
}

impl Check {
    fn take(&mut self, what: impl Fn() -> String, start: u64, length: u64) -> Result<(), ImageError> {
        let end = start.checked_add(length).filter(|end| *end <= MAX_END);
        let Some(end) = end else {
            return Err(ImageError::corrupt(format!("{} at byte {start} ends beyond all files", what())));
        };
        self.reach.extend(Some(end));
        if self.taken.take(start, end) {
            return Ok(());
        }
        Err(ImageError::corrupt(format!(
            "{} at byte {start} overlaps another block or structure of the VHDX",
            what()
        )))
    }
}

/// Checks all blocks and `structures`.
///
/// # Errors
/// `Corrupt`, with the number of missing bytes where the file is truncated; `Io` if the medium fails.
pub(super) fn check(layout: &Layout, structures: &[Region], file: &dyn RangeRead) -> Result<(), ImageError> {
    let mut check = Check { taken: Taken::default(), reach: Reach::default() };
    check.take(|| "the header section".to_owned(), 0, MIB)?;
    for region in structures.iter().filter(|region| region.length > 0) {
        check.take(|| "a region".to_owned(), region.offset, region.length)?;
    }
    let row = layout.ratio().saturating_add(1);
    let mut needs_bitmap = None;
    for page in 0..layout.entries().div_ceil(PAGE_ENTRIES) {
        let entries = layout.read_page(file, page).map_err(|e| {
            ImageError::io(format!("reading the block allocation table at byte {}", layout.table.offset), e)
        })?;
        for (index, entry) in (page.saturating_mul(PAGE_ENTRIES)..).zip(entries) {
            if index % row == row - 1 {
                check_bitmap(layout, &mut check, index, entry, needs_bitmap.take())?;
            } else if index - index / row < layout.blocks() {
                let place = check_payload(layout, &mut check, index, entry)?;
                needs_bitmap = needs_bitmap.or(place);
            }
        }
    }
    check.reach.check(file.size())
}

/// The block's entry if it needs a sector bitmap.
fn check_payload(
    layout: &Layout,
    check: &mut Check,
    index: u64,
    entry: u64,
) -> Result<Option<u64>, ImageError> {
    let what = || format!("the payload block of entry {index} of the block allocation table");
    match layout.payload(entry) {
        Ok(Payload::Nothing | Payload::Zero) => Ok(None),
        Ok(Payload::Whole(at)) => check.take(what, at, layout.block).map(|()| None),
        Ok(Payload::Part(at)) => check.take(what, at, layout.block).map(|()| Some(index)),
        Err(state) => Err(ImageError::corrupt(format!("{} has the state {state}", what()))),
    }
}

/// `needed_by` is the entry of a payload block that needs this sector bitmap (2.5.1.2). Without a parent, what such an
/// entry says means nothing.
fn check_bitmap(
    layout: &Layout,
    check: &mut Check,
    index: u64,
    entry: u64,
    needed_by: Option<u64>,
) -> Result<(), ImageError> {
    if !layout.differencing {
        return Ok(());
    }
    match (entry & 7, needed_by) {
        (PRESENT, _) => check.take(
            || format!("the sector bitmap block of entry {index} of the block allocation table"),
            table::place(entry),
            MIB,
        ),
        (_, None) => Ok(()),
        (state, Some(block)) => Err(ImageError::corrupt(format!(
            "the payload block of entry {block} of the block allocation table needs the sector bitmap of entry {index}, which has the state {state}"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mib_is_taken_once() {
        let mut taken = Taken::default();
        assert!(taken.take(0, MIB));
        assert!(taken.take(MIB, 200 * MIB));
        assert!(!taken.take(63 * MIB, 64 * MIB));
        assert!(!taken.take(64 * MIB, 65 * MIB));
        assert!(!taken.take(199 * MIB, 201 * MIB));
        assert!(taken.take(201 * MIB, 201 * MIB + 1));
        assert!(!taken.take(201 * MIB, 201 * MIB + 1));
        assert!(taken.take(1000 * MIB, 1064 * MIB));
        assert!(taken.take(999 * MIB, 1000 * MIB));
    }
}
