//! What a device name says: the parse of a name, without looking at any disk.
//!
//! Sources: Documentation/admin-guide/devices.txt of Linux (sdX, hdX, majors and minors), udev's path_id builtin and
//! 60-persistent-storage.rules (by-path, by-id).

use super::path_id;

/// Longest device name that is looked at; PATH_MAX, and no udev name comes near.
const MAX_NAME: usize = 4096;
/// Digits of a world-wide name of 16 bytes.
const WWN_DIGITS: usize = 32;
/// Letters of a disk name that are understood: `sdzzz` is disk 18277.
const MAX_LETTERS: usize = 3;

/// A place that is the N-th of its kind.
type Counted = fn(usize) -> Place;
/// Disks that are named by letters.
const DISKS: [(&str, Counted); 4] =
    [("sd", Place::Sd), ("hd", Place::Hd), ("vd", Place::Nth), ("xvd", Place::Nth)];

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Named {
    /// Holds on any hardware, or is no disk of the VM (a CD-ROM, a network block device, a file).
    Stable,
    /// The root file system, whatever it is on.
    Root,
    /// A disk by its place, and a partition of it.
    Disk(Place, Option<u32>),
    /// A disk's name that says nothing of where the disk is; the reason in words.
    Opaque(&'static str),
}

/// What a name says of a disk's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// `sdX`: the N-th disk of the SCSI layer.
    Sd(usize),
    /// `hdX`: position on the IDE channels, two to a channel.
    Hd(usize),
    /// `vdX`, `xvdX`: the N-th disk of all.
    Nth(usize),
    /// `nvmeCnN`: controller and namespace, the latter counted from 1.
    Nvme { controller: usize, namespace: u32 },
    /// Target on some SCSI controller.
    Scsi { target: u32 },
    /// Unit on some Hyper-V SCSI controller.
    Vmbus { lun: u32 },
    /// Port of an ATA controller, counted from 1, and device on its link.
    Ata { port: u32, device: Option<u32> },
    /// IDE channel and device on it.
    Ide { channel: u32, unit: u32 },
    /// Namespace of some NVMe controller, counted from 1.
    NvmeNamespace(u32),
    /// A serial number or world-wide name of a disk on one of these buses.
    Identity {
        /// The buses whose disks are named so.
        buses: &'static [&'static str],
        /// The world-wide name, where the name has the form of one: all of its digits or the first half.
        wwn: Option<String>,
    },
}

/// Parses a name as a guest wrote it.
pub(super) fn parse(name: &str) -> Named {
    let Some(rest) = name.strip_prefix("/dev/") else { return Named::Stable };
    if name.len() > MAX_NAME {
        return Named::Opaque("the name is too long for a device");
    }
    match rest.split_once('/') {
        None => parse_plain(rest),
        Some(("disk", rest)) => parse_disk_link(rest),
        Some(("block", numbers)) => parse_numbers(numbers),
        Some(("mapper", name)) if name.starts_with("mpath") => Named::Opaque("it is a multipath device"),
        Some(("cciss" | "ida" | "rd" | "ataraid", _)) => {
            Named::Opaque("it is a name of a hardware RAID controller")
        }
        // /dev/mapper/NAME, /dev/VG/LV, /dev/md/NAME, /dev/zvol/…: made from what is on the disks.
        Some(_) => Named::Stable,
    }
}

fn parse_plain(name: &str) -> Named {
    let disk = |prefix: &str| name.strip_prefix(prefix).and_then(letters_and_partition);
    if name == "root" {
        return Named::Root;
    }
    if name.starts_with("dm-") {
        return Named::Opaque("dm-N names are given in the order of activation");
    }
    if let Some(rest) = name.strip_prefix("nvme") {
        return parse_nvme(rest).unwrap_or(Named::Stable);
    }
    for (prefix, place) in DISKS {
        if let Some((index, partition)) = disk(prefix) {
            return Named::Disk(place(index), partition);
        }
    }
    Named::Stable
}

/// `a`, `b12`, `aa3` → index and partition.
fn letters_and_partition(rest: &str) -> Option<(usize, Option<u32>)> {
    let digits = rest.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(rest.len());
    let (letters, number) = rest.split_at_checked(digits)?;
    if letters.is_empty() || letters.len() > MAX_LETTERS {
        return None;
    }
    let index = letters.bytes().fold(0, |sum, letter| sum * 26 + usize::from(letter - b'a') + 1);
    let partition = if number.is_empty() { None } else { Some(decimal(number)?) };
    Some((index - 1, partition))
}

