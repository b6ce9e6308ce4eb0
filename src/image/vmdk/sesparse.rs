//! seSparse extents (`SESPARSE`, files ending in `-sesparse.vmdk`): snapshots on VMFS 6 and of disks over 2 TiB.
//! VMware has published no specification; the fields and the entries are those that QEMU's reader knows
//! (block/vmdk.c, `VMDKSESparseConstHeader`), and what it refuses is refused here with a reason.

use std::sync::Arc;

use h2k_transports::RangeRead;

use super::descriptor::MAX_SECTORS;
use super::grain_reader::GrainReader;
use super::grains::{self, Entries, Grain, Tables};
use super::packed::Packing;
use super::shared::Shared;
use crate::image::DiskReader;
use crate::image::bytes::{Fields, SECTOR, read_vec};
use crate::image::error::ImageError;

/// First eight bytes of the constant header.
const CONST_MAGIC: u64 = 0xcafe_babe;
/// First eight bytes of the volatile header.
const VOLATILE_MAGIC: u64 = 0xcafe_cafe;
/// The one version there is.
const VERSION: u64 = 0x2_0000_0001;
/// Grain size in sectors, always.
const GRAIN_SECTORS: u64 = 8;
/// Grain table size in sectors, always.
const TABLE_SECTORS: u64 = 64;
/// Bytes of an entry.
const ENTRY: u64 = 8;

/// The fields of the constant header that a reader needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeSparseHeader {
    /// Capacity in sectors.
    pub capacity: u64,
    /// Where the volatile header stands, in sectors.
    pub volatile: u64,
    /// Where the grain directory begins, in sectors.
    pub directory: u64,
    /// Size of the grain directory, in sectors.
    pub directory_size: u64,
    /// Where the grain tables begin, in sectors.
    pub tables: u64,
    /// Where the grains begin, in sectors.
    pub grains: u64,
}

impl SeSparseHeader {
    /// Reads the constant header and looks into the volatile one.
    ///
    /// # Errors
    /// `Corrupt` or `Unsupported` with the field that is wrong; `Unsupported` for an extent whose journal is not
    /// empty; `Io` if the medium fails.
    pub fn read(file: &dyn RangeRead) -> Result<Self, ImageError> {
        let header = Self::parse(&sector(file, 0)?)?;
        let at = header.volatile.checked_mul(SECTOR).ok_or_else(senseless)?;
        let volatile = sector(file, at)?;
        if Fields(&volatile).u64_le(0) != Some(VOLATILE_MAGIC) {
            return Err(ImageError::corrupt("the seSparse extent has no volatile header"));
        }
        if Fields(&volatile).u64_le(24) != Some(0) {
            return Err(ImageError::unsupported(
                "the seSparse extent has changes in its journal that were not applied",
            )
            .with_hint("start and shut down the VM on ESXi, or clone the disk there with `vmkfstools -i`"));
        }
        Ok(header)
    }

    /// Reads the bytes of a constant header.
    ///
    /// # Errors
    /// As [`SeSparseHeader::read`].
    pub fn parse(bytes: &[u8]) -> Result<Self, ImageError> {
        let f = Fields(bytes);
        let word = |n: usize| f.u64_le(n * 8).ok_or_else(|| ImageError::corrupt("not a seSparse header"));
        if word(0)? != CONST_MAGIC {
            return Err(ImageError::corrupt("not a seSparse header"));
        }
        if (word(1)?, word(3)?, word(4)?) != (VERSION, GRAIN_SECTORS, TABLE_SECTORS) {
            return Err(ImageError::unsupported("a seSparse extent of another version"));
        }
        let header = Self {
            capacity: word(2)?,
            volatile: word(10)?,
            directory: word(16)?,
            directory_size: word(17)?,
            tables: word(18)?,
            grains: word(24)?,
        };
        if !(1..=MAX_SECTORS).contains(&header.capacity) {
            return Err(senseless());
        }
        let needed = header.capacity.div_ceil(GRAIN_SECTORS * TABLE_SECTORS * SECTOR / ENTRY) * ENTRY;
        if header.directory_size.checked_mul(SECTOR).is_none_or(|bytes| bytes < needed) {
            return Err(ImageError::corrupt("the seSparse grain directory is smaller than its disk"));
        }
        Ok(header)
    }

    /// Checks that everything that the extent refers to lies inside the file.
    ///
    /// # Errors
    /// `Corrupt`, with the number of missing bytes where the file is truncated; `Io` if the medium fails.
    pub fn verify(&self, file: &dyn RangeRead) -> Result<(), ImageError> {
        grains::walk(file, &self.tables()?, self)?.reach.check(file.size())
    }

    fn tables(&self) -> Result<Tables, ImageError> {
        Ok(Tables {
            directory: self.directory.checked_mul(SECTOR).ok_or_else(senseless)?,
            per_table: TABLE_SECTORS * SECTOR / ENTRY,
            entry: ENTRY,
            grain: GRAIN_SECTORS * SECTOR,
            capacity: self.capacity * SECTOR,
        })
    }
}

/// Opens an extent for reading, as a disk of its own. What it does not hold is unallocated.
///
/// # Errors
/// As [`SeSparseHeader::read`], and `Corrupt` if the grain directory does not lie in the file.
pub fn open(bytes: Arc<dyn RangeRead>) -> Result<Box<dyn DiskReader>, ImageError> {
    Ok(Box::new(open_in(bytes, Shared::default())?))
}

pub(super) fn open_in(bytes: Arc<dyn RangeRead>, shared: Shared) -> Result<GrainReader, ImageError> {
    let header = SeSparseHeader::read(&*bytes)?;
    GrainReader::new(bytes, header.tables()?, Box::new(header), Packing::None, shared)
}

impl Entries for SeSparseHeader {
    fn table(&self, entry: u64) -> Result<Option<u64>, ImageError> {
        match entry >> 32 {
            _ if entry == 0 => Ok(None),
            0x1000_0000 => {
                let sectors = (entry & 0xffff_ffff) * TABLE_SECTORS;
                let at = self.tables.checked_add(sectors).and_then(|at| at.checked_mul(SECTOR));
                at.map(Some).ok_or_else(senseless)
            }
            _ => Err(ImageError::corrupt(format!("seSparse directory entry {entry:#x}"))),
        }
    }

    fn grain(&self, entry: u64) -> Result<Grain, ImageError> {
        match entry >> 60 {
            0 if entry == 0 => Ok(Grain::Unallocated),
            // Unmapped by the guest, or zero: neither lets the parent through.
            1 | 2 => Ok(Grain::Zero),
            3 => {
                let index = ((entry & 0x0fff_0000_0000_0000) >> 48) | ((entry & 0x0000_ffff_ffff_ffff) << 12);
                let sectors = index.checked_mul(GRAIN_SECTORS).and_then(|at| at.checked_add(self.grains));
                sectors.and_then(|at| at.checked_mul(SECTOR)).map(Grain::At).ok_or_else(senseless)
            }
            _ => Err(ImageError::corrupt(format!("seSparse table entry {entry:#x}"))),
        }
    }
}

fn senseless() -> ImageError {
    ImageError::corrupt("the seSparse header makes no sense")
}

fn sector(file: &dyn RangeRead, at: u64) -> Result<Vec<u8>, ImageError> {
    read_vec(file, at, SECTOR as usize).map_err(|e| ImageError::io("reading the seSparse header", e))
}
