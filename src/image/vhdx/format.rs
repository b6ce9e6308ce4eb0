//! The header section of a VHDX: the two headers and the two region tables. Numbers in brackets are sections of
//! \[MS-VHDX\]; all fields are little-endian.

use h2k_transports::RangeRead;

use super::crc;
use crate::image::bytes::{Fields, read_vec};
use crate::image::error::ImageError;
use crate::image::truncated::Reach;

/// The unit in which regions and blocks lie (2.1).
pub(super) const MIB: u64 = 1 << 20;
/// Where the two headers stand (2.2, "Header Section").
pub(super) const HEADERS: [u64; 2] = [64 << 10, 128 << 10];
/// Where the two region tables stand.
pub(super) const REGION_TABLES: [u64; 2] = [192 << 10, 256 << 10];
/// Bytes of a header ("The header is 4 KB").
pub(super) const HEADER_BYTES: usize = 4 << 10;
/// Bytes of a region table and of a metadata table, which are checked or looked through as a whole.
pub(super) const TABLE_BYTES: usize = 64 << 10;
/// Most entries of a region table ("MUST be less than or equal to 2,047").
const MAX_REGIONS: u32 = 2047;

/// A GUID as it stands on disk: the first three fields are little-endian.
pub(super) type Guid = [u8; 16];
/// Region "BAT": 2DC27766-F623-4200-9D64-115E9BFD4A08.
pub(super) const BAT: Guid = *b"\x66\x77\xc2\x2d\x23\xf6\x00\x42\x9d\x64\x11\x5e\x9b\xfd\x4a\x08";
/// Region "Metadata": 8B7CA206-4790-4B9A-B8FE-575F050F886E.
pub(super) const METADATA: Guid = *b"\x06\xa2\x7c\x8b\x90\x47\x9a\x4b\xb8\xfe\x57\x5f\x05\x0f\x88\x6e";

/// A part of the file, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Region {
    pub offset: u64,
    pub length: u64,
}

/// The current header (2.2.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    /// "DataWriteGuid": changes with the disk's content.
    pub data_write: Guid,
    /// "LogGuid"; `None` if the log is empty.
    pub log_guid: Option<Guid>,
    pub log_version: u16,
    pub log: Region,
}

impl Header {
    /// The valid header with the higher sequence number.
    ///
    /// # Errors
    /// `Corrupt` if there is none or if the two contradict each other; `Io` if the medium fails.
    pub(super) fn current(file: &dyn RangeRead) -> Result<Self, ImageError> {
        let mut current: Option<(u64, Vec<u8>)> = None;
        for at in HEADERS {
            let header = get(file, at, HEADER_BYTES, "the VHDX headers")?;
            let sequence = Fields(&header).u64_le(8).unwrap_or_default();
            if !header.starts_with(b"head")
                || Fields(&header).u16_le(66) != Some(1)
                || Fields(&header).u32_le(4) != Some(crc::of_structure(&header))
            {
                continue;
            }
            match &current {
                Some((best, _)) if sequence < *best => {}
                Some((best, other)) if sequence == *best && *other != header => {
                    return Err(ImageError::corrupt(format!(
                        "both headers of the VHDX have the sequence number {sequence}, but they differ"
                    )));
                }
                _ => current = Some((sequence, header)),
            }
        }
        current.and_then(|(_, header)| Self::parse(Fields(&header))).ok_or_else(|| {
            ImageError::corrupt("neither header of the VHDX is valid")
                .with_hint("the file is damaged; fetch it again")
        })
    }

    fn parse(f: Fields<'_>) -> Option<Self> {
        let log = Region { offset: f.u64_le(72)?, length: u64::from(f.u32_le(68)?) };
        let log_guid = f.array(48).filter(|guid| *guid != [0; 16]);
        Some(Self { data_write: f.array(32)?, log_guid, log_version: f.u16_le(64)?, log })
    }
}

/// The regions that are known and those that need not be (2.2.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Regions {
    pub bat: Region,
    pub metadata: Region,
    /// Regions that are not understood and need not be: nothing else may lie there.
    pub others: Vec<Region>,
}

impl Regions {
    /// Reads the first valid one of the two tables, which are copies.
    ///
    /// # Errors
    /// `Corrupt` for tables that make no sense or regions beyond the file; `Unsupported` for a region that must be
    /// understood and is not; `Io` if the medium fails.
    pub(super) fn read(file: &dyn RangeRead) -> Result<Self, ImageError> {
        let mut valid = None;
        for at in REGION_TABLES {
            let table = get(file, at, TABLE_BYTES, "the region table")?;
            if table.starts_with(b"regi") && Fields(&table).u32_le(4) == Some(crc::of_structure(&table)) {
                valid = Some((at, table));
                break;
            }
        }
        let (at, table) = valid.ok_or_else(|| {
            ImageError::corrupt("neither region table of the VHDX is valid")
                .with_hint("the file is damaged; fetch it again")
        })?;
        let count = Fields(&table).u32_le(8).unwrap_or_default();
        if count > MAX_REGIONS {
            return Err(ImageError::corrupt(format!(
                "the region table at byte {at} has {count} entries, more than {MAX_REGIONS}"
            )));
        }
        let entries = table.get(16..).unwrap_or_default().chunks_exact(32).take(count as usize);
        Self::from_entries(entries.map(Fields), file.size())
    }

    fn from_entries<'a>(
        entries: impl Iterator<Item = Fields<'a>>,
        file_size: u64,
    ) -> Result<Self, ImageError> {
        let (mut bat, mut metadata, mut others) = (None, None, Vec::new());
        for entry in entries {
            let fields = || Some((entry.array(0)?, entry.u64_le(16)?, entry.u32_le(24)?, entry.u32_le(28)?));
            let Some((guid, offset, length, flags)) = fields() else { continue };
            let region = Region { offset, length: u64::from(length) };
            let slot = match guid {
                BAT => &mut bat,
                METADATA => &mut metadata,
                _ if flags & 1 == 1 => {
                    return Err(ImageError::unsupported(format!(
                        "the VHDX needs a region at byte {offset} to be understood that is not known"
                    )));
                }
                _ => {
                    others.push(region);
                    continue;
                }
            };
            if slot.replace(region).is_some() {
                return Err(ImageError::corrupt("the region table of the VHDX names a region twice"));
            }
            if offset < MIB || !offset.is_multiple_of(MIB) {
                return Err(ImageError::corrupt(format!(
                    "the region table of the VHDX places a region at byte {offset}"
                )));
            }
            let mut reach = Reach::default();
            reach.extend(offset.checked_add(region.length));
            reach.check(file_size)?;
        }
        let missing = |what| ImageError::corrupt(format!("the VHDX has no {what} region"));
        Ok(Self {
            bat: bat.ok_or_else(|| missing("BAT"))?,
            metadata: metadata.ok_or_else(|| missing("metadata"))?,
            others,
        })
    }
}

/// Bytes of a structure.
pub(super) fn get(file: &dyn RangeRead, at: u64, length: usize, what: &str) -> Result<Vec<u8>, ImageError> {
    read_vec(file, at, length).map_err(|e| ImageError::io(format!("reading {what} at byte {at}"), e))
}
