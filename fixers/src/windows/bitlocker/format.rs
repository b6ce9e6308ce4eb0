//! The first sector and the metadata of a BitLocker volume. Everything is little-endian; offsets are bytes of the volume.

use super::BitLockerError;
use crate::bytes::{guid_text, slice as bytes, u16_at, u32_at, u64_at};
use crate::facts::windows::{BitLockerFacts, BitLockerState};

/// Bytes that [`FirstSector::parse`] looks at.
pub const FIRST_SECTOR: usize = 512;
/// Bytes of each copy of the metadata.
pub const METADATA_SIZE: usize = 64 << 10;

/// What the first sector's OEM name and a metadata block begin with.
const SIGNATURE: &[u8] = b"-FVE-FS-";
/// Where the OEM name stands in the first sector.
const OEM_NAME: usize = 3;
/// Where a FAT or NTFS says how many bytes its sectors have.
const BYTES_PER_SECTOR: usize = 11;
/// Where the first sector's own GUID stands, and after it the places of the metadata: on fixed disks, and on removable
/// ones ("BitLocker To Go"), whose first sector is a working FAT's.
const GUIDS: [usize; 2] = [160, 424];
/// `4967d63b-2e29-4ad8-8399-f6a339e3d001`: the volume is in one state, as little-endian fields.
const NORMAL: [u8; 16] =
    [0x3b, 0xd6, 0x67, 0x49, 0x29, 0x2e, 0xd8, 0x4a, 0x83, 0x99, 0xf6, 0xa3, 0x39, 0xe3, 0xd0, 0x01];
/// `92a84d3b-dd80-4d0e-9e4e-b1e3284eaed8`: maps tell which parts are encrypted ("encrypt on write").
const CONVERTING: [u8; 16] =
    [0x3b, 0x4d, 0xa8, 0x92, 0x80, 0xdd, 0x0e, 0x4d, 0x9e, 0x4e, 0xb1, 0xe3, 0x28, 0x4e, 0xae, 0xd8];

/// Metadata of Windows 7 and newer.
const VERSION: u16 = 2;
/// Bytes of a block's own header; the header of the metadata follows.
const BLOCK_HEADER: usize = 64;
/// Bytes of the metadata's header.
const METADATA_HEADER: usize = 48;
/// Bytes of an entry's header.
const ENTRY_HEADER: usize = 8;
/// State of a volume that is encrypted as a whole, now and next.
const ENCRYPTED: u16 = 4;
/// State of one that is not encrypted.
const DECRYPTED: u16 = 1;

/// Entry types.
const ENTRY_VMK: u16 = 2;
const ENTRY_FVEK: u16 = 3;
/// Value types.
pub(super) const VALUE_KEY: u16 = 1;
pub(super) const VALUE_CCM: u16 = 5;
const VALUE_VMK: u16 = 8;
/// Most entries that are looked at: Windows keeps no more than a few protectors.
const MAX_ENTRIES: usize = 256;
/// Most protectors that are tried: each may take a million rounds of SHA-256.
const MAX_PROTECTORS: usize = 16;

/// Value with the key of a password: a method (4 bytes), a salt (16).
const VALUE_STRETCHED: u16 = 3;

/// What a protector asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kind(u16);

impl Kind {
    /// Its key lies in the clear: the protection is suspended.
    pub(super) const CLEAR_KEY: Self = Self(0x0000);
    pub(super) const STARTUP: Self = Self(0x0200);
    pub(super) const RECOVERY: Self = Self(0x0800);
    pub(super) const PASSWORD: Self = Self(0x2000);

    /// As `manage-bde` knows it.
    fn name(self) -> String {
        let name = match self.0 {
            0x0000 => "clear-key",
            0x0100 => "tpm",
            0x0200 => "startup-key",
            0x0400 => "tpm-and-startup-key",
            0x0500 => "tpm-and-pin",
            0x0600 => "tpm-and-network",
            0x0800 => "recovery-password",
            0x1000 => "certificate",
            0x2000 => "password",
            other => return format!("{other:#06x}"),
        };
        name.to_owned()
    }
}

