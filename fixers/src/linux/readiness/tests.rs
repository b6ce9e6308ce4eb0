//! From a guest whose every link resolves: break one, and it is the one that is named.

use h2k_config::DiskBus;

use crate::MemoryGuest;
use crate::facts::{FirmwareOnDisk, GuestFacts, Mount};
use crate::initramfs::{Compression, testing};
use crate::inspect::gather;
use crate::linux::testing::{DATA, ROOT, SWAP, facts, nic};
use crate::readiness::{Readiness, Target, check};

mod loaders;
mod uefi;

const KERNEL: &str = "6.1.0-56-amd64";
const CFG: &str = "/boot/grub/grub.cfg";
const MAC: &str = "00:50:56:00:00:01";
const VIRTIO: &[&str] = &["virtio", "virtio_ring", "virtio_pci", "virtio_blk", "virtio_scsi", "virtio_net"];

/// What grub-mkconfig of Debian writes, as far as it matters.
fn grub_cfg() -> String {
    let entry = |title: &str, id: &str, more: &str| {
        format!(
            "menuentry '{title}' --class debian $menuentry_id_option '{id}' {{\n\tload_video\n\
             \tif [ x$grub_platform = xxen ]; then insmod xzio; insmod lzopio; fi\n\tset root='hd0,msdos1'\n\
             \tif [ x$feature_platform_search_hint = xy ]; then\n\
             \t  search --no-floppy --fs-uuid --set=root --hint-bios=hd0,msdos1 --hint='hd0,msdos1'  {ROOT}\n\
             \telse\n\t  search --no-floppy --fs-uuid --set=root {ROOT}\n\tfi\n\techo\t'Loading Linux ...'\n\
             \tlinux\t/boot/vmlinuz-{KERNEL} root=UUID={ROOT} ro {more} resume=UUID={SWAP}\n\
             \tinitrd\t/boot/initrd.img-{KERNEL}\n}}\n"
        )
    };
    format!(
        "if [ -s $prefix/grubenv ]; then\n  set have_grubenv=true\n  load_env\nfi\n\
         if [ \"${{next_entry}}\" ] ; then\n   set default=\"${{next_entry}}\"\n   set next_entry=\n\
         \x20  save_env next_entry\nelse\n   set default=\"0\"\nfi\n\
         if [ x\"${{feature_menuentry_id}}\" = xy ]; then\n  menuentry_id_option=\"--id\"\nelse\n\
         \x20 menuentry_id_option=\"\"\nfi\nfunction load_video {{\n  insmod all_video\n}}\n\
         {}submenu 'Advanced options' $menuentry_id_option 'advanced' {{\n{}{}}}\n",
        entry("Debian GNU/Linux", "simple", "quiet"),
        entry("Debian GNU/Linux, with Linux", "normal", ""),
        entry("Debian GNU/Linux (recovery mode)", "recovery", "single"),
    )
}

fn image(modules: &[&str]) -> Vec<u8> {
    testing::pack(Compression::Gzip, &testing::modules(KERNEL, modules))
}

fn guest() -> MemoryGuest {
    let index: String = VIRTIO.iter().map(|m| format!("kernel/drivers/{m}.ko:\n")).collect();
    MemoryGuest::new()
        .file(CFG, grub_cfg())
        .file(&format!("/boot/vmlinuz-{KERNEL}"), "kernel")
        .file(&format!("/boot/initrd.img-{KERNEL}"), image(VIRTIO))
        .file(&format!("/usr/lib/modules/{KERNEL}/modules.dep"), index)
        .file(&format!("/usr/lib/modules/{KERNEL}/modules.builtin"), "kernel/drivers/ata/libata.ko\n")
        .file(
            "/etc/fstab",
            format!(
                "UUID={ROOT} / ext4 defaults 0 1\nUUID={SWAP} none swap sw 0 0\nUUID={DATA} /srv xfs defaults 0 2\n\
                 UUID=gone /mnt ext4 nofail 0 0\n/dev/sr0 /media/cdrom0 udf,iso9660 user,noauto 0 0\n\
                 nas:/x /nas nfs defaults 0 0\ntmpfs /tmp tmpfs defaults 0 0\n"
            ),
        )
        .file("/etc/network/interfaces", "auto ens192\niface ens192 inet dhcp\n")
        .file(
            "/etc/systemd/network/10-h2k-ens192.link",
            format!("[Match]\nMACAddress={MAC}\nPath=*pci-*\n\n[Link]\nName=ens192\n"),
        )
}

