//! The volumes of a Windows guest: which they are, how they were left, where they are mounted.

use std::rc::Rc;

use super::session::Session;
use crate::error::{GuestError, Result};
use crate::facts::windows::{Shutdown, WindowsFacts};
use crate::facts::{BlockDevice, GuestFacts};
use crate::windows::{BOOT_VOLUME, ESP, SYSTEM_VOLUME, path};

/// What marks an EFI system partition that Windows boots from, and a partition with its boot manager.
const MARKS: [(&str, &str, &str); 2] =
    [(ESP, "vfat", "EFI/Microsoft/Boot"), (BOOT_VOLUME, "ntfs", "Boot/BCD")];

impl Session {
    /// Mounts the system's volume and those that it boots from, read-only. `facts.windows` tells how the system was left.
    ///
    /// # Errors
    /// The system's volume cannot be mounted.
    pub(super) fn mount_windows(&mut self, facts: &mut GuestFacts, root: &str) -> Result<()> {
        let shutdown = self.left_as(root)?;
        facts.windows = Some(WindowsFacts { shutdown, ..WindowsFacts::default() });
        // Mount points can only be made while nothing is mounted (guestfs(3), guestfs_mkmountpoint).
        for point in [SYSTEM_VOLUME, ESP, BOOT_VOLUME] {
            self.ask_unless(&[EEXIST], "making a mount point", |g| g.mkmountpoint(point))?;
        }
        self.mount_one(root, root, SYSTEM_VOLUME, false)?;
        self.unprotected.get_mut().volumes.push(SYSTEM_VOLUME);
        let seen = self.hives_of.take().remove(root).unwrap_or_default();
        for (path, hive) in seen {
            // One that somebody still holds is read again.
            if let Ok(hive) = Rc::try_unwrap(hive) {
                let path = format!("{SYSTEM_VOLUME}{path}");
                self.hives.get_mut().insert(path.clone(), Rc::new(hive.at(&path)));
            }
        }
        let disk_of_root = facts.block.iter().find(|b| b.name == root).and_then(|b| b.disk);
        for (point, fstype, mark) in MARKS {
            let mut candidates: Vec<BlockDevice> = facts
                .block
                .iter()
                .filter(|b| b.fstype == fstype && b.name != root && b.disk.is_some())
                .cloned()
                .collect();
            // Another disk may hold what another Windows booted from: the system's own comes first.
            candidates.sort_by_key(|b| b.disk != disk_of_root);
            for device in candidates {
                if self.is_marked(&device, point, mark)? {
                    if fstype == "ntfs" {
                        self.note_in_use(facts, &device.name, point)?;
                    }
                    self.mount_one(&device.name, &device.name, point, false)?;
                    if fstype == "ntfs" {
                        self.unprotected.get_mut().volumes.push(point);
                    }
                    break;
                }
            }
        }
        if self.mounts.iter().any(|mount| mount.mountpoint == ESP) {
            facts.bootloader.esp = Some(ESP.to_owned());
        }
        Ok(())
    }

    /// Such a volume is its own file system, which a power cut leaves as it leaves the system's.
    fn note_in_use(&self, facts: &mut GuestFacts, device: &str, point: &str) -> Result<()> {
        let left = self.left_as(device)?;
        if let Some(windows) = &mut facts.windows
            && !matches!(left, Shutdown::Clean | Shutdown::Unknown)
        {
            windows.in_use.push(point.to_owned());
        }
        Ok(())
    }

    /// Whether a file system has what marks one for a mount point. One that cannot be mounted has not.
    fn is_marked(&self, device: &BlockDevice, point: &str, mark: &str) -> Result<bool> {
        let name = device.name.as_str();
        if self.ask("mounting", |g| g.mount_ro(name, point)).is_err() {
            return Ok(false);
        }
        let found = path::find(self, point, mark);
        self.ask("unmounting", |g| {
            let none = guestfs::UmountOptArgs { force: None, lazyunmount: None };
            g.umount(point, none)
        })?;
        Ok(found?.is_some())
    }

    /// Replaces bytes of the first sector of a mounted file system.
    pub(super) fn patch_sector(&self, mountpoint: &str, offset: u16, bytes: &[u8]) -> Result<()> {
        let device = self.device_at(mountpoint)?;
        let doing = format!("writing the boot sector of {mountpoint}");
        let written = self.ask(&doing, |g| g.pwrite_device(device, bytes, i64::from(offset)))?;
        if usize::try_from(written).ok() == Some(bytes.len()) {
            return Ok(());
        }
        Err(GuestError::Backend { doing, message: "not all of it was written".to_owned() })
    }

    /// The first sector of a mounted file system.
    pub(super) fn first_sector(&self, mountpoint: &str) -> Result<Vec<u8>> {
        let device = self.device_at(mountpoint)?;
        self.ask(&format!("reading the boot sector of {mountpoint}"), |g| g.pread_device(device, SECTOR, 0))
    }

    fn device_at(&self, mountpoint: &str) -> Result<&str> {
        let mount = self.mounts.iter().find(|mount| mount.mountpoint == mountpoint);
        let none = || GuestError::NotFound { path: mountpoint.to_owned() };
        mount.map(|mount| mount.device.as_str()).ok_or_else(none)
    }

    /// How the file system was left, as ntfs-3g sees it (ntfs-3g.probe(8)).
    fn left_as(&self, device: &str) -> Result<Shutdown> {
        const CLEAN: i32 = 0;
        const CORRUPT: i32 = 13;
        const HIBERNATED: i32 = 14;
        const UNCLEAN: i32 = 15;
        match self.ask(&format!("looking at how {device} was left"), |g| g.ntfs_3g_probe(true, device))? {
            CLEAN => Ok(Shutdown::Clean),
            HIBERNATED => Ok(Shutdown::Hibernated),
            UNCLEAN => Ok(Shutdown::Dirty),
            CORRUPT => Err(GuestError::Unsupported(format!(
                "the file system of Windows on {device} is damaged: run \"chkdsk C: /f\" on the source"
            ))),
            _ => Ok(Shutdown::Unknown),
        }
    }
}

/// Bytes of a sector.
const SECTOR: i32 = 512;
/// `EEXIST`, errno(3).
const EEXIST: i32 = 17;