/// What protects a copy of the volume's master key (VMK).
#[derive(Debug, Clone)]
pub(super) struct Protector<'a> {
    pub(super) kind: Kind,
    properties: Vec<Entry<'a>>,
}

impl<'a> Protector<'a> {
    fn of(&self, value: u16) -> Option<&'a [u8]> {
        self.properties.iter().find(|p| p.value == value).map(|p| p.data)
    }

    /// The VMK, encrypted.
    pub(super) fn sealed(&self) -> Option<&'a [u8]> {
        self.of(VALUE_CCM)
    }

    /// The key itself, where it lies in the clear: after its method (4 bytes).
    pub(super) fn key(&self) -> Option<&'a [u8]> {
        bytes(self.of(VALUE_KEY)?, 4, 32)
    }

    /// What a password is mixed with.
    pub(super) fn salt(&self) -> Option<&'a [u8; 16]> {
        self.of(VALUE_STRETCHED)?.get(4..)?.first_chunk()
    }
}

/// What the first sector says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FirstSector {
    /// Where the copies of the metadata are.
    pub places: [u64; 3],
    /// Maps tell which parts of the volume are encrypted: it is on its way.
    pub maps: bool,
    /// Bytes of a sector.
    pub sector_size: u16,
}

impl FirstSector {
    /// Reads it.
    ///
    /// # Errors
    /// The sector is not one of BitLocker of Windows 7 or newer.
    pub fn parse(first: &[u8]) -> Result<Self, BitLockerError> {
        let found = GUIDS.into_iter().find_map(|at| Self::with_guid_at(first, at));
        found.ok_or(BitLockerError::FirstSector)
    }

    fn with_guid_at(first: &[u8], at: usize) -> Option<Self> {
        let guid = bytes(first, at, 16)?;
        // A FAT's own OEM name is kept on removable disks.
        let named = at != GUIDS[0] || bytes(first, OEM_NAME, SIGNATURE.len()) == Some(SIGNATURE);
        if !named || (guid != NORMAL && guid != CONVERTING) {
            return None;
        }
        let place = |n: usize| u64_at(first, at + 16 + 8 * n);
        Some(Self {
            places: [place(0)?, place(1)?, place(2)?],
            maps: guid == CONVERTING,
            sector_size: u16_at(first, BYTES_PER_SECTOR)?,
        })
    }
}

/// An entry of the metadata, or a property within one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry<'a> {
    pub(super) entry: u16,
    pub(super) value: u16,
    pub(super) data: &'a [u8],
}

/// The entries that lie one after the other in `area`, up to what is none.
pub(super) fn entries(area: &[u8]) -> Vec<Entry<'_>> {
    let mut found = Vec::new();
    let mut rest = area;
    while let (Some(size), Some(entry), Some(value)) = (u16_at(rest, 0), u16_at(rest, 2), u16_at(rest, 4)) {
        let size = usize::from(size);
        let Some(data) = rest.get(ENTRY_HEADER..size) else { break };
        found.push(Entry { entry, value, data });
        rest = rest.get(size..).unwrap_or_default();
        if found.len() == MAX_ENTRIES {
            break;
        }
    }
    found
}

/// A copy of the metadata, whose checksum was right.
#[derive(Debug, Clone, Copy)]
pub struct Metadata<'a> {
    area: &'a [u8],
    current: u16,
    next: u16,
    /// Bytes of the volume.
    pub size: u64,
    /// Sectors of the file system's begin that lie elsewhere, as BitLocker's own first sectors are in their place.
    pub moved_sectors: u32,
    /// Where they lie.
    pub moved_to: u64,
    /// The copies of the metadata.
    pub places: [u64; 3],
    /// The volume's own GUID, as it is stored.
    guid: [u8; 16],
    /// How the data is encrypted.
    pub method: u16,
}

