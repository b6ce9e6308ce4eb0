//! VHD: Microsoft Virtual Hard Disk Image Format Specification 1.0. All fields are big-endian.

use h2k_transports::{DiskFormat, RangeRead};

use super::bytes::{Fields, SECTOR, read_vec};
use super::error::ImageError;
use super::link::{FlatBytes, Image, Link, Part, Source};
use super::probe::vhd_footer_at;
use super::truncated::Reach;

/// Bytes of a footer that are checked; old files leave out the 512th, which is reserved.
const FOOTER_BYTES: usize = 511;

/// Bytes of the dynamic disk header.
const DYNAMIC_HEADER_BYTES: usize = 1024;

/// Most blocks: 2 TiB, the format's limit ("2040 GB"), in blocks of 512 KiB, which halve Microsoft's 2 MiB twice.
const MAX_BLOCKS: u32 = 4 << 20;

/// Block allocation table entry of a block that is not there.
const UNALLOCATED: u32 = u32::MAX;

/// What the footer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VhdFooter {
    /// "Data Offset": where the dynamic disk header stands, in bytes.
    pub data_offset: u64,
    /// "Current Size": virtual size in bytes. The geometry is not used: it rounds down.
    pub size: u64,
    /// "Disk Type".
    pub kind: VhdKind,
}

/// "Disk Type" of a VHD.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VhdKind {
    /// The bytes as they are, then the footer.
    Fixed,
    /// Blocks where they were needed.
    Dynamic,
    /// Blocks that differ from a parent.
    Differencing,
}

impl VhdFooter {
    /// Reads the 512 bytes of a footer, or the 511 of an old one.
    ///
    /// # Errors
    /// `Corrupt` or `Unsupported` with what is wrong.
    pub fn parse(bytes: &[u8]) -> Result<Self, ImageError> {
        let f = Fields(bytes);
        let fields = || Some((f.array::<8>(0)?, f.u32_be(12)?, f.u64_be(16)?, f.u64_be(48)?, f.u32_be(60)?));
        let (Some((cookie, version, data_offset, size, kind)), true) = (fields(), checksum_holds(bytes))
        else {
            return Err(ImageError::corrupt("the checksum of the VHD footer is wrong")
                .with_hint("the file is damaged; fetch it again"));
        };
        if cookie != *b"conectix" || version >> 16 != 1 {
            return Err(ImageError::unsupported(format!("a VHD of version {:#x}", version)));
        }
        let kind = match kind {
            2 => VhdKind::Fixed,
            3 => VhdKind::Dynamic,
            4 => VhdKind::Differencing,
            other => return Err(ImageError::unsupported(format!("a VHD of the disk type {other}"))),
        };
        Ok(Self { data_offset, size, kind })
    }

    /// Checks that every block of a dynamic disk lies inside the file.
    ///
    /// # Errors
    /// `Corrupt`, with the number of missing bytes where the file is truncated; `Io` if the medium fails.
    pub fn check_blocks(&self, file: &dyn RangeRead) -> Result<(), ImageError> {
        let header = read_vec(file, self.data_offset, DYNAMIC_HEADER_BYTES)
            .map_err(|e| ImageError::io("reading the dynamic disk header", e))?;
        let f = Fields(&header);
        let fields = || {
            let cookie = f.array(0)? == *b"cxsparse";
            cookie.then_some((f.u64_be(16)?, f.u32_be(28)?, f.u32_be(32)?))
        };
        let (table, entries, block) =
            fields().ok_or_else(|| ImageError::corrupt("the VHD has no dynamic disk header"))?;
        let block = u64::from(block);
        if !block.is_power_of_two() || block < SECTOR || entries > MAX_BLOCKS {
            return Err(ImageError::corrupt("the dynamic disk header makes no sense"));
        }
        if self.size.div_ceil(block) > u64::from(entries) {
            return Err(ImageError::corrupt("the block allocation table is smaller than its disk"));
        }
        // A bitmap with a bit for each sector stands before a block, in whole sectors.
        let bitmap = (block / SECTOR).div_ceil(8).next_multiple_of(SECTOR);
        let bytes = read_vec(file, table, entries as usize * 4)
            .map_err(|e| ImageError::io("reading the block allocation table", e))?;
        let mut reach = Reach::default();
        for entry in bytes.chunks_exact(4).filter_map(|entry| Fields(entry).u32_be(0)) {
            if entry != UNALLOCATED {
                reach.extend(Some(u64::from(entry) * SECTOR + bitmap + block));
            }
        }
        reach.check(file.size())
    }
}

/// "one's complement of the sum of all the bytes in the footer without the checksum field", which is at 64.
fn checksum_holds(bytes: &[u8]) -> bool {
    let Some(stored) = Fields(bytes).u32_be(64) else { return false };
    let counted = bytes.iter().enumerate().filter(|(at, _)| !(64..68).contains(at));
    let sum = counted.fold(0u32, |sum, (_, byte)| sum.wrapping_add(u32::from(*byte)));
    bytes.len() >= FOOTER_BYTES && stored == !sum
}

/// Reads the VHD at `source` and checks that it is whole.
///
/// # Errors
/// `Corrupt`, with the number of missing bytes where the file is truncated; `Unsupported` for a differencing disk.
pub(crate) fn open(source: &Source) -> Result<Link, ImageError> {
    let file = &source.bytes;
    let doing = |e| ImageError::io("reading the VHD footer", e);
    // A dynamic disk has a copy at its start, where it survives truncation.
    let at_start = read_vec(file, 0, 8).map_err(doing)? == b"conectix";
    let at = if at_start { Some(0) } else { vhd_footer_at(file).map_err(doing)? };
    let at = at.ok_or_else(|| ImageError::corrupt("the VHD has no footer"))?;
    let length = file.size().saturating_sub(at).min(SECTOR) as usize;
    let footer = VhdFooter::parse(&read_vec(file, at, length).map_err(doing)?)?;
    let mut image = Image::new(source, DiskFormat::Vhd, footer.size);
    match footer.kind {
        VhdKind::Fixed => {
            // The footer is at the end, so a fixed disk that is too short lost something in its middle.
            let mut reach = Reach::default();
            reach.extend(footer.size.checked_add(length as u64));
            reach.check(file.size())?;
            let part = Part { offset: source.extent().offset, length: footer.size };
            image.flat = Some(FlatBytes { path: source.path.clone(), part });
            image.subformat = Some("fixed".to_owned());
        }
        VhdKind::Dynamic => {
            footer.check_blocks(file)?;
            image.subformat = Some("dynamic".to_owned());
        }
        VhdKind::Differencing => {
            return Err(ImageError::unsupported("not yet: a differencing VHD (a checkpoint, .avhd)")
                .with_hint(
                    "merge the checkpoints in Hyper-V Manager (or `Merge-VHD`) and give the merged disk",
                ));
        }
    }
    Ok(Link { image, parent: None, id: None })
}

#[cfg(test)]
#[path = "vhd_tests.rs"]
mod tests;
