//! Controllers of an OVF, and the places on them.

use std::collections::{BTreeMap, BTreeSet};

use super::item::Item;
use crate::source::{Bus, Slot};

const IDE_CONTROLLER: u32 = 5;
const SCSI_CONTROLLER: u32 = 6;
/// "Other storage device": SATA, and what came after CIM's list was made.
const STORAGE_CONTROLLER: u32 = 20;

/// A controller.
#[derive(Debug, Clone)]
struct Controller {
    bus: Bus,
    model: Option<String>,
    number: u32,
}

/// Controllers by their InstanceID, and the places that are taken.
#[derive(Debug)]
pub(super) struct Slots {
    controllers: BTreeMap<String, Controller>,
    taken: BTreeSet<(Bus, u32, u32)>,
}

impl Slots {
    /// The controllers among `items`. A controller's number is its `Address`, or the next free one of its
    /// bus.
    pub(super) fn of(items: &[Item]) -> Self {
        let mut controllers = BTreeMap::new();
        let mut numbers: BTreeSet<(Bus, u32)> = BTreeSet::new();
        for item in items {
            let Some(bus) = bus_of(item) else { continue };
            let given = item.address.as_deref().and_then(|address| address.parse().ok());
            let number = given
                .filter(|number| !numbers.contains(&(bus, *number)))
                .or_else(|| (0..).find(|number| !numbers.contains(&(bus, *number))))
                .unwrap_or_default();
            numbers.insert((bus, number));
            controllers.insert(item.id.clone(), Controller { bus, model: item.subtype.clone(), number });
        }
        Self { controllers, taken: BTreeSet::new() }
    }

    /// The place of a disk or drive: its `AddressOnParent`, or the next free unit of its controller.
    pub(super) fn take(&mut self, item: &Item, warnings: &mut Vec<String>) -> Slot {
        let controller = item.parent.as_ref().and_then(|id| self.controllers.get(id)).cloned();
        if controller.is_none() {
            warnings.push(format!("{:?} is on no controller that the OVF describes", item.name));
        }
        let Controller { bus, model, number } =
            controller.unwrap_or(Controller { bus: Bus::Unknown, model: None, number: 0 });
        let is_free = |unit: &u32| !self.taken.contains(&(bus, number, *unit));
        let unit = item.unit.filter(is_free).or_else(|| (0..).find(is_free)).unwrap_or_default();
        self.taken.insert((bus, number, unit));
        Slot { bus, model, controller: number, unit }
    }
}

fn bus_of(item: &Item) -> Option<Bus> {
    let subtype = item.subtype.as_deref().unwrap_or_default().to_ascii_lowercase();
    match item.kind {
        IDE_CONTROLLER => Some(Bus::Ide),
        SCSI_CONTROLLER => Some(Bus::Scsi),
        // `vmware.nvme.controller`, VirtualBox's `NVMe` and `VirtioSCSI`; `AHCI` and `vmware.sata.ahci` are
        // the rest.
        STORAGE_CONTROLLER if subtype.contains("nvme") => Some(Bus::Nvme),
        STORAGE_CONTROLLER if subtype.contains("scsi") => Some(Bus::Scsi),
        STORAGE_CONTROLLER => Some(Bus::Sata),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(id: &str, kind: u32, subtype: &str, address: Option<&str>) -> Item {
        Item {
            id: id.to_owned(),
            kind,
            subtype: Some(subtype.to_owned()),
            address: address.map(str::to_owned),
            ..Item::default()
        }
    }

    fn on(parent: &str, unit: Option<u32>) -> Item {
        Item { parent: Some(parent.to_owned()), unit, ..Item::default() }
    }

    #[test]
    fn controllers_are_numbered_per_bus() {
        let items = [
            item("1", 5, "PIIX4", Some("1")),
            item("2", 5, "PIIX4", Some("0")),
            item("3", 6, "VirtualSCSI", Some("0")),
            item("4", 6, "lsilogic", Some("0")),
            item("5", 20, "vmware.sata.ahci", None),
            item("6", 20, "vmware.nvme.controller", None),
            item("7", 20, "VirtioSCSI", None),
        ];
        let mut slots = Slots::of(&items);
        let mut warnings = Vec::new();
        let mut place = |id| {
            let slot = slots.take(&on(id, None), &mut warnings);
            (slot.bus, slot.controller)
        };
        assert_eq!(place("1"), (Bus::Ide, 1));
        assert_eq!(place("2"), (Bus::Ide, 0));
        assert_eq!(place("3"), (Bus::Scsi, 0));
        assert_eq!(place("4"), (Bus::Scsi, 1));
        assert_eq!(place("5"), (Bus::Sata, 0));
        assert_eq!(place("6"), (Bus::Nvme, 0));
        assert_eq!(place("7"), (Bus::Scsi, 2));
        assert!(warnings.is_empty());
    }

    #[test]
    fn units_are_as_given_or_the_next_free_one() {
        let mut slots = Slots::of(&[item("3", 6, "VirtualSCSI", None)]);
        let mut warnings = Vec::new();
        let units: Vec<u32> = [Some(1), None, Some(1), None]
            .into_iter()
            .map(|unit| slots.take(&on("3", unit), &mut warnings).unit)
            .collect();
        assert_eq!(units, [1, 0, 2, 3]);
        assert!(warnings.is_empty());
        let slot = slots.take(&on("9", Some(4)), &mut warnings);
        assert_eq!((slot.bus, slot.unit), (Bus::Unknown, 4));
        assert_eq!(warnings.len(), 1);
    }
}
