//! The metadata region (2.6): a table of items, each with a GUID.

use h2k_transports::RangeRead;

use super::format::{Guid, Region, TABLE_BYTES, get};
use crate::image::bytes::Fields;
use crate::image::error::ImageError;

/// Most entries of a metadata table ("MUST be less than or equal to 2,047").
const MAX_ITEMS: u16 = 2047;
/// Most bytes of an item ("MUST be less than or equal to 1 MB").
const MAX_ITEM_BYTES: u32 = 1 << 20;

/// "File Parameters": CAA16737-FA36-4D43-B3B6-33F0AA44E76B.
pub(super) const FILE_PARAMETERS: Guid = *b"\x37\x67\xa1\xca\x36\xfa\x43\x4d\xb3\xb6\x33\xf0\xaa\x44\xe7\x6b";
/// "Virtual Disk Size": 2FA54224-CD1B-4876-B211-5DBED83BF4B8.
pub(super) const VIRTUAL_DISK_SIZE: Guid =
    *b"\x24\x42\xa5\x2f\x1b\xcd\x76\x48\xb2\x11\x5d\xbe\xd8\x3b\xf4\xb8";
/// "Virtual Disk ID": BECA12AB-B2E6-4523-93EF-C309E000C746.
pub(super) const VIRTUAL_DISK_ID: Guid = *b"\xab\x12\xca\xbe\xe6\xb2\x23\x45\x93\xef\xc3\x09\xe0\x00\xc7\x46";
/// "Logical Sector Size": 8141BF1D-A96F-4709-BA47-F233A8FAAB5F.
pub(super) const LOGICAL_SECTOR_SIZE: Guid =
    *b"\x1d\xbf\x41\x81\x6f\xa9\x09\x47\xba\x47\xf2\x33\xa8\xfa\xab\x5f";
/// "Physical Sector Size": CDA348C7-445D-4471-9CC9-E9885251C556.
pub(super) const PHYSICAL_SECTOR_SIZE: Guid =
    *b"\xc7\x48\xa3\xcd\x5d\x44\x71\x44\x9c\xc9\xe9\x88\x52\x51\xc5\x56";
/// "Parent Locator": A8D35F2D-B30B-454D-ABF7-D3D84834AB0C.
pub(super) const PARENT_LOCATOR: Guid = *b"\x2d\x5f\xd3\xa8\x0b\xb3\x4d\x45\xab\xf7\xd3\xd8\x48\x34\xab\x0c";

/// The items that are known.
const KNOWN: [Guid; 6] = [
    FILE_PARAMETERS,
    VIRTUAL_DISK_SIZE,
    VIRTUAL_DISK_ID,
    LOGICAL_SECTOR_SIZE,
    PHYSICAL_SECTOR_SIZE,
    PARENT_LOCATOR,
];

/// Entry flag "IsUser": the GUID is of another name space.
const IS_USER: u32 = 1 << 0;
/// Entry flag "IsRequired": who does not know the item must not read the disk.
const IS_REQUIRED: u32 = 1 << 2;

/// The metadata region and its table.
pub(super) struct Metadata {
    region: Region,
    table: Vec<u8>,
}

impl Metadata {
    /// Reads the table.
    ///
    /// # Errors
    /// `Corrupt` for a table that makes no sense; `Unsupported` for an item that must be understood and is not; `Io`
    /// if the medium fails.
    pub(super) fn read(file: &dyn RangeRead, region: Region) -> Result<Self, ImageError> {
        let at = region.offset;
        let table = get(file, at, TABLE_BYTES, "the metadata table")?;
        let count = Fields(&table).u16_le(10).unwrap_or_default();
        if !table.starts_with(b"metadata") || count > MAX_ITEMS {
            return Err(ImageError::corrupt(format!("there is no metadata table at byte {at}")));
        }
        let metadata = Self { region, table };
        let unknown = metadata.entries().find(|entry| {
            let flags = entry.u32_le(24).unwrap_or_default();
            let known = flags & IS_USER == 0 && entry.array(0).is_some_and(|id| KNOWN.contains(&id));
            flags & IS_REQUIRED != 0 && !known
        });
        match unknown {
            Some(_) => Err(ImageError::unsupported(
                "the VHDX needs a metadata item to be understood that is not known",
            )),
            None => Ok(metadata),
        }
    }

    fn entries(&self) -> impl Iterator<Item = Fields<'_>> {
        let count = usize::from(Fields(&self.table).u16_le(10).unwrap_or_default());
        self.table.get(32..).unwrap_or_default().chunks_exact(32).take(count).map(Fields)
    }

    /// An item.
    ///
    /// # Errors
    /// `Corrupt` if it is missing or lies outside the region; `Io` if the medium fails.
    pub(super) fn item(&self, file: &dyn RangeRead, id: &Guid, what: &str) -> Result<Vec<u8>, ImageError> {
        let is_system = |entry: &Fields<'_>| entry.u32_le(24).is_some_and(|flags| flags & IS_USER == 0);
        let found = self.entries().find(|entry| entry.array(0).as_ref() == Some(id) && is_system(entry));
        let place = found.and_then(|entry| Some((entry.u32_le(16)?, entry.u32_le(20)?)));
        let (offset, length) =
            place.ok_or_else(|| ImageError::corrupt(format!("the VHDX has no metadata item \"{what}\"")))?;
        let end = u64::from(offset) + u64::from(length);
        if (offset as usize) < TABLE_BYTES || length > MAX_ITEM_BYTES || end > self.region.length {
            return Err(ImageError::corrupt(format!(
                "the metadata item \"{what}\" lies outside its region: {length} bytes at {offset} of {}",
                self.region.length
            )));
        }
        get(file, self.region.offset.saturating_add(u64::from(offset)), length as usize, what)
    }
}
