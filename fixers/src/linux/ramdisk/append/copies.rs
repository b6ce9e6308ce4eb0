//! Settings that the generator copied into the image. An appended archive can replace them, so those that name devices
//! of the old hardware are replaced by what the guest has now, where the image's copy is the guest's file.

use h2k_config::DiskBus;

use crate::append::ArchiveEntry;
use crate::error::Result;
use crate::facts::{GuestFacts, InitramfsLayout};
use crate::guest::Guest;
use crate::linux::mdadm;
use crate::linux::names::{Holds, Names, Resolution, Use};

/// Settings that mkinitramfs copies as they are ("copy_file config" in its version 0.142, cp in older ones), and mdadm's
/// hook (it takes the CREATE lines out, which set owners of device files).
const COPIED: &[(&str, &str)] = &[
    ("etc/mdadm/mdadm.conf", "/etc/mdadm/mdadm.conf"),
    ("conf/initramfs.conf", "/etc/initramfs-tools/initramfs.conf"),
    ("conf/conf.d/", "/etc/initramfs-tools/conf.d/"),
];

/// What patterns of disks of the old hardware hold.
const PATTERNS: &[&str] = &["/dev/sd", "/dev/hd", "/dev/xvd", "/dev/nvme", "/dev/disk/", "by-path", "by-id"];

/// What is done with them.
#[derive(Debug, Default)]
pub(super) struct Copies {
    /// Those that are replaced.
    pub(super) entries: Vec<ArchiveEntry>,
    /// Those that cannot be, each with a device.
    pub(super) old_names: Vec<String>,
}

/// The copies in an image.
///
/// # Errors
/// The guest could not be read.
pub(super) fn of(
    facts: &GuestFacts,
    guest: &dyn Guest,
    layout: &InitramfsLayout,
    bus: DiskBus,
) -> Result<Copies> {
    let names = Names::new(facts);
    let mut copies = Copies::default();
    for (path, text) in &layout.settings {
        let Some(device) = old_name(&names, path, text, bus) else { continue };
        match replacement(guest, &names, path, bus)? {
            Some(entry) => copies.entries.push(entry),
            None => copies.old_names.push(format!("{path}: {device}")),
        }
    }
    Ok(copies)
}

/// The guest's file that the image's one is a copy of, if that names no device of the old hardware.
fn replacement(
    guest: &dyn Guest,
    names: &Names<'_>,
    path: &str,
    bus: DiskBus,
) -> Result<Option<ArchiveEntry>> {
    let original = COPIED.iter().find_map(|(copy, original)| {
        let rest = path.strip_prefix(copy)?;
        (rest.is_empty() || copy.ends_with('/')).then(|| format!("{original}{rest}"))
    });
    let Some(original) = original else { return Ok(None) };
    let Some(entry) = super::file(guest, &original, path, false)? else { return Ok(None) };
    let now = guest.read(&original)?.unwrap_or_default();
    Ok(old_name(names, path, &String::from_utf8_lossy(&now), bus).is_none().then_some(entry))
}

/// The first device in a text that is named by the old hardware, comments left out.
fn old_name(names: &Names<'_>, path: &str, text: &str, bus: DiskBus) -> Option<String> {
    if path.ends_with("/mdadm.conf") {
        return mdadm::old_device(text, bus);
    }
    let mut lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    if path.starts_with("etc/lvm/lvm") {
        // Patterns (lvm.conf(5), `filter`) are no names; which disks they let through is not tried out.
        let named = lines.find(|line| PATTERNS.iter().any(|p| line.contains(p)));
        return named.map(|line| line.trim().to_owned());
    }
    let mut words = lines.flat_map(|line| line.split(|c: char| c.is_whitespace() || "=,;\"'()".contains(c)));
    let used = Use::holding(Holds::Anything);
    let old =
        |word: &&str| word.starts_with("/dev/") && names.resolve(word, &used) != Resolution::AlreadyStable;
    words.find(old).map(str::to_owned)
}
