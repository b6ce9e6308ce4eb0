//! Any text as /etc/fstab. Invariants: no panic; only the first field of lines changes; what was rewritten needs
//! nothing more; without a renamed line the text is the same, byte for byte.
#![no_main]

use h2k_fixers::facts::{BlockDevice, DiskHardware, GuestFacts, Mount};
use h2k_fixers::linux::fstab::rewrite;
use h2k_fixers::linux::names::Names;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let facts = guest();
    let names = Names::new(&facts);
    let new = rewrite(text, &names);
    assert_eq!(rewrite(&new.text, &names).text, new.text);
    assert_eq!(new.text.split('\n').count(), text.split('\n').count());
    for (old, new) in text.split('\n').zip(new.text.split('\n')) {
        assert_eq!(behind_first_field(old), behind_first_field(new));
    }
    if new.renamed.is_empty() {
        assert_eq!(new.text, text);
    }
});

fn behind_first_field(line: &str) -> &str {
    let blank = [' ', '\t', '\r'];
    line.trim_start_matches(blank).split_once(blank).map_or("", |(_, rest)| rest)
}

/// sda1 is `/`, sda2 swap, sdb1 data.
fn guest() -> GuestFacts {
    let device = |disk: usize, part: u32, fstype: &str| BlockDevice {
        name: format!("/dev/sd{}{part}", ["a", "b"][disk]),
        disk: Some(disk),
        partition: Some(part),
        fstype: fstype.to_owned(),
        uuid: format!("0a-{disk}-{part}"),
        ..BlockDevice::default()
    };
    let mut facts = GuestFacts {
        block: vec![device(0, 1, "ext4"), device(0, 2, "swap"), device(1, 1, "xfs")],
        mounts: vec![Mount {
            mountpoint: "/".to_owned(),
            device: "/dev/sda1".to_owned(),
            ..Mount::default()
        }],
        ..GuestFacts::default()
    };
    let disk = |unit| DiskHardware { bus: "scsi".to_owned(), unit, ..DiskHardware::default() };
    facts.hardware.disks = vec![disk(0), disk(1)];
    facts
}
