//! What a device's name stands for on the target's hardware.
//!
//! Sources: fstab(5) and blkid(8) (tags), udev's 60-persistent-storage.rules (`/dev/disk`), virtio_blk and sd of Linux
//! (`vdX`, `sdX`).

use crate::facts::{BlockDevice, LUKS};
use crate::linux::fields::unescape;
use crate::linux::names::{find_volume, place_of};

use super::Seen;
use super::crypttab::Opened;

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found<'a> {
    /// This device.
    Device(&'a BlockDevice),
    /// An encrypted volume that crypttab opens under this name; what it holds was not seen.
    Volume(String),
    /// Nothing that the target has: why.
    Missing(String),
    /// It cannot be told: why.
    Unknown(String),
}

impl<'a> Seen<'a> {
    /// What `spec` stands for, as fstab and kernel command lines write it.
    pub(super) fn device(&self, spec: &str, opened: &Opened) -> Found<'a> {
        let spec = unescape(&spec.replace('"', ""));
        if let Some((tag, value)) = spec.split_once('=').filter(|(tag, _)| !tag.contains('/')) {
            return self.tagged(&tag.to_ascii_uppercase(), value);
        }
        let Some(rest) = spec.strip_prefix("/dev/") else {
            return Found::Unknown(format!("{spec} is not understood"));
        };
        match rest.split_once('/') {
            Some(("disk", link)) => self.link(link, opened),
            Some(("mapper", name)) => self.mapped(name, opened),
            Some(("md", _)) => self.array(&spec),
            Some((kind @ ("zvol" | "block" | "bcache"), _)) => {
                Found::Unknown(format!("h2k does not look for devices in /dev/{kind}"))
            }
            Some((vg, lv)) => self
                .logical(vg, lv)
                .map_or_else(|| self.missing(&format!("the volume {vg}/{lv}")), Found::Device),
            None if rest.starts_with("md") => self.array(&spec),
            None => self.by_position(rest),
        }
    }

    fn tagged(&self, tag: &str, value: &str) -> Found<'a> {
        let same = |own: &str| !own.is_empty() && own.eq_ignore_ascii_case(value);
        match tag {
            "UUID" => self.only(&format!("UUID={value}"), |b| same(&b.uuid)),
            "PARTUUID" => self.only(&format!("PARTUUID={value}"), |b| same(&b.partuuid)),
            "LABEL" => self.only(&format!("LABEL={value}"), |b| !value.is_empty() && b.label == value),
            "PARTLABEL" => {
                self.only(&format!("PARTLABEL={value}"), |b| !value.is_empty() && b.partlabel == value)
            }
            _ => Found::Unknown(format!("h2k does not look for devices by {tag}")),
        }
    }

    /// The one device that has a tag, or the mounted one of a btrfs file system's.
    fn only(&self, what: &str, has: impl Fn(&BlockDevice) -> bool) -> Found<'a> {
        let all: Vec<&BlockDevice> = self.facts.block.iter().filter(|b| has(b)).collect();
        let mounted = |b: &&&BlockDevice| self.facts.mounts.iter().any(|m| m.device == b.name);
        match all.as_slice() {
            // Partitions are seen whatever they hold.
            [] if what.starts_with("PART") => Found::Missing(format!("no disk of the VM holds {what}")),
            [] => self.missing(what),
            [one] => Found::Device(one),
            several if several.iter().all(|b| b.fstype == "btrfs") => several
                .iter()
                .find(mounted)
                .or(several.first())
                .map_or_else(|| Found::Unknown(what.to_owned()), |b| Found::Device(b)),
            several => {
                let places: Vec<String> = several.iter().map(|b| place_of(b)).collect();
                Found::Unknown(format!("{what} is on {}", places.join(" and on ")))
            }
        }
    }

    /// What is on no disk, unless something that was not opened may hold it.
    fn missing(&self, what: &str) -> Found<'a> {
        let count = |fstype: &str| self.facts.block.iter().filter(|b| b.fstype == fstype).count();
        let closed = |b: &BlockDevice| b.fstype == LUKS && self.facts.opened(b).is_none();
        let volumes = self.facts.block.iter().any(|b| b.lv.is_some());
        let closed = if self.facts.block.iter().any(closed) {
            "an encrypted volume that was not opened"
        } else if count("LVM2_member") > 0 && !volumes {
            "a volume group that was not seen"
        } else if count("linux_raid_member") > 0
            && !self.facts.block.iter().any(|b| b.name.starts_with("/dev/md"))
        {
            "an array that was not assembled"
        } else if count("zfs_member") + count("bcache") > 0 {
            "a pool or cache that is not looked into"
        } else {
            return Found::Missing(format!("no disk of the VM holds {what}"));
        };
        Found::Unknown(format!("{what} was not found; it may be on {closed}"))
    }

    fn link(&self, link: &str, opened: &Opened) -> Found<'a> {
        let Some((kind, name)) = link.split_once('/') else { return Found::Unknown(link.to_owned()) };
        match kind {
            "by-uuid" => self.tagged("UUID", name),
            "by-partuuid" => self.tagged("PARTUUID", name),
            "by-label" => self.tagged("LABEL", &unhex(name)),
            "by-partlabel" => self.tagged("PARTLABEL", &unhex(name)),
            "by-id" if name.starts_with("dm-name-") => {
                self.mapped(name.trim_start_matches("dm-name-"), opened)
            }
            "by-id" if ["dm-", "md-", "lvm-"].iter().any(|start| name.starts_with(start)) => {
                self.by_uuid(name)
            }
            "by-path" | "by-id" => {
                let old = ["scsi-", "ata-", "wwn-", "nvme-", "ide-"];
                let here =
                    old.iter().any(|start| name.starts_with(start) || name.contains(&format!("-{start}")));
                if here && !self.target.disks.iter().any(|bus| bus.is_sd()) {
                    return Found::Missing(format!("{name} is a name of other hardware than virtio-blk"));
                }
                Found::Unknown(format!("whether {name} exists depends on where the disk is attached"))
            }
            _ => Found::Unknown(format!("h2k does not look for devices {kind}")),
        }
    }

    /// A name that udev makes of the UUID or name that LVM, LUKS or md knows the volume by.
    fn by_uuid(&self, name: &str) -> Found<'a> {
        if let Some(device) = find_volume(self.facts, &format!("/dev/disk/by-id/{name}")) {
            return Found::Device(device);
        }
        let known = ["dm-uuid-LVM-", "dm-uuid-CRYPT-LUKS", "md-uuid-", "md-name-", "lvm-pv-uuid-"];
        let of_lvm = name.starts_with("dm-uuid-LVM-");
        let nameless = self.facts.block.iter().any(|b| b.lv.is_some() && b.lv_uuid.is_empty());
        if of_lvm && nameless || !known.iter().any(|start| name.starts_with(start)) {
            return Found::Unknown(format!("h2k does not know which volume has the UUID in {name}"));
        }
        self.missing(&format!("the volume {name}"))
    }

    fn mapped(&self, name: &str, opened: &Opened) -> Found<'a> {
        let escaped = |part: &str| part.replace('-', "--");
        let is = |(vg, lv): &(String, String)| name == format!("{}-{}", escaped(vg), escaped(lv));
        if let Some(device) = self.facts.block.iter().find(|b| b.lv.as_ref().is_some_and(is)) {
            return Found::Device(device);
        }
        if let Some(device) = self.facts.block.iter().find(|b| b.name == format!("/dev/mapper/{name}")) {
            return Found::Device(device);
        }
        if opened.has(name) {
            return Found::Volume(name.to_owned());
        }
        self.missing(&format!("the volume {name}"))
    }

    pub(super) fn logical(&self, vg: &str, lv: &str) -> Option<&'a BlockDevice> {
        self.facts.block.iter().find(|b| b.lv.as_ref().is_some_and(|(v, l)| v == vg && l == lv))
    }

    fn array(&self, spec: &str) -> Found<'a> {
        if let Some(device) = find_volume(self.facts, spec) {
            return Found::Device(device);
        }
        if self.facts.block.iter().any(|b| b.fstype == "linux_raid_member") {
            return Found::Unknown(format!("{spec} may be an array under another name"));
        }
        Found::Missing(format!("no disk of the VM is a member of {spec}"))
    }

    /// `vda1`, `sda1`: a name by the order in which disks are found.
    fn by_position(&self, name: &str) -> Found<'a> {
        let (wanted, rest) = match (name.strip_prefix("vd"), name.strip_prefix("sd")) {
            (Some(rest), _) => (false, rest),
            (_, Some(rest)) => (true, rest),
            _ if ["hd", "xvd", "nvme", "cciss", "mmcblk"].iter().any(|p| name.starts_with(p)) => {
                return Found::Missing(format!("/dev/{name} is a name of other hardware"));
            }
            _ => return Found::Unknown(format!("/dev/{name} is not understood")),
        };
        let is_sd = |i: &usize| self.target.disks.get(*i).is_some_and(|bus| bus.is_sd() == wanted);
        let on: Vec<usize> = (0..self.target.disks.len()).filter(is_sd).collect();
        let [disk] = on.as_slice() else {
            return match on.len() {
                0 => Found::Missing(format!("no disk of the target is called /dev/{name}")),
                _ => Found::Unknown(format!("/dev/{name} depends on the order in which disks are found")),
            };
        };
        let number: String = rest.trim_start_matches(|c: char| c.is_ascii_lowercase()).to_owned();
        let partition = number.parse().ok();
        let here = |b: &&BlockDevice| b.disk == Some(*disk) && b.partition == partition && b.lv.is_none();
        match self.facts.block.iter().find(here).filter(|_| rest.starts_with('a')) {
            Some(device) => Found::Device(device),
            None => Found::Missing(format!("there is no /dev/{name}")),
        }
    }
}

/// udev writes what may not be in a file name as `\x20` (udev(7), "ENCODING").
fn unhex(name: &str) -> String {
    let mut out = String::new();
    let mut rest = name;
    while let Some((before, after)) = rest.split_once("\\x") {
        out.push_str(before);
        match after.get(..2).and_then(|d| u8::from_str_radix(d, 16).ok()).filter(u8::is_ascii) {
            Some(byte) => {
                out.push(char::from(byte));
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                out.push_str("\\x");
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}
