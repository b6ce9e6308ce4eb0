//! Debian 12, UEFI, LVM over two disks, separate /boot, an ESP without fallback loader.

use crate::common::guest::{boot_proof, guest};
use crate::common::story;

#[test]
fn it_boots_on_vmware_hardware() {
    boot_proof("debian12-uefi", "vmware");
}

#[test]
fn untouched_it_does_not_boot_on_virtio() {
    boot_proof("debian12-uefi", "virtio");
}

#[test]
fn migrated_it_boots_on_virtio_without_nvram() {
    let guest = guest("debian12-uefi");
    let mounts: Vec<(String, String)> = guest.facts["mounts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| (m["device"].as_str().unwrap().to_owned(), m["mount"].as_str().unwrap().to_owned()))
        .collect();
    let mounts: Vec<(&str, &str)> = mounts.iter().map(|(d, m)| (d.as_str(), m.as_str())).collect();
    let story = story::migrate(&guest, &guest.vmx(), &mounts);

    let edited = story.edited();
    for path in [
        "/etc/fstab",
        "/boot/grub/grub.cfg",
        "/boot/efi/EFI/BOOT/BOOTX64.EFI",
        "/etc/lvm/devices/system.devices",
        "/etc/systemd/network/10-h2k-ens192.link",
    ] {
        assert!(edited.iter().any(|p| p == path), "{path} is not in the plan: {edited:?}");
    }
    // The image holds a copy of LVM's list of devices, which goes: it is built anew and not appended to.
    assert_eq!((story.edits_of_kind("append-archive"), story.edits_of_kind("run")), (0, 1));
    // This guest has a serial console of its own and the guest agent.
    assert_eq!(story.verdict()["evidence"]["console_added"], false);
    assert_eq!(story.verdict()["evidence"]["agent_ping"], true);
    assert_eq!(story.plan["target"]["disks"].as_array().unwrap().len(), 2);
}
