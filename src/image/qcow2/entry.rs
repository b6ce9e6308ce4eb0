//! Entries of the tables that map guest to host clusters: QEMU docs/interop/qcow2.rst, "Cluster mapping". What the
//! specification reserves must be 0: a bit that is set there is damage, and what it damaged is not known.

use super::header::Qcow2Header;
use crate::image::bytes::SECTOR;

/// Bits 9 to 55 of an entry: a host offset in bytes.
const OFFSET: u64 = 0x00ff_ffff_ffff_fe00;

/// Level 1: bits 0 to 8 and 56 to 62.
const L1_RESERVED: u64 = 0x7f00_0000_0000_01ff;

/// Level 2, "Standard Cluster Descriptor": bits 1 to 8 and, of the whole entry, 56 to 61.
const L2_RESERVED: u64 = 0x3f00_0000_0000_01fe;

/// Level 2: the cluster is compressed.
const COMPRESSED: u64 = 1 << 62;

/// Level 2, standard cluster: reads as zeros. Version 3 without subclusters.
const ZERO: u64 = 1;

/// Subclusters of a cluster, where there are any.
const SUBCLUSTERS: u32 = 32;

/// How an image maps its clusters.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    version: u32,
    cluster_bits: u32,
    extended: bool,
}

/// Where guest bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mapping {
    /// Not in this image.
    Unallocated,
    /// Zeros, whatever the parent holds.
    Zero,
    /// From this byte of the file on.
    Data(u64),
    /// In a compressed cluster.
    Packed(Packed),
}

/// The place of a compressed cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Packed {
    /// First byte in the file.
    pub at: u64,
    /// Bytes up to the end of its last sector; the compressed data may end before.
    pub len: u64,
    /// The descriptor itself: what is unpacked from equal ones is equal.
    pub descriptor: u64,
}

/// A cluster as its level 2 entry describes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cluster {
    /// All of it alike.
    Whole(Mapping),
    /// By subclusters, one bit each, the first one lowest. No bit is set in both.
    Parts {
        /// Where the cluster begins in the file; 0 if it has no place there.
        at: u64,
        /// Which subclusters are data.
        allocated: u32,
        /// Which subclusters are zeros.
        zero: u32,
    },
}

impl Layout {
    pub(super) fn of(header: &Qcow2Header) -> Self {
        Self { version: header.version, cluster_bits: header.cluster_bits, extended: header.extended_l2 }
    }

    /// Bytes of a cluster.
    pub(super) fn cluster(self) -> u64 {
        1 << self.cluster_bits
    }

    /// How far into its cluster an offset, guest or host, lies.
    pub(super) fn within(self, at: u64) -> u64 {
        at & (self.cluster() - 1)
    }

    /// 64-bit words of a level 2 entry.
    pub(super) fn entry_words(self) -> u64 {
        if self.extended { 2 } else { 1 }
    }

    /// Entries of a level 2 table, which fills a cluster.
    pub(super) fn entries(self) -> u64 {
        self.cluster() / (8 * self.entry_words())
    }

    /// Guest bytes that a level 2 table maps; at most 2^39.
    pub(super) fn covered(self) -> u64 {
        self.entries() * self.cluster()
    }

    /// Bytes of the smallest piece that is mapped by itself.
    pub(super) fn unit(self) -> u64 {
        if self.extended { self.cluster() / u64::from(SUBCLUSTERS) } else { self.cluster() }
    }

    /// Where the level 2 table of a level 1 entry begins in the file.
    ///
    /// # Errors
    /// What is wrong with the entry.
    pub(super) fn table(self, entry: u64) -> Result<Option<u64>, String> {
        if entry & L1_RESERVED != 0 {
            return Err(format!("it has reserved bits set ({entry:#018x})"));
        }
        let at = self.aligned(entry & OFFSET)?;
        Ok(Some(at).filter(|at| *at != 0))
    }

