//! initramfs-tools: its settings, its images, and every file that it changes.

use super::*;

#[test]
fn a_choice_that_would_leave_them_out_again_gets_a_list() {
    for (place, choice) in [("initramfs.conf", "dep"), ("conf.d/driver-policy", "list")] {
        let mut guest = debian(&["vmw_pvscsi"]);
        guest.put(&format!("/etc/initramfs-tools/{place}"), format!("MODULES={choice}\n").as_bytes());
        guest.put("/etc/initramfs-tools/modules", b"# List of modules\nraid1\nvirtio-net csum=0");
        let proposal = run(&mut guest);
        assert_eq!(
            show(&proposal.edits),
            "write /etc/initramfs-tools/modules\n\
             +# Added by h2k: disks and network of the VM on KVM.\n+virtio_pci\n+virtio_blk\n+virtio_scsi\n\
             run [\"/usr/sbin/update-initramfs\", \"-u\", \"-k\", \"6.1.0-56-amd64\"]\n"
        );
        assert!(proposal.edits[0].reason.contains(&format!("MODULES={choice} ")));
        assert_eq!(proposal.concerns.len(), usize::from(choice == "dep"));
    }
}

#[test]
fn settings_are_read_as_mkinitramfs_reads_them() {
    let mut guest = debian(&[]);
    // Masked by the administrator's file of the same name, and by one that comes later.
    guest.put("/usr/share/initramfs-tools/conf.d/a", b"MODULES=dep\n");
    guest.put("/etc/initramfs-tools/conf.d/a", b"MODULES=list\n");
    guest.put("/etc/initramfs-tools/conf.d/b", b"MODULES=\"most\"\n");
    guest.put("/etc/initramfs-tools/conf.d/c.dpkg-old", b"MODULES=dep\n");
    guest.put("/etc/initramfs-tools/conf.d/.d", b"MODULES=dep\n");
    assert_eq!(run(&mut guest).edits.len(), 1);
}

#[test]
fn a_missing_list_is_made() {
    let mut guest = debian(&[]);
    guest.put("/etc/initramfs-tools/initramfs.conf", b"MODULES=list\n");
    guest.delete("/etc/initramfs-tools/modules");
    let proposal = run_for(&mut guest, DiskBus::VirtioScsi);
    assert!(show(&proposal.edits).starts_with(
        "write /etc/initramfs-tools/modules\n+# Added by h2k: disks and network of the VM on KVM.\n\
         +virtio_pci\n+virtio_blk\n+virtio_scsi\n+virtio_net\n+sd_mod\n"
    ));
}

#[test]
fn every_file_that_the_program_leaves_changed_is_named() {
    let mut guest = debian(&[]);
    guest.put("/etc/initramfs-tools/update-initramfs.conf", b"update_initramfs=yes\nbackup_initramfs=yes\n");
    guest.put("/boot/initrd.img-6.1.0-56-amd64.dpkg-bak", b"");
    guest = guest.dir("/var/lib/initramfs-tools");
    guest.put("/etc/initramfs/post-update.d/zz-copy", b"");
    guest.put("/etc/initramfs/post-update.d/README.txt", b"");
    let proposal = run(&mut guest);
    assert_eq!(
        show(&proposal.edits),
        "run [\"/usr/sbin/update-initramfs\", \"-u\", \"-t\", \"-k\", \"6.1.0-56-amd64\"]\n"
    );
    assert_eq!(
        changes(&proposal.edits[0]),
        [
            IMAGE,
            "/var/lib/initramfs-tools/6.1.0-56-amd64",
            "/boot/initrd.img-6.1.0-56-amd64.bak",
            "/boot/initrd.img-6.1.0-56-amd64.dpkg-bak",
        ]
    );
    assert_eq!(show_concerns(&proposal), ["Warning guest.initramfs.hooks /etc/initramfs/post-update.d"]);
    assert!(proposal.concerns[0].message.contains("also runs zz-copy;"));
}

#[test]
fn updates_that_are_switched_off_are_made_by_creating() {
    let mut guest = debian(&[]);
    guest.put("/etc/initramfs-tools/update-initramfs.conf", b"update_initramfs=no\n");
    let proposal = run(&mut guest);
    assert_eq!(
        show(&proposal.edits),
        "run [\"/usr/sbin/update-initramfs\", \"-c\", \"-k\", \"6.1.0-56-amd64\"]\n"
    );
}

#[test]
fn an_image_elsewhere_is_built_where_it_is() {
    let mut guest = debian(VIRTIO);
    guest.delete(IMAGE);
    guest.delete("/boot/vmlinuz-6.1.0-56-amd64");
    guest.put(
        "/boot/efi/loader/entries/a.conf",
        format!("version {KERNEL}\nlinux /a/linux\ninitrd /a/initrd\n").as_bytes(),
    );
    guest.put("/boot/efi/a/linux", b"");
    guest.put("/boot/efi/a/initrd", &image(KERNEL, &["nvme"]));
    let proposal = run(&mut guest);
    assert_eq!(
        show(&proposal.edits),
        "run [\"/usr/sbin/mkinitramfs\", \"-o\", \"/boot/efi/a/initrd\", \"6.1.0-56-amd64\"]\n"
    );
    assert_eq!(changes(&proposal.edits[0]), ["/boot/efi/a/initrd"]);
}

#[test]
fn an_image_that_cannot_be_listed_is_rebuilt() {
    let mut guest = debian(VIRTIO);
    guest.put(IMAGE, b"\x28\xb5\x2f\xfdbroken");
    let proposal = run(&mut guest);
    assert_eq!(
        show(&proposal.edits),
        "run [\"/usr/sbin/update-initramfs\", \"-u\", \"-k\", \"6.1.0-56-amd64\"]\n"
    );
    assert_eq!(show_concerns(&proposal), [format!("Warning guest.initramfs.unreadable {IMAGE}")]);
}
