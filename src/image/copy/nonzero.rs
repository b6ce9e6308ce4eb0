//! Which parts of a chunk hold something other than zeros.

use super::chunk::CLUSTER;
use crate::image::bytes::is_zero;

/// Bytes that are looked at together: the smallest hole that file systems know.
const BLOCK: usize = 4096;

/// A zero run that is worth a hole in a raw file, in bytes. Shorter ones are written: a seek costs more.
const HOLE: usize = 32 << 10;

/// Clusters that hold something, the first one in bit 0. `bytes` is a chunk at most.
pub(super) fn clusters(bytes: &[u8]) -> u64 {
    let cluster = CLUSTER as usize;
    let held = bytes.chunks(cluster).enumerate().filter(|(_, part)| !is_zero(part));
    held.fold(0, |bits, (n, _)| bits | 1u64.checked_shl(n as u32).unwrap_or(0))
}

/// Runs that hold something, as start and end, without holes that are not worth one.
pub(super) fn runs(bytes: &[u8]) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for (n, block) in bytes.chunks(BLOCK).enumerate() {
        if is_zero(block) {
            continue;
        }
        let start = n * BLOCK;
        let end = start + block.len();
        match runs.last_mut() {
            Some(last) if start - last.1 < HOLE => last.1 = end,
            _ => runs.push((start, end)),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clusters_and_runs() {
        let mut bytes = vec![0; 4 << 20];
        bytes[0] = 1;
        bytes[(3 << 20) - 1] = 1;
        assert_eq!(clusters(&bytes), 1 | 1 << 47);
        assert_eq!(runs(&bytes), [(0, 4096), ((3 << 20) - 4096, 3 << 20)]);
        // A hole of 28 KiB is written, one of 32 KiB is not.
        let mut bytes = vec![0; 100 << 10];
        for at in [0, 32 << 10, 68 << 10] {
            bytes[at] = 1;
        }
        assert_eq!(runs(&bytes), [(0, 36 << 10), (68 << 10, 72 << 10)]);
        assert_eq!(runs(&[0, 0, 1]), [(0, 3)]);
    }
}
