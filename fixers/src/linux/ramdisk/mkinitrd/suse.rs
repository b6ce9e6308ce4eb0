//! How SUSE's mkinitrd is called: from its mkinitrd(8) and its scripts.

use crate::edit::Edit;
use crate::error::Result;
use crate::facts::GuestFacts;
use crate::guest::Guest;
use crate::linux::text::{TextFile, files_in, real_path};

use super::super::{Rebuild, drivers};

/// Scripts of the program, from 2008 on.
const SETUP: [&str; 2] = ["/lib/mkinitrd/scripts", "/lib/mkinitrd/setup"];

/// What SUSE's program is told besides the image.
pub(super) struct Suse<'a> {
    program: &'a str,
    /// The drivers are in its settings. `-m` takes the place of that list, so it is given only where they are not.
    listed: bool,
    /// It knows `-B`: otherwise it installs the bootloader anew, on a disk of the appliance.
    knows_b: bool,
    /// It would do so, and cannot be told not to.
    installs: bool,
    /// `usrdev=…`, what /usr is on, where that is a file system of its own: it would note the appliance's name of it.
    usr: Option<String>,
}

impl<'a> Suse<'a> {
    /// Looks for it.
    ///
    /// # Errors
    /// The guest could not be read.
    pub(super) fn read(
        facts: &GuestFacts,
        guest: &dyn Guest,
        program: &'a str,
        script: &str,
        listed: bool,
    ) -> Result<Self> {
        let mut knows_b = false;
        for dir in SETUP {
            for path in files_in(guest, dir, "prepare.sh")? {
                knows_b |= TextFile::read(guest, &path)?.is_some_and(|f| f.text.contains("param_B"));
            }
        }
        let installs = !knows_b && script.contains("update-bootloader");
        Ok(Self { program, listed, knows_b, installs, usr: usr(facts) })
    }

    /// The run that builds an image, or why there can be none.
    ///
    /// # Errors
    /// The guest could not be read.
    pub(super) fn edit(
        &self,
        guest: &dyn Guest,
        rebuild: &Rebuild<'_>,
    ) -> Result<std::result::Result<Edit, &'static str>> {
        let Some(kernel) = rebuild.kernel.image.as_deref() else { return Ok(Err("its kernel is not there")) };
        if self.installs {
            return Ok(Err("its mkinitrd also installs the bootloader anew"));
        }
        let mut argv: Vec<&str> = Vec::new();
        if let Some(usr) = &self.usr {
            argv.extend(["/usr/bin/env", usr]);
        }
        argv.extend([self.program, "-k", kernel, "-i", rebuild.initramfs.path.as_str()]);
        let modules = drivers::kept(rebuild.kernel, rebuild.bus).join(" ");
        if !self.listed {
            argv.extend(["-m", &modules]);
        }
        if self.knows_b {
            argv.push("-B");
        }
        // Where /boot/vmlinuz is this kernel, /boot/initrd is made to be its image.
        let current = real_path(guest, "/boot/vmlinuz").is_ok_and(|path| path == kernel);
        Ok(Ok(rebuild.run_with(&argv, if current { &["/boot/initrd"] } else { &[] })))
    }
}

/// What /usr is on, by the file system's UUID, where it is not the root's.
fn usr(facts: &GuestFacts) -> Option<String> {
    let (root, usr) = (facts.mounted_at("/")?, facts.mounted_at("/usr")?);
    let own = !usr.same_filesystem(root) && !usr.uuid.is_empty();
    own.then(|| format!("usrdev=UUID={}", usr.uuid))
}
