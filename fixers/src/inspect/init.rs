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
        clock_local: clock_local(guest)?,
        initramfs_generator: generator.to_owned(),
    })
}

/// Where a distribution notes that the hardware clock runs in local time: hwclock(8), and the older places of Debian,
/// Red Hat, SUSE and OpenRC.
const LOCAL_CLOCKS: &[(&str, &[&str])] = &[
    ("/etc/default/rcS", &["UTC=no"]),
    ("/etc/sysconfig/clock", &["UTC=false", "UTC=no", "HWCLOCK=--localtime", "HWCLOCK=-l"]),
    ("/etc/conf.d/hwclock", &["clock=local"]),
];

fn clock_local(guest: &dyn Guest) -> Result<bool> {
    if let Some(adjtime) = text::config(guest, "/etc/adjtime")? {
        // The third line; a file without it means UTC.
        return Ok(adjtime.lines().nth(2).is_some_and(|line| line.trim() == "LOCAL"));
    }
    for (path, settings) in LOCAL_CLOCKS {
        let Some(text) = text::config(guest, path)? else { continue };
        if text.lines().any(|line| settings.contains(&line.trim().replace(['"', '\''], "").as_str())) {
            return Ok(true);
        }
    }
    Ok(false)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryGuest;

    #[test]
    fn the_clock_is_utc_unless_the_guest_says_otherwise() {
        for (path, content, local) in [
            ("/etc/adjtime", "0.0 0 0.0\n0\nLOCAL\n", true),
            ("/etc/adjtime", "0.0 0 0.0\n0\nUTC\n", false),
            ("/etc/adjtime", "0.0 0 0.0\n", false),
            ("/etc/sysconfig/clock", "ZONE=\"Europe/Vienna\"\nHWCLOCK=\"--localtime\"\n", true),
            ("/etc/default/rcS", "#UTC=no\n", false),
            ("/etc/conf.d/hwclock", "clock=\"local\"\n", true),
            ("/etc/x", "", false),
        ] {
            let guest = MemoryGuest::new().file(path, content);
            assert_eq!(clock_local(&guest).unwrap(), local, "{path} {content}");
        }
    }
}
