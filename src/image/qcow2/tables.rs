//! Walks the active level 1 and level 2 tables: QEMU docs/interop/qcow2.rst, "Cluster mapping". QEMU reads zeros
//! beyond the end of a file, so a truncated image would pass for an empty disk.

use h2k_transports::RangeRead;

use super::entry::Layout;
use super::header::Qcow2Header;
use crate::image::bytes::{Fields, read_vec};
use crate::image::error::ImageError;
use crate::image::truncated::Reach;

/// Level 1 entries read at once.
const ENTRIES_AT_ONCE: u64 = 8192;

impl Qcow2Header {
    /// Checks that every cluster of the active state lies inside the file, and that all entries make sense.
    ///
    /// # Errors
    /// `Corrupt`, with the number of missing bytes where the file is truncated; `Io` if the medium fails.
    pub fn verify(&self, file: &dyn RangeRead) -> Result<(), ImageError> {
        self.check_level_1(file)?;
        let layout = Layout::of(self);
        let mut reach = Reach::default();
        let entries = u64::from(self.l1_entries);
        let mut budget = file.size();
        let mut first = 0;
        while first < entries {
            let now = ENTRIES_AT_ONCE.min(entries - first);
            for (entry, number) in words(file, self.l1_offset + first * 8, now * 8)?.iter().zip(first..) {
                let table = layout.table(*entry);
                let table = table.map_err(|why| damaged(format!("level 1 entry {number}"), &why))?;
                let Some(at) = table else { continue };
                let end = at.checked_add(layout.cluster());
                if end.is_none_or(|end| end > file.size()) {
                    reach.extend(end);
                    reach.at_least = true;
                } else {
                    // Each table has a cluster of its own, which bounds the work that a small hostile file causes.
                    budget = budget
                        .checked_sub(layout.cluster())
                        .ok_or_else(|| ImageError::corrupt("level 2 tables overlap"))?;
                    verify_table(layout, file, at, &mut reach)?;
                }
            }
            first += now;
        }
        reach.check(file.size())
    }

    /// Checks that the active level 1 table is long enough, and lies inside the file.
    ///
    /// # Errors
    /// `Corrupt`.
    pub(super) fn check_level_1(&self, file: &dyn RangeRead) -> Result<(), ImageError> {
        let entries = u64::from(self.l1_entries);
        if entries < self.size.div_ceil(Layout::of(self).covered()) {
            return Err(ImageError::corrupt("the qcow2 level 1 table is smaller than its disk"));
        }
        let mut reach = Reach { at_least: true, ..Reach::default() };
        reach.extend(self.l1_offset.checked_add(entries * 8));
        reach.check(file.size())
    }
}

fn verify_table(layout: Layout, file: &dyn RangeRead, at: u64, reach: &mut Reach) -> Result<(), ImageError> {
    let table = words(file, at, layout.cluster())?;
    for (entry, number) in table.chunks_exact(layout.entry_words() as usize).zip(0u64..) {
        let word = |n: usize| entry.get(n).copied().unwrap_or_default();
        let place = || format!("entry {number} of the level 2 table at byte {at}");
        let cluster = layout.entry(word(0), word(1)).map_err(|why| damaged(place(), &why))?;
        // The last cluster of a file may end early: what was never written in it need not be there.
        if let Some(start) = cluster.host().filter(|start| *start >= file.size()) {
            reach.extend(start.checked_add(layout.cluster()));
        }
    }
    Ok(())
}

fn damaged(place: String, why: &str) -> ImageError {
    ImageError::corrupt(format!("qcow2 {place}: {why}"))
        .with_hint("repair a copy: `qemu-img check -r all`; or fetch the file again")
}

/// `length` bytes from `at` as big-endian words.
fn words(file: &dyn RangeRead, at: u64, length: u64) -> Result<Vec<u64>, ImageError> {
    let length = usize::try_from(length).map_err(|_| ImageError::corrupt("a qcow2 table is too large"))?;
    let bytes = read_vec(file, at, length).map_err(|e| ImageError::io("reading the qcow2 tables", e))?;
    Ok(bytes.chunks_exact(8).filter_map(|word| Fields(word).u64_be(0)).collect())
}
