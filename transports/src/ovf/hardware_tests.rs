//! Tests of the hardware description.

use std::path::{Path, PathBuf};

use super::*;
use crate::source::Firmware;

fn described(fixture: &str) -> Description {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../fixtures/ovf").join(fixture);
    describe(&Envelope::parse(&std::fs::read(path).unwrap()).unwrap(), "stem", Path::new("x.ovf"))
}

/// A system with `items`.
fn with_items(items: Vec<Item>) -> Envelope {
    let mut envelope = Envelope::default();
    envelope.system.items = items;
    envelope
}

#[test]
fn a_machine_with_one_of_each() {
    let Description { vm, disks } = described("full.ovf");
    assert_eq!((vm.vcpus, vm.cores_per_socket, vm.memory_bytes), (Some(4), Some(2), Some(2 << 30)));
    assert_eq!((vm.firmware, vm.secure_boot, vm.tpm), (Firmware::Uefi, Tristate::Yes, Tristate::Yes));
    assert_eq!(vm.disk_uuids_visible, Tristate::Yes);
    let places: Vec<_> = disks.iter().map(|d| (d.slot.bus, d.slot.unit, d.disk.id.as_str())).collect();
    assert_eq!(places, [(Bus::Nvme, 1, "vmdisk2"), (Bus::Scsi, 0, "vmdisk1")]);
    assert_eq!(disks[1].slot.model.as_deref(), Some("VirtualSCSI"));
    let drive = &vm.cdroms[0];
    assert_eq!((drive.slot.bus, drive.slot.unit, drive.image.as_deref()), (Bus::Sata, 2, Some("tools.iso")));
    assert_eq!(vm.floppies.len(), 1);
    assert_eq!(vm.nvram.as_deref(), Some("full.nvram"));
    let nic = &vm.nics[0];
    assert_eq!(nic.mac.as_deref(), Some("00:50:56:ab:cd:ef"));
    assert_eq!((nic.model.as_deref(), nic.network.as_deref()), (Some("VmxNet3"), Some("PG-VLAN60")));
    assert_eq!((nic.pci_slot, nic.start_connected), (Some(33), Tristate::Yes));
    assert_eq!(vm.warnings, Vec::<String>::new());
}

#[test]
fn items_of_ovf_2() {
    let Description { vm, disks } = described("virtualbox-ovf2.ovf");
    assert_eq!(vm.name, "box");
    assert_eq!((vm.vcpus, vm.memory_bytes), (Some(2), Some(512 << 20)));
    assert_eq!((vm.firmware, vm.secure_boot), (Firmware::Uefi, Tristate::Unknown));
    assert_eq!((disks[0].slot.bus, disks[0].disk.capacity_bytes), (Bus::Sata, Some(8 << 30)));
    assert_eq!((vm.cdroms[0].slot.bus, vm.cdroms[0].slot.controller), (Bus::Ide, 1));
    assert_eq!(vm.nics[0].network.as_deref(), Some("NAT"));
    assert_eq!(vm.warnings, Vec::<String>::new());
}

#[test]
fn virtualbox_gives_the_macs_that_its_items_lack() {
    let vm = described("virtualbox-macs.ovf").vm;
    let nics: Vec<_> =
        vm.nics.iter().map(|n| (n.network.as_deref(), n.mac.as_deref(), n.mac_static)).collect();
    assert_eq!(
        nics,
        [
            (Some("NAT"), Some("08:00:27:00:00:01"), false),
            (Some("Bridged"), Some("52:54:00:00:00:02"), true),
            (Some("HostOnly"), Some("08:00:27:ab:cd:ef"), false),
        ]
    );
    assert_eq!(vm.warnings, Vec::<String>::new());
}

#[test]
fn a_disk_without_a_file_is_blank() {
    let disks = described("blank-disk.ovf").disks;
    assert!(disks[0].file.is_some() && disks[1].file.is_none());
    assert_eq!(disks[1].disk.capacity_bytes, Some(1 << 30));
}

#[test]
fn disks_that_lead_nowhere_are_left_out_with_a_warning() {
    let disk = |resource: Option<&str>| Item {
        kind: DISK,
        name: "d".to_owned(),
        host_resource: resource.map(str::to_owned),
        ..Item::default()
    };
    let envelope = with_items(vec![disk(None), disk(Some("ovf:/disk/x")), disk(Some("nonsense"))]);
    let Description { vm, disks } = describe(&envelope, "stem", Path::new("x.ovf"));
    assert!(disks.is_empty());
    assert_eq!(vm.name, "stem");
    assert_eq!(vm.warnings.len(), 4, "{:?}", vm.warnings);
}

#[test]
fn an_unlisted_file_does_not_make_a_blank_disk() {
    let item = Item { kind: DISK, host_resource: Some("ovf:/file/x".to_owned()), ..Item::default() };
    let disks = describe(&with_items(vec![item]), "stem", Path::new("x.ovf")).disks;
    assert_eq!(disks[0].file.as_ref().unwrap().href, "");
}

#[test]
fn memory_without_a_unit_is_bytes_if_that_can_be() {
    let memory = |quantity| {
        let item = Item { kind: 4, quantity: Some(quantity), ..Item::default() };
        let vm = describe(&with_items(vec![item]), "stem", Path::new("x.ovf")).vm;
        (vm.memory_bytes, vm.warnings.iter().any(|w| w.contains("memory")))
    };
    assert_eq!(memory(1 << 30), (Some(1 << 30), false));
    assert_eq!(memory(1024), (None, true));
}

#[test]
fn only_pci_devices_of_the_host_are_left_out() {
    let devices = |subtype: &str| {
        let item = Item { subtype: Some(subtype.to_owned()), name: "x".to_owned(), ..Item::default() };
        describe(&with_items(vec![item]), "stem", Path::new("x.ovf")).vm.features.host_devices.len()
    };
    assert_eq!(devices("vmware.pci.passthrough"), 1);
    assert_eq!(devices("vmware.cdrom.remotepassthrough"), 0);
}

#[test]
fn devices_that_are_items_are_features() {
    let item = |kind, subtype: &str| Item {
        kind,
        subtype: Some(subtype.to_owned()),
        name: "x".to_owned(),
        ..Item::default()
    };
    let items = vec![item(21, ""), item(22, ""), item(23, "vmware.usb.ehci"), item(1, "vmware.soundcard")];
    let features = describe(&with_items(items), "stem", Path::new("x.ovf")).vm.features;
    assert_eq!((features.ports.len(), features.usb_controllers.len(), features.sound), (2, 1, Tristate::Yes));
}

#[test]
fn firmware_that_nobody_names_is_unknown() {
    let vm = describe(&Envelope::default(), "stem", Path::new("x.ovf")).vm;
    assert_eq!((vm.firmware, vm.secure_boot, vm.tpm), (Firmware::Unknown, Tristate::Unknown, Tristate::No));
    assert_eq!((vm.vcpus, vm.memory_bytes), (None, None));
}

#[test]
fn resources_in_every_spelling() {
    for text in ["ovf:/disk/a", "/disk/a", "ovf://disk/a", " ovf:/disk/a "] {
        assert_eq!(resource_of(text), Some(("disk", "a")), "{text}");
    }
    assert_eq!(resource_of("ovf:/file/a/b"), Some(("file", "a/b")));
    assert_eq!(resource_of("disk"), None);
}
