//! VHDX: Microsoft \[MS-VHDX\], version 20.0 and later. All fields are little-endian. QEMU reads the blocks; here
//! is what decides whether it may: which header counts, whether the log is empty, whether there is a parent.

use h2k_transports::{DiskFormat, RangeRead};

use super::bytes::{Fields, SECTOR, read_vec};
use super::error::ImageError;
use super::link::{Image, Link, Source};

/// Where the two headers stand (2.2, "Header Section").
const HEADERS: [u64; 2] = [64 << 10, 128 << 10];
/// Where the two region tables stand.
const REGION_TABLES: [u64; 2] = [192 << 10, 256 << 10];
/// Bytes of a header ("The header is 4 KB").
const HEADER_BYTES: usize = 4 << 10;
/// Bytes of a region table and of a metadata table, which are checked or looked through as a whole.
const TABLE_BYTES: usize = 64 << 10;
/// Most entries of a region table ("MUST be less than or equal to 2,047").
const MAX_REGIONS: u32 = 2047;
/// Most entries of a metadata table ("MUST be less than or equal to 2,047").
const MAX_METADATA: u16 = 2047;
/// Length of the largest metadata item that is read.
const ITEM_BYTES: usize = 8;

/// A GUID as it stands on disk: the first three fields are little-endian.
type Guid = [u8; 16];
/// Region "Metadata": 8B7CA206-4790-4B9A-B8FE-575F050F886E.
const METADATA: Guid = *b"\x06\xa2\x7c\x8b\x90\x47\x9a\x4b\xb8\xfe\x57\x5f\x05\x0f\x88\x6e";
/// Item "File Parameters": CAA16737-FA36-4D43-B3B6-33F0AA44E76B.
const FILE_PARAMETERS: Guid = *b"\x37\x67\xa1\xca\x36\xfa\x43\x4d\xb3\xb6\x33\xf0\xaa\x44\xe7\x6b";
/// Item "Virtual Disk Size": 2FA54224-CD1B-4876-B211-5DBED83BF4B8.
const VIRTUAL_DISK_SIZE: Guid = *b"\x24\x42\xa5\x2f\x1b\xcd\x76\x48\xb2\x11\x5d\xbe\xd8\x3b\xf4\xb8";
/// Item "Logical Sector Size": 8141BF1D-A96F-4709-BA47-F233A8FAAB5F.
const LOGICAL_SECTOR_SIZE: Guid = *b"\x1d\xbf\x41\x81\x6f\xa9\x09\x47\xba\x47\xf2\x33\xa8\xfa\xab\x5f";

/// File Parameters flag: blocks stay allocated, as in a fixed disk.
const LEAVE_ALLOCATED: u32 = 1 << 0;
/// File Parameters flag: a differencing disk.
const HAS_PARENT: u32 = 1 << 1;

/// What decides whether and how a VHDX can be read.
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
}

impl VhdxFacts {
    /// Reads the headers and the metadata.
    ///
    /// # Errors
    /// `Corrupt` for what is missing or damaged; `Io` if the medium fails.
    pub fn read(file: &dyn RangeRead) -> Result<Self, ImageError> {
        let header = current_header(file)?;
        let log: Guid = Fields(&header).array(48).ok_or_else(|| missing("log"))?;
        let metadata = Metadata::read(file)?;
        let item = |id| metadata.item(file, id);
        let short = || missing("whole metadata item");
        let flags = Fields(&item(&FILE_PARAMETERS)?).u32_le(4).ok_or_else(short)?;
        Ok(Self {
            size: Fields(&item(&VIRTUAL_DISK_SIZE)?).u64_le(0).ok_or_else(short)?,
            logical_sector: Fields(&item(&LOGICAL_SECTOR_SIZE)?).u32_le(0).ok_or_else(short)?,
            has_parent: flags & HAS_PARENT != 0,
            fixed: flags & LEAVE_ALLOCATED != 0,
            dirty_log: log != [0; 16],
        })
    }
}

/// Reads the VHDX at `source` far enough to say whether QEMU can read it.
///
/// # Errors
/// `Unsupported` for a differencing disk, a log that is not empty and 4096-byte sectors; `Corrupt` for headers that
/// make no sense.
pub(crate) fn open(source: &Source) -> Result<Link, ImageError> {
    let facts = VhdxFacts::read(&source.bytes)?;
    if facts.has_parent {
        let hint = "merge the checkpoints in Hyper-V Manager (or `Merge-VHD`) and give the merged disk";
        return Err(
            ImageError::unsupported("not yet: a differencing VHDX (a checkpoint, .avhdx)").with_hint(hint)
        );
    }
    if facts.dirty_log {
        let hint =
            "shut the VM down, or attach and detach the disk on a Windows host (`Mount-VHD`, `Dismount-VHD`)";
        let what = "the VHDX was not closed cleanly: its log holds changes that were not applied";
        return Err(ImageError::unsupported(what).with_hint(hint));
    }
    if u64::from(facts.logical_sector) != SECTOR {
        let what = format!("not yet: a VHDX with logical sectors of {} bytes", facts.logical_sector);
        return Err(ImageError::unsupported(what));
    }
    let subformat = Some(if facts.fixed { "fixed" } else { "dynamic" }.to_owned());
    let image = Image { subformat, ..Image::new(source, DiskFormat::Vhdx, facts.size) };
    Ok(Link { image, parent: None, id: None })
}

