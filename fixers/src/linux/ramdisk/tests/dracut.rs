//! dracut, and images that can be listed only after they were packed otherwise.

use super::*;

#[test]
fn one_that_never_can_be_is_rebuilt_so_that_it_can() {
    let mut guest = debian(VIRTIO);
    guest.put("/etc/initramfs-tools/initramfs.conf", b"COMPRESS=lzop\n");
    guest.put(IMAGE, b"\x89LZO\0\r\n\x1a\n");
    let proposal = run(&mut guest);
    assert_eq!(
        show(&proposal.edits),
        format!("run [\"/usr/sbin/mkinitramfs\", \"-c\", \"gzip\", \"-o\", \"{IMAGE}\", \"{KERNEL}\"]\n")
    );
    let mut guest = rhel(VIRTIO);
    guest.put(RHEL_IMAGE, &testing::archive(&[("squash-root.img", b"hsqs")]));
    let proposal = run(&mut guest);
    assert!(
        show(&proposal.edits).contains("\"--gzip\", \"--omit\", \"squash squash-squashfs squash-erofs\"")
    );
}

#[test]
fn dracut_is_told_for_now_and_for_later() {
    let mut guest = rhel(&["vmw_pvscsi"]);
    guest.put("/var/log/dracut.log", b"");
    let proposal = run(&mut guest);
    assert_eq!(
        show(&proposal.edits),
        format!(
            "write /etc/dracut.conf.d/90-h2k-virtio.conf\n\
             +# Written by h2k: disks and network of the VM on KVM.\n\
             +add_drivers+=\" virtio_pci virtio_blk virtio_scsi virtio_net \"\n\
             run [\"/usr/bin/dracut\", \"--force\", \"--add-drivers\", \
             \"virtio_pci virtio_blk virtio_scsi virtio_net\", \"{RHEL_IMAGE}\", \"{RHEL_KERNEL}\"]\n"
        )
    );
    assert_eq!(changes(&proposal.edits[1]), [RHEL_IMAGE, "/run/blkid/blkid.tab", "/var/log/dracut.log"]);
    assert!(proposal.concerns.is_empty());
}

#[test]
fn drivers_that_dracut_is_told_to_omit_are_critical() {
    let mut guest = rhel(&[]);
    guest.put("/etc/dracut.conf.d/slim.conf", b"omit_drivers+=\" floppy virtio-blk \"\n");
    let proposal = plan_for(&guest, DiskBus::VirtioBlk);
    assert_eq!(show_concerns(&proposal), ["Critical guest.initramfs.driver-omitted /etc/dracut.conf.d"]);
    assert!(proposal.concerns[0].message.contains("keeps virtio_blk out"));
}
