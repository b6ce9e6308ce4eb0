//! Reads the blocks of a VHD.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use h2k_transports::RangeRead;

use super::format::{DynamicHeader, VhdKind, find_footer};
use super::table::{self, PAGE_ENTRIES, UNALLOCATED};
use crate::image::block_runs::{self, BlockMap, Lies, Run};
use crate::image::bytes::{SECTOR, read_vec};
use crate::image::cache::TableCache;
use crate::image::error::ImageError;
use crate::image::{DiskReader, Extent, Place};

/// A VHD alone, without its parent: what it does not hold is unallocated.
pub struct VhdReader {
    file: Arc<dyn RangeRead>,
    size: u64,
    /// `None` of a fixed disk, whose bytes lie as they are.
    blocks: Option<Blocks>,
}

/// The blocks of a dynamic or differencing disk.
struct Blocks {
    header: DynamicHeader,
    /// Blocks that the disk uses of the table.
    used: u64,
    differencing: bool,
    pages: TableCache<u32>,
    /// Bitmaps by block; only of differencing disks.
    bitmaps: TableCache<u8>,
}

impl VhdReader {
    /// Opens the VHD that `file` holds and checks its structures.
    ///
    /// # Errors
    /// `Corrupt`, with the number of missing bytes where the file is truncated; `Unsupported` for an unknown version;
    /// `Io` if the medium fails.
    pub fn open(file: Arc<dyn RangeRead>) -> Result<Self, ImageError> {
        let found = find_footer(&*file)?;
        let footer = &found.footer;
        super::check(&found, &*file)?;
        let blocks = match footer.kind {
            VhdKind::Fixed => None,
            VhdKind::Dynamic | VhdKind::Differencing => {
                let header = DynamicHeader::read(&*file, footer)?;
                Some(Blocks {
                    used: footer.size.div_ceil(header.block),
                    header,
                    differencing: footer.kind == VhdKind::Differencing,
                    pages: TableCache::default(),
                    bitmaps: TableCache::default(),
                })
            }
        };
        Ok(Self { size: footer.size, file, blocks })
    }

    /// Names that the image gives for its parent, the best first; none if it has no parent.
    ///
    /// # Errors
    /// `Corrupt` for a locator that makes no sense or a differencing disk that names no parent; `Io` if the medium
    /// fails.
    pub fn parent_names(&self) -> Result<Vec<String>, ImageError> {
        match &self.blocks {
            Some(blocks) if blocks.differencing => {
                Ok(super::locator::read_parent(&blocks.header.bytes, &*self.file)?.names)
            }
            _ => Ok(Vec::new()),
        }
    }
}

impl Blocks {
    fn run(&self, file: &dyn RangeRead, at: u64, end: u64) -> io::Result<Run> {
        let block = self.header.block;
        let (index, within) = (at / block, at % block);
        let page = index / PAGE_ENTRIES;
        let entries = self.pages.get(page, || table::read_page(file, self.header.table, self.used, page))?;
        let entry = |index: u64| entries.get((index.checked_sub(page * PAGE_ENTRIES)?) as usize).copied();
        let left = end.saturating_sub(at);
        let mut len = (block - within).min(left);
        match entry(index) {
            None => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("block {index} lies beyond the block allocation table at byte {}", self.header.table),
            )),
            Some(UNALLOCATED) => {
                let mut next = index.saturating_add(1);
                while len < left && entry(next) == Some(UNALLOCATED) {
                    len = len.saturating_add(block).min(left);
                    next = next.saturating_add(1);
                }
                Ok(Run { len, lies: Lies::Nowhere })
            }
            Some(sector) => {
                let bitmap = u64::from(sector) * SECTOR;
                let run = Run { len, lies: Lies::At(bitmap + self.header.bitmap + within) };
                if self.differencing { self.cut(file, index, bitmap, within, run) } else { Ok(run) }
            }
        }
    }

    /// Cuts the run from the byte `within` of a block to the sectors that come from one side: those whose bit is set
    /// are here, the others are the parent's ("Data Blocks"; the first sector has the highest bit).
    fn cut(&self, file: &dyn RangeRead, index: u64, bitmap: u64, within: u64, run: Run) -> io::Result<Run> {
        let bits = self.bitmaps.get(index, || read_vec(file, bitmap, self.header.bitmap as usize))?;
        let (first, last) = (within / SECTOR, within.saturating_add(run.len).div_ceil(SECTOR));
        let set = |byte: u8, at: usize| (byte << at) & 0x80 != 0;
        let (here, count) =
            block_runs::bit_run(&bits, first as usize, last as usize, set).unwrap_or_default();
        let len =
            first.saturating_add(count as u64).saturating_mul(SECTOR).saturating_sub(within).min(run.len);
        Ok(Run { len, lies: if here { run.lies } else { Lies::Nowhere } })
    }
}

impl BlockMap for VhdReader {
    fn size(&self) -> u64 {
        self.size
    }

    fn run(&self, at: u64, end: u64) -> io::Result<Run> {
        match &self.blocks {
            None => Ok(Run { len: end.saturating_sub(at), lies: Lies::At(at) }),
            Some(blocks) => blocks.run(&*self.file, at, end),
        }
    }

    fn fetch(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_at(buf, offset)
    }
}

impl DiskReader for VhdReader {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        block_runs::read(self, buf, offset)
    }

    fn extents(&self, range: Range<u64>) -> io::Result<Vec<Extent>> {
        block_runs::extents(self, range)
    }

    fn place(&self, offset: u64) -> io::Result<Option<Place>> {
        block_runs::place(self, &*self.file, offset)
    }
}
