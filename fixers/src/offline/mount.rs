//! Mounting the migrated system as its own fstab says, first read-only, later writable.

use super::btrfs;
use super::session::{Access, Session};
use crate::error::{GuestError, Result};
use crate::facts::{BlockDevice, FstabEntry, GuestFacts, LUKS, Mount, Unmounted};
use crate::guest::{FileKind, Guest};
use crate::inspect::{crypttab, fstab, mdadm};
use crate::linux::names::{Names, Resolution, Use, by_tag, find_volume};

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
    /// The root cannot be mounted. Another file system that cannot be mounted is told in `facts.unmounted`.
    pub(super) fn mount_system(&mut self, facts: &mut GuestFacts) -> Result<()> {
        let Some(root) = facts.system().map(|s| s.root.clone()) else { return Ok(()) };
        if facts.system().is_some_and(|s| s.kind == "windows") {
            self.mount_windows(facts, &root)?;
            self.measure()?;
            facts.mounts.clone_from(&self.mounts);
            return Ok(());
        }
        let device = device_of(facts, &root).to_owned();
        self.mount_one(&device, &root, "/", false)?;
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
        let volumes = self.read(crypttab::PATH)?.unwrap_or_default();
        facts.crypttab = crypttab::parse(&String::from_utf8_lossy(&volumes));
        self.name_as_the_guest(facts)?;
        for path in mdadm::PATHS {
            let text = self.read(path)?.unwrap_or_default();
            facts.arrays.extend(mdadm::parse(&String::from_utf8_lossy(&text)));
        }
        let (found, mut unmounted) = wanted(facts);
        for entry in found {
            if self.mounts.iter().any(|m| m.mountpoint == entry.mountpoint) {
                continue;
            }
            // A data file system that is damaged must not hide the system that is not.
            let tried = match self.lstat(&entry.mountpoint)?.map(|s| s.kind) {
                Some(FileKind::Directory) => self.found(&entry).and_then(|mountable| {
                    not_of_another(facts, &mountable)?;
                    self.mount_one(&entry.device, &mountable, &entry.mountpoint, false)
                }),
                _ => Err(GuestError::Unsupported(format!("{} is not a directory", entry.mountpoint))),
            };
            if let Err(e) = tried {
                unmounted.push(entry.failed(e.to_string()));
            }
        }
        facts.unmounted = unmounted;
        Ok(())
    }

    /// libguestfs' name of what a line of fstab mounts.
    fn found(&self, entry: &Wanted) -> Result<String> {
        let Some(id) = entry.subvolume else { return Ok(entry.mountable.clone()) };
        let none = || GuestError::Unsupported(format!("{} has no subvolume of the id {id}", entry.device));
        self.subvolume(&entry.device, id)?.ok_or_else(none)
    }

    pub(super) fn mount_one(
        &mut self,
        device: &str,
        mountable: &str,
        mountpoint: &str,
        writable: bool,
    ) -> Result<()> {
        let doing = format!("mounting {mountable} at {mountpoint}");
        if writable {
            self.ask(&doing, |g| g.mount_options("", mountable, mountpoint))?;
        } else {
            self.ask(&doing, |g| g.mount_ro(mountable, mountpoint))?;
        }
        if !self.mounts.iter().any(|m| m.mountpoint == mountpoint) {
            self.mounts.push(Mount {
                mountpoint: mountpoint.to_owned(),
                device: device.to_owned(),
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
            // btrfs and FAT have no table of files that could be full, and say so by a number of 0.
            let free_files = u64::try_from(vfs.favail).ok().filter(|_| vfs.files > 0);
            let (size, free) = (bytes(vfs.blocks), bytes(vfs.bavail));
            measured.push(Mount { size, free, free_files, ..mount.clone() });
        }
        self.mounts = measured;
        Ok(())
    }

    /// Checks that everything that `earlier` says to be mounted is mounted now.
    ///
    /// # Errors
    /// The first mount point that is missing.
    pub(super) fn same_mounts(&self, earlier: &GuestFacts) -> Result<()> {
        match missing(&earlier.mounts, &self.mounts) {
            None => Ok(()),
            Some(point) => Err(GuestError::Unsupported(format!(
                "{point} was mounted when the plan was made, and cannot be mounted now: its edits would miss it"
            ))),
        }
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
            self.mount_one(&mount.device, &mount.mountable, &mount.mountpoint, true)?;
        }
        Ok(())
    }
}

/// Refuses the root of a system that is left as it is: it would be mounted writable later, which changes it, and fails
/// where it is hibernated.
fn not_of_another(facts: &GuestFacts, mountable: &str) -> Result<()> {
    let other = facts.others.iter().find(|system| system.root == mountable);
    other.map_or(Ok(()), |system| {
        Err(GuestError::Unsupported(format!("{} is on it, which is left as it is", system.product)))
    })
}

/// The first mount point of `earlier` where nothing is mounted now.
fn missing<'a>(earlier: &'a [Mount], now: &[Mount]) -> Option<&'a str> {
    let gone = earlier.iter().find(|e| !now.iter().any(|n| n.mountpoint == e.mountpoint));
    gone.map(|m| m.mountpoint.as_str())
}

