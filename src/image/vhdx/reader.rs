//! Reads the blocks of a VHDX, through its log.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use h2k_transports::RangeRead;

use super::VhdxFacts;
use super::table::{PAGE_ENTRIES, PRESENT, Payload, place};
use crate::image::block_runs::{self, BlockMap, Lies, Run};
use crate::image::bytes::read_vec;
use crate::image::cache::TableCache;
use crate::image::error::ImageError;
use crate::image::{DiskReader, Extent, Place};

/// Bytes of a sector bitmap block that are read at once.
const BITMAP_PAGE: u64 = 64 << 10;

/// A VHDX alone, without its parent: what it does not hold is unallocated.
pub struct VhdxReader {
    file: Arc<dyn RangeRead>,
    facts: VhdxFacts,
    pages: TableCache<u64>,
    /// Pieces of sector bitmap blocks, by their place in the file.
    bitmaps: TableCache<u8>,
}

impl VhdxReader {
    /// Opens the VHDX that `file` holds, replays its log in memory and checks its structures.
    ///
    /// # Errors
    /// `Corrupt`, with the number of missing bytes where the file is truncated; `Unsupported` for what must be
    /// understood and is not; `Io` if the medium fails.
    pub fn open(file: Arc<dyn RangeRead>) -> Result<Self, ImageError> {
        let facts = VhdxFacts::read(&*file)?;
        facts.check_blocks(&*file)?;
        Ok(Self { file, facts, pages: TableCache::default(), bitmaps: TableCache::default() })
    }

    fn entry(&self, index: u64) -> io::Result<u64> {
        let page = index / PAGE_ENTRIES;
        let entries = self.page(page)?;
        let entry = entries.get((index % PAGE_ENTRIES) as usize).copied();
        entry.ok_or_else(|| wrong(format!("entry {index} lies beyond the block allocation table")))
    }

    fn page(&self, page: u64) -> io::Result<Arc<[u64]>> {
        let layout = &self.facts.layout;
        self.pages.get(page, || layout.read_page(&self.facts.replay.over(&*self.file), page))
    }

    /// The part of `run`, which begins at the byte `within` of a block, whose sectors come from one side: those whose
    /// bit is set are here, the others are the parent's (2.5, "sector bitmap blocks"; the first sector has the
    /// lowest bit).
    fn cut(&self, block: u64, within: u64, run: Run) -> io::Result<Run> {
        let layout = &self.facts.layout;
        let index = layout.bitmap_index(block);
        let entry = self.entry(index)?;
        if entry & 7 != PRESENT {
            return Err(wrong(format!("entry {index} of the block allocation table is no sector bitmap")));
        }
        // The bits of a block are at most 64 KiB, a power of two, and lie at a multiple of that.
        let bytes = (layout.block / layout.sector).div_ceil(8);
        let start = (block % layout.ratio()).saturating_mul(bytes);
        let page = place(entry).saturating_add(start / BITMAP_PAGE * BITMAP_PAGE);
        let view = self.facts.replay.over(&*self.file);
        let bits = self.bitmaps.get(page, || read_vec(&view, page, BITMAP_PAGE as usize))?;
        let bits = bits.get((start % BITMAP_PAGE) as usize..).unwrap_or_default();
        let first = within / layout.sector;
        let last = within.saturating_add(run.len).div_ceil(layout.sector);
        let set = |byte: u8, at: usize| (byte >> at) & 1 == 1;
        let (here, count) = block_runs::bit_run(bits, first as usize, last as usize, set).unwrap_or_default();
        let end = first.saturating_add(count as u64).saturating_mul(layout.sector);
        let len = end.saturating_sub(within).min(run.len);
        Ok(Run { len, lies: if here { run.lies } else { Lies::Nowhere } })
    }
}

impl BlockMap for VhdxReader {
    fn size(&self) -> u64 {
        self.facts.size
    }

    fn run(&self, at: u64, end: u64) -> io::Result<Run> {
        let layout = &self.facts.layout;
        let (mut block, within) = (at / layout.block, at % layout.block);
        let left = end.saturating_sub(at);
        let page = layout.index(block) / PAGE_ENTRIES;
        let entries = self.page(page)?;
        let entry = |block: u64| {
            let at = layout.index(block).checked_sub(page.saturating_mul(PAGE_ENTRIES))?;
            entries.get(usize::try_from(at).ok()?).copied()
        };
        let payload = |block: u64, entry: u64| {
            layout.payload(entry).map_err(|state| {
                let index = layout.index(block);
                wrong(format!("entry {index} of the block allocation table has the state {state}"))
            })
        };
        let first = entry(block)
            .ok_or_else(|| wrong(format!("block {block} lies beyond the block allocation table")))?;
        let len = (layout.block - within).min(left);
        let mut run = match payload(block, first)? {
            Payload::Part(at) => {
                let run = Run { len, lies: Lies::At(at.saturating_add(within)) };
                return self.cut(block, within, run);
            }
            Payload::Nothing => Run { len, lies: Lies::Nowhere },
            Payload::Zero => Run { len, lies: Lies::Zero },
            Payload::Whole(at) => Run { len, lies: Lies::At(at.saturating_add(within)) },
        };
        // As far as this page of the table says the same.
        while run.len < left {
            block = block.saturating_add(1);
            let lies = match entry(block).map(|entry| layout.payload(entry)) {
                Some(Ok(Payload::Nothing)) => Lies::Nowhere,
                Some(Ok(Payload::Zero)) => Lies::Zero,
                Some(Ok(Payload::Whole(at))) => Lies::At(at),
                Some(Ok(Payload::Part(_)) | Err(_)) | None => break,
            };
            if !run.join(Run { len: layout.block.min(left - run.len), lies }) {
                break;
            }
        }
        Ok(run)
    }

    fn fetch(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        self.facts.replay.over(&*self.file).read_at(buf, offset)
    }
}

impl DiskReader for VhdxReader {
    fn size(&self) -> u64 {
        self.facts.size
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        block_runs::read(self, buf, offset)
    }

    fn extents(&self, range: Range<u64>) -> io::Result<Vec<Extent>> {
        block_runs::extents(self, range)
    }

    fn place(&self, offset: u64) -> io::Result<Option<Place>> {
        let place = block_runs::place(self, &*self.file, offset)?;
        let Some(place) = place else { return Ok(None) };
        let start = place.offset.saturating_sub(self.file.local().map_or(0, |(_, start)| start));
        let end = start.saturating_add(place.len);
        // What the log changed, or appended to the file, is not there as it is.
        let changed = self.facts.replay.changes(&(start..end)) || end > self.file.size();
        Ok(Some(place).filter(|_| !changed))
    }
}

fn wrong(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