/// The valid header with the higher sequence number (2.2.2.1, "current header").
fn current_header(file: &dyn RangeRead) -> Result<Vec<u8>, ImageError> {
    let mut current: Option<(u64, Vec<u8>)> = None;
    for at in HEADERS {
        let header = get(file, at, HEADER_BYTES)?;
        let sequence = Fields(&header).u64_le(8).unwrap_or_default();
        let valid =
            header.starts_with(b"head") && Fields(&header).u16_le(66) == Some(1) && crc_holds(&header);
        if valid && current.as_ref().is_none_or(|(best, _)| sequence > *best) {
            current = Some((sequence, header));
        }
    }
    current.map(|(_, header)| header).ok_or_else(|| {
        ImageError::corrupt("neither header of the VHDX is valid")
            .with_hint("the file is damaged; fetch it again")
    })
}

/// The metadata region and its table.
struct Metadata {
    at: u64,
    table: Vec<u8>,
}

impl Metadata {
    fn read(file: &dyn RangeRead) -> Result<Self, ImageError> {
        let mut regions = None;
        for at in REGION_TABLES {
            let table = get(file, at, TABLE_BYTES)?;
            if table.starts_with(b"regi") && crc_holds(&table) {
                regions = Some(table);
                break;
            }
        }
        let regions =
            regions.ok_or_else(|| ImageError::corrupt("neither region table of the VHDX is valid"))?;
        let count = Fields(&regions).u32_le(8).unwrap_or_default().min(MAX_REGIONS) as usize;
        let entries = regions.get(16..).unwrap_or_default().chunks_exact(32).take(count);
        let found = entries.map(Fields).find(|entry| entry.array(0) == Some(METADATA));
        let at = found.and_then(|entry| entry.u64_le(16)).ok_or_else(|| missing("metadata region"))?;
        let table = get(file, at, TABLE_BYTES)?;
        if !table.starts_with(b"metadata") {
            return Err(missing("metadata table"));
        }
        Ok(Self { at, table })
    }

    /// The first bytes of an item.
    fn item(&self, file: &dyn RangeRead, id: &Guid) -> Result<Vec<u8>, ImageError> {
        let count = usize::from(Fields(&self.table).u16_le(10).unwrap_or_default().min(MAX_METADATA));
        let entries = self.table.get(32..).unwrap_or_default().chunks_exact(32).take(count);
        let found = entries.map(Fields).find(|entry| entry.array(0).as_ref() == Some(id));
        let place = found.and_then(|entry| Some((entry.u32_le(16)?, entry.u32_le(20)?)));
        let (offset, length) = place.ok_or_else(|| missing("metadata item"))?;
        let at = self.at.checked_add(u64::from(offset)).ok_or_else(|| missing("metadata item"))?;
        get(file, at, (length as usize).min(ITEM_BYTES))
    }
}

fn missing(what: &str) -> ImageError {
    ImageError::corrupt(format!("the VHDX has no {what}"))
}

fn get(file: &dyn RangeRead, at: u64, length: usize) -> Result<Vec<u8>, ImageError> {
    read_vec(file, at, length).map_err(|e| ImageError::io("reading the VHDX headers", e))
}

/// CRC-32C over a structure with its checksum, which is at 4, taken as zero (2.2.2, "Checksum").
fn crc_holds(bytes: &[u8]) -> bool {
    let zeroed = bytes.iter().enumerate().map(|(at, byte)| if (4..8).contains(&at) { 0 } else { *byte });
    Fields(bytes).u32_le(4) == Some(crc32c(zeroed))
}

/// CRC-32C, Castagnoli's polynomial 0x1EDC6F41, bit by bit: a few hundred KiB per disk need no table.
fn crc32c(bytes: impl Iterator<Item = u8>) -> u32 {
    !bytes.fold(u32::MAX, |crc, byte| {
        (0..8).fold(
            crc ^ u32::from(byte),
            |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0x82f6_3b78 } else { crc >> 1 },
        )
    })
}

#[cfg(test)]
#[path = "vhdx_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "vhdx_forge.rs"]
pub(super) mod tests_support;