fn target() -> Target {
    Target { uefi: false, disks: vec![DiskBus::VirtioBlk; 2], boot_order: vec![0, 1] }
}

/// The facts of a guest as they are gathered anew.
fn facts_of(guest: &MemoryGuest) -> GuestFacts {
    let mut facts = facts();
    facts.firmware = FirmwareOnDisk::Bios;
    facts.disks[0].boot_code = true;
    facts.disks[0].table = "msdos".to_owned();
    facts.hardware.nics = vec![nic(MAC, None)];
    facts.mounts.push(Mount {
        mountpoint: "/srv".to_owned(),
        device: "/dev/sdb1".to_owned(),
        ..Mount::default()
    });
    gather(guest, &mut facts).unwrap();
    facts
}

fn checked(guest: &MemoryGuest) -> Readiness {
    check(&facts_of(guest), guest, &target())
}

/// What is not ok: `state link: subject: detail`.
fn open(found: &Readiness) -> Vec<String> {
    found.open().map(|l| format!("{} {l}", l.state)).collect()
}

/// Replaces a text in a file of the guest.
fn changed(mut guest: MemoryGuest, path: &str, from: &str, to: &str) -> MemoryGuest {
    use crate::Guest;
    let text = guest.read_text(path).unwrap().unwrap();
    assert!(text.contains(from), "{from} is not in {path}");
    guest.put(path, text.replace(from, to).as_bytes());
    guest
}

