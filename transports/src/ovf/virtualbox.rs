//! VirtualBox's own section of an OVF: `vbox:Machine` in the virtual system, the machine in the form of VirtualBox's
//! settings file (src/VBox/Main/xml/Settings.cpp, `MachineConfigFile::buildMachineXML`).

use super::xml::{Element, Space};
use crate::source::{Firmware, SourceNic};
use crate::vmx::mac_address;

/// The range in which VirtualBox makes addresses (HostImpl.cpp, `Host::i_generateMACAddress`).
const GENERATED_PREFIX: &str = "08:00:27:";

/// `Hardware/Firmware`. VirtualBox writes the element only for EFI; its default is BIOS.
pub(super) fn firmware(system: &Element) -> Firmware {
    let Some(machine) = system.child_of_any("Machine") else { return Firmware::Unknown };
    let kind = machine
        .child_of_any("Hardware")
        .and_then(|hardware| hardware.child_of_any("Firmware"))
        .and_then(|firmware| firmware.attribute(Space::None, "type"));
    match kind {
        None | Some("BIOS") => Firmware::Bios,
        Some(word) if word.starts_with("EFI") => Firmware::Uefi,
        Some(_) => Firmware::Unknown,
    }
}

/// `MACAddress` of the enabled `Hardware/Network/Adapter`s in the order of their slots, as written; VirtualBox makes an
/// item of the hardware section of each, in the same order (ApplianceImplExport.cpp, `Machine::exportTo`).
///
/// Empty if slots are missing or taken twice, as the order is not known then.
pub(super) fn adapters(system: &Element) -> Vec<Option<String>> {
    let network = ["Machine", "Hardware", "Network"]
        .into_iter()
        .try_fold(system, |element, name| element.child_of_any(name));
    let all = network.into_iter().flat_map(|network| &network.children).filter(|e| e.name == "Adapter");
    // An adapter that does not say so is off, which is VirtualBox's default.
    let enabled =
        all.filter(|adapter| matches!(adapter.attribute(Space::None, "enabled"), Some("true" | "yes" | "1")));
    let slotted: Option<Vec<(u32, Option<&str>)>> = enabled
        .map(|adapter| {
            let slot = adapter.attribute(Space::None, "slot")?.trim().parse().ok()?;
            Some((slot, adapter.attribute(Space::None, "MACAddress").filter(|mac| !mac.is_empty())))
        })
        .collect();
    let mut slotted = slotted.unwrap_or_default();
    slotted.sort_unstable();
    if slotted.windows(2).any(|pair| matches!(pair, [(one, _), (two, _)] if one == two)) {
        return Vec::new();
    }
    slotted.into_iter().map(|(_, mac)| mac.map(str::to_owned)).collect()
}

/// Gives the NICs without a MAC address those of VirtualBox's enabled `adapters`, if there is one for each NIC.
pub(super) fn give_macs(adapters: &[Option<String>], nics: &mut [SourceNic], warnings: &mut Vec<String>) {
    if adapters.is_empty() || nics.iter().all(|nic| nic.mac.is_some()) {
        return;
    }
    if adapters.len() != nics.len() {
        warnings.push(format!(
            "VirtualBox's section has {} enabled adapters and the OVF {} NICs: their MAC addresses are not taken",
            adapters.len(),
            nics.len()
        ));
        return;
    }
    for (index, (nic, address)) in nics.iter_mut().zip(adapters).enumerate() {
        let (None, Some(address)) = (&nic.mac, address) else { continue };
        let mac = mac_of(address);
        if mac.is_none() {
            warnings.push(format!("VirtualBox's adapter of NIC {index}: {address:?} is no MAC address"));
        }
        nic.mac_static = mac.as_deref().is_some_and(|mac| !mac.starts_with(GENERATED_PREFIX));
        nic.mac = mac;
    }
}

