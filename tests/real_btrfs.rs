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

/// Its third NIC, which netplan has by DHCP, gets a static address; the bond stays as it is.
#[test]
fn migrated_it_boots_on_virtio_with_all_that_it_had_and_another_address() {
    let guest = guest("debian12-btrfs");
    let address = format!("{}=10.0.4.77/24", guest.text("third_mac"));
    let with = story::With { options: &["--ip", &address], ..story::With::default() };
    let story = story::migrate_with(&guest, &guest.vmx(), &guest.mounts(), &with);
    story.assert_reports(&guest);
    let said = story.said();
    assert!(said.iter().any(|line| line == "address ens256 10.0.4.77/24"), "{said:#?}");

    let edited = story.edited();
    for path in [
        "/etc/fstab",
        "/etc/default/grub",
        "/boot/grub/grub.cfg",
        "/boot/efi/EFI/BOOT/BOOTX64.EFI",
        "/etc/dracut.conf.d/90-h2k-virtio.conf",
        "/etc/systemd/network/10-h2k-ens224.link",
        "/etc/netplan/01-site.yaml",
    ] {
        assert!(edited.iter().any(|p| p == path), "{path} is not in the plan: {edited:?}");
    }
}
