//! Bootloaders' files.

use crate::error::Result;
use crate::facts::{BootloaderFacts, GuestFacts};
use crate::guest::{self, FileKind, Guest};

use super::text;

/// Mount points that an EFI system partition has.
const ESP_MOUNTS: &[&str] = &["/boot/efi", "/efi", "/boot"];

/// GRUB's directories outside the ESP.
const GRUB_DIRS: &[&str] = &["/boot/grub", "/boot/grub2"];

/// extlinux and syslinux configuration: Debian's, SUSE's and Alpine's places.
const EXTLINUX: &[&str] = &[
    "/boot/extlinux.conf",
    "/boot/extlinux/extlinux.conf",
    "/boot/syslinux/extlinux.conf",
    "/boot/syslinux/syslinux.cfg",
    "/extlinux.conf",
    "/extlinux/extlinux.conf",
];

/// Depth of directories below the ESP that is looked at: `EFI/Microsoft/Boot/xx-XX` is the deepest in use.
const ESP_DEPTH: usize = 5;

/// Names on an ESP that are looked at. Windows puts about 300 there.
const ESP_NAMES: usize = 10_000;

/// Finds every file of a bootloader.
///
/// # Errors
/// The guest could not be read.
pub(super) fn bootloader(guest: &dyn Guest, facts: &GuestFacts) -> Result<BootloaderFacts> {
    let esp = esp(guest, facts)?;
    let vendors = vendor_dirs(guest)?;
    let dirs = || GRUB_DIRS.iter().map(|d| (*d).to_owned()).chain(vendors.iter().cloned());
    let grub_cfg = there(guest, dirs().map(|d| guest::join(&d, "grub.cfg")))?;
    let grubenv = there(guest, dirs().map(|d| guest::join(&d, "grubenv")))?;
    let mut grub_defaults = there(guest, ["/etc/default/grub".to_owned()])?;
    grub_defaults.extend(text::paths(guest, "/etc/default/grub.d", ".cfg")?);
    let mut bls_entries = Vec::new();
    for mount in ["/boot", "/boot/efi", "/efi"] {
        bls_entries.extend(text::paths(guest, &guest::join(mount, "loader/entries"), ".conf")?);
    }
    bls_entries.sort();
    let cmdline = ["/etc/kernel/cmdline", "/usr/lib/kernel/cmdline"];
    Ok(BootloaderFacts {
        grub_cfg,
        grubenv,
        grub_defaults,
        bls_entries,
        kernel_cmdline: there(guest, cmdline.map(str::to_owned))?,
        extlinux: there(guest, EXTLINUX.iter().map(|p| (*p).to_owned()))?,
        efi_binaries: match &esp {
            Some(esp) => efi_binaries(guest, esp)?,
            None => Vec::new(),
        },
        esp,
    })
}

/// Where the EFI system partition is mounted: a FAT file system at one of its places, with a directory `EFI`.
fn esp(guest: &dyn Guest, facts: &GuestFacts) -> Result<Option<String>> {
    for mount in ESP_MOUNTS {
        let fat = facts.mounted_at(mount).is_some_and(|b| b.fstype == "vfat");
        if fat && (*mount != "/boot" || child(guest, mount, "EFI")?.is_some()) {
            return Ok(Some((*mount).to_owned()));
        }
    }
    Ok(None)
}

/// `EFI/*` below every place an ESP may be at, mounted or copied there.
fn vendor_dirs(guest: &dyn Guest) -> Result<Vec<String>> {
    let mut dirs = Vec::new();
    for mount in ESP_MOUNTS {
        if let Some(efi) = child(guest, mount, "EFI")? {
            dirs.extend(text::paths(guest, &efi, "")?);
        }
    }
    Ok(dirs)
}

/// The name in `dir` that is `name` in FAT's eyes, where case does not count.
fn child(guest: &dyn Guest, dir: &str, name: &str) -> Result<Option<String>> {
    let names = text::names(guest, dir, "")?;
    Ok(names.iter().find(|n| n.eq_ignore_ascii_case(name)).map(|n| guest::join(dir, n)))
}

/// Those of the paths at which a regular file is, sorted. A link to another of them is left out, so that nobody
/// changes one file twice (`/boot/grub2/grubenv` may be a link to the ESP).
fn there(guest: &dyn Guest, paths: impl IntoIterator<Item = String>) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let mut links = Vec::new();
    for path in paths {
        match guest.lstat(&path)?.map(|s| s.kind) {
            Some(FileKind::File) => found.push(path),
            Some(FileKind::Symlink) => links.push(path),
            _ => {}
        }
    }
    for link in links {
        let target = plain(&text::target(guest, &link)?);
        let file = text::stat(guest, &link)?.is_some_and(|s| s.kind == FileKind::File);
        if file && !found.contains(&target) {
            found.push(link);
        }
    }
    found.sort();
    Ok(found)
}

/// A path without `.` and `..`, for comparison only.
fn plain(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

/// `*.efi` below the ESP. Links are not followed, so there are no circles; FAT has none anyway.
fn efi_binaries(guest: &dyn Guest, esp: &str) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let mut todo = vec![(esp.to_owned(), 0)];
    let mut left = ESP_NAMES;
    while let Some((dir, depth)) = todo.pop() {
        for path in text::paths(guest, &dir, "")? {
            left = left.saturating_sub(1);
            if left == 0 {
                found.sort();
                return Ok(found);
            }
            let kind = guest.lstat(&path)?.map(|s| s.kind);
            if kind == Some(FileKind::Directory) && depth < ESP_DEPTH {
                todo.push((path, depth + 1));
            } else if kind == Some(FileKind::File) && path.to_ascii_lowercase().ends_with(".efi") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}
