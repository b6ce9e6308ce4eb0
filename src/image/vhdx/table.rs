//! The block allocation table (2.5): 64-bit entries, after those of each chunk one for the chunk's sector bitmap.

use std::io;

use h2k_transports::RangeRead;

use super::format::Region;
use crate::image::bytes::{Fields, read_vec};

/// Entries that are read at once: 64 KiB.
pub(super) const PAGE_ENTRIES: u64 = 8 << 10;

/// Bits of a sector bitmap block: 1 MiB.
const BITMAP_BITS: u64 = 1 << 23;

/// "State" of a block that is there (2.5.1).
pub(super) const PRESENT: u64 = 6;

/// How the disk is laid out. All sizes in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    /// Virtual size.
    pub size: u64,
    /// Payload block size.
    pub block: u64,
    /// Logical sector size.
    pub sector: u64,
    pub differencing: bool,
    pub table: Region,
}

/// What an entry says of a payload block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Payload {
    /// Nothing: the parent decides.
    Nothing,
    Zero,
    /// All of it is at this byte of the file.
    Whole(u64),
    /// What the sector bitmap says is at this byte of the file.
    Part(u64),
}

impl Layout {
    /// "chunk ratio": payload blocks for each sector bitmap block. At least 16.
    pub(super) fn ratio(&self) -> u64 {
        (BITMAP_BITS.saturating_mul(self.sector)).checked_div(self.block).unwrap_or(1).max(1)
    }

    /// Payload blocks.
    pub(super) fn blocks(&self) -> u64 {
        self.size.div_ceil(self.block)
    }

    /// Entries that the table must have.
    pub(super) fn entries(&self) -> u64 {
        let (blocks, ratio) = (self.blocks(), self.ratio());
        if self.differencing {
            blocks.div_ceil(ratio).saturating_mul(ratio.saturating_add(1))
        } else {
            blocks.saturating_add(blocks.saturating_sub(1) / ratio)
        }
    }

    /// The entry of a payload block.
    pub(super) fn index(&self, block: u64) -> u64 {
        block.saturating_add(block / self.ratio())
    }

    /// The entry of the sector bitmap of a payload block's chunk.
    pub(super) fn bitmap_index(&self, block: u64) -> u64 {
        let ratio = self.ratio();
        (block / ratio).saturating_mul(ratio.saturating_add(1)).saturating_add(ratio)
    }

    /// What an entry says of a payload block (2.5.1.1). `Err` has the state that is not defined.
    pub(super) fn payload(&self, entry: u64) -> Result<Payload, u64> {
        match entry & 7 {
            0 => Ok(Payload::Nothing),
            // UNDEFINED, ZERO, UNMAPPED: whatever was there is gone, and no parent has it.
            1..=3 => Ok(Payload::Zero),
            PRESENT => Ok(Payload::Whole(place(entry))),
            7 if self.differencing => Ok(Payload::Part(place(entry))),
            other => Err(other),
        }
    }

    /// The entries of one page of the table.
    pub(super) fn read_page(&self, file: &dyn RangeRead, page: u64) -> io::Result<Vec<u64>> {
        let first = page.saturating_mul(PAGE_ENTRIES);
        let count = self.entries().saturating_sub(first).min(PAGE_ENTRIES);
        let at = self.table.offset.saturating_add(first.saturating_mul(8));
        let bytes = read_vec(file, at, count as usize * 8)?;
        Ok(bytes.chunks_exact(8).filter_map(|entry| Fields(entry).u64_le(0)).collect())
    }
}

/// "FileOffsetMB": the 44 highest bits are the number of MiB, so without the lowest 20 the entry is in bytes.
pub(super) fn place(entry: u64) -> u64 {
    entry & !0xf_ffff
}
