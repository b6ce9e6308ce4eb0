//! Debian 12, BIOS, XFS, a host-only initramfs of dracut, NetworkManager.

use crate::common::guest::{boot_proof, guest};
use crate::common::story;

#[test]
fn it_boots_on_vmware_hardware() {
    boot_proof("debian12-xfs", "vmware");
}

#[test]
fn untouched_it_does_not_boot_on_virtio() {
    boot_proof("debian12-xfs", "virtio");
}

#[test]
fn migrated_it_boots_on_virtio_with_all_that_it_had() {
    let guest = guest("debian12-xfs");
    let story = story::migrate(&guest, &guest.vmx(), &guest.mounts());
    story.assert_reports(&guest);

    let edited = story.edited();
    for path in [
        "/etc/fstab",
        "/etc/default/grub",
        "/boot/grub/grub.cfg",
        "/etc/dracut.conf.d/90-h2k-virtio.conf",
        "/etc/systemd/network/10-h2k-ens192.link",
    ] {
        assert!(edited.iter().any(|p| p == path), "{path} is not in the plan: {edited:?}");
    }
}
