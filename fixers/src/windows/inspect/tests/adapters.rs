//! Which adapter of the registry is which NIC of the VM.

use h2k_config::Policy;

use crate::facts::NicHardware;
use crate::windows::first_boot::FirstBoot;
use crate::windows::testing::{Phony, RELEASES, SERVER_2022, facts_with, vmware_nics};

const CLASS: &str = "ControlSet001\\Control\\Class\\{4d36e972-e325-11ce-bfc1-08002be10318}";
const VMXNET3: &str = "PCI\\VEN_15AD&DEV_07B0&SUBSYS_07B015AD&REV_01";
const E1000E: &str = "PCI\\VEN_8086&DEV_10D3&SUBSYS_07D015AD&REV_00";
/// The slot of the second NIC, as its adapter has it.
const SECOND_SLOT: &str = r#"
    [ControlSet001\Enum\PCI\VEN_8086&DEV_10D3&SUBSYS_07D015AD&REV_00\005056FFFFAABB0200]
    "UINumber"=dword:000000e0
    "#;

/// The NIC of each adapter.
fn joined(phony: &Phony, nics: Vec<NicHardware>) -> Vec<Option<usize>> {
    let adapters = facts_with(&phony.guest(), nics).windows.unwrap().adapters;
    adapters.iter().map(|adapter| adapter.nic).collect()
}

/// As an OVA describes them: h2k made the MACs up.
fn of_ova() -> Vec<NicHardware> {
    let mut nics = vmware_nics();
    for (index, nic) in nics.iter_mut().enumerate() {
        nic.mac = format!("52:54:00:00:00:0{index}");
        nic.mac_from_source = false;
    }
    nics
}

/// Another adapter in the registry.
fn adapter(number: &str, instance: &str, guid: &str, slot: Option<u32>) -> String {
    let slot = slot.map(|n| format!("[ControlSet001\\Enum\\{instance}]\n\"UINumber\"=dword:{n:08x}\n"));
    let escaped = instance.replace('\\', "\\\\");
    format!(
        "[{CLASS}\\{number}]\n\"DeviceInstanceID\"=\"{escaped}\"\n\"NetCfgInstanceId\"=\"{guid}\"\n{}",
        slot.unwrap_or_default()
    )
}

#[test]
fn every_release_tells_the_macs_of_its_adapters() {
    for release in &RELEASES {
        let mut nics = vmware_nics();
        nics.iter_mut().for_each(|nic| nic.pci_slot = None);
        let facts = facts_with(&release.phony().guest(), nics);
        let adapters = facts.windows.unwrap().adapters;
        assert_eq!(adapters[0].mac.as_deref(), Some("00:50:56:aa:bb:01"), "{}", release.name);
        assert_eq!((adapters[0].nic, adapters[1].nic), (Some(0), Some(1)), "{}", release.name);
    }
}

#[test]
fn without_macs_in_the_source_the_slots_tell() {
    for release in &RELEASES {
        let mut phony = release.phony();
        assert_eq!(joined(&phony, of_ova()), [Some(0), Some(1)], "{}: one of each is left", release.name);
        phony.system(SECOND_SLOT);
        assert_eq!(joined(&phony, of_ova()), [Some(0), Some(1)], "{}", release.name);
        // The VM's order is another than the registry's.
        let mut nics = of_ova();
        nics.reverse();
        assert_eq!(joined(&phony, nics), [Some(1), Some(0)], "{}", release.name);
    }
}

#[test]
fn static_addresses_of_a_guest_from_an_ova_are_restored() {
    for release in &RELEASES {
        let guest = release.phony().guest();
        let facts = facts_with(&guest, of_ova());
        let proposal = crate::Fixer::plan(&FirstBoot, &facts, &guest, &Policy::default()).unwrap();
        let ids: Vec<&str> = proposal.concerns.iter().map(|c| c.id.as_str()).collect();
        assert!(!ids.contains(&"windows.network.lost"), "{}: {ids:?}", release.name);
        let script = proposal.edits.iter().find_map(|edit| match &edit.change {
            crate::Change::Write { path, after, .. } if path.ends_with("first-boot.cmd") => {
                after.to_bytes().ok()
            }
            _ => None,
        });
        let script = String::from_utf8(script.unwrap()).unwrap();
        assert!(script.contains("52-54-00-00-00-00") && script.contains("addr=192.0.2.10"), "{script}");
    }
}

#[test]
fn one_nic_and_one_adapter_belong_together_unless_the_source_tells_another_mac() {
    let keys = SERVER_2022.0.replace("PCI\\\\VEN_8086", "ROOT\\\\VEN_8086");
    let phony = Phony::new((&keys, SERVER_2022.1));
    let [its_own, another] = vmware_nics().try_into().unwrap();
    for (nic, expected) in
        of_ova().into_iter().chain([its_own]).map(|nic| (nic, Some(0))).chain([(another, None)])
    {
        for pci_slot in [None, Some(33)] {
            assert_eq!(joined(&phony, vec![NicHardware { pci_slot, ..nic.clone() }]), [expected]);
        }
    }
    // Two NICs that nothing tells apart.
    let unknown = |nic| NicHardware { pci_slot: None, ..nic };
    assert_eq!(joined(&phony, of_ova().into_iter().map(unknown).collect()), [None]);
}

#[test]
fn a_slot_says_nothing_against_a_mac_that_the_source_tells() {
    let mut phony = Phony::new(SERVER_2022);
    phony.system(SECOND_SLOT);
    let mut nics = vmware_nics();
    nics[0].mac = "00:50:56:aa:bb:09".to_owned();
    nics[1].mac = "00:50:56:aa:bb:08".to_owned();
    assert_eq!(joined(&phony, nics), [None, None]);
}

#[test]
fn of_several_adapters_with_one_mac_it_is_that_of_the_slot_or_the_newest() {
    let guid = "{11111111-2222-3333-4444-555555555555}";
    let older = format!("{E1000E}\\005056FFFFAABB0100");
    let newer = format!("{VMXNET3}\\FF56500001BBAAFE00");
    // The model was changed from the first adapter's to e1000e, in another slot.
    let mut phony = Phony::new(SERVER_2022);
    phony.system(&adapter("0003", &older, guid, Some(160)));
    assert_eq!(joined(&phony, vmware_nics()), [Some(0), Some(1), None], "the slot is the first one's");
    let mut nics = vmware_nics();
    nics[0].pci_slot = Some(160);
    assert_eq!(joined(&phony, nics.clone()), [None, Some(1), Some(0)], "the slot is the last one's");
    nics[0].pci_slot = None;
    assert_eq!(joined(&phony, nics), [None, Some(1), Some(0)], "the newest");
    // A ghost that is older than both.
    let text = SERVER_2022.0.replace("ROOT\\\\KDNIC\\\\0000", &older.replace('\\', "\\\\"));
    assert!(text.contains(&newer.replace('\\', "\\\\")));
    let phony = Phony::new((&text, SERVER_2022.1));
    assert_eq!(joined(&phony, vmware_nics()), [None, Some(0), Some(1)]);
}

#[test]
fn a_nic_does_not_take_the_adapter_of_another_by_the_slot() {
    let mut phony = Phony::new(SERVER_2022);
    phony.system(SECOND_SLOT);
    // The first is made up and claims the slot in which the other one's adapter was.
    let mut nics = vmware_nics();
    nics[0] = NicHardware { pci_slot: Some(224), ..of_ova().remove(0) };
    assert_eq!(joined(&phony, nics), [Some(0), Some(1)]);
}
