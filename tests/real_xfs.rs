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

/// With another address, in NetworkManager's keyfile.
#[test]
fn migrated_it_boots_on_virtio_with_all_that_it_had_and_another_address() {
    let guest = guest("debian12-xfs");
    let address = story::NewAddress::of(&guest);
    let with = story::With { options: &address.options(), ..story::With::default() };
    let story = story::migrate_with(&guest, &guest.vmx(), &guest.mounts(), &with);
    story.assert_reports_address(&guest, &address.v4);
    story.assert_sent_from(&address.v4);

    let edited = story.edited();
    for path in [
        "/etc/fstab",
        "/etc/default/grub",
        "/boot/grub/grub.cfg",
        "/etc/dracut.conf.d/90-h2k-virtio.conf",
        "/etc/systemd/network/10-h2k-ens192.link",
        "/etc/NetworkManager/system-connections/ens192.nmconnection",
    ] {
        assert!(edited.iter().any(|p| p == path), "{path} is not in the plan: {edited:?}");
    }
}