#[test]
fn every_link_of_a_whole_guest_resolves() {
    let found = checked(&guest());
    let shown: Vec<String> = found.links.iter().map(|l| format!("{} {l}", l.state)).collect();
    insta::assert_snapshot!(shown.join("\n"), @r#"
    ok firmware: BIOS, disk 0: there is boot code in the first sector
    ok boot loader: /boot/grub/grub.cfg: starts "Debian GNU/Linux" by default
    ok kernel: /boot/vmlinuz-6.1.0-56-amd64: it is there
    ok initramfs: /boot/initrd.img-6.1.0-56-amd64: kernel 6.1.0-56-amd64 has the drivers of the target's disk
    ok root: root=UUID=0a000000-0000-4000-8000-000000000001: it is partition 1 of disk 0 (ext4)
    ok resume: resume=UUID=0a000000-0000-4000-8000-000000000002: it is partition 2 of disk 0
    ok fstab: /etc/fstab: /: UUID=0a000000-0000-4000-8000-000000000001 is partition 1 of disk 0
    ok fstab: /etc/fstab: swap: UUID=0a000000-0000-4000-8000-000000000002 is partition 2 of disk 0
    ok fstab: /etc/fstab: /srv: UUID=0a000000-0000-4000-8000-000000000101 is partition 1 of disk 1
    ok network: ens192: NIC 0 (00:50:56:00:00:01) has this name
    "#);
    assert_eq!(found.summary(), "10 of 10 links resolve");
    assert!(found.broken().is_none());
}

#[test]
fn a_kernel_that_is_gone() {
    let mut guest = guest();
    guest.delete(&format!("/boot/vmlinuz-{KERNEL}"));
    let why = format!("broken kernel: {CFG}: there is no /boot/vmlinuz-{KERNEL} on partition 1 of disk 0");
    assert_eq!(open(&checked(&guest)), [why.as_str()]);
    // One that was cut off when its file system was full.
    guest.put(&format!("/boot/vmlinuz-{KERNEL}"), b"");
    assert_eq!(open(&checked(&guest)), [why.as_str()]);
}

#[test]
fn an_initramfs_that_is_gone_or_lacks_a_driver() {
    let mut guest = guest();
    let path = format!("/boot/initrd.img-{KERNEL}");
    guest.put(&path, &image(&["virtio", "virtio_ring", "virtio_pci", "vmw_pvscsi"]));
    let why = format!("broken initramfs: {path}: it holds no virtio_blk, which the target's disk needs");
    assert_eq!(open(&checked(&guest)), [why]);
    guest.put(&path, b"\x28\xb5\x2f\xfdbroken");
    assert!(open(&checked(&guest))[0].starts_with("unknown initramfs: "), "{:?}", open(&checked(&guest)));
    guest.delete(&path);
    let why = format!("broken initramfs: {CFG}: there is no {path} on partition 1 of disk 0");
    assert_eq!(open(&checked(&guest)), [why]);
    // An entry that loads none.
    let guest = changed(guest, CFG, "\tinitrd\t", "\techo\t");
    let found = open(&checked(&guest));
    assert!(found[0].contains("no initramfs is loaded, and virtio_pci, virtio_blk"), "{found:?}");
    assert!(found[1].starts_with("broken root: ") && found[1].contains("PARTUUID only"), "{found:?}");
}

#[test]
fn the_initramfs_must_be_the_kernels_own() {
    let guest = changed(guest(), CFG, "/boot/initrd.img-", "/boot/other-");
    let guest = guest.file(
        &format!("/boot/other-{KERNEL}"),
        testing::pack(Compression::Gzip, &testing::modules("5.10.0-1-amd64", VIRTIO)),
    );
    let found = open(&checked(&guest));
    assert_eq!(found.len(), 1);
    assert!(
        found[0].starts_with(&format!("broken initramfs: /boot/other-{KERNEL}: it holds no")),
        "{found:?}"
    );
}

#[test]
fn a_root_that_is_nowhere_or_elsewhere() {
    for (root, want) in [
        ("UUID=dead", "broken root: root=UUID=dead: no disk of the VM holds UUID=dead"),
        ("/dev/sda1", "broken root: root=/dev/sda1: no disk of the target is called /dev/sda1"),
        (
            "/dev/vda1",
            "unknown root: root=/dev/vda1: /dev/vda1 depends on the order in which disks are found",
        ),
        ("/dev/nvme0n1p1", "broken root: root=/dev/nvme0n1p1: /dev/nvme0n1p1 is a name of other hardware"),
        (
            "/dev/mapper/vg0-root",
            "broken root: root=/dev/mapper/vg0-root: no disk of the VM holds the volume vg0-root",
        ),
        (
            "/dev/disk/by-path/pci-0000:03:00.0-scsi-0:0:0:0-part1",
            "broken root: root=/dev/disk/by-path/pci-0000:03:00.0-scsi-0:0:0:0-part1: \
             pci-0000:03:00.0-scsi-0:0:0:0-part1 is a name of other hardware than virtio-blk",
        ),
        ("PARTLABEL=root", "broken root: root=PARTLABEL=root: no disk of the VM holds PARTLABEL=root"),
        (
            "/dev/disk/by-id/md-uuid-1:2:3:4",
            "broken root: root=/dev/disk/by-id/md-uuid-1:2:3:4: no disk of the VM holds the volume md-uuid-1:2:3:4",
        ),
    ] {
        let guest = changed(guest(), CFG, &format!("root=UUID={ROOT}"), &format!("root={root}"));
        assert_eq!(open(&checked(&guest)), [want]);
    }
    let guest = changed(guest(), CFG, &format!("root=UUID={ROOT}"), &format!("root=UUID={DATA}"));
    let found = open(&checked(&guest));
    assert!(
        found[0].contains("it is partition 1 of disk 1, and the system is on partition 1 of disk 0"),
        "{found:?}"
    );
    let guest = changed(guest, CFG, &format!("root=UUID={DATA}"), "");
    assert!(open(&checked(&guest))[0].starts_with("unknown root: "));
}

#[test]
fn a_root_by_the_name_of_its_partition_or_by_the_uuids_of_its_volume() {
    let uuids = "x".repeat(64);
    for root in
        ["PARTLABEL=root", "/dev/disk/by-partlabel/root", &format!("/dev/disk/by-id/dm-uuid-LVM-{uuids}")]
    {
        let guest = changed(guest(), CFG, &format!("root=UUID={ROOT}"), &format!("root={root}"));
        let mut facts = facts_of(&guest);
        facts.block[0].partlabel = "root".to_owned();
        facts.block[0].lv_uuid = "x".repeat(32);
        assert_eq!(open(&check(&facts, &guest, &target())), Vec::<String>::new(), "{root}");
        // Two of one name: which is meant is not known.
        facts.block[2].partlabel = "root".to_owned();
        let found = open(&check(&facts, &guest, &target()));
        assert_eq!(!found.is_empty(), root.contains("label") || root.contains("LABEL"), "{root}: {found:?}");
    }
}

#[test]
fn fstab_and_resume() {
    let gone = "UUID=0a000000-dead";
    let guest1 = changed(guest(), "/etc/fstab", &format!("UUID={DATA}"), gone);
    assert_eq!(
        open(&checked(&guest1)),
        [format!("broken fstab: /etc/fstab: /srv: no disk of the VM holds {gone}")]
    );
    // The boot waits for swap space, and goes on without.
    let guest2 = changed(guest(), "/etc/fstab", &format!("UUID={SWAP}"), gone);
    let found = checked(&guest2);
    assert_eq!(open(&found), [format!("late fstab: /etc/fstab: swap: no disk of the VM holds {gone}")]);
    assert!(found.broken().is_none());
    assert_eq!(found.summary(), "9 of 10 links resolve, 1 late");
    let guest3 = changed(guest(), CFG, &format!("resume=UUID={SWAP}"), "resume=/dev/sda2");
    assert_eq!(
        open(&checked(&guest3)),
        ["late resume: resume=/dev/sda2: no disk of the target is called /dev/sda2"]
    );
}

#[test]
fn crypttab_weighs_what_needs_it() {
    let guest = guest().file("/etc/crypttab", "data UUID=gone none luks\nopt UUID=gone none luks,nofail\n");
    assert_eq!(
        open(&checked(&guest)),
        ["late crypttab: /etc/crypttab: data: no disk of the VM holds UUID=gone"]
    );
    let guest = changed(guest, "/etc/fstab", &format!("UUID={DATA}"), "/dev/mapper/data");
    assert_eq!(
        open(&checked(&guest)),
        ["broken crypttab: /etc/crypttab: data: no disk of the VM holds UUID=gone"]
    );
    let guest = changed(guest, "/etc/crypttab", "data UUID=gone", &format!("data UUID={DATA}"));
    assert_eq!(open(&checked(&guest)), Vec::<String>::new());
}

#[test]
fn firmware_without_boot_code() {
    let guest = guest();
    let mut facts = facts_of(&guest);
    facts.disks[0].boot_code = false;
    let found = check(&facts, &guest, &target());
    assert_eq!(open(&found), ["broken firmware: BIOS: no disk has boot code in its first sector"]);
    facts.disks[1].boot_code = true;
    assert_eq!(open(&check(&facts, &guest, &target())), Vec::<String>::new());
    let uefi = Target { uefi: true, ..target() };
    assert_eq!(
        open(&check(&facts, &guest, &uefi)),
        ["broken firmware: UEFI: no disk has an EFI system partition"]
    );
}

#[test]
fn names_of_nics() {
    let mut guest = guest();
    guest.delete("/etc/systemd/network/10-h2k-ens192.link");
    assert_eq!(
        open(&checked(&guest)),
        [format!(
            "broken network: ens192: NIC 0 ({MAC}): on the target it has another name, and nothing ties this one to it"
        )]
    );
    for (name, state) in
        [("eth0", "unknown"), ("enp1s0", "unknown"), ("ens3", "unknown"), ("eno16777736", "broken")]
    {
        guest.put("/etc/network/interfaces", format!("iface {name} inet dhcp\n").as_bytes());
        let found = open(&checked(&guest));
        assert!(found.len() == 1 && found[0].starts_with(&format!("{state} network: {name}: ")), "{found:?}");
    }
    let two = super::tests::guest()
        .file("/etc/network/interfaces", "iface ens192 inet dhcp\niface ens224 inet dhcp\n");
    assert_eq!(
        open(&checked(&two)),
        ["unknown network: ens224: the VM has no NIC that could have this name"]
    );
}

#[test]
fn what_is_not_linux_or_not_one_system_is_unknown() {
    let guest = guest();
    let mut facts = facts_of(&guest);
    facts.systems[0].kind = "windows".to_owned();
    assert_eq!(
        open(&check(&facts, &guest, &target())),
        ["unknown boot loader: system: how windows boots is not looked at"]
    );
    facts.systems.clear();
    assert_eq!(check(&facts, &guest, &target()).links.len(), 1);
}

#[test]
fn a_file_system_that_is_not_mounted_is_unknown() {
    let guest = guest();
    let mut facts = facts_of(&guest);
    facts.mounts.retain(|m| m.mountpoint != "/srv");
    facts.unmounted.push(crate::facts::Unmounted {
        mountpoint: "/srv".to_owned(),
        spec: format!("UUID={DATA}"),
        reason: "the log is damaged".to_owned(),
    });
    let found = open(&check(&facts, &guest, &target()));
    assert!(found.len() == 1 && found[0].starts_with("unknown fstab: /etc/fstab: /srv: "), "{found:?}");
}

#[test]
fn what_may_be_on_a_closed_volume_is_unknown() {
    use crate::linux::testing::device;
    let guest = changed(guest(), "/etc/fstab", &format!("UUID={DATA}"), "UUID=0a-dead");
    for (fstype, place) in [
        ("crypto_LUKS", "an encrypted volume that was not opened"),
        ("LVM2_member", "a volume group that was not seen"),
        ("linux_raid_member", "an array that was not assembled"),
        ("zfs_member", "a pool or cache that is not looked into"),
    ] {
        let mut facts = facts_of(&guest);
        facts.block.push(device(1, 2, fstype));
        let want =
            format!("unknown fstab: /etc/fstab: /srv: UUID=0a-dead was not found; it may be on {place}");
        assert_eq!(open(&check(&facts, &guest, &target())), [want]);
    }
    // One that was opened, and does not hold it.
    let mut facts = facts_of(&guest);
    facts.block.push(device(1, 2, "crypto_LUKS"));
    facts.block.push(crate::facts::BlockDevice {
        name: "/dev/mapper/data".to_owned(),
        disk: None,
        partition: None,
        uuid: "x".to_owned(),
        inside: vec!["/dev/sdb2".to_owned()],
        ..device(1, 2, "ext4")
    });
    assert!(open(&check(&facts, &guest, &target()))[0].starts_with("broken fstab: "));
}

#[test]
fn a_guest_that_is_reached_by_another_nic_is_not_broken() {
    let other = "00:50:56:00:00:02";
    let guest = guest().file("/etc/network/interfaces", "iface ens192 inet dhcp\niface ens224 inet dhcp\n");
    let mut facts = facts_of(&guest);
    facts.hardware.nics.push(nic(other, None));
    let found = open(&check(&facts, &guest, &target()));
    assert!(found.len() == 1 && found[0].starts_with("unknown network: ens224: "), "{found:?}");
}
