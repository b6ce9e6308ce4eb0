//! ESX copy-on-write extents (`VMFSSPARSE`, files ending in `-delta.vmdk`): Virtual Disk Format 5.0, "ESX Server
//! Sparse Extents".

use std::sync::Arc;

use h2k_transports::RangeRead;

use super::grain_reader::GrainReader;
use super::grains::{self, Entries, Grain, Tables};
use super::packed::Packing;
use super::shared::Shared;
use crate::image::DiskReader;
use crate::image::bytes::{Fields, SECTOR, read_vec};
use crate::image::error::ImageError;

/// Entries of a grain table ("Each grain table … has 4096 entries").
const TABLE_ENTRIES: u64 = 4096;

/// Largest grain in sectors: 1 MiB. ESX writes 1.
const MAX_GRAIN_SECTORS: u32 = 2048;

/// The header (`COWDisk_Header`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CowdHeader {
    /// `numSectors`: capacity in sectors.
    pub capacity: u32,
    /// `grainSize` in sectors.
    pub grain_size: u32,
    /// `gdOffset` in sectors.
    pub directory: u32,
    /// `numGDEntries`.
    pub directory_entries: u32,
}

impl CowdHeader {
    /// Reads the header.
    ///
    /// # Errors
    /// `Corrupt` or `Unsupported` with the field that is wrong; `Io` if the medium fails.
    pub fn read(file: &dyn RangeRead) -> Result<Self, ImageError> {
        let bytes =
            read_vec(file, 0, SECTOR as usize).map_err(|e| ImageError::io("reading the COWD header", e))?;
        Self::parse(&bytes)
    }

    /// Reads the bytes of a header.
    ///
    /// # Errors
    /// As [`CowdHeader::read`].
    pub fn parse(bytes: &[u8]) -> Result<Self, ImageError> {
        let f = Fields(bytes);
        let header = || {
            let header = CowdHeader {
                capacity: f.u32_le(12)?,
                grain_size: f.u32_le(16)?,
                directory: f.u32_le(20)?,
                directory_entries: f.u32_le(24)?,
            };
            (f.array(0)? == *b"COWD").then_some((header, f.u32_le(4)?))
        };
        let (header, version) = header().ok_or_else(|| ImageError::corrupt("not a COWD header"))?;
        if version != 1 {
            return Err(ImageError::unsupported(format!("COWD version {version}")));
        }
        if header.capacity == 0
            || !(1..=MAX_GRAIN_SECTORS).contains(&header.grain_size)
            || header.directory == 0
        {
            return Err(ImageError::corrupt("the COWD header makes no sense"));
        }
        let covered = u64::from(header.grain_size) * TABLE_ENTRIES;
        if u64::from(header.directory_entries) < u64::from(header.capacity).div_ceil(covered) {
            return Err(ImageError::corrupt("the COWD grain directory is smaller than its disk"));
        }
        Ok(header)
    }

    /// Checks that everything that the extent refers to lies inside the file.
    ///
    /// # Errors
    /// `Corrupt`, with the number of missing bytes where the file is truncated; `Io` if the medium fails.
    pub fn verify(&self, file: &dyn RangeRead) -> Result<(), ImageError> {
        grains::walk(file, &self.tables(), self)?.reach.check(file.size())
    }

    fn tables(&self) -> Tables {
        Tables {
            directory: u64::from(self.directory) * SECTOR,
            per_table: TABLE_ENTRIES,
            entry: 4,
            grain: u64::from(self.grain_size) * SECTOR,
            capacity: u64::from(self.capacity) * SECTOR,
        }
    }
}

/// Opens an extent for reading, as a disk of its own. What it does not hold is unallocated.
///
/// # Errors
/// As [`CowdHeader::read`], and `Corrupt` if the grain directory does not lie in the file.
pub fn open(bytes: Arc<dyn RangeRead>) -> Result<Box<dyn DiskReader>, ImageError> {
    Ok(Box::new(open_in(bytes, Shared::default())?))
}

pub(super) fn open_in(bytes: Arc<dyn RangeRead>, shared: Shared) -> Result<GrainReader, ImageError> {
    let header = CowdHeader::read(&*bytes)?;
    GrainReader::new(bytes, header.tables(), Box::new(header), Packing::None, shared)
}

impl Entries for CowdHeader {
    fn table(&self, entry: u64) -> Result<Option<u64>, ImageError> {
        Ok((entry != 0).then_some(entry * SECTOR))
    }

    fn grain(&self, entry: u64) -> Result<Grain, ImageError> {
        Ok(if entry == 0 { Grain::Unallocated } else { Grain::At(entry * SECTOR) })
    }
}
