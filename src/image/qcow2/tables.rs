//! Walks the active level 1 and level 2 tables: QEMU docs/interop/qcow2.rst, "Cluster mapping". QEMU reads zeros
//! beyond the end of a file, so a truncated image would pass for an empty disk.

use h2k_transports::RangeRead;

use super::header::Qcow2Header;
use crate::image::bytes::{Fields, read_vec};
use crate::image::error::ImageError;
use crate::image::truncated::Reach;

/// Level 1 entries read at once.
const ENTRIES_AT_ONCE: u64 = 8192;

/// Bits 9 to 55: a host offset.
const OFFSET: u64 = 0x00ff_ffff_ffff_fe00;

/// Level 2: the cluster is compressed.
const COMPRESSED: u64 = 1 << 62;

/// Level 2, standard cluster: reads as zeros (version 3).
const ZERO: u64 = 1;

impl Qcow2Header {
    /// Checks that every cluster of the active state lies inside the file.
    ///
    /// # Errors
    /// `Corrupt`, with the number of missing bytes where the file is truncated; `Io` if the medium fails.
    pub fn verify(&self, file: &dyn RangeRead) -> Result<(), ImageError> {
        let mut reach = Reach::default();
        let cluster = 1u64 << self.cluster_bits;
        let entries = u64::from(self.l1_entries);
        if entries < self.l1_needed() {
            return Err(ImageError::corrupt("the qcow2 level 1 table is smaller than its disk"));
        }
        let end = self.l1_offset.checked_add(entries * 8);
        reach.extend(end);
        if end.is_none_or(|end| end > file.size()) {
            reach.at_least = true;
            return reach.check(file.size());
        }
        let mut budget = file.size();
        let mut first = 0;
        while first < entries {
            let now = ENTRIES_AT_ONCE.min(entries - first);
            for entry in words(file, self.l1_offset + first * 8, now * 8)? {
                let at = entry & OFFSET;
                if at != 0 {
                    // Each table has a cluster of its own, which bounds the work that a small hostile file causes.
                    budget = budget
                        .checked_sub(cluster)
                        .ok_or_else(|| ImageError::corrupt("level 2 tables overlap"))?;
                    self.verify_table(file, at, &mut reach)?;
                }
            }
            first += now;
        }
        reach.check(file.size())
    }

    /// Level 1 entries that the capacity needs.
    fn l1_needed(&self) -> u64 {
        let cluster = 1u64 << self.cluster_bits;
        let covered = cluster / self.l2_entry_bytes() * cluster;
        self.size.div_ceil(covered)
    }

    fn l2_entry_bytes(&self) -> u64 {
        if self.extended_l2 { 16 } else { 8 }
    }

    fn verify_table(&self, file: &dyn RangeRead, at: u64, reach: &mut Reach) -> Result<(), ImageError> {
        let cluster = 1u64 << self.cluster_bits;
        let end = at.checked_add(cluster);
        if end.is_none_or(|end| end > file.size()) {
            reach.extend(end);
            reach.at_least = true;
            return Ok(());
        }
        let table = words(file, at, cluster)?;
        let step = if self.extended_l2 { 2 } else { 1 };
        for entry in table.iter().step_by(step) {
            let start = self.host_offset(*entry);
            // The last cluster of a file may end early: what was never written in it need not be there.
            if start.is_some_and(|start| start >= file.size()) {
                reach.extend(start.and_then(|start| start.checked_add(cluster)));
            }
        }
        Ok(())
    }

    /// Where the cluster of a level 2 entry begins in the file, if it has a place there.
    fn host_offset(&self, entry: u64) -> Option<u64> {
        if entry & COMPRESSED != 0 {
            // "x = 62 - (cluster_bits - 8)": bits 0 to x-1 are the offset.
            let bits = 62 - (self.cluster_bits - 8);
            return Some(entry & ((1 << bits) - 1));
        }
        let zero = !self.extended_l2 && entry & ZERO != 0;
        Some(entry & OFFSET).filter(|at| *at != 0 && !zero)
    }
}

/// `length` bytes from `at` as big-endian words.
fn words(file: &dyn RangeRead, at: u64, length: u64) -> Result<Vec<u64>, ImageError> {
    let length = usize::try_from(length).map_err(|_| ImageError::corrupt("a qcow2 table is too large"))?;
    let bytes = read_vec(file, at, length).map_err(|e| ImageError::io("reading the qcow2 tables", e))?;
    Ok(bytes.chunks_exact(8).filter_map(|word| Fields(word).u64_be(0)).collect())
}