/// `0n1p2`.
fn parse_nvme(rest: &str) -> Option<Named> {
    let (controller, rest) = rest.split_once('n')?;
    let (namespace, partition) = match rest.split_once('p') {
        Some((namespace, partition)) => (namespace, Some(decimal(partition)?)),
        None => (rest, None),
    };
    let controller = usize::try_from(decimal(controller)?).ok()?;
    Some(Named::Disk(Place::Nvme { controller, namespace: decimal(namespace)? }, partition))
}

/// What follows `/dev/disk/`.
fn parse_disk_link(rest: &str) -> Named {
    let Some((kind, name)) = rest.split_once('/') else { return Named::Stable };
    match kind {
        "by-path" => {
            let (name, partition) = split_partition(name);
            path_id::parse(name, partition)
        }
        "by-id" => parse_id(name),
        "by-uuid" | "by-label" | "by-partuuid" | "by-partlabel" => Named::Stable,
        _ => Named::Opaque("it is a link by a property of the old hardware"),
    }
}

/// `NAME-part2` → the name and 2.
fn split_partition(name: &str) -> (&str, Option<u32>) {
    match name.rsplit_once("-part") {
        Some((name, number)) if decimal(number).is_some() => (name, decimal(number)),
        _ => (name, None),
    }
}

/// What follows `/dev/disk/by-id/`.
fn parse_id(name: &str) -> Named {
    // Made from LVM's, md's and device-mapper's own names.
    if ["dm-", "md-", "lvm-pv-uuid-"].iter().any(|prefix| name.starts_with(prefix)) {
        return Named::Stable;
    }
    let buses: &[&str] = match name.split('-').next() {
        Some("scsi") => &["scsi", "sata"],
        Some("wwn") => &["scsi", "sata", "nvme"],
        Some("ata") => &["sata", "ide", "scsi"],
        Some("nvme") => &["nvme"],
        Some("usb" | "ieee1394") => return Named::Opaque("it is a USB or FireWire disk"),
        _ => &["scsi", "sata", "ide", "nvme"],
    };
    let (name, partition) = split_partition(name);
    Named::Disk(Place::Identity { buses, wwn: wwn(name).map(str::to_owned) }, partition)
}

/// The digits of the world-wide name that a by-id name carries: all 32 of it (SPC-4, "NAA IEEE Registered Extended
/// designator format"), or the first 16.
///
/// `scsi-3…` is udev's scsi_id, with 3 for the type of designator. `wwn-0x…` has 16 digits where the rules of udev go by
/// ID_WWN, as old ones do, and not by ID_WWN_WITH_EXTENSION. `scsi-S…` is of sg3_utils' 58-scsi-sg3_symlink.rules:
/// vendor, model and serial number, which is the world-wide name on VMware.
fn wwn(name: &str) -> Option<&str> {
    let whole = |digits: &&str| digits.len() == WWN_DIGITS;
    let digits = if let Some(digits) = name.strip_prefix("wwn-0x") {
        Some(digits).filter(|digits| whole(digits) || digits.len() == WWN_DIGITS / 2)
    } else if let Some(words) = name.strip_prefix("scsi-S") {
        words.rsplit_once('_').map(|(_, serial)| serial).filter(whole)
    } else {
        name.strip_prefix("scsi-3").filter(whole)
    };
    digits.filter(|digits| digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')))
}

/// `8:1`: major and minor number.
fn parse_numbers(numbers: &str) -> Named {
    let opaque = Named::Opaque("its device numbers are given in the order of detection");
    let parsed = numbers.split_once(':').and_then(|(major, minor)| Some((decimal(major)?, decimal(minor)?)));
    let Some((major, minor)) = parsed else { return Named::Stable };
    // Disks per major and minors per disk, as devices.txt lists them for block devices.
    let (first, per_disk, place): (u32, u32, Counted) = match major {
        8 => (0, 16, Place::Sd),
        65..=71 => (16 * (major - 64), 16, Place::Sd),
        128..=135 => (16 * (major - 120), 16, Place::Sd),
        3 => (0, 64, Place::Hd),
        22 => (2, 64, Place::Hd),
        202 => (0, 16, Place::Nth),
        _ => return opaque,
    };
    let Ok(index) = usize::try_from(first + minor / per_disk) else { return opaque };
    let partition = minor % per_disk;
    Named::Disk(place(index), (partition != 0).then_some(partition))
}

/// A decimal number as the kernel prints it: digits only.
pub(super) fn decimal(text: &str) -> Option<u32> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) { None } else { text.parse().ok() }
}
