//! Chunks: the unit of work, of the journal and of the content digest.

use std::ops::Range;

/// Bytes of a chunk.
pub const CHUNK: u64 = 4 << 20;

/// Bytes of a qcow2 cluster, and the unit in which a chunk is laid out.
pub const CLUSTER: u64 = 64 << 10;

/// Clusters of a chunk: one bit each in [`Record::clusters`].
pub const CLUSTERS: usize = (CHUNK / CLUSTER) as usize;

/// BLAKE3 of a chunk's content.
pub type Digest = [u8; 32];

/// A chunk that was copied: enough to write the target's tables without looking at the data again.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Record {
    /// Number of the chunk in the disk.
    pub index: u64,
    /// BLAKE3 of the chunk as the guest sees it; `None` where its blocks are shared and were not read.
    pub digest: Option<Digest>,
    /// Which clusters hold data, the first one in bit 0. The others are zeros.
    pub clusters: u64,
    /// Where the first of them begins in a qcow2 target, in bytes; the others follow without gaps.
    pub base: u64,
    /// Compressed qcow2: the length of each cluster that holds data, in bytes, in order; [`CLUSTER`] for one that is
    /// stored as it is. Empty for a target without compression.
    pub lengths: Vec<u32>,
    /// Bytes of data that the chunk counts for in the progress.
    pub data: u64,
}

impl Record {
    /// Bytes that it takes in a qcow2 target, in whole clusters.
    pub fn host_bytes(&self) -> u64 {
        if self.lengths.is_empty() {
            return u64::from(self.clusters.count_ones()) * CLUSTER;
        }
        let sum = self.lengths.iter().fold(0u64, |sum, len| sum.saturating_add(u64::from(*len)));
        sum.next_multiple_of(CLUSTER)
    }

    /// Numbers of the clusters that hold data, within the chunk.
    pub fn occupied(&self) -> impl Iterator<Item = u32> {
        let clusters = self.clusters;
        (0..CLUSTERS as u32).filter(move |n| clusters >> n & 1 == 1)
    }
}

/// The guest bytes of a chunk in a disk of `size` bytes.
pub fn range(index: u64, size: u64) -> Range<u64> {
    let start = index.saturating_mul(CHUNK).min(size);
    start..size.min(start.saturating_add(CHUNK))
}

/// Runs of set bits: first cluster and number of clusters.
pub fn runs(bits: u64) -> impl Iterator<Item = (u32, u32)> {
    let mut rest = bits;
    std::iter::from_fn(move || {
        if rest == 0 {
            return None;
        }
        let first = rest.trailing_zeros();
        let count = (!(rest >> first)).trailing_zeros().min(64 - first);
        rest = if first + count >= 64 { 0 } else { rest >> (first + count) << (first + count) };
        Some((first, count))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_bits() {
        let all = |bits| runs(bits).collect::<Vec<_>>();
        assert_eq!(all(0), []);
        assert_eq!(all(u64::MAX), [(0, 64)]);
        assert_eq!(all(0b1011), [(0, 2), (3, 1)]);
        assert_eq!(all(1 << 63 | 1), [(0, 1), (63, 1)]);
    }

    #[test]
    fn the_last_chunk_ends_with_the_disk() {
        assert_eq!(range(0, CHUNK + 5), 0..CHUNK);
        assert_eq!(range(1, CHUNK + 5), CHUNK..CHUNK + 5);
        assert_eq!(range(u64::MAX, 7), 7..7);
    }

    #[test]
    fn host_bytes_are_whole_clusters() {
        let mut record = Record { clusters: 0b101, ..Record::default() };
        assert_eq!(record.host_bytes(), 2 * CLUSTER);
        record.lengths = vec![10, CLUSTER as u32];
        assert_eq!(record.host_bytes(), 2 * CLUSTER);
        assert_eq!(record.occupied().collect::<Vec<_>>(), [0, 2]);
    }
}
