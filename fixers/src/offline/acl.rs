//! Who may do what with files that h2k adds to a Windows guest.
//!
//! NTFS-3G gives a new file no permissions of its directory but "everyone, everything" (libntfs-3g, `ntfs_sd_add_everyone`):
//! any user of the guest could then replace a driver, or the script that the first boot runs as SYSTEM. So whatever is
//! new gets a descriptor as programs have it: Administrators own it, they and SYSTEM may do everything, users may read
//! and run it. NTFS-3G takes it as the extended attribute `system.ntfs_acl`, whose value libguestfs cannot pass on (its
//! call takes text), so that it is set in the appliance itself.

use super::inside::Script;
use super::session::Session;
use crate::error::Result;
use crate::guest::{Guest, parent};

/// `O:BAG:BAD:P(A;;FA;;;SY)(A;;FA;;;BA)(A;;0x1200a9;;;BU)` as [MS-DTYP] 2.4.6 lays it out: header, owner, group, list.
const FILE: &str = "0x\
    0100049014000000240000000000000034000000\
    01020000000000052000000020020000\
    01020000000000052000000020020000\
    02004c0003000000\
    00001400ff011f00010100000000000512000000\
    00001800ff011f0001020000000000052000000020020000\
    00001800a900120001020000000000052000000021020000";

/// The same with every entry inherited by what is made in the directory later (`OICI`).
const DIRECTORY: &str = "0x\
    0100049014000000240000000000000034000000\
    01020000000000052000000020020000\
    01020000000000052000000020020000\
    02004c0003000000\
    00031400ff011f00010100000000000512000000\
    00031800ff011f0001020000000000052000000020020000\
    00031800a900120001020000000000052000000021020000";

/// Gives each path of the second of two lines the descriptor of the first. The appliance sees the guest's files below
/// /sysroot, and would follow a link out of there: a path with a link in it is refused.
const PROTECT: Script = Script {
    doing: "setting who may change the new files",
    text: "exec 2>&1
        protect() {
          while IFS= read -r value && IFS= read -r path; do
            [ \"$(readlink -f -- \"/sysroot$path\")\" = \"/sysroot$path\" ] ||
              { echo \"$path: there is a link in it\"; return 1; }
            setfattr -n system.ntfs_acl -v \"$value\" -- \"/sysroot$path\" || return 1
          done
        }
        protect < /tmp/h2k-words && echo 'h2k: done'
        rm -f /tmp/h2k-words /tmp/h2k-secret\n",
};

/// Files and directories that are new, to be protected before the guest's file systems are unmounted.
#[derive(Debug, Default)]
pub(super) struct Unprotected {
    /// Where file systems of Windows are mounted. A Linux guest may have something else at the same place.
    pub volumes: Vec<&'static str>,
    new: Vec<(String, &'static str)>,
}

impl Unprotected {
    fn concerns(&self, path: &str) -> bool {
        self.volumes.iter().any(|volume| path.strip_prefix(volume).is_some_and(|rest| rest.starts_with('/')))
    }
}

impl Session {
    /// Remembers a file that is about to be made, and the directories above it that are not there yet.
    pub(super) fn will_make(&self, path: &str, directory: bool) -> Result<()> {
        if !self.unprotected.borrow().concerns(path) {
            return Ok(());
        }
        let mut new = vec![(path.to_owned(), if directory { DIRECTORY } else { FILE })];
        let mut above = parent(path);
        while above.len() > 1 && !self.exists(above)? {
            new.push((above.to_owned(), DIRECTORY));
            above = parent(above);
        }
        self.unprotected.borrow_mut().new.extend(new);
        Ok(())
    }

    /// Protects what is new. What was removed again since is left out.
    pub(super) fn protect(&self) -> Result<()> {
        let new = std::mem::take(&mut self.unprotected.borrow_mut().new);
        let mut words = Vec::with_capacity(2 * new.len());
        for (path, value) in &new {
            if self.exists(path)? {
                words.extend([*value, path.as_str()]);
            }
        }
        if words.is_empty() { Ok(()) } else { self.run_inside(&PROTECT, &words, &[]) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_volumes_of_windows_are_meant() {
        let linux = Unprotected::default();
        assert!(!linux.concerns("/boot/efi/EFI/BOOT/BOOTX64.EFI") && !linux.concerns("/c/file"));
        let windows = Unprotected { volumes: vec!["/c", "/boot"], ..Unprotected::default() };
        assert!(windows.concerns("/c/Windows/h2k/first-boot.cmd") && windows.concerns("/boot/file"));
        assert!(!windows.concerns("/esp/EFI/Boot/bootx64.efi") && !windows.concerns("/cd"));
    }
}
