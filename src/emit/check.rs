//! What libvirt would refuse, said before any disk is copied.
//!
//! Decided: nothing is replaced. A name that XML or libvirt cannot carry is refused here and named; choosing another
//! one is the user's (`--name`) or PLAN's. The patterns are those of libvirt's own schemas (`basictypes.rng`,
//! `domaincommon.rng`) besides where another source is given.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use h2k_config::Attachment;

use super::domain::{Domain, DomainDisk, DomainNic, Machine, TargetBus, TargetFirmware};

/// Longest domain name in bytes: libvirt keeps `NAME.xml`, and a file name has 255 at most.
const MAX_NAME: usize = 240;
/// Most virtual CPUs that libvirt's schema can carry (`countCPU`).
const MAX_VCPUS: u64 = 65_535;
/// Most CD-ROM drives; a VMware VM has up to 4 IDE and 120 SATA ones.
const MAX_CDROMS: u32 = 124;
/// Drives on the two IDE channels of the old chipset.
pub const IDE_DRIVES: u32 = 4;
/// Longest name of a network interface on Linux (`IFNAMSIZ` less the final zero).
const MAX_INTERFACE: usize = 15;

/// Why a domain cannot be written for libvirt.
#[derive(Debug, thiserror::Error)]
pub enum EmitError {
    /// A value that libvirt or XML cannot carry.
    #[error("{field} is {value:?}: {why}")]
    Value {
        /// Which, in words.
        field: String,
        /// What it is, shortened.
        value: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Two of the same.
    #[error("{field} {value:?} is there twice")]
    Twice {
        /// What.
        field: &'static str,
        /// Which.
        value: String,
    },
    /// Secure Boot needs the system management mode that only q35 has.
    #[error("Secure Boot needs the machine type q35")]
    SecureBootMachine,
    /// IDE is part of the old chipset.
    #[error("disks on IDE need the machine type i440fx")]
    IdeMachine,
    /// The chipset's two channels carry two drives each.
    #[error("{0} disks are to be on IDE, which has room for {IDE_DRIVES}")]
    IdeDrives(usize),
    /// XML is text.
    #[error("the path {0:?} is not UTF-8, which libvirt's XML needs")]
    Path(PathBuf),
    /// The writer failed.
    #[error("writing XML")]
    Write(#[from] std::io::Error),
}

/// Checks a domain: its XML can be written and keeps to libvirt's schema.
///
/// # Errors
/// The first value that does not.
pub fn check(domain: &Domain) -> Result<(), EmitError> {
    check_name(&domain.name)?;
    for (field, uuid) in [("the UUID", &domain.uuid), ("the generation id", &domain.genid)] {
        require(field, uuid.as_deref(), is_uuid, "a UUID has 32 hexadecimal digits in groups of 8-4-4-4-12")?;
    }
    let cpu = domain.cpu;
    let vcpus = u64::from(cpu.sockets).saturating_mul(cpu.cores.into()).saturating_mul(cpu.threads.into());
    if vcpus == 0 || vcpus > MAX_VCPUS {
        return Err(value("the number of CPUs", &vcpus.to_string(), "libvirt takes 1 to 65535"));
    }
    if domain.memory_bytes == 0 {
        return Err(value("the memory", "0", "a VM needs some"));
    }
    if domain.cdroms > MAX_CDROMS {
        return Err(value(
            "the number of CD-ROM drives",
            &domain.cdroms.to_string(),
            "there are 124 at most",
        ));
    }
    if matches!(domain.firmware, TargetFirmware::Uefi { secure_boot: true }) && domain.machine != Machine::Q35
    {
        return Err(EmitError::SecureBootMachine);
    }
    check_disks(&domain.disks)?;
    let ide = domain.disks.iter().filter(|d| d.bus == TargetBus::Ide).count();
    if ide > 0 && domain.machine != Machine::I440fx {
        return Err(EmitError::IdeMachine);
    }
    if ide > IDE_DRIVES as usize {
        return Err(EmitError::IdeDrives(ide));
    }
    domain.nics.iter().enumerate().try_for_each(|(i, nic)| check_nic(i, nic))
}

/// The absolute path of a disk when the result lies in `dir`, as XML text.
///
/// # Errors
/// A path that is not UTF-8, not absolute, or has control characters.
pub fn disk_path(disk: &DomainDisk, dir: &Path) -> Result<String, EmitError> {
    let path = disk.path_in(dir);
    let text = path.to_str().ok_or_else(|| EmitError::Path(path.clone()))?;
    require("a disk's path", Some(text), is_text, "control characters cannot be written in XML")?;
    require("a disk's path", Some(text), |p| p.starts_with('/'), "libvirt needs an absolute path")?;
    Ok(text.to_owned())
}

fn check_name(name: &str) -> Result<(), EmitError> {
    let field = "the name";
    let n = Some(name);
    require(field, n, |n| !n.trim().is_empty(), "libvirt refuses an empty name")?;
    require(field, n, is_text, "control characters cannot be written in XML")?;
    // virDomainDefParseXML: "name %s cannot contain '/'"; the name is also the configuration's file name.
    require(field, n, |n| !n.contains('/'), "libvirt refuses a slash")?;
    require(field, n, |n| !matches!(n, "." | ".."), "libvirt names a file after it")?;
    require(field, n, |n| n.trim() == n, "space at either end is lost in XML")?;
    require(field, n, |n| n.len() <= MAX_NAME, "it is longer than 240 bytes")
}

fn check_disks(disks: &[DomainDisk]) -> Result<(), EmitError> {
    let mut targets = BTreeSet::new();
    let mut orders = BTreeSet::new();
    for disk in disks {
        if disk.target.strip_prefix(disk.bus.prefix()).and_then(letters_to_index).is_none() {
            let why = "virtio-blk has vda…, virtio-scsi and SATA sda…, IDE hda…";
            return Err(value("a disk's target", &disk.target, why));
        }
        if !targets.insert(disk.target.as_str()) {
            return Err(EmitError::Twice { field: "the disk target", value: disk.target.clone() });
        }
        require(
            "a disk's serial",
            disk.serial.as_deref(),
            is_serial,
            "it has A-Z a-z 0-9 _ . + - and spaces only",
        )?;
        match disk.boot_order {
            Some(0) => return Err(value("a disk's boot order", "0", "it counts from 1")),
            Some(order) if !orders.insert(order) => {
                return Err(EmitError::Twice { field: "the boot order", value: order.to_string() });
            }
            _ => {}
        }
    }
    Ok(())
}

fn check_nic(index: usize, nic: &DomainNic) -> Result<(), EmitError> {
    let field = |what: &str| format!("{what} of NIC {index}");
    require(
        field("the MAC address"),
        Some(&nic.mac),
        is_unicast_mac,
        "it is six hexadecimal pairs, no multicast",
    )?;
    require(field("the model"), Some(&nic.model), is_model, "it has A-Z a-z 0-9 - and _ only")?;
    for vlan in &nic.target.vlans {
        let tag = |_: &str| h2k_config::network::VLANS.contains(vlan);
        require(field("a VLAN"), Some(&vlan.to_string()), tag, "it is a number from 1 to 4094")?;
    }
    match &nic.target.to {
        Attachment::Network(name) => {
            require(field("the network"), Some(name), |n| !n.trim().is_empty(), "it needs a name")?;
            require(field("the network"), Some(name), is_text, "control characters cannot be written in XML")
        }
        Attachment::Bridge(name) => {
            require(field("the bridge"), Some(name), is_bridge, "it has A-Z a-z 0-9 _ . - only, 15 at most")
        }
    }
}

fn require(
    field: impl Into<String>,
    text: Option<&str>,
    holds: impl FnOnce(&str) -> bool,
    why: &'static str,
) -> Result<(), EmitError> {
    match text {
        Some(text) if !holds(text) => Err(value(field, text, why)),
        _ => Ok(()),
    }
}

fn value(field: impl Into<String>, text: &str, why: &'static str) -> EmitError {
    EmitError::Value { field: field.into(), value: text.chars().take(80).collect(), why }
}

/// Place of a device name's letters: `a` is 0, `z` 25, `aa` 26. Nothing for anything else, or beyond `zzz`.
pub fn letters_to_index(letters: &str) -> Option<u32> {
    if letters.is_empty() || letters.len() > 3 || !letters.bytes().all(|b| b.is_ascii_lowercase()) {
        return None;
    }
    letters
        .bytes()
        .try_fold(0u32, |n, b| n.checked_mul(26)?.checked_add(u32::from(b - b'a') + 1))?
        .checked_sub(1)
}

/// Letters of a place: the reverse of [`letters_to_index`].
pub fn index_to_letters(index: u32) -> String {
    let mut letters = Vec::new();
    let mut rest = u64::from(index) + 1;
    while rest > 0 {
        rest -= 1;
        letters.push(b'a' + (rest % 26) as u8);
        rest /= 26;
    }
    letters.iter().rev().map(|b| char::from(*b)).collect()
}

/// Characters that XML 1.0 can carry unchanged (section 2.2, and no line ends or tabs, which attributes lose).
fn is_text(text: &str) -> bool {
    !text.chars().any(|c| c.is_control() || matches!(c, '\u{FFFE}' | '\u{FFFF}'))
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(i, b)| match i {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}

fn is_serial(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.+- ".contains(&b))
}

fn is_unicast_mac(text: &str) -> bool {
    let pairs: Vec<&str> = text.split(':').collect();
    let byte = |p: &str| (p.len() == 2).then(|| u8::from_str_radix(p, 16).ok()).flatten();
    let hexadecimal = text.bytes().all(|b| b.is_ascii_hexdigit() || b == b':');
    hexadecimal
        && pairs.len() == 6
        && pairs.iter().all(|p| byte(p).is_some())
        && pairs.first().and_then(|p| byte(p)).is_some_and(|b| b & 1 == 0)
}

fn is_model(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
}

fn is_bridge(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= MAX_INTERFACE
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn device_letters_count_like_the_kernel() {
        for (index, letters) in [(0, "a"), (25, "z"), (26, "aa"), (701, "zz"), (702, "aaa")] {
            assert_eq!(index_to_letters(index), letters);
            assert_eq!(letters_to_index(letters), Some(index));
        }
        for letters in ["", "A", "a1", "aaaa", "é"] {
            assert_eq!(letters_to_index(letters), None);
        }
    }

    #[test]
    fn addresses_are_unicast() {
        assert!(is_unicast_mac("52:54:00:ab:CD:ef"));
        for mac in ["53:54:00:00:00:00", "52:54:00:00:00", "52-54-00-00-00-00", "+5:54:00:00:00:00", ""] {
            assert!(!is_unicast_mac(mac), "{mac}");
        }
    }
}
