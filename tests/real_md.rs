//! Debian 12, BIOS, / with /boot on a RAID1 over two disks, whose mdadm.conf looks at /dev/sdX only.

use crate::common::guest::{boot_proof, guest};
use crate::common::story;

#[test]
fn it_boots_on_vmware_hardware() {
    boot_proof("debian12-md", "vmware");
}

#[test]
fn untouched_it_does_not_boot_on_virtio() {
    boot_proof("debian12-md", "virtio");
}

#[test]
fn migrated_it_boots_on_virtio_from_both_halves() {
    let guest = guest("debian12-md");
    // The appliance takes the array for another host's, and calls it otherwise than the guest.
    let story = story::migrate(&guest, &guest.vmx(), &[("/dev/md127", "/")]);

    let edited = story.edited();
    for path in ["/etc/mdadm/mdadm.conf", "/etc/systemd/network/10-h2k-ens192.link"] {
        assert!(edited.iter().any(|p| p == path), "{path} is not in the plan: {edited:?}");
    }
    assert_eq!(story.plan["target"]["disks"].as_array().unwrap().len(), 2);
    let address = guest.text("address").split('/').next().unwrap();
    let seen = &story.verdict()["evidence"]["nics"][0]["traffic"]["addresses"];
    assert!(seen.as_array().unwrap().iter().any(|a| a == address), "{address} was not seen: {seen}");
}
