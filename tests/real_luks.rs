//! Debian 12, BIOS, root and swap on LVM in a LUKS container that a key file in the initramfs opens.

use crate::common::guest::{boot_proof, guest};
use crate::common::story;

#[test]
fn it_boots_on_vmware_hardware() {
    boot_proof("debian12-luks", "vmware");
}

#[test]
fn untouched_it_does_not_boot_on_virtio() {
    boot_proof("debian12-luks", "virtio");
}

#[test]
fn killed_and_resumed_it_boots_on_virtio_and_opens_its_volume() {
    let guest = guest("debian12-luks");
    let key = guest.dir.join("root.key");
    let opened = story::Opened {
        option: format!("/dev/sda2:key-file:{}", key.display()),
        container: ("/dev/sda2".to_owned(), key.clone()),
        again: format!("all:key-file:{}", key.display()),
    };
    let mounts = [("/dev/vg0/root", "/"), ("/dev/sda1", "/boot")];
    // The run is killed after FIX, and goes on with the key that it is told the place of.
    let with = story::With { opened: Some(&opened), killed: true, ..story::With::default() };
    let story = story::migrate_with(&guest, &guest.vmx(), &mounts, &with);

    let edited = story.edited();
    for path in ["/etc/fstab", "/etc/crypttab", "/etc/systemd/network/10-h2k-ens192.link"] {
        assert!(edited.iter().any(|p| p == path), "{path} is not in the plan: {edited:?}");
    }
    story.assert_sent_from(guest.text("address"));
    // The free space of the root file system is encrypted: it is copied, and the report says so.
    assert_eq!(story.report["untrimmed"][0][0], "/", "{:#}", story.report["untrimmed"]);
}
