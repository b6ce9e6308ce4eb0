//! Debian 12, UEFI, systemd-boot with its entry, kernel and initramfs on the ESP, systemd-networkd.

use crate::common::guest::{boot_proof, guest};
use crate::common::story;

#[test]
fn it_boots_on_vmware_hardware() {
    boot_proof("debian12-sdboot", "vmware");
}

#[test]
fn untouched_it_does_not_boot_on_virtio() {
    boot_proof("debian12-sdboot", "virtio");
}

#[test]
fn migrated_it_boots_on_virtio_with_all_that_it_had() {
    let guest = guest("debian12-sdboot");
    let story = story::migrate(&guest, &guest.vmx(), &guest.mounts());
    story.assert_reports(&guest);

    let edited = story.edited();
    for path in [
        "/etc/fstab",
        "/etc/kernel/cmdline",
        "/etc/initramfs-tools/conf.d/resume",
        "/etc/systemd/network/10-h2k-ens192.link",
    ] {
        assert!(edited.iter().any(|p| p == path), "{path} is not in the plan: {edited:?}");
    }
    let entry = format!("/boot/efi{}", guest.facts["boot_entries"]["path"].as_str().unwrap());
    assert!(edited.contains(&entry), "{entry} is not in the plan: {edited:?}");
    // The guest had no serial console: h2k added one to the boot entry, on the throw-away overlay only.
    assert_eq!(story.verdict()["evidence"]["console_added"], true);
}
