//! Any name on any VM. Invariants: no panic; a name that is resolved is resolved to a device that fits its use, and to
//! a name that needs no resolving; the same question has the same answer.
#![no_main]

use h2k_fixers::facts::{BlockDevice, DiskHardware, FstabEntry, GuestFacts, Mount};
use h2k_fixers::linux::names::{Holds, Names, Resolution, Use};
use libfuzzer_sys::fuzz_target;

/// Disks of a made-up VM; more only repeat the same.
const MAX_DISKS: u8 = 8;

fuzz_target!(|input: (u8, Vec<u8>, &str)| {
    let (count, shape, name) = input;
    let facts = guest(count % MAX_DISKS, &shape, name);
    let names = Names::new(&facts);
    for used in [
        Use::holding(Holds::Anything),
        Use::holding(Holds::Swap),
        Use::holding(Holds::Luks),
        Use::mount("ext4", "/"),
        Use::mount("xfs", "/data"),
    ] {
        let found = names.resolve(name, &used);
        assert_eq!(found, names.resolve(name, &used));
        if let Resolution::Resolved { device, stable } = found {
            assert_eq!(names.resolve(&stable, &used), Resolution::AlreadyStable, "{stable}");
            match used.holds {
                Holds::Swap => assert_eq!(device.fstype, "swap"),
                Holds::Luks => assert_eq!(device.fstype, "crypto_LUKS"),
                Holds::Filesystem(fstype) => assert_eq!(device.fstype, fstype),
                _ => {}
            }
        }
    }
});

/// A VM of `count` disks; each byte of `shape` says what one partition is and where its disk sits.
fn guest(count: u8, shape: &[u8], root: &str) -> GuestFacts {
    let mut facts = GuestFacts::default();
    for (number, byte) in (0..count).zip(shape) {
        let bus = ["scsi", "sata", "ide", "nvme", "unknown"][usize::from(byte % 5)];
        facts.hardware.disks.push(DiskHardware {
            bus: bus.to_owned(),
            controller: u32::from(byte / 5 % 4),
            unit: u32::from(number),
            wwn: (byte % 2 == 0).then(|| format!("6000c29{number:025x}")),
        });
        let fstype = ["ext4", "xfs", "swap", "crypto_LUKS", ""][usize::from(byte / 20 % 5)];
        facts.block.push(BlockDevice {
            name: format!("/dev/disk{number}p1"),
            disk: Some(usize::from(number)),
            partition: Some(1),
            fstype: fstype.to_owned(),
            uuid: format!("0a-{}", byte / 100),
            partuuid: format!("0b-{number}"),
            ..BlockDevice::default()
        });
    }
    facts.mounts.push(Mount {
        mountpoint: "/".to_owned(),
        device: "/dev/disk0p1".to_owned(),
        ..Mount::default()
    });
    facts.fstab.push(FstabEntry {
        spec: root.to_owned(),
        mountpoint: "/".to_owned(),
        ..FstabEntry::default()
    });
    facts
}
