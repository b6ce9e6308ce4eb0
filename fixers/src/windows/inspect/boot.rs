//! Small facts around the boot: clock, paging files, drive letters, boot configuration stores.

use std::collections::BTreeMap;

use crate::error::Result;
use crate::guest::Guest;
use crate::hive::{Hex, Hive};
use crate::windows::{BOOT_VOLUME, ESP, SYSTEM_VOLUME, path};

/// Most drive letters and paging files that are kept: there are 26 letters.
const MAX_LETTERS: usize = 26;

/// Whether the hardware clock runs in UTC. The value is a DWORD by its description, and a QWORD in many guides.
pub(super) fn clock_utc(system: &Hive, set: &str) -> Result<bool> {
    let key = format!("{set}\\Control\\TimeZoneInformation");
    let value = system.value(&key, "RealTimeIsUniversal")?;
    Ok(value.and_then(|data| data.number()) == Some(1))
}

pub(super) fn pagefiles(system: &Hive, set: &str) -> Result<Vec<String>> {
    let key = format!("{set}\\Control\\Session Manager\\Memory Management");
    let files = system.value(&key, "PagingFiles")?.and_then(|data| data.texts()).unwrap_or_default();
    Ok(files.into_iter().filter(|file| !file.is_empty()).take(MAX_LETTERS).collect())
}

/// `Setup\Compact` is 1 where the system was compressed by itself or by hand.
pub(super) fn compact_os(system: &Hive) -> Result<bool> {
    Ok(system.value("Setup", "Compact")?.and_then(|data| data.number()) == Some(1))
}

/// Which letter belongs to which volume: on MBR disks the disk's signature and the byte offset, on GPT disks `DMIO:ID:`
/// and the partition's GUID.
pub(super) fn drive_letters(system: &Hive) -> Result<BTreeMap<String, String>> {
    let Some(key) = system.key("MountedDevices")? else { return Ok(BTreeMap::new()) };
    let letters = key.values()?.into_iter().filter_map(|(name, data)| {
        let letter = name.to_ascii_uppercase().strip_prefix("\\DOSDEVICES\\")?.to_owned();
        Some((letter, String::from(Hex(data.bytes()))))
    });
    Ok(letters.take(MAX_LETTERS).collect())
}

/// Boot configuration stores on what is mounted: a BIOS has its own in `Boot` (often of another partition), UEFI in the
/// EFI system partition.
pub(super) fn stores(guest: &dyn Guest) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for (volume, store) in
        [(ESP, "EFI/Microsoft/Boot/BCD"), (BOOT_VOLUME, "Boot/BCD"), (SYSTEM_VOLUME, "Boot/BCD")]
    {
        found.extend(path::find(guest, volume, store)?);
    }
    Ok(found)
}