    /// The cluster of a level 2 entry; `bitmap` is its second word, if it has two.
    ///
    /// # Errors
    /// What is wrong with the entry.
    pub(super) fn entry(self, entry: u64, bitmap: u64) -> Result<Cluster, String> {
        if entry & COMPRESSED != 0 {
            return Ok(Cluster::Whole(Mapping::Packed(self.packed(entry))));
        }
        let no_zeros = self.extended || self.version < 3;
        if entry & (L2_RESERVED | if no_zeros { ZERO } else { 0 }) != 0 {
            return Err(format!("it has reserved bits set ({entry:#018x})"));
        }
        let at = self.aligned(entry & OFFSET)?;
        if self.extended {
            return parts(at, bitmap);
        }
        Ok(Cluster::Whole(match at {
            _ if entry & ZERO != 0 => Mapping::Zero,
            0 => Mapping::Unallocated,
            at => Mapping::Data(at),
        }))
    }

    /// "Compressed Clusters Descriptor": with x = 62 - (cluster_bits - 8), bits 0 to x-1 are the host offset, bits x
    /// to 61 the sectors that follow the one in which it lies.
    fn packed(self, entry: u64) -> Packed {
        let x = 62 - (self.cluster_bits - 8);
        let descriptor = entry & (COMPRESSED - 1);
        let (at, more) = (descriptor & ((1 << x) - 1), descriptor >> x);
        Packed { at, len: (more + 1) * SECTOR - at % SECTOR, descriptor }
    }

    fn aligned(self, at: u64) -> Result<u64, String> {
        if self.within(at) == 0 {
            return Ok(at);
        }
        Err(format!("it points to byte {at}, where no cluster of {} bytes begins", self.cluster()))
    }
}

/// "Extended L2 Entries".
fn parts(at: u64, bitmap: u64) -> Result<Cluster, String> {
    let (allocated, zero) = (bitmap as u32, (bitmap >> 32) as u32);
    if allocated & zero != 0 {
        return Err(format!("subclusters are both data and zeros ({bitmap:#018x})"));
    }
    if at == 0 && allocated != 0 {
        return Err(format!("subclusters of no cluster are data ({bitmap:#018x})"));
    }
    Ok(match (allocated, zero) {
        (u32::MAX, _) => Cluster::Whole(Mapping::Data(at)),
        (_, u32::MAX) => Cluster::Whole(Mapping::Zero),
        (0, 0) => Cluster::Whole(Mapping::Unallocated),
        _ => Cluster::Parts { at, allocated, zero },
    })
}

impl Cluster {
    /// Where in the file the cluster begins, if bytes of the file are read for it.
    pub(super) fn host(self) -> Option<u64> {
        match self {
            Cluster::Whole(Mapping::Data(at)) => Some(at),
            Cluster::Whole(Mapping::Packed(packed)) => Some(packed.at),
            Cluster::Parts { at, allocated: 1.., .. } => Some(at),
            _ => None,
        }
    }

    /// What is at `within` bytes into the cluster, and where it ends there. `layout` is the cluster's own.
    pub(super) fn part(self, layout: Layout, within: u64) -> (Mapping, u64) {
        let (at, allocated, zero) = match self {
            Cluster::Whole(Mapping::Data(at)) => return (Mapping::Data(at + within), layout.cluster()),
            Cluster::Whole(mapping) => return (mapping, layout.cluster()),
            Cluster::Parts { at, allocated, zero } => (at, allocated, zero),
        };
        let first = (within / layout.unit()).min(u64::from(SUBCLUSTERS) - 1) as u32;
        let (allocated, zero) = (allocated >> first, zero >> first);
        let (mapping, count) = if allocated & 1 != 0 {
            (Mapping::Data(at + within), allocated.trailing_ones())
        } else if zero & 1 != 0 {
            (Mapping::Zero, zero.trailing_ones())
        } else {
            (Mapping::Unallocated, (allocated | zero).trailing_zeros())
        };
        (mapping, u64::from((first + count).min(SUBCLUSTERS)) * layout.unit())
    }
}

#[cfg(test)]
#[path = "entry_tests.rs"]
mod tests;
