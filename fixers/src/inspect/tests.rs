//! Whole guests as text: what each distribution's files come to.

use crate::facts::{BlockDevice, GuestFacts, InterfaceFacts, Mount, SystemFacts};
use crate::initramfs::{Compression, testing};
use crate::memory::MemoryGuest;

use super::gather;

mod debian;
mod others;
mod redhat;

/// Facts as the backend leaves them: one Linux system, and these file systems.
fn before(mounts: &[(&str, &str)]) -> GuestFacts {
    let mut facts = GuestFacts {
        systems: vec![SystemFacts { kind: "linux".to_owned(), ..SystemFacts::default() }],
        ..GuestFacts::default()
    };
    for (number, (mountpoint, fstype)) in mounts.iter().enumerate() {
        let device = format!("/dev/sda{}", number + 1);
        facts.mounts.push(Mount {
            mountpoint: (*mountpoint).to_owned(),
            device: device.clone(),
            ..Mount::default()
        });
        facts.block.push(BlockDevice {
            name: device,
            fstype: (*fstype).to_owned(),
            ..BlockDevice::default()
        });
    }
    facts
}

fn gathered(guest: &MemoryGuest, mounts: &[(&str, &str)]) -> GuestFacts {
    let mut facts = before(mounts);
    gather(guest, &mut facts).unwrap();
    let mut again = facts.clone();
    gather(guest, &mut again).unwrap();
    assert_eq!(again, facts, "gathering again changes facts");
    facts
}

/// An interface on one line.
fn show(interface: &InterfaceFacts) -> String {
    format!(
        "{} {} {:?}{} {}",
        interface.name,
        interface.mac.as_deref().unwrap_or("-"),
        interface.addresses,
        if interface.dhcp { " dhcp" } else { "" },
        interface.file
    )
}

fn interfaces(facts: &GuestFacts) -> Vec<String> {
    facts.network.interfaces.iter().map(show).collect()
}

fn image(kernel: &str, modules: &[&str]) -> Vec<u8> {
    testing::pack(Compression::Zstd, &testing::modules(kernel, modules))
}
