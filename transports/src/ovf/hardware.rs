//! From an [`Envelope`] to a [`SourceVm`]: which device is what and where it sits. No file is looked at.
//!
//! Numbers are CIM's resource types (CIM_ResourceAllocationSettingData, property ResourceType).

use std::collections::BTreeMap;

use super::envelope::{DiskReference, Envelope, FileReference};
use super::item::Item;
use super::machine;
use super::slots::Slots;
use super::virtualbox;
use crate::source::{Bus, Slot, SourceCdrom, SourceFloppy, SourceKind, SourceNic, SourceVm, Tristate};

const NETWORK: u32 = 10;
const FLOPPY: u32 = 14;
const CD: u32 = 15;
const DVD: u32 = 16;
const DISK: u32 = 17;

/// A virtual disk, and where the package has its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskUse {
    /// Where it sits.
    pub slot: Slot,
    /// What the `DiskSection` says of it.
    pub disk: DiskReference,
    /// Its file; `None` for a disk that starts blank.
    pub file: Option<FileReference>,
}

/// What an OVF says, before any other file is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// The VM; its disks are still empty.
    pub vm: SourceVm,
    /// The disks, in slot order.
    pub disks: Vec<DiskUse>,
}

/// Describes the VM of `envelope`, which was read from `path` and is called `stem` if it has no name.
pub fn describe(envelope: &Envelope, stem: &str, path: &std::path::Path) -> Description {
    let system = &envelope.system;
    let id = Some(system.id.as_str()).filter(|id| !id.is_empty());
    let name = system.name.as_deref().or(id).unwrap_or(stem);
    let mut vm = SourceVm::new(name, SourceKind::Ovf, path);
    vm.warnings.clone_from(&envelope.warnings);
    machine::describe(system, &mut vm);
    vm.nvram = system.settings.get("nvram").and_then(|resource| file_name(envelope, resource));
    let mut slots = Slots::of(&system.items);
    let mut disks = Vec::new();
    for item in &system.items {
        match item.kind {
            NETWORK => vm.nics.push(nic(item, &mut vm.warnings)),
            FLOPPY => vm.floppies.push(floppy(item, vm.floppies.len())),
            CD | DVD => {
                let slot = slots.take(item, &mut vm.warnings);
                let image = item.host_resource.as_deref().and_then(|r| file_name(envelope, r));
                vm.cdroms.push(SourceCdrom { slot, image });
            }
            DISK => disks.extend(disk_use(envelope, item, &mut slots, &mut vm.warnings)),
            _ => {}
        }
    }
    virtualbox::give_macs(&system.virtualbox_macs, &mut vm.nics, &mut vm.warnings);
    if disks.is_empty() {
        vm.warnings.push("the OVF describes no disk".to_owned());
    }
    Description { vm, disks: in_slot_order(disks) }
}

/// Disks of a bus by controller and unit; buses in the order in which the OVF first mentions them, because
/// the producer's firmware, which the OVF does not name, decides between them.
fn in_slot_order(mut disks: Vec<DiskUse>) -> Vec<DiskUse> {
    let mut rank: BTreeMap<Bus, usize> = BTreeMap::new();
    for disk in &disks {
        let next = rank.len();
        rank.entry(disk.slot.bus).or_insert(next);
    }
    disks.sort_by_key(|d| (rank.get(&d.slot.bus).copied(), d.slot.controller, d.slot.unit));
    disks
}

fn disk_use(
    envelope: &Envelope,
    item: &Item,
    slots: &mut Slots,
    warnings: &mut Vec<String>,
) -> Option<DiskUse> {
    let mut leave_out = |why: String| {
        warnings.push(format!("{:?} is left out: {why}", item.name));
        None
    };
    let Some(resource) = &item.host_resource else {
        return leave_out("it names no disk of the package".to_owned());
    };
    let (disk, file) = match resource_of(resource) {
        Some(("disk", id)) => {
            let Some(disk) = envelope.disks.iter().find(|d| d.id == id) else {
                return leave_out(format!("there is no disk {id:?} in the package"));
            };
            let file = disk.file.as_ref().map(|id| file_with(envelope, id));
            (disk.clone(), file)
        }
        Some(("file", id)) => (DiskReference::default(), Some(file_with(envelope, id))),
        _ => return leave_out(format!("its resource {resource:?} is not understood")),
    };
    Some(DiskUse { slot: slots.take(item, warnings), disk, file })
}

/// The file `id`. One that is not listed is taken with an empty name, which is refused when it is looked for:
/// a disk with content must not turn into a blank one.
fn file_with(envelope: &Envelope, id: &str) -> FileReference {
    let listed = envelope.files.iter().find(|f| f.id == id);
    listed.cloned().unwrap_or_else(|| FileReference { id: id.to_owned(), ..FileReference::default() })
}

/// `ovf:/disk/ID`, `/disk/ID`, `ovf:/file/ID` or `/file/ID` as kind and id (section 8.3).
fn resource_of(resource: &str) -> Option<(&str, &str)> {
    let path = resource.trim().strip_prefix("ovf:").unwrap_or(resource.trim());
    path.trim_start_matches('/').split_once('/')
}

/// The name of the file that a resource leads to, as the package gives it: the image in a drive, the NVRAM.
fn file_name(envelope: &Envelope, resource: &str) -> Option<String> {
    let (kind, id) = resource_of(resource)?;
    let file = match kind {
        "file" => id,
        "disk" => envelope.disks.iter().find(|d| d.id == id)?.file.as_deref()?,
        _ => return None,
    };
    envelope.files.iter().find(|f| f.id == file).map(|f| f.href.clone())
}

fn floppy(item: &Item, count: usize) -> SourceFloppy {
    let unit = item.unit.or_else(|| u32::try_from(count).ok()).unwrap_or_default();
    SourceFloppy { slot: Slot { bus: Bus::Floppy, model: None, controller: 0, unit }, image: None }
}

fn nic(item: &Item, warnings: &mut Vec<String>) -> SourceNic {
    let mac = item.address.as_deref().and_then(virtualbox::mac_of);
    if let (None, Some(address)) = (&mac, &item.address) {
        warnings.push(format!("{:?}: {address:?} is no MAC address", item.name));
    }
    SourceNic {
        mac_static: mac.is_some(),
        mac,
        model: item.subtype.clone(),
        network: item.connection.clone(),
        connection: None,
        pci_slot: item.settings.get("slotinfo.pcislotnumber").and_then(|v| v.parse().ok()),
        start_connected: match item.automatic {
            Some(true) => Tristate::Yes,
            Some(false) => Tristate::No,
            None => Tristate::Unknown,
        },
    }
}

#[cfg(test)]
#[path = "hardware_tests.rs"]
mod tests;