/// A line of fstab whose device is on the disks.
struct Wanted {
    device: String,
    mountable: String,
    /// The subvolume of btrfs by its id, where the line names none by its path.
    subvolume: Option<u64>,
    mountpoint: String,
    spec: String,
}

impl Wanted {
    fn failed(self, reason: String) -> Unmounted {
        Unmounted { mountpoint: self.mountpoint, spec: self.spec, reason }
    }
}

/// What fstab mounts besides the root: libguestfs' name of the file system and its mount point, a file system after
/// the one that holds its mount point. Apart from them, those whose device is not on the disks.
fn wanted(facts: &GuestFacts) -> (Vec<Wanted>, Vec<Unmounted>) {
    let mut entries: Vec<&FstabEntry> = facts.fstab.iter().filter(|e| local(e)).collect();
    entries.sort_by_key(|e| e.mountpoint.matches('/').count());
    let names = Names::new(facts);
    let (mut found, mut lost) = (Vec::new(), Vec::new());
    for (count, entry) in entries.into_iter().enumerate() {
        let mut wanted = Wanted {
            device: String::new(),
            mountable: String::new(),
            subvolume: None,
            mountpoint: entry.mountpoint.clone(),
            spec: entry.spec.clone(),
        };
        match find(facts, &names, entry) {
            Some(_) if count >= MAX_MOUNTS => {
                lost.push(wanted.failed(format!("more than {MAX_MOUNTS} file systems are not mounted")));
            }
            Some(device) => {
                wanted.device.clone_from(&device.name);
                wanted.mountable = mountable(device, entry);
                let plain = device.fstype == "btrfs" && wanted.mountable == device.name;
                wanted.subvolume = btrfs::subvolume_id(&entry.options).filter(|_| plain);
                found.push(wanted);
            }
            // What is mounted on demand may be a medium that comes and goes.
            None if entry.has_option("noauto") => {}
            None => lost.push(wanted.failed(nowhere(facts).to_owned())),
        }
    }
    (found, lost)
}

fn nowhere(facts: &GuestFacts) -> &'static str {
    let closed = |b: &BlockDevice| b.fstype == LUKS && facts.opened(b).is_none();
    if facts.block.iter().any(closed) {
        "no disk of the VM holds it, or an encrypted volume that was not opened does (--key opens it)"
    } else {
        "no disk of the VM holds it"
    }
}

fn local(entry: &FstabEntry) -> bool {
    let absolute = entry.mountpoint.starts_with('/') && entry.mountpoint != "/";
    absolute && LOCAL.contains(&entry.fstype.as_str()) && !entry.has_option("bind")
}

/// The device that an fstab line means, by what is on the disks.
fn find<'a>(facts: &'a GuestFacts, names: &Names<'a>, entry: &FstabEntry) -> Option<&'a BlockDevice> {
    if entry.spec.contains('=') {
        return by_tag(facts, &entry.spec);
    }
    let spec = entry.spec.replace('"', "");
    by_tag(facts, &spec).or_else(|| find_volume(facts, &spec)).or_else(|| {
        match names.resolve(&spec, &Use::mount(&entry.fstype, &entry.mountpoint)) {
            Resolution::Resolved { device, .. } => Some(device),
            _ => None,
        }
    })
}

/// libguestfs' name of a file system, guestfs(3) "MOUNTABLES".
fn mountable(device: &BlockDevice, entry: &FstabEntry) -> String {
    let subvolume = entry.options.split(',').find_map(|o| o.strip_prefix("subvol="));
    match subvolume {
        Some(name) if device.fstype == "btrfs" => match name.trim_start_matches('/') {
            "" => btrfs::top_level(&device.name),
            name => format!("btrfsvol:{}/{name}", device.name),
        },
        _ => device.name.clone(),
    }
}

