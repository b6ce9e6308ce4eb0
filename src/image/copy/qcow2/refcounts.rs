//! Reference counts: how often each cluster of the file is in use ("Host cluster management"). 16 bits each.

use std::io;

use super::compress::stored;
use crate::image::copy::chunk::{CLUSTER, Record};

/// Counts in a block.
pub(super) const PER_BLOCK: u64 = CLUSTER / 2;

/// Blocks and clusters of their table that a file of `used` clusters needs, which hold counts for themselves too.
pub(super) fn needed(used: u64) -> (u64, u64) {
    let (mut blocks, mut table) = (1, 1);
    loop {
        let all = used.saturating_add(blocks).saturating_add(table);
        let (b, t) = (all.div_ceil(PER_BLOCK), all.div_ceil(PER_BLOCK).div_ceil(CLUSTER / 8));
        if (b, t) == (blocks, table) {
            return (blocks, table);
        }
        (blocks, table) = (b, t);
    }
}

/// Makes the blocks one after the other.
pub(super) struct Blocks<'a> {
    /// Sorted by where they lie.
    records: Vec<&'a Record>,
    /// The first record that may reach into the next block.
    next: usize,
    /// First cluster after those of the chunks; from there on all are in use.
    tables: u64,
    /// Clusters of the file.
    total: u64,
}

impl<'a> Blocks<'a> {
    pub(super) fn new(records: &'a [Record], tables: u64, total: u64) -> Self {
        let mut records: Vec<&Record> = records.iter().filter(|r| r.clusters != 0).collect();
        records.sort_by_key(|record| record.base);
        Self { records, next: 0, tables, total }
    }

    /// The bytes of block `n`; to be asked for in order.
    pub(super) fn block(&mut self, n: u64) -> io::Result<Vec<u8>> {
        let first = n * PER_BLOCK;
        let mut counts = vec![0u16; PER_BLOCK as usize];
        let mut add = |cluster: u64| {
            let place = cluster.checked_sub(first).and_then(|at| counts.get_mut(usize::try_from(at).ok()?));
            if let Some(count) = place {
                *count = count.saturating_add(1);
            }
        };
        if n == 0 {
            // The header.
            add(0);
        }
        let end = first + PER_BLOCK;
        for record in self.records.iter().skip(self.next).take_while(|r| r.base / CLUSTER < end) {
            if record.lengths.is_empty() {
                let start = record.base / CLUSTER;
                (start..start + u64::from(record.clusters.count_ones())).for_each(&mut add);
            } else {
                // A compressed cluster counts for each cluster of the file that it touches.
                for piece in stored(record) {
                    let last = (piece.at + u64::from(piece.len)).saturating_sub(1) / CLUSTER;
                    (piece.at / CLUSTER..=last).for_each(&mut add);
                }
            }
        }
        (self.tables.max(first)..self.total.min(end)).for_each(&mut add);
        let done = self.records.iter().skip(self.next);
        self.next += done.take_while(|r| (r.base + r.host_bytes()) / CLUSTER <= end).count();
        Ok(counts.iter().flat_map(|count| count.to_be_bytes()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_count_themselves() {
        assert_eq!(needed(1), (1, 1));
        assert_eq!(needed(PER_BLOCK - 2), (1, 1));
        assert_eq!(needed(PER_BLOCK - 1), (2, 1));
        let (blocks, table) = needed(u64::MAX >> 20);
        assert!(blocks * PER_BLOCK >= (u64::MAX >> 20) + blocks + table);
    }

    #[test]
    fn gaps_of_an_interrupted_copy_are_free() {
        let record = |index, base, clusters| Record { index, base, clusters, ..Record::default() };
        let records = [record(0, 5 * CLUSTER, 0b11), record(1, CLUSTER, 0b1), record(2, 0, 0)];
        let mut blocks = Blocks::new(&records, 7, 9);
        let bytes = blocks.block(0).unwrap();
        let counts: Vec<u16> = bytes.chunks(2).take(10).map(|c| u16::from_be_bytes([c[0], c[1]])).collect();
        assert_eq!(counts, [1, 1, 0, 0, 0, 1, 1, 1, 1, 0]);
    }
}
