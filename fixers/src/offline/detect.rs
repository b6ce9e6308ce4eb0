//! Finds Linux and Windows systems by looking into each file system. Where the disks hold any other file system,
//! libguestfs is asked, which knows every system but takes ten times as long.

use std::collections::BTreeSet;

use super::btrfs::Roots;
use super::session::Session;
use crate::error::Result;
use crate::facts::{BITLOCKER, BlockDevice, LUKS, SystemFacts};
use crate::guest::{FileKind, Guest};
use crate::inspect::os_release;
use crate::windows::inspect as windows;

/// File systems that are looked into. All others (those of BSD) are left to libguestfs.
const LOOKED_INTO: &[&str] = &["ext2", "ext3", "ext4", "xfs", "vfat", "btrfs", "ntfs"];
/// What holds no files itself: its content is another block device, or none.
const NO_FILES: &[&str] = &["", "swap", "LVM2_member", "linux_raid_member", LUKS, BITLOCKER];

/// What was found.
pub(super) enum Detected {
    /// Every system on the disks.
    All(Vec<SystemFacts>),
    /// Something was there that this does not understand.
    Unsure,
}

impl Session {
    /// Looks into every file system, one after the other, mounted read-only.
    pub(super) fn detect(&self, block: &[BlockDevice]) -> Result<Detected> {
        let understood = |b: &BlockDevice| {
            LOOKED_INTO.contains(&b.fstype.as_str()) || NO_FILES.contains(&b.fstype.as_str())
        };
        if !block.iter().all(understood) {
            return Ok(Detected::Unsure);
        }
        if block.iter().all(|b| b.fstype.is_empty()) {
            return Ok(Detected::All(Vec::new()));
        }
        let mut systems = Vec::new();
        let Some(mountables) = self.mountables(block) else { return Ok(Detected::Unsure) };
        for mountable in &mountables {
            // A damaged file system may still be one that libguestfs understands.
            if self.ask("mounting", |g| g.mount_ro(mountable, "/")).is_err() {
                return Ok(Detected::Unsure);
            }
            let found = self.look(mountable);
            self.ask("unmounting", |g| g.umount_all())?;
            match found? {
                Look::Found(system) => systems.push(*system),
                Look::Nothing => {}
                Look::Odd => return Ok(Detected::Unsure),
            }
        }
        if systems.is_empty() { Ok(Detected::Unsure) } else { Ok(Detected::All(systems)) }
    }

    /// libguestfs' names of the file systems to look into; `None` where a btrfs cannot be understood.
    fn mountables(&self, block: &[BlockDevice]) -> Option<Vec<String>> {
        let mut mountables = Vec::new();
        let mut seen = BTreeSet::new();
        for device in block.iter().filter(|b| LOOKED_INTO.contains(&b.fstype.as_str())) {
            if device.fstype != "btrfs" {
                mountables.push(device.name.clone());
            } else if seen.insert(&device.uuid) {
                // Not each member of a btrfs over several disks.
                match self.btrfs_roots(&device.name) {
                    Ok(Roots::Known(roots)) => mountables.extend(roots),
                    Ok(Roots::Unsure) | Err(_) => return None,
                }
            }
        }
        Some(mountables)
    }

    fn look(&self, device: &str) -> Result<Look> {
        let dir = |path: &str| -> Result<bool> {
            Ok(self.lstat(path)?.is_some_and(|s| s.kind == FileKind::Directory))
        };
        if !dir("/etc")? || !(dir("/usr")? || dir("/bin")?) {
            if let Some(dir) = windows::system_root(self, "/")? {
                let system = windows::system(self, device, &dir);
                // They may be large: they are known again where the volume is mounted for good.
                let hives = self.hives.take();
                self.hives_of.borrow_mut().insert(device.to_owned(), hives);
                return Ok(Look::Found(Box::new(system?)));
            }
            // A DOS system, or a Windows before NT, is libguestfs' business.
            return Ok(if self.exists("/autoexec.bat")? { Look::Odd } else { Look::Nothing });
        }
        match os_release::system(self, device)? {
            Some(system) => Ok(Look::Found(Box::new(system))),
            None => Ok(Look::Odd),
        }
    }
}

enum Look {
    Found(Box<SystemFacts>),
    Nothing,
    Odd,
}
