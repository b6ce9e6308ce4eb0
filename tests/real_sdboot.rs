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

/// With another address, in the file of systemd-networkd, and with a serial console for good.
#[test]
fn migrated_it_boots_on_virtio_with_all_that_it_had_and_another_address() {
    let guest = guest("debian12-sdboot");
    let address = story::NewAddress::of(&guest);
    let options = [&address.options()[..], &["--serial-console"]].concat();
    let with = story::With { options: &options, ..story::With::default() };
    let story = story::migrate_with(&guest, &guest.vmx(), &guest.mounts(), &with);
    story.assert_reports_address(&guest, &address.v4);
    story.assert_sent_from(&address.v4);

    let edited = story.edited();
    for path in [
        "/etc/fstab",
        "/etc/kernel/cmdline",
        "/etc/initramfs-tools/conf.d/resume",
        "/etc/systemd/network/10-h2k-ens192.link",
        "/etc/systemd/network/10-ens192.network",
    ] {
        assert!(edited.iter().any(|p| p == path), "{path} is not in the plan: {edited:?}");
    }
    let entry = format!("/boot/efi{}", guest.facts["boot_entries"]["path"].as_str().unwrap());
    assert!(edited.contains(&entry), "{entry} is not in the plan: {edited:?}");
    story.assert_serial_console();
}