/// A MAC address of an OVF in lower case with colons: in the common forms, or as VirtualBox writes it, 12 digits.
pub(super) fn mac_of(value: &str) -> Option<String> {
    let digits = value.trim();
    if digits.len() != 12 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return mac_address(value);
    }
    let octets: Vec<&str> = (0..12).step_by(2).filter_map(|at| digits.get(at..at + 2)).collect();
    mac_address(&octets.join(":"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ovf::Envelope;
    use crate::source::Tristate;

    /// What the section says with `adapters` in its network.
    fn read(adapters: &str) -> Vec<Option<String>> {
        let text = format!(
            "<Envelope xmlns='http://schemas.dmtf.org/ovf/envelope/1' xmlns:v='http://www.virtualbox.org/ovf/machine'>\
             <VirtualSystem><v:Machine><Hardware><Network>{adapters}</Network></Hardware></v:Machine></VirtualSystem></Envelope>"
        );
        Envelope::parse(text.as_bytes()).unwrap().system.virtualbox_macs
    }

    fn nics(macs: &[Option<&str>]) -> Vec<SourceNic> {
        let nic = |mac: &Option<&str>| SourceNic {
            mac: mac.map(str::to_owned),
            mac_static: mac.is_some(),
            model: None,
            network: None,
            connection: None,
            pci_slot: None,
            start_connected: Tristate::Unknown,
        };
        macs.iter().map(nic).collect()
    }

    /// The MACs that NICs with `own` have after `adapters` were given, and how many warnings there are.
    fn given(own: &[Option<&str>], adapters: &[Option<&str>]) -> (Vec<Option<String>>, usize) {
        let (mut nics, mut warnings) = (nics(own), Vec::new());
        let adapters: Vec<_> = adapters.iter().map(|mac| mac.map(str::to_owned)).collect();
        give_macs(&adapters, &mut nics, &mut warnings);
        (nics.into_iter().map(|nic| nic.mac).collect(), warnings.len())
    }

    #[test]
    fn enabled_adapters_come_in_the_order_of_their_slots() {
        let some = |mac: &str| Some(mac.to_owned());
        let adapters = "<Adapter slot='10' enabled='1' MACAddress='c'/><Adapter slot='2' enabled='true'/>\
                        <Adapter slot='0' enabled='false' MACAddress='x'/><Adapter slot='1' MACAddress='y'/>\
                        <Adapter slot='3' enabled='true' MACAddress='b'><NAT/></Adapter>";
        assert_eq!(read(adapters), [None, some("b"), some("c")]);
        assert_eq!(read(""), Vec::new());
    }

    #[test]
    fn slots_that_do_not_tell_the_order_tell_nothing() {
        let twice = "<Adapter slot='1' enabled='true' MACAddress='a'/><Adapter slot='1' enabled='true' MACAddress='b'/>";
        let none =
            "<Adapter slot='1' enabled='true' MACAddress='a'/><Adapter enabled='true' MACAddress='b'/>";
        let nonsense = "<Adapter slot='-1' enabled='true' MACAddress='a'/>";
        for adapters in [twice, none, nonsense] {
            assert_eq!(read(adapters), Vec::new(), "{adapters}");
        }
    }

    #[test]
    fn only_nics_without_a_mac_are_given_one() {
        let own = Some("00:50:56:00:00:01");
        let (macs, warnings) = given(&[own, None], &[Some("080027000001"), Some("080027000002")]);
        assert_eq!(macs, [own.map(str::to_owned), Some("08:00:27:00:00:02".to_owned())]);
        assert_eq!(warnings, 0);
        assert_eq!(given(&[None, None], &[None, Some("nonsense")]), (vec![None, None], 1));
    }

    #[test]
    fn other_numbers_of_adapters_and_nics_give_nothing() {
        let address = Some("080027000001");
        assert_eq!(given(&[None], &[address, address]), (vec![None], 1));
        assert_eq!(given(&[None, None], &[address]), (vec![None, None], 1));
        assert_eq!(given(&[None], &[]), (vec![None], 0));
        assert_eq!(given(&[Some("a")], &[address, address]).1, 0, "there is nothing to be given");
    }

    #[test]
    fn twelve_digits_are_a_mac_address_of_an_ovf() {
        for text in ["080027ABCDEF", " 080027abcdef ", "08:00:27:AB:CD:EF", "08-00-27-ab-cd-ef"] {
            assert_eq!(mac_of(text).as_deref(), Some("08:00:27:ab:cd:ef"), "{text}");
        }
        for bad in ["", "080027ABCDE", "080027ABCDEFF", "080027ABCDEG", "üüüüüü", "+80027ABCDEF"] {
            assert_eq!(mac_of(bad), None, "{bad}");
        }
    }
}
