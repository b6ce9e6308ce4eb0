//! The init system, device naming and the initramfs generator.

use crate::error::Result;
use crate::facts::InitFacts;
use crate::guest::{FileKind, Guest};

use super::text;

const SYSTEMD: &[&str] = &["/usr/lib/systemd/systemd", "/lib/systemd/systemd"];

const UDEVD: &[&str] = &["/usr/lib/systemd/systemd-udevd", "/lib/systemd/systemd-udevd"];

/// udev before it came with systemd: Debian 7, Red Hat 6, SUSE 11; eudev.
const OLD_UDEVD: &[&str] =
    &["/sbin/udevd", "/usr/sbin/udevd", "/lib/udev/udevd", "/usr/lib/udev/udevd", "/usr/bin/udevd"];

/// Programs by which a generator is known, in the order in which it is asked: Debian's dracut-core may be installed
/// beside initramfs-tools without being used; SUSE's and Red Hat's `mkinitrd` calls dracut where there is one.
const GENERATORS: &[(&str, &[&str])] = &[
    ("initramfs-tools", &["/usr/sbin/mkinitramfs", "/sbin/mkinitramfs"]),
    ("dracut", &["/usr/bin/dracut", "/sbin/dracut", "/usr/sbin/dracut"]),
    ("mkinitcpio", &["/usr/bin/mkinitcpio", "/sbin/mkinitcpio"]),
    ("mkinitfs", &["/sbin/mkinitfs", "/usr/sbin/mkinitfs"]),
    ("make-initrd", &["/usr/sbin/make-initrd"]),
    ("genkernel", &["/usr/bin/genkernel"]),
    ("booster", &["/usr/bin/booster"]),
    ("mkinitrd", &["/sbin/mkinitrd", "/usr/sbin/mkinitrd"]),
    ("genkernel", &["/usr/bin/genkernel", "/usr/sbin/genkernel"]),
];

/// Looks for them.
///
/// # Errors
/// The guest could not be read.
pub(super) fn init(guest: &dyn Guest) -> Result<InitFacts> {
    let mut generator = "";
    for (name, programs) in GENERATORS {
        if text::first_there(guest, programs)?.is_some() {
            generator = name;
            break;
        }
    }
    let link_files = text::first_there(guest, UDEVD)?.is_some();
    Ok(InitFacts {
        systemd: systemd(guest)?,
        link_files,
        no_udev: !link_files && text::first_there(guest, OLD_UDEVD)?.is_none(),
        initramfs_generator: generator.to_owned(),
    })
}

/// systemd is the init if it is there and `/sbin/init` is nothing else. Debian installs it beside other inits.
fn systemd(guest: &dyn Guest) -> Result<bool> {
    if text::first_there(guest, SYSTEMD)?.is_none() {
        return Ok(false);
    }
    Ok(match guest.lstat("/sbin/init")?.map(|s| s.kind) {
        Some(FileKind::Symlink) => guest.readlink("/sbin/init")?.ends_with("/systemd"),
        Some(_) => false,
        None => true,
    })
}
