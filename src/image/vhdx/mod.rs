//! VHDX: Microsoft \[MS-VHDX\], version 20.0 and later, whose sections stand in brackets. All fields are
//! little-endian.
//!
//! ```text
//!  headers, region tables │ log │ metadata: size, block size, parent │ BAT │ payload blocks, sector bitmap blocks …
//!         1 MiB             └────────────────── in any order, in whole MiB ──────────────────┘
//! ```
//!
//! If the log is not empty, everything but the headers is read as if it had been replayed.

use std::sync::Arc;

use h2k_transports::{DiskFormat, RangeRead};

use super::DiskReader;
use super::bytes::Fields;
use super::error::ImageError;
use super::link::{Image, Link, LinkId, Parent, Source};

mod check;
mod crc;
mod format;
mod locator;
mod log;
mod metadata;
mod reader;
mod replay;
mod table;

use format::{Guid, Header, MIB, Region, Regions};
use metadata::Metadata;
pub use reader::VhdxReader;
use replay::Replay;
use table::Layout;

/// Largest disk (2.6.2.2, "Virtual Disk Size").
const MAX_SIZE: u64 = 64 << 40;
/// Largest payload block (2.6.2.1).
const MAX_BLOCK: u64 = 256 << 20;
/// File Parameters flag: blocks stay allocated, as in a fixed disk.
const LEAVE_ALLOCATED: u32 = 1 << 0;
/// File Parameters flag: a differencing disk.
const HAS_PARENT: u32 = 1 << 1;

/// What a VHDX says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VhdxFacts {
    /// Virtual size in bytes.
    pub size: u64,
    /// Logical sector size in bytes: 512 or 4096.
    pub logical_sector: u32,
    /// A differencing disk.
    pub has_parent: bool,
    /// Blocks stay allocated, as in a fixed disk.
    pub fixed: bool,
    /// The log holds changes that were not applied.
    pub dirty_log: bool,
    data_write: Guid,
    parent: Option<Parent>,
    layout: Layout,
    /// All that no block may overlap.
    structures: Vec<Region>,
    replay: Replay,
}

impl VhdxFacts {
    /// Reads the headers, the log and the metadata.
    ///
    /// # Errors
    /// `Corrupt` for what is missing or damaged; `Unsupported` for what must be understood and is not; `Io` if the
    /// medium fails.
    pub fn read(file: &dyn RangeRead) -> Result<Self, ImageError> {
        let header = Header::current(file)?;
        let replay = log::replay(file, &header)?;
        let view = replay.over(file);
        let regions = Regions::read(&view)?;
        let metadata = Metadata::read(&view, regions.metadata)?;
        let (layout, flags) = read_layout(&view, &metadata, regions.bat)?;
        let has_parent = flags & HAS_PARENT != 0;
        let parent = if has_parent {
            let item = metadata.item(&view, &metadata::PARENT_LOCATOR, "Parent Locator")?;
            Some(locator::parse(&item)?)
        } else {
            None
        };
        let mut structures = vec![header.log, regions.bat, regions.metadata];
        structures.extend(regions.others);
        Ok(Self {
            size: layout.size,
            logical_sector: layout.sector as u32,
            has_parent,
            fixed: flags & LEAVE_ALLOCATED != 0 && !has_parent,
            dirty_log: header.log_guid.is_some(),
            data_write: header.data_write,
            parent,
            layout,
            structures,
            replay,
        })
    }

    /// Checks that every block lies inside the file, apart from all others and from all structures.
    ///
    /// # Errors
    /// `Corrupt`, with the number of missing bytes where the file is truncated; `Io` if the medium fails.
    pub fn check_blocks(&self, file: &dyn RangeRead) -> Result<(), ImageError> {
        check::check(&self.layout, &self.structures, &self.replay.over(file))
    }
}

/// Sizes and flags ("File Parameters") of the disk.
fn read_layout(
    file: &dyn RangeRead,
    metadata: &Metadata,
    table: Region,
) -> Result<(Layout, u32), ImageError> {
    let parameters = metadata.item(file, &metadata::FILE_PARAMETERS, "File Parameters")?;
    let size = metadata.item(file, &metadata::VIRTUAL_DISK_SIZE, "Virtual Disk Size")?;
    let sector = metadata.item(file, &metadata::LOGICAL_SECTOR_SIZE, "Logical Sector Size")?;
    let fields = || {
        let block = Fields(&parameters).u32_le(0)?;
        let flags = Fields(&parameters).u32_le(4)?;
        Some((block.into(), flags, Fields(&size).u64_le(0)?, u64::from(Fields(&sector).u32_le(0)?)))
    };
    let (block, flags, size, sector): (u64, u32, u64, u64) =
        fields().ok_or_else(|| ImageError::corrupt("a metadata item of the VHDX is too short"))?;
    if !(MIB..=MAX_BLOCK).contains(&block) || !block.is_power_of_two() {
        return Err(ImageError::corrupt(format!("the VHDX has payload blocks of {block} bytes")));
    }
    if ![512, 4096].contains(&sector) {
        return Err(ImageError::corrupt(format!("the VHDX has logical sectors of {sector} bytes")));
    }
    if size > MAX_SIZE || !size.is_multiple_of(sector) {
        return Err(ImageError::corrupt(format!(
            "the VHDX has {size} bytes in logical sectors of {sector} bytes; the format's limit is {MAX_SIZE}"
        )));
    }
    let layout = Layout { size, block, sector, differencing: flags & HAS_PARENT != 0, table };
    let needed = layout.entries().saturating_mul(8);
    if needed > table.length {
        return Err(ImageError::corrupt(format!(
            "the block allocation table at byte {} has {} bytes, the disk needs {needed}",
            table.offset, table.length
        )));
    }
    Ok((layout, flags))
}

/// Reads the VHDX at `source` and checks that it is whole.
///
/// # Errors
/// As [`VhdxReader::open`].
pub(crate) fn open(source: &Source) -> Result<Link, ImageError> {
    let facts = VhdxFacts::read(&source.bytes)?;
    facts.check_blocks(&source.bytes)?;
    let subformat = match (facts.has_parent, facts.fixed) {
        (true, _) => "differencing",
        (false, true) => "fixed",
        (false, false) => "dynamic",
    };
    let image = Image {
        subformat: Some(subformat.to_owned()),
        sector: Some(facts.logical_sector),
        ..Image::new(source, DiskFormat::Vhdx, facts.size)
    };
    Ok(Link { image, parent: facts.parent, id: Some(LinkId::VhdxDataWrite(facts.data_write)) })
}

/// A reader of this image alone, without its parent.
///
/// # Errors
/// As [`VhdxReader::open`].
pub(crate) fn layer(image: &Image) -> Result<Box<dyn DiskReader>, ImageError> {
    Ok(Box::new(VhdxReader::open(Arc::new(Source::open(&image.path, image.part)?.bytes))?))
}

#[cfg(test)]
pub(in crate::image) mod forge;
#[cfg(test)]
mod tests;
