//! Debian 12, BIOS, extlinux, ifupdown with a bridge.

use crate::common::guest::{boot_proof, guest};
use crate::common::story;

#[test]
fn it_boots_on_vmware_hardware() {
    boot_proof("debian12-extlinux", "vmware");
}

#[test]
fn untouched_it_does_not_boot_on_virtio() {
    boot_proof("debian12-extlinux", "virtio");
}

#[test]
fn migrated_it_boots_on_virtio_with_all_that_it_had() {
    let guest = guest("debian12-extlinux");
    let with = story::With { options: &["--serial-console"], ..story::With::default() };
    let story = story::migrate_with(&guest, &guest.vmx(), &guest.mounts(), &with);
    story.assert_reports(&guest);

    let edited = story.edited();
    for path in [
        "/etc/fstab",
        "/boot/extlinux/extlinux.conf",
        "/etc/initramfs-tools/conf.d/resume",
        "/etc/systemd/network/10-h2k-ens192.link",
    ] {
        assert!(edited.iter().any(|p| p == path), "{path} is not in the plan: {edited:?}");
    }
    story.assert_serial_console();
}
