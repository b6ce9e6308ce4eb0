//! Mistakes that converters make in fstab, crypttab and boot loaders' files, each of which has left guests that do not
//! boot. One test for each, named by what h2k does.

use super::testing::{DATA, ROOT, SWAP, device, disk, facts, run, show};
use crate::facts::{FstabEntry, Mount};
use crate::linux::boot::KernelArguments;
use crate::linux::crypttab::Crypttab;
use crate::linux::device_map::DeviceMap;
use crate::linux::fstab::Fstab;
use crate::{Change, Content, Guest, GuestFacts, MemoryGuest};

const CFG: &str = "/boot/grub2/grub.cfg";
const DEFAULTS: &str = "/etc/default/grub";

/// The file after the repair of kernel arguments.
fn repaired(facts: &GuestFacts, path: &str, text: &str) -> String {
    let mut guest = MemoryGuest::new().file(path, text);
    run(&KernelArguments, facts, &mut guest);
    guest.read_text(path).unwrap().unwrap()
}

fn with_grub() -> GuestFacts {
    let mut facts = facts();
    facts.bootloader.grub_cfg = vec![CFG.to_owned()];
    facts.bootloader.grub_defaults = vec![DEFAULTS.to_owned()];
    facts
}

#[test]
fn the_closing_quote_of_grub_cmdline_linux_is_kept() {
    for quote in ['"', '\''] {
        let text =
            |root: &str| format!("GRUB_CMDLINE_LINUX={quote}quiet root={root}{quote}\nGRUB_TIMEOUT=5\n");
        let after = repaired(&with_grub(), DEFAULTS, &text("/dev/sda1"));
        assert_eq!(after, text(&format!("UUID={ROOT}")));
    }
}

#[test]
fn grubs_own_set_root_is_kept() {
    let text = "set root='hd0,gpt2'\nset root=(hd0,1)\nsearch --set=root 1\nlinux /v root=/dev/sda1\n";
    let after = repaired(&with_grub(), CFG, text);
    assert_eq!(after, text.replace("root=/dev/sda1", &format!("root=UUID={ROOT}")));
}

#[test]
fn no_root_is_added_where_there_is_none() {
    let text = "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\nGRUB_CMDLINE_LINUX=\"\"\n";
    assert_eq!(repaired(&with_grub(), DEFAULTS, text), text);
}

#[test]
fn by_path_names_are_resolved() {
    let mut guest = MemoryGuest::new().file(
        "/etc/fstab",
        "/dev/disk/by-path/pci-0000:03:00.0-scsi-0:0:0:0-part1 / ext4 defaults 0 1\n\
         /dev/disk/by-path/pci-0000:03:00.0-scsi-0:0:0:0-part2 none swap sw 0 0\n\
         /dev/disk/by-path/pci-0000:03:00.0-scsi-0:0:1:0-part1 /data xfs defaults 0 2\n",
    );
    assert_eq!(run(&Fstab, &facts(), &mut guest).concerns, Vec::new());
    assert_eq!(
        guest.read_text("/etc/fstab").unwrap().unwrap(),
        format!(
            "UUID={ROOT} / ext4 defaults 0 1\nUUID={SWAP} none swap sw 0 0\nUUID={DATA} /data xfs defaults 0 2\n"
        )
    );
}

