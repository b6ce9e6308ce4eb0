//! A disk in memory for tests: patches of data and zeros, nothing in between.

use std::io;
use std::ops::Range;

use super::extent_list::ExtentList;
use super::{DiskReader, Extent, ExtentKind, check_range};

/// Bytes with what is known of each.
pub(crate) struct Patches {
    bytes: Vec<(ExtentKind, u8)>,
}

impl Patches {
    pub(crate) fn new(size: u64) -> Self {
        Self { bytes: vec![(ExtentKind::Unallocated, 0); size as usize] }
    }

    pub(crate) fn data(mut self, at: u64, content: &[u8]) -> Self {
        for (place, byte) in self.bytes[at as usize..].iter_mut().zip(content) {
            *place = (ExtentKind::Data, *byte);
        }
        self
    }

    pub(crate) fn zero(mut self, at: u64, len: u64) -> Self {
        self.bytes[at as usize..(at + len) as usize].fill((ExtentKind::Zero, 0));
        self
    }

    /// Writes what this layer decides over `below`.
    pub(crate) fn lay_over(&self, below: &mut [u8]) {
        for (place, (kind, byte)) in below.iter_mut().zip(&self.bytes) {
            if *kind != ExtentKind::Unallocated {
                *place = *byte;
            }
        }
    }
}

impl DiskReader for Patches {
    fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        check_range(offset, buf.len() as u64, self.size())?;
        for (to, (_, byte)) in buf.iter_mut().zip(&self.bytes[offset as usize..]) {
            *to = *byte;
        }
        Ok(())
    }

    fn extents(&self, range: Range<u64>) -> io::Result<Vec<Extent>> {
        check_range(range.start, range.end - range.start, self.size())?;
        let mut list = ExtentList::new(range.clone());
        for at in range {
            list.push_to(at + 1, self.bytes[at as usize].0);
        }
        Ok(list.finish())
    }
}
