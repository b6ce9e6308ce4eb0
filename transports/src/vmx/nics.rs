//! Network interfaces of a VMX: `ethernetN.*`.

use std::collections::BTreeSet;

use super::dictionary::Dictionary;
use super::ids::mac_address;
use crate::source::{SourceNic, SourceVm, Tristate};

/// Keys that say that an `ethernetN` is more than a left-over line.
const SUBSTANCE: [&str; 5] = ["virtualDev", "addressType", "address", "generatedAddress", "connectionType"];

/// Fills in `vm.nics` in the order of their numbers.
pub(super) fn describe(dictionary: &Dictionary, vm: &mut SourceVm) {
    let numbers: BTreeSet<u32> = dictionary
        .starting_with("ethernet")
        .filter_map(|(name, _)| name.strip_prefix("ethernet")?.split_once('.')?.0.parse().ok())
        .collect();
    for number in numbers {
        let key = |field: &str| format!("ethernet{number}.{field}");
        match dictionary.switch(&key("present")) {
            Tristate::No => continue,
            Tristate::Unknown if !SUBSTANCE.iter().any(|f| dictionary.text(&key(f)).is_some()) => continue,
            Tristate::Unknown => {
                vm.warnings.push(format!(
                    "ethernet{number} does not say that it is present; it is taken as present"
                ));
            }
            Tristate::Yes => {}
        }
        let (mac, mac_static) = address(dictionary, number, &mut vm.warnings);
        vm.nics.push(SourceNic {
            mac,
            mac_static,
            model: dictionary.text(&key("virtualDev")).map(str::to_owned),
            network: network(dictionary, number),
            connection: dictionary.text(&key("connectionType")).map(str::to_owned),
            // -1 means "not placed yet".
            pci_slot: dictionary.number(&key("pciSlotNumber")),
            start_connected: dictionary.switch(&key("startConnected")),
        });
    }
}

/// The MAC and whether it was set by hand. `addressType` decides between `address` (`static`) and
/// `generatedAddress` (`generated`, or `vpx` for one that vCenter made); the other one serves if it is
/// missing.
fn address(dictionary: &Dictionary, number: u32, warnings: &mut Vec<String>) -> (Option<String>, bool) {
    let manual = ("address", true);
    let generated = ("generatedAddress", false);
    let is_static = dictionary
        .text(&format!("ethernet{number}.addressType"))
        .is_some_and(|t| t.eq_ignore_ascii_case("static"));
    let order = if is_static { [manual, generated] } else { [generated, manual] };
    for (field, by_hand) in order {
        let name = format!("ethernet{number}.{field}");
        let Some(text) = dictionary.text(&name) else { continue };
        if let Some(mac) = mac_address(text) {
            return (Some(mac), by_hand);
        }
        warnings.push(format!("{name} = {text:?} is no MAC address"));
    }
    (None, is_static)
}

/// The network's name in the source's word: a port group, a distributed port group's id, an NSX segment's id,
/// or a VMnet of Workstation.
fn network(dictionary: &Dictionary, number: u32) -> Option<String> {
    ["networkName", "dvs.portgroupId", "opaqueNetwork.id", "vnet"]
        .iter()
        .find_map(|field| dictionary.text(&format!("ethernet{number}.{field}")))
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::SourceKind;

    fn described(text: &str) -> SourceVm {
        let mut vm = SourceVm::new("x", SourceKind::Vmx, "x.vmx");
        describe(&Dictionary::parse(text.as_bytes()).0, &mut vm);
        vm
    }

    #[test]
    fn a_static_address_is_kept() {
        let vm = described(
            "ethernet0.present = \"TRUE\"\nethernet0.addressType = \"static\"\n\
             ethernet0.address = \"00:50:56:00:00:01\"\nethernet0.generatedAddress = \"00:0c:29:00:00:01\"",
        );
        assert_eq!(vm.nics[0].mac.as_deref(), Some("00:50:56:00:00:01"));
        assert!(vm.nics[0].mac_static);
    }

    #[test]
    fn generated_addresses_are_not_static() {
        for kind in ["generated", "vpx"] {
            let vm = described(&format!(
                "ethernet0.present = \"TRUE\"\nethernet0.addressType = \"{kind}\"\n\
                 ethernet0.generatedAddress = \"00:50:56:9B:5F:0D\""
            ));
            assert_eq!(vm.nics[0].mac.as_deref(), Some("00:50:56:9b:5f:0d"));
            assert!(!vm.nics[0].mac_static);
        }
    }

    #[test]
    fn absent_and_left_over_interfaces_do_not_count() {
        let vm = described(
            "ethernet0.present = \"FALSE\"\nethernet0.virtualDev = \"e1000\"\nethernet1.pciSlotNumber = \"-1\"\n\
             ethernet10.present = \"TRUE\"\nethernet2.present = \"TRUE\"\nethernet2.pciSlotNumber = \"-1\"\n\
             ethernet10.pciSlotNumber = \"192\"\nethernetx.present = \"TRUE\"",
        );
        let slots: Vec<_> = vm.nics.iter().map(|nic| nic.pci_slot).collect();
        assert_eq!(slots, [None, Some(192)]);
        assert_eq!(vm.warnings, Vec::<String>::new());
    }

    #[test]
    fn networks_in_every_spelling() {
        for (line, want) in [
            ("networkName = \"VM Network\"", "VM Network"),
            ("dvs.portgroupId = \"dvportgroup-12\"", "dvportgroup-12"),
            ("vnet = \"/dev/vmnet8\"", "/dev/vmnet8"),
        ] {
            let vm = described(&format!("ethernet0.present = \"TRUE\"\nethernet0.{line}"));
            assert_eq!(vm.nics[0].network.as_deref(), Some(want));
        }
    }

    #[test]
    fn a_bad_address_is_named() {
        let vm = described("ethernet0.present = \"TRUE\"\nethernet0.generatedAddress = \"nonsense\"");
        assert_eq!(vm.nics[0].mac, None);
        assert_eq!(vm.warnings, ["ethernet0.generatedAddress = \"nonsense\" is no MAC address"]);
    }
}