impl<'a> Metadata<'a> {
    /// Reads one copy.
    ///
    /// # Errors
    /// It is not one of Windows 7 or newer, or its checksum is wrong.
    pub fn parse(block: &'a [u8]) -> Result<Self, BitLockerError> {
        let damaged = BitLockerError::Metadata;
        let short = || damaged("it is too short");
        if bytes(block, 0, SIGNATURE.len()) != Some(SIGNATURE) {
            return Err(damaged("its signature is missing"));
        }
        if u16_at(block, 10) != Some(VERSION) {
            return Err(damaged("it is not of version 2"));
        }
        // In units of 16 bytes; behind it stands a checksum of what it counts.
        let whole = usize::from(u16_at(block, 8).ok_or_else(short)?) * 16;
        let checked = block.get(..whole).ok_or_else(short)?;
        let mut sum = flate2::Crc::new();
        sum.update(checked);
        if u32_at(block, whole + 4) != Some(sum.sum()) {
            return Err(damaged("its checksum is wrong"));
        }
        let size = usize::try_from(u32_at(checked, BLOCK_HEADER).ok_or_else(short)?).map_err(|_| short())?;
        let end = BLOCK_HEADER.checked_add(size).ok_or_else(short)?;
        let area = checked.get(BLOCK_HEADER + METADATA_HEADER..end).ok_or_else(short)?;
        let field64 = |at| u64_at(checked, at).ok_or_else(short);
        let guid = bytes(checked, BLOCK_HEADER + 16, 16).and_then(|b| b.try_into().ok()).ok_or_else(short)?;
        Ok(Self {
            area,
            current: u16_at(checked, 12).ok_or_else(short)?,
            next: u16_at(checked, 14).ok_or_else(short)?,
            size: field64(16)?,
            moved_sectors: u32_at(checked, 28).ok_or_else(short)?,
            places: [field64(32)?, field64(40)?, field64(48)?],
            moved_to: field64(56)?,
            guid,
            method: u16_at(checked, BLOCK_HEADER + 36).ok_or_else(short)?,
        })
    }

    /// The volume's GUID as Windows writes it, in lower case.
    pub fn guid(&self) -> String {
        guid_text(&self.guid)
    }

    /// What can be told of the volume. `maps`: maps tell which parts of it are encrypted.
    pub fn facts(&self, maps: bool) -> BitLockerFacts {
        let state = match (self.current, self.next, maps) {
            (ENCRYPTED, ENCRYPTED, false) => BitLockerState::Encrypted,
            (DECRYPTED, DECRYPTED, false) => BitLockerState::Decrypted,
            _ => BitLockerState::Converting,
        };
        let all = self.protectors();
        let mut protectors: Vec<String> = all.iter().map(|p| p.kind.name()).collect();
        protectors.dedup();
        let suspended = all.iter().any(|p| p.kind == Kind::CLEAR_KEY);
        BitLockerFacts { state, suspended, protectors }
    }

    pub(super) fn protectors(&self) -> Vec<Protector<'a>> {
        let keys = entries(self.area).into_iter().filter(|e| e.entry == ENTRY_VMK && e.value == VALUE_VMK);
        // A GUID (16 bytes), a time (8), two bytes, the kind; then its properties.
        let protector = |e: Entry<'a>| {
            let kind = Kind(u16_at(e.data, 26)?);
            Some(Protector { kind, properties: entries(e.data.get(28..)?) })
        };
        keys.filter_map(protector).take(MAX_PROTECTORS).collect()
    }

    /// The key of the data, encrypted by the VMK.
    pub(super) fn data_key(&self) -> Option<&'a [u8]> {
        let found = entries(self.area).into_iter().find(|e| e.entry == ENTRY_FVEK && e.value == VALUE_CCM);
        found.map(|e| e.data)
    }
}
