//! The boot chain of a guest after its repairs: what its text cannot hold (boot code, EFI programs) is put in place.

use h2k_config::DiskBus;

use super::*;
use crate::Guest;
use crate::facts::FirmwareOnDisk;
use crate::readiness::{LinkState, Target};

/// Links that stay broken, since the plan says that h2k does not mend what they are about: critical concerns.
pub(super) fn check(name: &str, facts: &GuestFacts, guest: &MemoryGuest, stopped: bool) -> String {
    let mut facts = facts.clone();
    let mut guest = guest.clone();
    let uefi = facts.firmware == FirmwareOnDisk::Uefi;
    if let Some(disk) = facts.disks.first_mut() {
        disk.boot_code = !uefi;
    }
    // The text of a guest gives no labels.
    let label = facts.fstab.iter().find(|e| e.mountpoint == "/").and_then(|e| e.spec.strip_prefix("LABEL="));
    if let Some(label) = label.map(str::to_owned) {
        let root = facts.mounted_at("/").map(|b| b.name.clone());
        facts
            .block
            .iter_mut()
            .filter(|b| Some(&b.name) == root.as_ref())
            .for_each(|b| b.label = label.clone());
    }
    let named: Vec<(String, Vec<u8>)> = facts
        .bootloader
        .efi_binaries
        .iter()
        .map(|path| (path.clone(), guest.read(path).unwrap().unwrap_or_default()))
        .collect();
    for (path, content) in &named {
        // A copy of another is that one.
        let other =
            named.iter().find(|(p, c)| c == content && !p.to_ascii_lowercase().contains("/efi/boot/"));
        let original = other.map_or(path, |(p, _)| p);
        guest.put(path, &program(original, content));
    }
    let disks = vec![DiskBus::VirtioBlk; facts.disks.len()];
    let target = Target { uefi, boot_order: (0..disks.len()).collect(), disks };
    let found = crate::readiness::check(&facts, &guest, &target);
    if !stopped {
        assert_eq!(found.broken(), None, "{name}");
    }
    let line = |l: &crate::readiness::Link| format!("{} {l}\n", l.state);
    let shown =
        found.links.iter().filter(|l| l.state != LinkState::Ok || l.link <= crate::readiness::LinkKind::Root);
    shown.map(line).collect()
}

/// What tells a boot loader from another.
fn program(path: &str, content: &[u8]) -> Vec<u8> {
    let name = path.rsplit('/').next().unwrap().to_lowercase();
    let vendor = path.rsplit('/').nth(1).unwrap();
    let wide = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let inside = match name.as_str() {
        n if n.starts_with("shim") => wide("\\grubx64.efi"),
        n if n.starts_with("grub") => format!("grub_strtoul\0/EFI/{vendor}\0").into_bytes(),
        n if n.starts_with("systemd-boot") => b"#### LoaderInfo: systemd-boot 252 ####".to_vec(),
        _ => return content.to_vec(),
    };
    [b"MZ".to_vec(), inside, vec![0; 4]].concat()
}
