//! Which kernels need what, and what is beyond repair.

use super::*;

#[test]
fn a_guest_with_the_drivers_is_left_alone() {
    for mut guest in [debian(VIRTIO), rhel(VIRTIO)] {
        assert_eq!(run(&mut guest), Proposal::default());
    }
    // A kernel with the drivers built in needs none in its initramfs.
    let mut guest = debian(&[]);
    guest.put("/usr/lib/modules/6.1.0-56-amd64/modules.dep", b"");
    guest.put("/usr/lib/modules/6.1.0-56-amd64/modules.builtin", index(VIRTIO).as_bytes());
    assert_eq!(run(&mut guest), Proposal::default());
}

#[test]
fn an_initramfs_without_them_is_rebuilt() {
    let mut guest = debian(&["vmw_pvscsi", "sd_mod"]);
    let proposal = run(&mut guest);
    assert_eq!(
        show(&proposal.edits),
        "run [\"/usr/sbin/update-initramfs\", \"-u\", \"-k\", \"6.1.0-56-amd64\"]\n"
    );
    assert_eq!(changes(&proposal.edits[0]), [IMAGE]);
    assert_eq!(
        proposal.edits[0].reason,
        "initrd.img-6.1.0-56-amd64 holds no virtio_pci, virtio_blk, virtio, virtio_ring, virtio_pci_modern_dev, \
         virtio_pci_legacy_dev; the disk would not be found"
    );
    assert!(proposal.concerns.is_empty());
}

#[test]
fn what_they_depend_on_has_to_be_there_too() {
    let without_ring: Vec<&str> = VIRTIO.iter().copied().filter(|m| *m != "virtio_ring").collect();
    let proposal = run(&mut debian(&without_ring));
    assert!(proposal.edits[0].reason.contains("holds no virtio_ring;"));
}

#[test]
fn the_bus_decides_which_drivers() {
    let blk: Vec<&str> = VIRTIO.iter().copied().filter(|m| *m != "virtio_scsi").collect();
    assert!(run_for(&mut debian(&blk), DiskBus::VirtioBlk).edits.is_empty());
    let proposal = run_for(&mut debian(&blk), DiskBus::VirtioScsi);
    assert!(proposal.edits[0].reason.contains("holds no virtio_scsi;"));
}

#[test]
fn only_the_kernels_that_need_it_are_rebuilt() {
    let mut guest = debian(VIRTIO);
    let old = "6.1.0-9-amd64";
    guest = with_kernel(guest, old, "/boot/initrd.img-6.1.0-9-amd64", &["vmw_pvscsi"]);
    // Modules without an image are no kernel that boots.
    guest.put("/usr/lib/modules/5.10.0-1-amd64/modules.dep", index(VIRTIO).as_bytes());
    let proposal = run(&mut guest);
    assert_eq!(
        show(&proposal.edits),
        "run [\"/usr/sbin/update-initramfs\", \"-u\", \"-k\", \"6.1.0-9-amd64\"]\n"
    );
}

#[test]
fn a_kernel_without_the_drivers_is_critical_if_it_is_the_only_one() {
    let strip = |guest: &mut MemoryGuest| {
        guest.put(IMAGE, &image(KERNEL, &["ahci"]));
        guest.put("/usr/lib/modules/6.1.0-56-amd64/modules.dep", index(&["ahci", "virtio_pci"]).as_bytes());
    };
    let mut guest = debian(VIRTIO);
    strip(&mut guest);
    let proposal = run(&mut guest);
    assert!(proposal.edits.is_empty());
    assert_eq!(show_concerns(&proposal), ["Critical guest.kernel.no-virtio kernel 6.1.0-56-amd64"]);
    assert!(proposal.concerns[0].message.contains("no virtio_blk,"));
    let mut guest = with_kernel(guest, "6.1.0-9-amd64", "/boot/initrd.img-6.1.0-9-amd64", VIRTIO);
    let proposal = run(&mut guest);
    assert_eq!(show_concerns(&proposal), ["Warning guest.kernel.no-virtio kernel 6.1.0-56-amd64"]);
}

#[test]
fn an_image_whose_modules_are_gone_is_no_way_out() {
    let mut guest = debian(&[]);
    guest.delete("/usr/sbin/mkinitramfs");
    guest.put("/boot/vmlinuz-6.1.0-99-amd64", b"");
    guest.put("/boot/vmlinuz-6.1.0-56-amd64.old", b"");
    let unknown = "Warning guest.kernel.drivers-unknown kernel 6.1.0-99-amd64".to_owned();
    assert_eq!(
        show_concerns(&run(&mut guest)),
        [unknown.clone(), format!("Critical guest.initramfs.no-generator {IMAGE}")]
    );
    guest.delete(IMAGE);
    let missing = "Critical guest.initramfs.missing kernel 6.1.0-56-amd64".to_owned();
    assert_eq!(show_concerns(&run(&mut guest)), [missing, unknown]);
}

#[test]
fn without_a_generator_it_is_critical() {
    for (program, found) in
        [("/nothing", "has no program"), ("/usr/bin/genkernel", "with genkernel, which h2k does not run")]
    {
        let mut guest = debian(&[]);
        guest.delete("/usr/sbin/mkinitramfs");
        guest.put(program, b"");
        let proposal = run(&mut guest);
        assert!(proposal.edits.is_empty());
        assert_eq!(show_concerns(&proposal), [format!("Critical guest.initramfs.no-generator {IMAGE}")]);
        assert!(proposal.concerns[0].message.contains(found), "{}", proposal.concerns[0].message);
    }
}

#[test]
fn kernels_that_cannot_be_judged_are_concerns() {
    let mut guest = debian(VIRTIO);
    guest.delete(IMAGE);
    let proposal = run(&mut guest);
    assert_eq!(show_concerns(&proposal), ["Critical guest.initramfs.missing kernel 6.1.0-56-amd64"]);
    let mut guest = debian(&[]);
    guest.delete("/usr/lib/modules/6.1.0-56-amd64/modules.builtin");
    guest.put("/usr/lib/modules/6.1.0-56-amd64/modules.dep", b"");
    let proposal = run(&mut guest);
    assert_eq!(show_concerns(&proposal), ["Warning guest.kernel.drivers-unknown kernel 6.1.0-56-amd64"]);
    assert_eq!(show_concerns(&run(&mut MemoryGuest::new())), ["Warning guest.kernel.none-found kernels"]);
}

#[test]
fn a_rescue_image_is_mentioned_only() {
    let mut guest = rhel(VIRTIO);
    guest.put("/boot/vmlinuz-0-rescue-3f1c", b"");
    guest.put("/boot/initramfs-0-rescue-3f1c.img", &image(RHEL_KERNEL, &["ahci"]));
    let proposal = run(&mut guest);
    assert!(proposal.edits.is_empty());
    assert_eq!(
        show_concerns(&proposal),
        ["Information guest.initramfs.rescue /boot/initramfs-0-rescue-3f1c.img"]
    );
}

#[test]
fn too_little_space_for_a_second_image_is_a_concern() {
    let guest = debian(&[]);
    let mut facts = facts_of(&guest);
    facts.mounts[0].size = 1 << 30;
    facts.mounts[0].free = 10;
    let proposal = Initramfs.plan(&facts, &guest, &Policy::default()).unwrap();
    assert_eq!(show_concerns(&proposal), ["Warning guest.initramfs.space /"]);
}

#[test]
fn other_systems_are_left_alone() {
    let policy = Policy::default();
    assert_eq!(Initramfs.plan(&GuestFacts::default(), &debian(&[]), &policy).unwrap(), Proposal::default());
}
