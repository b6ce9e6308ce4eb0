//! "Block Allocation Table and Data Blocks": a 32-bit sector number for each block, where its bitmap begins; the block
//! follows the bitmap.

use std::io;

use h2k_transports::RangeRead;

use super::format::{DYNAMIC_HEADER_BYTES, DynamicHeader, VhdFooter};
use crate::image::bytes::{Fields, SECTOR, read_vec};
use crate::image::error::ImageError;
use crate::image::truncated::Reach;

/// Entry of a block that is not there.
pub(super) const UNALLOCATED: u32 = u32::MAX;

/// Entries that are read at once: 64 KiB.
pub(super) const PAGE_ENTRIES: u64 = 16 << 10;

/// The entries of one page of the table, of which the disk uses the first `used`.
pub(super) fn read_page(file: &dyn RangeRead, table: u64, used: u64, page: u64) -> io::Result<Vec<u32>> {
    let first = page.saturating_mul(PAGE_ENTRIES);
    let count = used.saturating_sub(first).min(PAGE_ENTRIES);
    let bytes = read_vec(file, table.saturating_add(first * 4), count as usize * 4)?;
    Ok(bytes.chunks_exact(4).filter_map(|entry| Fields(entry).u32_be(0)).collect())
}

/// Checks that the blocks lie before `end`, where the data ends, and apart from each other and from all structures.
pub(super) fn check(
    header: &DynamicHeader,
    footer: &VhdFooter,
    file: &dyn RangeRead,
    end: u64,
) -> Result<(), ImageError> {
    let mut blocks = allocated(header, footer, file)?;
    blocks.sort_unstable();
    let span = header.bitmap.saturating_add(header.block);
    let mut reach = Reach::default();
    reach.extend(Some(blocks.last().map_or(0, |last| byte(*last).saturating_add(span))));
    reach.check(end)?;
    if let Some([_, second]) = blocks.array_windows().find(|[a, b]| byte(*a).saturating_add(span) > byte(*b))
    {
        return Err(ImageError::corrupt(format!(
            "two blocks of {span} bytes overlap at byte {}",
            byte(*second)
        )));
    }
    for (what, start, length) in [
        ("the copy of the footer", 0, SECTOR),
        ("the dynamic disk header", footer.data_offset, DYNAMIC_HEADER_BYTES as u64),
        ("the block allocation table", header.table, u64::from(header.entries) * 4),
    ] {
        // Of the blocks that begin before its end, the last one reaches farthest.
        let before = blocks.partition_point(|block| byte(*block) < start.saturating_add(length));
        let last = before.checked_sub(1).and_then(|at| blocks.get(at));
        if let Some(block) = last.filter(|block| byte(**block).saturating_add(span) > start) {
            return Err(ImageError::corrupt(format!(
                "the block at byte {} overlaps {what} at byte {start}",
                byte(*block)
            )));
        }
    }
    Ok(())
}

/// The entries of all blocks that are there, in the order of the disk. At most 16 MiB.
fn allocated(
    header: &DynamicHeader,
    footer: &VhdFooter,
    file: &dyn RangeRead,
) -> Result<Vec<u32>, ImageError> {
    let used = footer.size.div_ceil(header.block);
    let mut blocks = Vec::new();
    for page in 0..used.div_ceil(PAGE_ENTRIES) {
        let entries = read_page(file, header.table, used, page).map_err(|e| {
            ImageError::io(format!("reading the block allocation table at byte {}", header.table), e)
        })?;
        blocks.extend(entries.into_iter().filter(|entry| *entry != UNALLOCATED));
    }
    Ok(blocks)
}

fn byte(sector: u32) -> u64 {
    u64::from(sector) * SECTOR
}
