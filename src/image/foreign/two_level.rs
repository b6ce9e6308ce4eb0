//! QED and the first qcow: two levels of tables with 64-bit offsets, as qcow2 has them.

use h2k_transports::RangeRead;

use super::whole::short;
use crate::image::bytes::{Fields, read_vec};
use crate::image::error::ImageError;
use crate::image::truncated::Reach;

/// Bytes of the level 1 table that are read at once.
const L1_AT_ONCE: u64 = 64 << 10;

/// Largest level 2 table in bytes: 16 clusters of 64 MiB are the specification's, 16 of 64 KiB QEMU's own.
const MAX_L2: u64 = 4 << 20;

/// The tables of an image.
struct Tables {
    l1_offset: u64,
    /// Bytes of the level 1 table.
    l1_bytes: u64,
    /// Bytes of a level 2 table.
    l2_bytes: u64,
    /// Bytes of a cluster.
    cluster: u64,
    /// The 64-bit word at the beginning of 8 bytes.
    word: fn(&[u8]) -> u64,
    /// Where the cluster of a level 2 entry begins in the file; 0 for none.
    place: fn(u64, u64) -> u64,
}

/// QED (QEMU docs/interop/qed_spec.rst). All fields are little-endian.
pub(super) fn qed(file: &dyn RangeRead, header: Fields<'_>) -> Result<Reach, ImageError> {
    let (cluster, clusters) = header.u32_le(4).zip(header.u32_le(8)).ok_or_else(short)?;
    let l1_offset = header.u64_le(40).ok_or_else(short)?;
    // "Must be a power of 2 in range"; 4 KiB to 64 MiB, and tables of 1 to 16 of them.
    if !cluster.is_power_of_two() || !(1 << 12..=1 << 26).contains(&cluster) || !(1..=16).contains(&clusters)
    {
        return Err(ImageError::corrupt(format!("QED header: {clusters} clusters of {cluster} bytes")));
    }
    let (cluster, table) = (u64::from(cluster), u64::from(cluster) * u64::from(clusters));
    // An offset of 1 says that the cluster reads as zeros.
    let place = |entry, _| if entry == 1 { 0 } else { entry };
    Tables { l1_offset, l1_bytes: table, l2_bytes: table, cluster, word: little, place }.reach(file)
}

/// qcow, version 1 (QEMU block/qcow.c). All fields are big-endian.
pub(super) fn qcow(file: &dyn RangeRead, header: Fields<'_>) -> Result<Reach, ImageError> {
    let (size, l1_offset) = header.u64_be(24).zip(header.u64_be(40)).ok_or_else(short)?;
    let ([cluster_bits, l2_bits], crypt) = header.array(32).zip(header.u32_be(36)).ok_or_else(short)?;
    if crypt != 0 {
        return Err(ImageError::unsupported("the qcow image is encrypted")
            .with_hint("decrypt it first: `qemu-img convert` with `--object secret`"));
    }
    if !(9..=16).contains(&cluster_bits) || !(6..=13).contains(&l2_bits) {
        return Err(ImageError::corrupt(format!(
            "qcow header: cluster_bits is {cluster_bits}, l2_bits is {l2_bits}"
        )));
    }
    let cluster = 1u64 << cluster_bits;
    let l1_bytes = size.div_ceil(cluster << l2_bits).saturating_mul(8);
    // Bit 63: compressed, with the length of the data in the cluster_bits below it.
    let place = |entry: u64, cluster: u64| match entry >> 63 {
        0 => entry,
        _ => entry & ((1 << (63 - cluster.trailing_zeros())) - 1),
    };
    Tables { l1_offset, l1_bytes, l2_bytes: 8 << l2_bits, cluster, word: big, place }.reach(file)
}

impl Tables {
    fn reach(&self, file: &dyn RangeRead) -> Result<Reach, ImageError> {
        let mut reach = Reach::default();
        let end = self.l1_offset.checked_add(self.l1_bytes);
        reach.extend(end);
        let Some(end) = end.filter(|end| *end <= file.size() && self.l2_bytes <= MAX_L2) else {
            reach.at_least = true;
            return Ok(reach);
        };
        let mut budget = file.size();
        let mut at = self.l1_offset;
        while at < end {
            let now = L1_AT_ONCE.min(end - at);
            for table in self.words(file, at, now)?.into_iter().filter(|table| *table != 0) {
                let end = table.checked_add(self.l2_bytes);
                if end.is_none_or(|end| end > file.size()) {
                    reach.extend(end);
                    reach.at_least = true;
                    continue;
                }
                // Each table has a place of its own, which bounds the work that a small hostile file causes.
                budget = budget
                    .checked_sub(self.l2_bytes)
                    .ok_or_else(|| ImageError::corrupt("level 2 tables overlap"))?;
                self.reach_of(file, table, &mut reach)?;
            }
            at += now;
        }
        Ok(reach)
    }

    fn reach_of(&self, file: &dyn RangeRead, table: u64, reach: &mut Reach) -> Result<(), ImageError> {
        for entry in self.words(file, table, self.l2_bytes)? {
            let start = (self.place)(entry, self.cluster);
            // The last cluster of a file may end early: what was never written in it need not be there.
            if start >= file.size() {
                reach.extend(start.checked_add(self.cluster));
            }
        }
        Ok(())
    }

    fn words(&self, file: &dyn RangeRead, at: u64, length: u64) -> Result<Vec<u64>, ImageError> {
        let bytes =
            read_vec(file, at, length as usize).map_err(|e| ImageError::io("reading the tables", e))?;
        Ok(bytes.chunks_exact(8).map(self.word).collect())
    }
}

fn little(bytes: &[u8]) -> u64 {
    Fields(bytes).u64_le(0).unwrap_or_default()
}

fn big(bytes: &[u8]) -> u64 {
    Fields(bytes).u64_be(0).unwrap_or_default()
}
