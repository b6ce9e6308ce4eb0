//! What the registry and the disks of a Windows guest say.

use h2k_fixers::facts::windows::Shutdown;
use h2k_fixers::facts::{BlockDevice, FirmwareOnDisk};
use h2k_fixers::windows::drivers::Role;
use h2k_transports::Firmware;

use super::Case;
use super::bench::Vm;

fn one(text: &str) -> Vec<String> {
    vec![text.to_owned()]
}

/// A letter of a partition of an MBR disk with the signature 0x12345678, at 1 MiB.
const MBR_LETTER: &str = "785634120000100000000000";
/// A letter of the partition 1e178d94-4f79-41e9-865d-2e5b4328cd23.
const GPT_LETTER: &str = "444d494f3a49443a948d171e794fe941865d2e5b4328cd23";

fn letter(vm: &mut Vm, value: &str) {
    vm.registry().drive_letters.insert("D:".to_owned(), value.to_owned());
}

fn lacking(vm: &mut Vm, roles: &[Role], board: bool) {
    let drivers = vm.drivers.as_mut().unwrap();
    roles.iter().for_each(|role| {
        drivers.virtio.remove(role);
    });
    drivers.board = board;
}

pub(super) const CASES: &[Case] = &[
    ("windows.hibernated", |vm| vm.registry().shutdown = Shutdown::Hibernated),
    ("windows.fast-startup", |vm| vm.registry().shutdown = Shutdown::FastStartup),
    ("windows.dirty", |vm| vm.registry().shutdown = Shutdown::Dirty),
    ("windows.dirty", |vm| vm.registry().in_use = one("/boot")),
    ("windows.unknown-shutdown", |vm| vm.registry().shutdown = Shutdown::Unknown),
    ("windows.bitlocker", |vm| vm.holds("BitLocker")),
    ("windows.bitlocker-key", |vm| vm.opens_bitlocker(false)),
    ("windows.bitlocker-suspended", |vm| vm.opens_bitlocker(true)),
    ("windows.device-policies", |vm| vm.registry().device_policies = one("DenyUnspecified")),
    ("windows.guards", |vm| vm.registry().guards = one("csagent")),
    ("windows.unsupported-version", |vm| (vm.registry().version.major, vm.system().major) = (5, 5)),
    ("windows.unsupported-version", |vm| vm.registry().version.major = 11),
    ("windows.drive-letters", |vm| letter(vm, MBR_LETTER)),
    ("windows.drive-letters", |vm| letter(vm, GPT_LETTER)),
    ("windows.replayed-hives", |vm| vm.registry().hives.replayed = one("/c/Windows/System32/config/SYSTEM")),
    ("windows.compact-os", |vm| vm.registry().compact_os = true),
    ("windows.fallback", |vm| lacking(vm, &[Role::Blk], false)),
    ("windows.fallback", |vm| lacking(vm, &[Role::Blk, Role::Scsi], true)),
    ("windows.fallback", |vm| lacking(vm, &[Role::Network], false)),
    ("windows.no-disk-driver", |vm| vm.policy.disk_bus = h2k_config::DiskBus::Sata),
    ("windows.tpm-added", |vm| {
        vm.registry().version.build = 26_100;
        (vm.source.firmware, vm.facts.firmware) = (Firmware::Uefi, FirmwareOnDisk::Uefi);
    }),
    ("guest.nearly-full", |vm| vm.facts.mounts[0].free = 99 << 20),
];

#[test]
fn letters_of_disks_that_are_there_are_no_concern() {
    for (value, partuuid, known) in [
        (MBR_LETTER, "12345678-01", true),
        (MBR_LETTER, "12345679-01", false),
        (GPT_LETTER, "1e178d94-4f79-41e9-865d-2e5b4328cd23", true),
        (GPT_LETTER, "1E178D94-4F79-41E9-865D-2E5B4328CD23", true),
        (GPT_LETTER, "1e178d94-4f79-41e9-865d-2e5b4328cd24", false),
        // A removable drive's, which is a name, and what is nothing.
        ("5c003f003f005c00", "", true),
        ("zz", "", true),
        ("4", "", true),
    ] {
        let mut vm = Vm::windows();
        letter(&mut vm, value);
        vm.facts.block.push(BlockDevice { partuuid: partuuid.to_owned(), ..BlockDevice::default() });
        let told = |vm: &Vm| vm.found().contains(&"windows.drive-letters".to_owned());
        assert_eq!(told(&vm), !known, "{value} {partuuid}");
        // Their volumes have GUIDs that no partition has.
        vm.facts.disks[0].dynamic = true;
        assert_eq!(told(&vm), !known && value != GPT_LETTER, "{value} {partuuid}, on a dynamic disk");
    }
}

#[test]
fn the_fallback_says_what_it_is_and_why() {
    let told = |vm: &Vm| -> Vec<String> {
        let found = vm.seen(crate::plan::rules::check);
        let own = found.into_iter().filter(|c| c.id == "windows.fallback");
        own.map(|c| format!("{} {}", c.subject, c.message)).collect()
    };
    let mut vm = Vm::windows();
    lacking(&mut vm, &[Role::Blk, Role::Scsi, Role::Network], true);
    let none = ", and no virtio-win was given";
    let sata = format!("disks they are on SATA: it could not start from virtio disks{none}");
    assert_eq!(told(&vm), [sata, format!("NICs they are e1000e: it has no driver for virtio-net{none}")]);
    let mut vm = Vm::windows();
    vm.policy.virtio_win = Some("/x.iso".into());
    lacking(&mut vm, &[Role::Blk], true);
    let other = "disks they are on virtio-scsi: it could not start from virtio-blk, and the given virtio-win changes \
                 nothing about it";
    assert_eq!(told(&vm), [other]);
    // What the user wants is no fallback.
    let mut vm = Vm::windows();
    lacking(&mut vm, &[Role::Blk, Role::Scsi, Role::Network], true);
    (vm.policy.disk_bus, vm.policy.nic_model) = (h2k_config::DiskBus::Sata, h2k_config::NicModel::E1000e);
    assert_eq!(told(&vm), Vec::<String>::new());
}
