//! `linux.device-map`: GRUB's map of BIOS disks to Linux' names (GRUB manual, "The map between BIOS drives and OS
//! devices"). It is read by grub-install and by GRUB's shell in the guest, never at boot.

use h2k_config::{DiskBus, Policy};

use super::fields::{Field, fields};
use super::names::Names;
use super::text::{Replacement, TextFile, lines, replace};
use crate::edit::Content;
use crate::error::Result;
use crate::{Change, Edit, Fixer, Guest, GuestFacts, Proposal};

#[cfg(test)]
mod tests;

const ID: &str = "linux.device-map";

/// Letters that a disk's name is made of.
const LETTERS: usize = 26;

/// Removes or mends `device.map`.
pub struct DeviceMap;

impl Fixer for DeviceMap {
    fn id(&self) -> &'static str {
        ID
    }

    fn summary(&self) -> &'static str {
        "removes GRUB's map of disks, or mends it for GRUB legacy, where it names disks of the old hardware"
    }

    fn explanation(&self) -> &'static str {
        "device.map tells grub-install which of Linux' disks is the firmware's first, second and so on. With names of \
         the old hardware in it the next grub-install in the guest, as at an update of GRUB, fails or installs to the \
         wrong disk. GRUB 2 needs no map, so h2k removes one that does not hold. GRUB legacy is lost without one: h2k \
         writes the names that the disks will have; where it cannot tell them, it removes the map, and grub-install \
         makes it anew. The boot itself does not read it."
    }

    fn plan(&self, facts: &GuestFacts, guest: &dyn Guest, policy: &Policy) -> Result<Proposal> {
        let mut proposal = Proposal::default();
        if !facts.is_linux() {
            return Ok(proposal);
        }
        let names = Names::new(facts);
        let legacy = facts.bootloader.grub_cfg.is_empty() && !facts.bootloader.grub_legacy.is_empty();
        for path in &facts.bootloader.device_maps {
            let Some(file) = TextFile::read(guest, path)? else { continue };
            let mended = mended(&file.text, &names, policy.disk_bus);
            proposal.edits.extend(match mended {
                Some(new) if new == file.text => None,
                Some(new) if legacy => file.edit(ID, &new, "the disks have other names on virtio"),
                _ => Some(remove(&file)),
            });
        }
        Ok(proposal)
    }
}

/// The map with the names that the disks will have; `None` if one of them cannot be told.
fn mended(text: &str, names: &Names<'_>, bus: DiskBus) -> Option<String> {
    let mut replacements = Vec::new();
    for (offset, line) in lines(text) {
        let fields = fields(offset, line);
        let [drive, device, ..] = fields.as_slice() else { continue };
        // Floppy and CD-ROM drives are no disks of the VM.
        if drive.text.starts_with("(hd") && !holds(device.text, bus) {
            replacements.push(renamed(device, &target(names.disk(device.text)?, bus)?));
        }
    }
    Some(replace(text, &replacements))
}

fn renamed(device: &Field<'_>, name: &str) -> Replacement {
    Replacement { start: device.start, end: device.start + device.text.len(), text: name.to_owned() }
}

fn prefix(bus: DiskBus) -> &'static str {
    if bus.is_sd() { "/dev/sd" } else { "/dev/vd" }
}

/// Whether it is a name that disks have on the target.
fn holds(name: &str, bus: DiskBus) -> bool {
    let letters = name.strip_prefix(prefix(bus)).unwrap_or_default();
    !letters.is_empty() && letters.bytes().all(|b| b.is_ascii_lowercase())
}

/// The name that a disk will have: the target's disks are in the order of the VM's.
fn target(disk: usize, bus: DiskBus) -> Option<String> {
    let letter = u8::try_from(disk).ok().filter(|n| usize::from(*n) < LETTERS)?;
    Some(format!("{}{}", prefix(bus), char::from(b'a' + letter)))
}

fn remove(file: &TextFile) -> Edit {
    let change = Change::Remove { path: file.path.clone(), before: Content::from_bytes(file.bytes()) };
    let reason =
        "it names disks as the old hardware did; without it grub-install looks for itself".to_owned();
    Edit { fixer: ID.to_owned(), reason, change }
}
