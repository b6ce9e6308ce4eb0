//! Disks and drives of a VMX: `scsiC:U.*`, `nvmeC:U.*`, `sataC:U.*`, `ideC:U.*` and `floppyN.*`.

use std::collections::BTreeSet;

use super::dictionary::Dictionary;
use super::kind::{Kind, kind_of};
use crate::features::DiskTraits;
use crate::source::{Bus, Slot, SourceCdrom, SourceFloppy, SourceVm, Tristate};

/// Buses in the order in which their disks are counted: VMware's firmware tries SCSI before the others, and
/// virt-v2v counts the same way, so that device maps made for it fit.
const BUSES: [(Bus, &str); 4] =
    [(Bus::Scsi, "scsi"), (Bus::Nvme, "nvme"), (Bus::Sata, "sata"), (Bus::Ide, "ide")];

/// Floppy drives that a VMware machine can have.
const FLOPPIES: u32 = 2;

/// A disk as the VMX names it; where the file is, is found later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskFile {
    /// Where the disk sits.
    pub slot: Slot,
    /// `fileName`, as written.
    pub file_name: String,
    /// `mode`, if given.
    pub mode: Option<String>,
    /// What it is besides its bytes.
    pub traits: DiskTraits,
}

impl DiskFile {
    /// The device, as the VMX calls it: `scsi0:1`.
    pub(super) fn device(&self) -> String {
        format!("{}{}:{}", self.slot.bus, self.slot.controller, self.slot.unit)
    }
}

/// Fills in drives, and returns the disks in slot order.
pub(super) fn describe(dictionary: &Dictionary, vm: &mut SourceVm) -> Vec<DiskFile> {
    let mut disks = Vec::new();
    for (bus, prefix) in BUSES {
        for (controller, unit) in units(dictionary, prefix) {
            let device = Device { dictionary, bus, prefix, controller, unit };
            device.describe(vm, &mut disks);
        }
    }
    vm.floppies = (0..FLOPPIES).filter_map(|number| floppy(dictionary, number)).collect();
    disks
}

/// All `(controller, unit)` pairs that the dictionary mentions on a bus.
fn units(dictionary: &Dictionary, prefix: &str) -> BTreeSet<(u32, u32)> {
    dictionary
        .starting_with(prefix)
        .filter_map(|(name, _)| {
            let (place, _) = name.strip_prefix(prefix)?.split_once('.')?;
            let (controller, unit) = place.split_once(':')?;
            Some((controller.parse().ok()?, unit.parse().ok()?))
        })
        .collect()
}

/// One place on a controller.
struct Device<'a> {
    dictionary: &'a Dictionary,
    bus: Bus,
    prefix: &'static str,
    controller: u32,
    unit: u32,
}

impl Device<'_> {
    /// `scsi0:1`.
    fn name(&self) -> String {
        format!("{}{}:{}", self.prefix, self.controller, self.unit)
    }

    fn field(&self, field: &str) -> Option<&str> {
        self.dictionary.text(&format!("{}.{field}", self.name()))
    }

    fn slot(&self) -> Slot {
        let controller = format!("{}{}", self.prefix, self.controller);
        Slot {
            bus: self.bus,
            model: self.dictionary.text(&format!("{controller}.virtualDev")).map(str::to_owned),
            controller: self.controller,
            unit: self.unit,
        }
    }

    fn describe(&self, vm: &mut SourceVm, disks: &mut Vec<DiskFile>) {
        let kind = kind_of(self.field("deviceType"), self.field("fileName"));
        if !self.is_present(&kind, &mut vm.warnings) {
            return;
        }
        match kind {
            Kind::Disk => self.disk(vm, disks, None),
            Kind::MappedDisk(word) => self.disk(vm, disks, Some(word)),
            Kind::Cdrom { image } => vm.cdroms.push(SourceCdrom { slot: self.slot(), image }),
            Kind::PassedThrough(word) => {
                vm.warnings.push(format!(
                    "{}: deviceType {word:?} passes a device of the old host through and is left out",
                    self.name()
                ));
            }
        }
    }

    fn disk(&self, vm: &mut SourceVm, disks: &mut Vec<DiskFile>, raw_mapping: Option<String>) {
        let Some(file_name) = self.field("fileName") else {
            vm.warnings.push(format!("{} names no file and is left out", self.name()));
            return;
        };
        let mode = self.field("mode").map(str::to_owned);
        let controller = format!("{}{}", self.prefix, self.controller);
        let traits = self.dictionary.settings().disk_traits(&controller, &self.name(), raw_mapping);
        disks.push(DiskFile { slot: self.slot(), file_name: file_name.to_owned(), mode, traits });
    }

    /// Whether VMware would attach the device. A disk that is left out although a file is named is worth a
    /// warning; so is one that is taken although nothing says that it is present.
    fn is_present(&self, kind: &Kind, warnings: &mut Vec<String>) -> bool {
        let file = self.field("fileName").unwrap_or_default();
        let worth_a_word = matches!(kind, Kind::Disk | Kind::MappedDisk(_)) && !file.is_empty();
        let controller = format!("{}{}", self.prefix, self.controller);
        let (own, its_controller) = (
            self.dictionary.switch(&format!("{}.present", self.name())),
            self.dictionary.switch(&format!("{controller}.present")),
        );
        // IDE controllers are part of the board; VMware writes no line for them.
        let controller_off = self.bus != Bus::Ide && its_controller == Tristate::No;
        if own == Tristate::No || controller_off {
            if worth_a_word {
                let off = if own == Tristate::No { self.name() } else { controller };
                warnings.push(format!("{off} is not present: {file:?} at {} is left out", self.name()));
            }
            return false;
        }
        if own == Tristate::Unknown {
            if !worth_a_word {
                return false;
            }
            warnings.push(format!("{} does not say that it is present; {file:?} is taken", self.name()));
        }
        true
    }
}

fn floppy(dictionary: &Dictionary, number: u32) -> Option<SourceFloppy> {
    let key = |field: &str| format!("floppy{number}.{field}");
    if dictionary.switch(&key("present")) != Tristate::Yes {
        return None;
    }
    let is_image = dictionary.text(&key("fileType")).is_some_and(|t| t.eq_ignore_ascii_case("file"));
    let image = dictionary.text(&key("fileName")).filter(|_| is_image).map(str::to_owned);
    Some(SourceFloppy { slot: Slot { bus: Bus::Floppy, model: None, controller: 0, unit: number }, image })
}

#[cfg(test)]
#[path = "devices_tests.rs"]
mod tests;
