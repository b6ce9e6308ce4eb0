//! Any bytes as a unified kernel image. Invariants: no panic; what is read of it is bounded; a file that is none says
//! why, and then nothing of it counts; where its command line is written over, the file keeps its size, and holds the
//! new line and no other device of the old hardware.
#![no_main]

use h2k_fixers::facts::{BlockDevice, DiskFacts, Mount, SystemFacts};
use h2k_fixers::{Guest, GuestFacts, GuestMut, MemoryGuest, inspect};
use libfuzzer_sys::fuzz_target;

/// Bytes of a command line; each may become a replacement character of three.
const MAX_CMDLINE: usize = 3 * 16 * 1024;

fuzz_target!(|bytes: &[u8]| {
    let guest = MemoryGuest::new().file("/efi/EFI/Linux/a.efi", bytes);
    let mut facts = facts();
    inspect::gather(&guest, &mut facts).expect("a file in memory can be read");
    let [uki] = facts.bootloader.ukis.as_slice() else { panic!("{:?}", facts.bootloader) };
    assert!(uki.cmdline.as_ref().is_none_or(|line| line.len() <= MAX_CMDLINE));
    assert!(uki.unreadable.is_none() || (uki.cmdline.is_none() && uki.modules.is_none()));
    if let Some(place) = &uki.place {
        assert!(place.size <= place.room && place.offset + u64::from(place.room) <= bytes.len() as u64);
    }
    edited(guest, &facts, bytes);
});

fn edited(mut guest: MemoryGuest, facts: &GuestFacts, bytes: &[u8]) {
    let fixer = h2k_fixers::registry::FIXERS.iter().find(|f| f.id() == "linux.kernel-arguments");
    let plan = |facts: &GuestFacts, guest: &MemoryGuest| {
        let policy = h2k_config::Policy::default();
        fixer.expect("it is registered").plan(facts, guest, &policy).expect("a guest in memory can be read")
    };
    let proposal = plan(facts, &guest);
    let [edit] = proposal.edits.as_slice() else { return };
    // The field of the section's size may lie inside of the line: then the guest is not as the edit wants it.
    if guest.apply(edit).is_err() {
        return;
    }
    let now = guest.read("/efi/EFI/Linux/a.efi").expect("it can be read").expect("it is there");
    assert_eq!(now.len(), bytes.len());
}

/// A disk with the partition of the image, and one with swap, which `resume=/dev/sda2` names.
fn facts() -> GuestFacts {
    let mut facts = GuestFacts::default();
    facts.systems.push(SystemFacts { kind: "linux".to_owned(), ..SystemFacts::default() });
    facts.disks.push(DiskFacts::default());
    for (number, fstype) in [(1, "vfat"), (2, "swap")] {
        facts.block.push(BlockDevice {
            name: format!("/dev/sda{number}"),
            disk: Some(0),
            partition: Some(number),
            fstype: fstype.to_owned(),
            uuid: format!("0000-000{number}"),
            ..BlockDevice::default()
        });
    }
    let (device, mountpoint) = ("/dev/sda1".to_owned(), "/efi".to_owned());
    facts.mounts.push(Mount { mountpoint, device, ..Mount::default() });
    facts
}