#[test]
fn by_id_names_are_resolved_by_the_disks_world_wide_names() {
    let mut facts = with_grub();
    let (first, second) = ("6000c29abcdef012345678901234567a", "6000c29fedcba987654321098765432b");
    facts.hardware.disks[0].wwn = Some(first.to_owned());
    facts.hardware.disks[1].wwn = Some(second.to_owned());
    let mut guest = MemoryGuest::new().file(
        "/etc/fstab",
        format!(
            "/dev/disk/by-id/scsi-3{first}-part1 / ext4 acl,user_xattr 1 1\n\
             /dev/disk/by-id/scsi-3{first}-part2 swap swap defaults 0 0\n\
             /dev/disk/by-id/wwn-0x{second}-part1 /data xfs defaults 0 2\n"
        ),
    );
    assert_eq!(run(&Fstab, &facts, &mut guest).concerns, Vec::new());
    assert_eq!(
        guest.read_text("/etc/fstab").unwrap().unwrap(),
        format!(
            "UUID={ROOT} / ext4 acl,user_xattr 1 1\nUUID={SWAP} swap swap defaults 0 0\nUUID={DATA} /data xfs defaults 0 2\n"
        )
    );
    let text = |root: &str, swap: &str| format!("linux /vmlinuz root={root} resume={swap} splash=silent\n");
    let by_id = |part: u32| format!("/dev/disk/by-id/scsi-3{first}-part{part}");
    let after = repaired(&facts, CFG, &text(&by_id(1), &by_id(2)));
    assert_eq!(after, text(&format!("UUID={ROOT}"), &format!("UUID={SWAP}")));
    let map = "/boot/grub/device.map";
    facts.bootloader.grub_cfg.clear();
    facts.bootloader.grub_legacy = vec!["/boot/grub/menu.lst".to_owned()];
    facts.bootloader.device_maps = vec![map.to_owned()];
    let mut guest = MemoryGuest::new()
        .file(map, format!("(hd0) /dev/disk/by-id/scsi-3{first}\n(hd1) /dev/disk/by-id/scsi-3{second}\n"));
    run(&DeviceMap, &facts, &mut guest);
    assert_eq!(guest.read_text(map).unwrap().unwrap(), "(hd0) /dev/vda\n(hd1) /dev/vdb\n");
}

#[test]
fn names_that_the_appliance_does_not_have_are_resolved() {
    for (bus, name) in
        [("nvme", "/dev/nvme0n1p1"), ("ide", "/dev/hda1"), ("scsi", "/dev/xvda1"), ("scsi", "/dev/vda1")]
    {
        let mut facts = facts();
        facts.hardware.disks = vec![disk(bus, 0, 0)];
        facts.disks.truncate(1);
        facts.block = vec![device(0, 1, "ext4")];
        let mut guest = MemoryGuest::new().file("/etc/fstab", format!("{name} / ext4 defaults 0 1\n"));
        run(&Fstab, &facts, &mut guest);
        let after = guest.read_text("/etc/fstab").unwrap().unwrap();
        assert_eq!(after, format!("UUID={ROOT} / ext4 defaults 0 1\n"), "{name}");
    }
}

#[test]
fn a_second_disk_is_a_disk_of_the_same_guest() {
    let mut guest = MemoryGuest::new().file("/etc/fstab", "/dev/sdb1 /data xfs defaults 0 2\n");
    run(&Fstab, &facts(), &mut guest);
    assert!(guest.read_text("/etc/fstab").unwrap().unwrap().starts_with(&format!("UUID={DATA} ")));
}

#[test]
fn logical_volumes_keep_their_names() {
    let text = "/dev/mapper/vg-root / ext4 defaults 0 1\n/dev/vg/home /home ext4 defaults 0 2\n";
    let mut guest = MemoryGuest::new().file("/etc/fstab", text);
    assert_eq!(run(&Fstab, &facts(), &mut guest).edits, Vec::new());
}

#[test]
fn entries_on_a_boot_of_its_own_are_repaired() {
    let mut facts = facts();
    facts.block.push(device(0, 3, "xfs"));
    facts.mounts.push(Mount {
        mountpoint: "/boot".to_owned(),
        device: "/dev/sda3".to_owned(),
        ..Mount::default()
    });
    let entry = "/boot/loader/entries/abc-5.14.0.conf";
    facts.bootloader.bls_entries = vec![entry.to_owned()];
    let after = repaired(&facts, entry, "linux /vmlinuz-5.14.0\noptions root=/dev/sda1 ro\n");
    assert_eq!(after, format!("linux /vmlinuz-5.14.0\noptions root=UUID={ROOT} ro\n"));
}

#[test]
fn a_grub_cfg_on_the_efi_system_partition_is_repaired() {
    let mut facts = facts();
    let path = "/boot/efi/EFI/redhat/grub.cfg";
    facts.bootloader.grub_cfg = vec![path.to_owned()];
    let after = repaired(&facts, path, "\tlinuxefi /vmlinuz root=/dev/sda1 ro\n");
    assert_eq!(after, format!("\tlinuxefi /vmlinuz root=UUID={ROOT} ro\n"));
}

