//! Any bytes as a unified kernel image. Invariants: no panic; what is read of it is bounded; a file that is none says
//! why, and then nothing of it counts.
#![no_main]

use h2k_fixers::facts::{BlockDevice, Mount, SystemFacts};
use h2k_fixers::{GuestFacts, MemoryGuest, inspect};
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
});

fn facts() -> GuestFacts {
    let mut facts = GuestFacts::default();
    facts.systems.push(SystemFacts { kind: "linux".to_owned(), ..SystemFacts::default() });
    let (name, mountpoint) = ("/dev/sda1".to_owned(), "/efi".to_owned());
    facts.block.push(BlockDevice { name: name.clone(), fstype: "vfat".to_owned(), ..BlockDevice::default() });
    facts.mounts.push(Mount { mountpoint, device: name, ..Mount::default() });
    facts
}
