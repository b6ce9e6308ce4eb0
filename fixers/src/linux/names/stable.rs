//! The name of a device that holds on any hardware.

use crate::facts::{BlockDevice, GuestFacts};

/// Longest UUID or label that is written: file systems have labels of up to 255 bytes (btrfs).
const MAX_TAG: usize = 255;

/// `UUID=…`, else `PARTUUID=…`, else `LABEL=…`; a logical volume has its mapped name, which is made from names on the
/// disks, and which initramfs generators understand where they do not find volumes by UUID.
pub(super) fn stable_name(facts: &GuestFacts, device: &BlockDevice, partition_only: bool) -> Option<String> {
    if let Some((vg, lv)) = &device.lv {
        return if partition_only { None } else { mapped_name(vg, lv) };
    }
    let partuuid = || tag(facts, device, "PARTUUID", |d| &d.partuuid);
    if partition_only {
        return partuuid();
    }
    tag(facts, device, "UUID", |d| &d.uuid)
        .or_else(partuuid)
        .or_else(|| tag(facts, device, "LABEL", |d| &d.label))
}

/// `NAME=value`, if the value is one that only this device has and that needs quoting nowhere.
fn tag(
    facts: &GuestFacts,
    device: &BlockDevice,
    name: &str,
    value: impl Fn(&BlockDevice) -> &String,
) -> Option<String> {
    let own = value(device);
    let same = |other: &&BlockDevice| value(other).eq_ignore_ascii_case(own) && other.name != device.name;
    // The members of a btrfs file system share its UUID and label, and any of them stands for it.
    let one_btrfs = |o: &BlockDevice| name != "PARTUUID" && o.fstype == "btrfs" && device.fstype == "btrfs";
    let shared = facts.block.iter().filter(same).any(|other| !one_btrfs(other));
    let plain = !own.is_empty() && own.len() <= MAX_TAG && own.chars().all(is_plain);
    (plain && !shared).then(|| format!("{name}={own}"))
}

/// Characters that stand for themselves in fstab, in shell words and on kernel command lines.
fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | '+' | '@' | '/')
}

/// `/dev/mapper/VG-LV`, dashes inside of the names doubled (lvm(8), "VALID NAMES" and device-mapper's mangling).
fn mapped_name(vg: &str, lv: &str) -> Option<String> {
    let plain = |name: &str| !name.is_empty() && name.chars().all(|c| is_plain(c) && c != '/');
    let escape = |name: &str| name.replace('-', "--");
    (plain(vg) && plain(lv)).then(|| format!("/dev/mapper/{}-{}", escape(vg), escape(lv)))
}
