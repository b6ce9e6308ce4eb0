//! Mounting the migrated system as its own fstab says, first read-only, later writable.

use super::session::{Access, Session};
use crate::error::{GuestError, Result};
use crate::facts::{BlockDevice, FstabEntry, GuestFacts, Mount};
use crate::guest::{FileKind, Guest};
use crate::inspect::fstab;
use crate::linux::names::{Names, Resolution, Use};

/// File systems that are mounted besides the root: a hostile fstab must not keep the appliance busy for ever.
const MAX_MOUNTS: usize = 64;

/// File systems on the guest's own disks.
const LOCAL: &[&str] = &[
    "auto", "btrfs", "ext2", "ext3", "ext4", "f2fs", "jfs", "msdos", "ntfs", "reiserfs", "ufs", "vfat", "xfs",
];

impl Session {
    /// Mounts the one system read-only and fills `facts.mounts`, root first.
    ///
    /// # Errors
    /// The root cannot be mounted. Another file system that cannot be mounted is left out of `facts.mounts`.
    pub(super) fn mount_system(&mut self, facts: &mut GuestFacts) -> Result<()> {
        let Some(root) = facts.system().map(|s| s.root.clone()) else { return Ok(()) };
        self.mount_one(&root, "/", false)?;
        if facts.is_linux() {
            self.mount_by_fstab(facts)?;
        }
        self.measure()?;
        facts.mounts.clone_from(&self.mounts);
        Ok(())
    }

    fn mount_by_fstab(&mut self, facts: &mut GuestFacts) -> Result<()> {
        let Some(text) = self.read(fstab::PATH)? else { return Ok(()) };
        // Names are resolved with what fstab says of the root, and with where the root was found.
        facts.fstab = fstab::parse(&String::from_utf8_lossy(&text));
        facts.mounts.clone_from(&self.mounts);
        for (mountable, mountpoint) in wanted(facts) {
            let there = self.lstat(&mountpoint)?.is_some_and(|s| s.kind == FileKind::Directory);
            if there && !self.mounts.iter().any(|m| m.mountpoint == mountpoint) {
                // A data file system that is damaged must not hide the system that is not.
                let _left_out = self.mount_one(&mountable, &mountpoint, false);
            }
        }
        Ok(())
    }

    fn mount_one(&mut self, mountable: &str, mountpoint: &str, writable: bool) -> Result<()> {
        let doing = format!("mounting {mountable} at {mountpoint}");
        if writable {
            self.ask(&doing, |g| g.mount_options("", mountable, mountpoint))?;
        } else {
            self.ask(&doing, |g| g.mount_ro(mountable, mountpoint))?;
        }
        if !self.mounts.iter().any(|m| m.mountpoint == mountpoint) {
            self.mounts.push(Mount {
                mountpoint: mountpoint.to_owned(),
                device: device_of(mountable).to_owned(),
                mountable: mountable.to_owned(),
                ..Mount::default()
            });
        }
        Ok(())
    }

    fn measure(&mut self) -> Result<()> {
        let mut measured = Vec::with_capacity(self.mounts.len());
        for mount in &self.mounts {
            let point = mount.mountpoint.as_str();
            let vfs = self.ask(&format!("measuring {point}"), |g| g.statvfs(point))?;
            let unit = u64::try_from(vfs.frsize).unwrap_or(0);
            let bytes = |blocks: i64| u64::try_from(blocks).unwrap_or(0).saturating_mul(unit);
            measured.push(Mount { size: bytes(vfs.blocks), free: bytes(vfs.bavail), ..mount.clone() });
        }
        self.mounts = measured;
        Ok(())
    }

    /// Mounts the same file systems again, writable.
    ///
    /// # Errors
    /// The disks are attached read-only; a file system refuses to be mounted writable (a hibernated or damaged one).
    pub fn mount_writable(&mut self) -> Result<()> {
        if self.access != Access::Writable {
            return Err(GuestError::Unsupported("the guest's disks are attached read-only".to_owned()));
        }
        self.ask("unmounting the guest's file systems", |g| g.umount_all())?;
        for mount in self.mounts.clone() {
            self.mount_one(&mount.mountable, &mount.mountpoint, true)?;
        }
        Ok(())
    }
}

/// What fstab mounts besides the root: libguestfs' name of the file system and its mount point, a file system after
/// the one that holds its mount point.
fn wanted(facts: &GuestFacts) -> Vec<(String, String)> {
    let mut entries: Vec<&FstabEntry> = facts.fstab.iter().filter(|e| local(e)).collect();
    entries.sort_by_key(|e| e.mountpoint.matches('/').count());
    entries.truncate(MAX_MOUNTS);
    let names = Names::new(facts);
    let found = entries
        .into_iter()
        .filter_map(|entry| Some((mountable(find(facts, &names, entry)?, entry), entry.mountpoint.clone())));
    found.collect()
}

fn local(entry: &FstabEntry) -> bool {
    let absolute = entry.mountpoint.starts_with('/') && entry.mountpoint != "/";
    absolute && LOCAL.contains(&entry.fstype.as_str()) && !entry.options.split(',').any(|o| o == "bind")
}

/// The device that an fstab line means, by what is on the disks.
fn find<'a>(facts: &'a GuestFacts, names: &Names<'a>, entry: &FstabEntry) -> Option<&'a BlockDevice> {
    let spec = entry.spec.replace('"', "");
    let by = |test: &dyn Fn(&BlockDevice) -> bool| facts.block.iter().find(|b| test(b));
    if let Some((tag, value)) = spec.split_once('=') {
        return match tag.to_ascii_uppercase().as_str() {
            "UUID" => by(&|b| b.uuid.eq_ignore_ascii_case(value)),
            "LABEL" => by(&|b| b.label == value),
            "PARTUUID" => by(&|b| b.partuuid.eq_ignore_ascii_case(value)),
            _ => None,
        };
    }
    let volume = by(&|b| b.lv.as_ref().is_some_and(|(vg, lv)| is_volume(&spec, vg, lv)));
    volume.or_else(|| match names.resolve(&spec, &Use::mount(&entry.fstype, &entry.mountpoint)) {
        Resolution::Resolved { device, .. } => Some(device),
        _ => None,
    })
}

/// Whether `spec` is a logical volume's name: `/dev/VG/LV`, or its mapped name, in which a dash of either name is
/// doubled (lvm(8), "VALID NAMES").
fn is_volume(spec: &str, vg: &str, lv: &str) -> bool {
    let mapped = format!("/dev/mapper/{}-{}", vg.replace('-', "--"), lv.replace('-', "--"));
    spec == format!("/dev/{vg}/{lv}") || spec == mapped
}

/// libguestfs' name of a file system, guestfs(3) "MOUNTABLES".
fn mountable(device: &BlockDevice, entry: &FstabEntry) -> String {
    let subvolume = entry.options.split(',').find_map(|o| o.strip_prefix("subvol="));
    match subvolume {
        Some(name) if device.fstype == "btrfs" => {
            format!("btrfsvol:{}/{}", device.name, name.trim_start_matches('/'))
        }
        _ => device.name.clone(),
    }
}

fn device_of(mountable: &str) -> &str {
    match mountable.strip_prefix("btrfsvol:") {
        // btrfsvol:/dev/sda2/@home and btrfsvol:/dev/vg/lv/@home: the subvolume is what follows the device.
        Some(rest) => rest.rsplit_once('/').map_or(rest, |(device, _)| device),
        None => mountable,
    }
}
