//! Finds Linux systems by looking into each file system. Where the disks hold anything else than plain Linux file
//! systems, libguestfs is asked, which knows every system but takes ten times as long.

use super::session::Session;
use crate::error::Result;
use crate::facts::{BlockDevice, SystemFacts};
use crate::guest::{FileKind, Guest};
use crate::inspect::os_release;

/// File systems that are looked into. All others (btrfs with its subvolumes, NTFS, those of BSD) are left to
/// libguestfs.
const LOOKED_INTO: &[&str] = &["ext2", "ext3", "ext4", "xfs", "vfat"];
/// What holds no files itself: its content is another block device, or none.
const NO_FILES: &[&str] = &["", "swap", "LVM2_member", "linux_raid_member", "crypto_LUKS"];

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
        for device in block.iter().filter(|b| LOOKED_INTO.contains(&b.fstype.as_str())) {
            // A damaged file system may still be one that libguestfs understands.
            if self.ask("mounting", |g| g.mount_ro(&device.name, "/")).is_err() {
                return Ok(Detected::Unsure);
            }
            let found = self.look(&device.name);
            self.ask("unmounting", |g| g.umount_all())?;
            match found? {
                Look::Linux(system) => systems.push(*system),
                Look::Nothing => {}
                Look::Odd => return Ok(Detected::Unsure),
            }
        }
        if systems.is_empty() { Ok(Detected::Unsure) } else { Ok(Detected::All(systems)) }
    }

    fn look(&self, device: &str) -> Result<Look> {
        let dir = |path: &str| -> Result<bool> {
            Ok(self.lstat(path)?.is_some_and(|s| s.kind == FileKind::Directory))
        };
        if !dir("/etc")? || !(dir("/usr")? || dir("/bin")?) {
            // A Windows or DOS system on a FAT file system, or some other system's root, is libguestfs' business.
            let odd = dir("/Windows")? || dir("/WINDOWS")? || self.exists("/autoexec.bat")?;
            return Ok(if odd { Look::Odd } else { Look::Nothing });
        }
        match os_release::system(self, device)? {
            Some(system) => Ok(Look::Linux(Box::new(system))),
            None => Ok(Look::Odd),
        }
    }
}

enum Look {
    Linux(Box<SystemFacts>),
    Nothing,
    Odd,
}
