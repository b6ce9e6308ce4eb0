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

/// Says which address it got; the lease comes after the first request, with which a boot test is content.
const TELL: &str = r#"#!/bin/sh
for i in $(seq 30); do
    ip -br -4 address show dev ens192 | grep -q / && break
    sleep 1
done
echo "report: address $(ip -br -4 address show dev ens192 | awk '{ print $3 }')" >/dev/ttyS0
bash -c 'echo up >/dev/udp/10.0.2.2/514'
"#;

/// Its static address becomes one by DHCP, which QEMU's network answers (systemd-networkd).
#[test]
fn migrated_it_boots_on_virtio_from_both_halves() {
    let guest = guest("debian12-md");
    // The appliance takes the array for another host's, and calls it otherwise than the guest.
    let options = ["--dhcp", guest.text("mac")];
    let settings = format!("customize:\n  first-boot: [tell.sh]\n  files:\n{}\n", story::BEFORE_LOGIN_FILE);
    let files =
        [("h2k.yaml", settings.as_str()), ("before-login.conf", story::BEFORE_LOGIN), ("tell.sh", TELL)];
    let with = story::With { options: &options, files: &files, ..story::With::default() };
    let story = story::migrate_with(&guest, &guest.vmx(), &[("/dev/md127", "/")], &with);

    let edited = story.edited();
    for path in [
        "/etc/mdadm/mdadm.conf",
        "/etc/systemd/network/10-h2k-ens192.link",
        "/etc/systemd/network/10-ens192.network",
    ] {
        assert!(edited.iter().any(|p| p == path), "{path} is not in the plan: {edited:?}");
    }
    assert_eq!(story.plan["target"]["disks"].as_array().unwrap().len(), 2);
    // QEMU's first network gives its first guest this address; the old one is gone.
    let said = story.said();
    assert!(said.iter().any(|line| line.starts_with("address 10.0.2.15/24")), "{said:#?}");
    story.assert_sent_from("10.0.2.15");
    let traffic = &story.verdict()["evidence"]["nics"][0]["traffic"];
    assert!(traffic["dhcp"].as_u64().unwrap() > 0, "it did not ask: {traffic}");
    let old = guest.text("address").split('/').next().unwrap();
    assert!(!traffic["addresses"].as_array().unwrap().iter().any(|a| a == old), "{traffic}");
}
