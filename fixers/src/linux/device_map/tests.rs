use h2k_config::{DiskBus, Policy};

use super::*;
use crate::linux::testing::{facts, run, show};
use crate::{Guest, MemoryGuest};

const MAP: &str = "/boot/grub/device.map";

fn with(legacy: bool) -> GuestFacts {
    let mut facts = facts();
    facts.bootloader.device_maps = vec![MAP.to_owned()];
    if legacy {
        facts.bootloader.grub_legacy = vec!["/boot/grub/grub.conf".to_owned()];
    } else {
        facts.bootloader.grub_cfg = vec!["/boot/grub/grub.cfg".to_owned()];
    }
    facts
}

fn edits(legacy: bool, map: &str) -> String {
    let mut guest = MemoryGuest::new().file(MAP, map);
    let proposal = run(&DeviceMap, &with(legacy), &mut guest);
    assert_eq!(proposal.concerns, Vec::new());
    show(&proposal.edits)
}

#[test]
fn a_device_map_that_holds_stays() {
    for legacy in [true, false] {
        for map in ["(hd0)\t/dev/vda\n(hd1) /dev/vdb\n", "# none\n(fd0) /dev/fd0\n", "", "(hd0)\n"] {
            assert_eq!(edits(legacy, map), "", "{map}");
        }
        assert_eq!(run(&DeviceMap, &with(legacy), &mut MemoryGuest::new()), Proposal::default());
    }
}

#[test]
fn grub_2s_device_map_is_removed() {
    for name in ["/dev/sda", "/dev/disk/by-id/scsi-36000c29f0f0f0f0f", "/dev/sdx"] {
        assert_eq!(edits(false, &format!("(hd0)\t{name}\n")), "remove /boot/grub/device.map\n");
    }
}

#[test]
fn grub_legacys_device_map_is_mended() {
    insta::assert_snapshot!(edits(true, "# by anaconda\n(fd0)   /dev/fd0\n(hd0)     /dev/sda\n(hd1)     /dev/sdb\n"), @r"
    write /boot/grub/device.map
    -(hd0)     /dev/sda
    +(hd0)     /dev/vda
    -(hd1)     /dev/sdb
    +(hd1)     /dev/vdb
    ");
    assert_eq!(edits(true, "(hd0) /dev/sda\n(hd1) /dev/sdz\n"), "remove /boot/grub/device.map\n");
}

#[test]
fn names_on_virtio_scsi_stay() {
    let policy = Policy { disk_bus: DiskBus::VirtioScsi, ..Policy::default() };
    let guest = MemoryGuest::new().file(MAP, "(hd0) /dev/sda\n");
    assert_eq!(DeviceMap.plan(&with(true), &guest, &policy).unwrap(), Proposal::default());
    let guest = MemoryGuest::new().file(MAP, "(hd0) /dev/hda\n(hd1) /dev/sdb\n");
    assert_eq!(DeviceMap.plan(&with(false), &guest, &policy).unwrap().edits.len(), 1);
}

#[test]
fn nothing_but_the_device_names_change() {
    let mut guest = MemoryGuest::new().file(MAP, "# a (hd0) /dev/sda\r\n (hd0)\t/dev/sda # first\r\n");
    run(&DeviceMap, &with(true), &mut guest);
    assert_eq!(
        guest.read_text(MAP).unwrap().as_deref(),
        Some("# a (hd0) /dev/sda\r\n (hd0)\t/dev/vda # first\r\n")
    );
}
