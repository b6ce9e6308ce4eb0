//! What the disks say.

use h2k_config::Addressing;
use h2k_fixers::facts::{FstabEntry, SoftwareFacts, Unmounted};
use h2k_fixers::{Change, Edit};

use super::Case;
use super::bench::{MAC, Vm};
use crate::plan::rules;

fn unmounted(vm: &mut Vm, mountpoint: &str) {
    vm.facts.unmounted = vec![Unmounted {
        mountpoint: mountpoint.to_owned(),
        spec: "UUID=1".to_owned(),
        reason: "it is not there".to_owned(),
    }];
}

fn software(vm: &mut Vm, kind: &str) {
    let facts = SoftwareFacts { kind: kind.to_owned(), name: "x".to_owned(), file: "/etc/x".to_owned() };
    vm.facts.software = vec![facts];
}

pub(super) const CASES: &[Case] = &[
    ("guest.blank", |vm| {
        vm.facts.disks[0].blank = true;
        vm.facts.systems.clear();
    }),
    ("guest.no-system", |vm| vm.facts.systems.clear()),
    ("guest.several-systems", |vm| {
        let other = vm.facts.systems[0].clone();
        vm.facts.systems.push(other);
    }),
    ("guest.other-systems", |vm| {
        let other = vm.facts.systems[0].clone();
        vm.facts.others.push(other);
    }),
    ("guest.unsupported", |vm| vm.system().kind = "freebsd".to_owned()),
    ("guest.distro-unknown", |vm| vm.system().distro = "selfmade".to_owned()),
    ("guest.encrypted-system", |vm| {
        vm.facts.systems.clear();
        vm.facts.disks.clear();
        vm.holds("crypto_LUKS");
    }),
    ("guest.encrypted", |vm| vm.holds("crypto_LUKS")),
    ("windows.bitlocker", |vm| vm.holds("BitLocker")),
    ("windows.bitlocker-system", |vm| {
        vm.facts.systems.clear();
        vm.facts.disks.clear();
        vm.holds("BitLocker");
    }),
    ("windows.bitlocker-key", |vm| vm.opens_bitlocker(false)),
    ("windows.bitlocker-suspended", |vm| vm.opens_bitlocker(true)),
    ("windows.dynamic-disks", |vm| vm.facts.disks[0].dynamic = true),
    ("guest.key-unused", |vm| {
        vm.policy.keys = vec!["UUID=11111111-2222-4333-8444-555555555555:env:K".parse().unwrap()]
    }),
    ("guest.system-unmounted", |vm| unmounted(vm, "/usr")),
    ("guest.data-unmounted", |vm| unmounted(vm, "/srv")),
    ("guest.free-space", |vm| {
        vm.edits = vec![runs_a_program()];
        vm.facts.mounts[0].free = 120 << 20;
    }),
    ("guest.nearly-full", |vm| vm.facts.mounts[0].free = 99 << 20),
    ("guest.blank-disk", |vm| {
        vm.add_disk();
        vm.facts.disks[1].blank = true;
    }),
    ("guest.zfs", |vm| vm.holds("zfs_member")),
    ("guest.ceph-osd", |vm| vm.holds("ceph_bluestore")),
    ("guest.drbd", |vm| vm.holds("drbd")),
    ("guest.storage-unseen", |vm| vm.holds("oracleasm")),
    ("guest.architecture", |vm| vm.system().arch = "aarch64".to_owned()),
    ("guest.32-bit", |vm| vm.system().arch = "i386".to_owned()),
    ("guest.end-of-life", |vm| vm.system().major = 10),
    ("guest.hostname-empty", |vm| vm.system().hostname.clear()),
    ("guest.hostname-default", |vm| vm.system().hostname = "localhost.localdomain".to_owned()),
    ("guest.no-network", |vm| vm.facts.network.interfaces.clear()),
    ("guest.network-mounts", |vm| {
        let (spec, mountpoint, fstype) = ("nas:/home".to_owned(), "/home".to_owned(), "nfs4".to_owned());
        vm.facts.fstab = vec![FstabEntry { spec, mountpoint, fstype, ..FstabEntry::default() }];
    }),
    ("guest.iscsi", |vm| software(vm, "iscsi")),
    ("guest.multipath", |vm| software(vm, "multipath")),
    ("guest.cluster", |vm| software(vm, "cluster")),
    ("guest.kubernetes", |vm| software(vm, "kubernetes")),
    ("guest.guard", |vm| software(vm, "guard")),
];

/// An edit that runs a program of the guest.
fn runs_a_program() -> Edit {
    let argv = vec!["update-initramfs".to_owned()];
    Edit::new("linux.ramdisk", "because", Change::Run { argv, changes: Vec::new() })
}

/// What edits themselves write counts too, on every file system.
#[test]
fn edits_need_room_where_they_write() {
    let found = |free: u64, free_files: Option<u64>| {
        let mut vm = Vm::windows();
        (vm.facts.mounts[0].free, vm.facts.mounts[0].free_files) = (free, free_files);
        let driver = "x".repeat(150 << 20);
        vm.edits = vec![Edit::create("windows.virtio", "/c/Windows/viostor.sys", &driver, 0o644, "because")];
        let concerns = vm.seen(rules::check).into_iter().filter(|c| c.id == "guest.free-space");
        concerns.map(|c| (c.subject, c.message)).collect::<Vec<_>>()
    };
    let short = |message: &str| vec![("/c".to_owned(), message.to_owned())];
    assert_eq!(found(150 << 20, None), short("150 MiB free, 151 MiB needed"));
    assert_eq!(found(151 << 20, None), []);
    assert_eq!(found(151 << 20, Some(0)), short("0 more files can be made, 1 are needed"));
    assert_eq!(found(151 << 20, Some(1)), []);
}

#[test]
fn the_limits_of_a_full_file_system() {
    let full = |point: &str, free: u64| {
        let mut vm = Vm::sound();
        let mut mount = vm.facts.mounts[0].clone();
        (mount.mountpoint, mount.free) = (point.to_owned(), free << 20);
        vm.facts.mounts.push(mount);
        !vm.found().is_empty()
    };
    assert!(full("/boot", 49) && !full("/boot", 50));
    assert!(full("/srv", 9) && !full("/srv", 10));
}

/// A system whose number is not known is not called old.
#[test]
fn only_what_is_known_to_be_old_is_old() {
    for (distro, major, old) in [
        ("centos", 8, true),
        ("centos", 9, false),
        ("ubuntu", 20, true),
        ("ubuntu", 22, false),
        ("debian", 0, false),
    ] {
        let mut vm = Vm::sound();
        (vm.system().distro, vm.system().major) = (distro.to_owned(), major);
        assert_eq!(vm.found().contains(&"guest.end-of-life".to_owned()), old, "{distro} {major}");
    }
}

#[test]
fn addresses_are_written_for_linux_only() {
    let mut vm = Vm::sound();
    vm.system().kind = "freebsd".to_owned();
    vm.policy.addressing.insert(MAC.to_owned(), Addressing::Dhcp);
    assert_eq!(vm.found(), ["guest.unsupported", "policy.no-linux"]);
}

#[test]
fn a_name_that_the_user_gives_is_no_concern() {
    let mut vm = Vm::sound();
    vm.system().hostname.clear();
    vm.policy.customize.hostname = Some("web01".to_owned().try_into().unwrap());
    assert_eq!(vm.found(), Vec::<String>::new());
}