#[test]
fn every_entry_is_repaired_and_not_only_the_newest() {
    let text = "linux /vmlinuz-5.14.0-70 root=/dev/sda1\nlinux /vmlinuz-5.14.0-9 root=/dev/sda1\n";
    assert_eq!(repaired(&with_grub(), CFG, text).matches(&format!("root=UUID={ROOT}")).count(), 2);
}

#[test]
fn a_device_map_is_removed_and_its_content_kept_in_the_plan() {
    let mut facts = with_grub();
    facts.bootloader.device_maps = vec!["/boot/grub2/device.map".to_owned()];
    let mut guest = MemoryGuest::new().file("/boot/grub2/device.map", "(hd0) /dev/sda\n");
    let proposal = run(&DeviceMap, &facts, &mut guest);
    let [edit] = proposal.edits.as_slice() else { panic!("{:?}", proposal.edits) };
    let Change::Remove { before, .. } = &edit.change else { panic!("{edit:?}") };
    assert_eq!(before, &Content::Text("(hd0) /dev/sda\n".to_owned()));
}

#[test]
fn crypttab_is_repaired_in_its_second_field_only() {
    let mut facts = facts();
    facts.block.push(device(0, 3, "crypto_LUKS"));
    let mut guest =
        MemoryGuest::new().file("/etc/crypttab", "sda3_crypt /dev/sda3 /dev/disk/by-label/keys:/k luks\n");
    run(&Crypttab, &facts, &mut guest);
    assert_eq!(
        guest.read_text("/etc/crypttab").unwrap().unwrap(),
        "sda3_crypt UUID=0a000000-0000-4000-8000-000000000003 /dev/disk/by-label/keys:/k luks\n"
    );
}

#[test]
fn nothing_but_the_device_changes_in_fstab() {
    let line = "/dev/sda1\t/  ext4\terrors=remount-ro,x-systemd.device-timeout=9\t0\t1   # root\n";
    let text =
        format!("# comment /dev/sda1\n\n{line}tmpfs /tmp tmpfs defaults 0 0\nproc /proc proc defaults 0 0\n");
    let mut guest = MemoryGuest::new().file("/etc/fstab", &text);
    let proposal = run(&Fstab, &facts(), &mut guest);
    assert_eq!(show(&proposal.edits).lines().count(), 3);
    assert_eq!(
        guest.read_text("/etc/fstab").unwrap().unwrap(),
        text.replace("\n/dev/sda1", &format!("\nUUID={ROOT}"))
    );
}

#[test]
fn subvolumes_of_btrfs_keep_their_options() {
    let mut facts = facts();
    facts.block[0].fstype = "btrfs".to_owned();
    let text = |spec: &str| format!("{spec} / btrfs subvol=@ 0 0\n{spec} /home btrfs rw,subvol=@home 0 0\n");
    let mut guest = MemoryGuest::new().file("/etc/fstab", text("/dev/sda1"));
    run(&Fstab, &facts, &mut guest);
    assert_eq!(guest.read_text("/etc/fstab").unwrap().unwrap(), text(&format!("UUID={ROOT}")));
}

/// Names are resolved by where the root was found, also where fstab counts the disks in another order than the VM.
#[test]
fn the_order_of_disks_is_taken_from_where_the_root_is() {
    let mut facts = facts();
    facts.hardware.disks = vec![disk("scsi", 1, 0), disk("scsi", 0, 0)];
    let entry = |spec: &str, mountpoint: &str| FstabEntry {
        spec: spec.to_owned(),
        mountpoint: mountpoint.to_owned(),
        fstype: "ext4".to_owned(),
        options: "defaults".to_owned(),
    };
    facts.fstab = vec![entry("/dev/sdb1", "/"), entry("/dev/sda1", "/data")];
    let mut guest = MemoryGuest::new()
        .file("/etc/fstab", "/dev/sdb1 / ext4 defaults 0 1\n/dev/sda1 /data xfs defaults 0 2\n");
    run(&Fstab, &facts, &mut guest);
    assert_eq!(
        guest.read_text("/etc/fstab").unwrap().unwrap(),
        format!("UUID={ROOT} / ext4 defaults 0 1\nUUID={DATA} /data xfs defaults 0 2\n")
    );
}
