//! Debian 12, BIOS, with the habits that break on KVM: from VMX and from OVA to a guest that boots on virtio.

use crate::common::guest::{boot_proof, guest};
use crate::common::story;

#[test]
fn it_boots_on_vmware_hardware() {
    boot_proof("debian12-bios", "vmware");
}

#[test]
fn untouched_it_does_not_boot_on_virtio() {
    boot_proof("debian12-bios", "virtio");
}

#[test]
fn migrated_it_boots_on_virtio_and_keeps_its_address() {
    let guest = guest("debian12-bios");
    let story = story::migrate(&guest, &guest.vmx(), &[("/dev/sda1", "/")]);

    let edited = story.edited();
    for path in [
        "/etc/fstab",
        "/etc/default/grub",
        "/boot/grub/grub.cfg",
        "/etc/initramfs-tools/conf.d/resume",
        "/etc/systemd/network/10-h2k-ens192.link",
        "/etc/systemd/system/open-vm-tools.service",
    ] {
        assert!(edited.iter().any(|p| p == path), "{path} is not in the plan: {edited:?}");
    }
    // Drivers are appended to its initramfs, and nothing of the guest is run.
    assert_eq!(story.edits_of_kind("append-archive"), 1);
    assert_eq!(story.edits_of_kind("run"), 0);
    // The guest had no serial console: h2k added one, on the throw-away overlay only.
    assert_eq!(story.verdict()["evidence"]["console_added"], true);
    // Its static address speaks: the name of the NIC was kept.
    story.assert_sent_from(guest.text("address"));

    let xml = std::fs::read_to_string(story.result().join("debian12-bios.xml")).unwrap();
    for part in [guest.text("mac"), guest.text("bios_uuid"), "q35", "cores='2'", "org.qemu.guest_agent.0"] {
        assert!(xml.contains(part) || xml.contains(&part.replace('\'', "\"")), "{part} is not in\n{xml}");
    }
}
