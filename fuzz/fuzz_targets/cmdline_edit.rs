//! Any text as each file that holds kernel command lines. Invariants: no panic; what was rewritten needs nothing more;
//! a text that names no device of the old hardware is the same afterwards, byte for byte; an environment block of GRUB
//! stays 1024 bytes.
#![no_main]

use h2k_fixers::facts::{BlockDevice, DiskHardware, GuestFacts, Mount};
use h2k_fixers::linux::boot::{Kind, rewrite};
use h2k_fixers::linux::names::Names;
use libfuzzer_sys::fuzz_target;

/// Size of GRUB's environment block in bytes.
const BLOCK: usize = 1024;

fuzz_target!(|text: &str| {
    let facts = guest();
    let names = Names::new(&facts);
    for kind in Kind::ALL {
        let new = rewrite(kind, text, &names);
        assert_eq!(rewrite(kind, &new, &names), new, "{kind:?}");
        // Device numbers (root=8:1, root=801) name a device too.
        if !["/dev/", "root", "resume", "GRUB_DEVICE", "REAL_ROOT"].iter().any(|word| text.contains(word)) {
            assert_eq!(new, text, "{kind:?}");
        }
        if kind == Kind::GrubEnv && new != text {
            assert_eq!(new.len(), BLOCK);
        }
    }
});

/// One disk: sda1 is `/`, sda2 swap.
fn guest() -> GuestFacts {
    let device = |part: u32, fstype: &str| BlockDevice {
        name: format!("/dev/sda{part}"),
        disk: Some(0),
        partition: Some(part),
        fstype: fstype.to_owned(),
        uuid: format!("0a000000-0000-4000-8000-00000000000{part}"),
        ..BlockDevice::default()
    };
    let mut facts = GuestFacts {
        block: vec![device(1, "ext4"), device(2, "swap")],
        mounts: vec![Mount {
            mountpoint: "/".to_owned(),
            device: "/dev/sda1".to_owned(),
            ..Mount::default()
        }],
        ..GuestFacts::default()
    };
    facts.hardware.disks = vec![DiskHardware { bus: "scsi".to_owned(), ..DiskHardware::default() }];
    facts
}