/// The device of a file system: `/dev/sda2` of `btrfsvol:/dev/sda2/@/.snapshots/1/snapshot`.
pub(super) fn device_of<'a>(facts: &'a GuestFacts, mountable: &'a str) -> &'a str {
    let Some(volume) = mountable.strip_prefix("btrfsvol:") else { return mountable };
    let holds = |name: &&str| volume.strip_prefix(name).is_some_and(|rest| rest.starts_with('/'));
    facts.block.iter().map(|b| b.name.as_str()).find(holds).unwrap_or(volume)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mounts(points: &[&str]) -> Vec<Mount> {
        points.iter().map(|p| Mount { mountpoint: (*p).to_owned(), ..Mount::default() }).collect()
    }

    #[test]
    fn a_mount_point_that_is_gone_is_named() {
        let earlier = mounts(&["/", "/boot", "/var"]);
        assert_eq!(missing(&earlier, &mounts(&["/", "/var"])), Some("/boot"));
        assert_eq!(missing(&earlier, &mounts(&["/", "/boot", "/srv", "/var"])), None);
    }

    #[test]
    fn a_separate_boot_and_efi_partition_are_mounted_by_whatever_name() {
        let part = |name: &str, number: u32, fstype: &str| BlockDevice {
            name: name.to_owned(),
            disk: Some(0),
            partition: Some(number),
            fstype: fstype.to_owned(),
            uuid: format!("{number}"),
            ..BlockDevice::default()
        };
        let line = |spec: &str, mountpoint: &str, fstype: &str, options: &str| FstabEntry {
            spec: spec.to_owned(),
            mountpoint: mountpoint.to_owned(),
            fstype: fstype.to_owned(),
            options: options.to_owned(),
        };
        let facts = GuestFacts {
            block: vec![
                part("/dev/sda1", 1, "vfat"),
                part("/dev/sda2", 2, "xfs"),
                part("/dev/sda3", 3, "ext4"),
            ],
            disks: vec![crate::facts::DiskFacts::default()],
            fstab: vec![
                line(
                    "/dev/disk/by-path/pci-0000:03:00.0-scsi-0:0:0:0-part1",
                    "/boot/efi",
                    "vfat",
                    "umask=0077",
                ),
                line("/dev/sda2", "/boot", "xfs", "noauto"),
                line("/dev/sda3", "/usr", "ext4", "ro"),
            ],
            ..GuestFacts::default()
        };
        let (found, lost) = wanted(&facts);
        let found: Vec<_> = found.iter().map(|w| (w.mountable.as_str(), w.mountpoint.as_str())).collect();
        assert_eq!(found, [("/dev/sda2", "/boot"), ("/dev/sda3", "/usr"), ("/dev/sda1", "/boot/efi")]);
        assert!(lost.is_empty());
    }

    #[test]
    fn a_subvolume_is_taken_by_its_path_or_its_id() {
        let block = vec![BlockDevice {
            name: "/dev/sda2".to_owned(),
            fstype: "btrfs".to_owned(),
            uuid: "aa".to_owned(),
            ..BlockDevice::default()
        }];
        for (options, mountable, id) in [
            ("subvol=/@home", "btrfsvol:/dev/sda2/@home", None),
            ("subvol=@home,subvolid=257", "btrfsvol:/dev/sda2/@home", None),
            ("subvol=/", "btrfsvol:/dev/sda2//", None),
            ("noatime,subvolid=257", "/dev/sda2", Some(257)),
            ("noatime", "/dev/sda2", None),
        ] {
            let entry = FstabEntry {
                spec: "UUID=aa".to_owned(),
                mountpoint: "/home".to_owned(),
                fstype: "btrfs".to_owned(),
                options: options.to_owned(),
            };
            let facts = GuestFacts { block: block.clone(), fstab: vec![entry], ..GuestFacts::default() };
            let (found, _) = wanted(&facts);
            let found: Vec<_> = found.iter().map(|w| (w.mountable.as_str(), w.subvolume)).collect();
            assert_eq!(found, [(mountable, id)], "{options}");
        }
    }

    #[test]
    fn a_subvolume_of_any_depth_lies_on_its_device() {
        let device = |name: &str| BlockDevice { name: name.to_owned(), ..BlockDevice::default() };
        let block = vec![device("/dev/sda2"), device("/dev/sda20"), device("/dev/vg/lv")];
        let facts = GuestFacts { block, ..GuestFacts::default() };
        for (mountable, expected) in [
            ("/dev/sda1", "/dev/sda1"),
            ("btrfsvol:/dev/sda2/@", "/dev/sda2"),
            ("btrfsvol:/dev/sda20/@/.snapshots/1/snapshot", "/dev/sda20"),
            ("btrfsvol:/dev/vg/lv/@home", "/dev/vg/lv"),
        ] {
            assert_eq!(device_of(&facts, mountable), expected);
        }
    }

    #[test]
    fn what_fstab_names_is_on_a_disk_or_told() {
        let line = |spec: &str, mountpoint: &str, options: &str| FstabEntry {
            spec: spec.to_owned(),
            mountpoint: mountpoint.to_owned(),
            fstype: "ext4".to_owned(),
            options: options.to_owned(),
        };
        let device =
            BlockDevice { name: "/dev/sdb1".to_owned(), uuid: "aa".to_owned(), ..BlockDevice::default() };
        let facts = GuestFacts {
            block: vec![device],
            fstab: vec![
                line("UUID=AA", "/srv", "defaults"),
                line("UUID=bb", "/boot", "nofail"),
                line("UUID=cc", "/media/stick", "user,noauto"),
                line("/srv/data", "/data", "bind"),
            ],
            ..GuestFacts::default()
        };
        let (found, lost) = wanted(&facts);
        let found: Vec<_> = found.iter().map(|w| (w.mountable.as_str(), w.mountpoint.as_str())).collect();
        assert_eq!(found, [("/dev/sdb1", "/srv")]);
        let lost: Vec<_> = lost.iter().map(|u| (u.mountpoint.as_str(), u.is_system())).collect();
        assert_eq!(lost, [("/boot", true)]);
    }
}
