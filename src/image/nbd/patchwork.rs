//! A disk for tests: what is where is written down, every byte of data is computed from its place and is not zero.

use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::image::extent_list::ExtentList;
use crate::image::{DiskReader, Extent, ExtentKind, check_range};

/// A disk of `data`, `zero` and unallocated stretches.
#[derive(Debug, Default)]
pub(crate) struct Patchwork {
    /// Ends of the stretches and their kinds, in order; what follows is unallocated.
    pub stretches: Vec<(u64, ExtentKind)>,
    /// Virtual size in bytes.
    pub size: u64,
    /// A byte that cannot be read.
    pub bad: Option<u64>,
    /// Reads so far.
    pub reads: AtomicUsize,
}

impl Patchwork {
    /// 12 MiB less some bytes: data, zeros, data in the middle of nothing, a small hole, and data to an odd end.
    pub(crate) fn odd() -> Self {
        use ExtentKind::{Data, Unallocated, Zero};
        let mib = 1 << 20;
        let stretches = vec![
            (mib, Data),
            (3 * mib, Zero),
            (5 * mib + 512, Unallocated),
            (6 * mib, Data),
            (6 * mib + 4096, Zero),
            (9 * mib + 7, Data),
            (10 * mib, Zero),
            (12 * mib - 1000, Data),
        ];
        Self { stretches, size: 12 * mib - 1000, ..Self::default() }
    }

    fn kind_at(&self, at: u64) -> ExtentKind {
        let found = self.stretches.iter().find(|(end, _)| at < *end);
        found.map_or(ExtentKind::Unallocated, |(_, kind)| *kind)
    }

    /// The byte at an offset.
    pub(crate) fn byte(&self, at: u64) -> u8 {
        match self.kind_at(at) {
            ExtentKind::Data => (at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8 | 1,
            _ => 0,
        }
    }

    /// All bytes of a range.
    pub(crate) fn bytes(&self, range: Range<u64>) -> Vec<u8> {
        range.map(|at| self.byte(at)).collect()
    }
}

impl DiskReader for Patchwork {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        check_range(offset, buf.len() as u64, self.size)?;
        self.reads.fetch_add(1, Ordering::Relaxed);
        let range = offset..offset + buf.len() as u64;
        if let Some(bad) = self.bad.filter(|bad| range.contains(bad)) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, format!("the byte {bad} is bad")));
        }
        for (byte, at) in buf.iter_mut().zip(range) {
            *byte = self.byte(at);
        }
        Ok(())
    }

    fn extents(&self, range: Range<u64>) -> io::Result<Vec<Extent>> {
        check_range(range.start, range.end.saturating_sub(range.start), self.size)?;
        let mut list = ExtentList::new(range.clone());
        for (end, kind) in &self.stretches {
            list.push_to(*end, *kind);
        }
        list.push_to(range.end, ExtentKind::Unallocated);
        Ok(list.finish())
    }
}
