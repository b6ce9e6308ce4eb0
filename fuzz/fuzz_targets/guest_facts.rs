//! Invariant: whatever is in a guest's files, gathering facts ends with a result, never with a panic; gathering again
//! finds the same; and the initramfs fixer only runs programs for kernels whose version is a plain word.
//!
//! Input: files, each one byte that chooses the path (odd: a link of that target), then the content up to a NUL.
#![no_main]

use h2k_fixers::facts::{BlockDevice, Mount, SystemFacts};
use h2k_fixers::linux::ramdisk::Initramfs;
use h2k_fixers::{Change, Fixer, GuestFacts, MemoryGuest, inspect};
use libfuzzer_sys::fuzz_target;

/// Every file that gathering reads.
const PATHS: &[&str] = &[
    "/etc/fstab",
    "/boot/grub/grub.cfg",
    "/boot/grub2/grubenv",
    "/boot/efi/EFI/BOOT/BOOTX64.EFI",
    "/boot/efi/EFI/fedora/grubenv",
    "/boot/loader/entries/a.conf",
    "/boot/efi/loader/entries/b.conf",
    "/boot/vmlinuz-6.1.0",
    "/boot/vmlinuz-0-rescue-1",
    "/boot/initrd.img-6.1.0",
    "/boot/initramfs-0-rescue-1.img",
    "/lib/modules/6.1.0/modules.dep",
    "/lib/modules/6.1.0/modules.builtin",
    "/lib/modules/6.1.0/pkgbase",
    "/usr/lib/modules/-x;y/modules.dep",
    "/etc/network/interfaces",
    "/etc/network/interfaces.d/a",
    "/etc/systemd/network/a.network",
    "/etc/systemd/network/a.network.d/b.conf",
    "/etc/systemd/network/c.netdev",
    "/etc/netplan/a.yaml",
    "/etc/netplan/b.yaml",
    "/etc/NetworkManager/system-connections/a",
    "/etc/sysconfig/network-scripts/ifcfg-eth0",
    "/etc/sysconfig/network/ifcfg-eth1",
    "/var/lib/dpkg/status",
    "/lib/apk/db/installed",
    "/etc/systemd/system/a.wants/vmtoolsd.service",
    "/etc/systemd/system/vmtoolsd.service",
    "/sbin/init",
    "/usr/lib/systemd/systemd",
    "/usr/sbin/mkinitramfs",
    "/usr/bin/dracut",
    "/etc/initramfs-tools/initramfs.conf",
    "/etc/initramfs-tools/modules",
    "/etc/dracut.conf",
    "/etc/crypttab",
];

fn guest(mut bytes: &[u8]) -> MemoryGuest {
    let mut guest = MemoryGuest::new();
    while let Some((choice, rest)) = bytes.split_first() {
        let end = rest.iter().position(|b| *b == 0).unwrap_or(rest.len());
        let content = &rest[..end];
        bytes = rest.get(end + 1..).unwrap_or_default();
        let path = PATHS[usize::from(choice / 2) % PATHS.len()];
        match std::str::from_utf8(content) {
            Ok(target) if choice % 2 == 1 => guest = guest.link(path, target),
            _ => guest.put(path, content),
        }
    }
    guest
}

fn facts() -> GuestFacts {
    let mut facts = GuestFacts::default();
    facts.systems.push(SystemFacts { kind: "linux".to_owned(), ..SystemFacts::default() });
    for (mountpoint, name, fstype) in
        [("/", "/dev/mapper/root", "ext4"), ("/boot/efi", "/dev/sda1", "vfat"), ("", "/dev/sda2", "crypto_LUKS")]
    {
        facts.mounts.push(Mount {
            mountpoint: mountpoint.to_owned(),
            device: name.to_owned(),
            ..Mount::default()
        });
        facts.block.push(BlockDevice {
            name: name.to_owned(),
            fstype: fstype.to_owned(),
            ..BlockDevice::default()
        });
    }
    facts
}

fuzz_target!(|bytes: &[u8]| {
    let guest = guest(bytes);
    let mut facts = facts();
    if inspect::gather(&guest, &mut facts).is_err() {
        return;
    }
    let mut again = facts.clone();
    inspect::gather(&guest, &mut again).expect("it could be read before");
    assert_eq!(facts, again);
    let Ok(proposal) = Initramfs.plan(&facts, &guest, &Default::default()) else { return };
    for edit in &proposal.edits {
        if let Change::Run { argv, .. } = &edit.change {
            let version = argv.last().expect("a program is named");
            let plain = |c: char| c.is_ascii_alphanumeric() || "._+~-".contains(c);
            assert!(version.chars().all(plain) && !version.starts_with('-'), "{version:?}");
            assert!(argv[0].starts_with('/'));
        }
    }
});
