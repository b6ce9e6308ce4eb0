//! Debian 12, UEFI, btrfs with subvolumes, a host-only initramfs of dracut, netplan with a bond of two NICs.

use crate::common::guest::{boot_proof, guest};
use crate::common::story;

#[test]
fn it_boots_on_vmware_hardware() {
    boot_proof("debian12-btrfs", "vmware");
}

#[test]
fn untouched_it_does_not_boot_on_virtio() {
    boot_proof("debian12-btrfs", "virtio");
}

#[test]
fn migrated_it_boots_on_virtio_with_all_that_it_had() {
    let guest = guest("debian12-btrfs");
    let story = story::migrate(&guest, &guest.vmx(), &guest.mounts());
    story.assert_reports(&guest);

    let edited = story.edited();
    for path in [
        "/etc/fstab",
        "/etc/default/grub",
        "/boot/grub/grub.cfg",
        "/boot/efi/EFI/BOOT/BOOTX64.EFI",
        "/etc/dracut.conf.d/90-h2k-virtio.conf",
        "/etc/systemd/network/10-h2k-ens224.link",
    ] {
        assert!(edited.iter().any(|p| p == path), "{path} is not in the plan: {edited:?}");
    }
}
