//! Where PCI devices sit. They sit where libvirt would put them, since a guest's names for its NICs come from it.
//!
//! libvirt (docs/pci-addresses.rst, qemuDomainAssignDevicePCISlots) gives NICs the first places, then controllers,
//! then virtio disks. On q35 every device is alone behind a root port, so the first NIC is `enp1s0`; on the old
//! chipset all sit on one bus from slot 3, so it is `ens3`.

use crate::emit::domain::Machine;

/// First slot on the old chipset: 0 to 2 are the host bridge, the ISA bridge and the display.
const FIRST_SLOT: u32 = 3;
/// Slots of a bus.
const SLOTS: u32 = 32;
/// First slot of root ports: 0 and 1 are the host bridge and the display. Eight ports share a slot.
const FIRST_PORT_SLOT: u32 = 2;
/// Last slot for root ports; behind it are the chipset's own devices.
const LAST_PORT_SLOT: u32 = 0x18;

/// Gives out places.
pub struct Slots {
    machine: Machine,
    given: u32,
}

impl Slots {
    /// All places are free.
    pub fn new(machine: Machine) -> Self {
        Self { machine, given: 0 }
    }

    /// The next place: arguments that come before the device's (a root port), and the device's properties. Nothing
    /// if none is left.
    pub fn next(&mut self) -> Option<(Vec<String>, String)> {
        let n = self.given;
        self.given += 1;
        match self.machine {
            Machine::I440fx => {
                let slot = FIRST_SLOT + n;
                (slot < SLOTS).then(|| (Vec::new(), format!("bus=pci.0,addr={slot:#x}")))
            }
            Machine::Q35 => {
                let (slot, function) = (FIRST_PORT_SLOT + n / 8, n % 8);
                if slot > LAST_PORT_SLOT {
                    return None;
                }
                let several = if function == 0 { ",multifunction=on" } else { "" };
                let port = n + 1;
                let device = format!(
                    "pcie-root-port,id=port{port},chassis={port},bus=pcie.0,addr={slot:#x}.{function:#x}{several}"
                );
                Some((vec!["-device".to_owned(), device], format!("bus=port{port},addr=0x0")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_run_out_without_clashing() {
        let mut q35 = Slots::new(Machine::Q35);
        let (port, place) = q35.next().unwrap();
        assert_eq!(port[1], "pcie-root-port,id=port1,chassis=1,bus=pcie.0,addr=0x2.0x0,multifunction=on");
        assert_eq!(place, "bus=port1,addr=0x0");
        assert_eq!(std::iter::from_fn(|| q35.next()).count(), 183);
        let mut old = Slots::new(Machine::I440fx);
        assert_eq!(old.next().unwrap().1, "bus=pci.0,addr=0x3");
        assert_eq!(std::iter::from_fn(|| old.next()).count(), 28);
    }
}
