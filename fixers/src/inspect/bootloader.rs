//! Bootloaders' files.

use crate::error::Result;
use crate::facts::{BootloaderFacts, GuestFacts, UkiFacts};
use crate::guest::{self, FileKind, Guest};

use super::{grub_script, text, uki};

/// Mount points that an EFI system partition has.
const ESP_MOUNTS: &[&str] = &["/boot/efi", "/efi", "/boot"];

/// GRUB's directories outside the ESP.
const GRUB_DIRS: &[&str] = &["/boot/grub", "/boot/grub2"];

/// The main file of extlinux and syslinux: Debian's, SUSE's and Alpine's places.
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

/// Directories of extlinux and syslinux, in which one file includes others (Debian's `linux.cfg`).
const EXTLINUX_DIRS: &[&str] = &["/boot/extlinux", "/boot/syslinux", "/extlinux"];

/// GRUB legacy's configuration. `/etc/grub.conf` is a link to it on Red Hat's systems.
const GRUB_LEGACY: &[&str] = &["/boot/grub/grub.conf", "/boot/grub/menu.lst", "/etc/grub.conf"];

/// Boot loaders that h2k does not edit: LILO, zipl, yaboot, rEFInd, Limine.
const OTHERS: &[&str] = &[
    "/etc/lilo.conf",
    "/etc/zipl.conf",
    "/etc/yaboot.conf",
    "/boot/refind_linux.conf",
    "/boot/limine.conf",
    "/boot/limine.cfg",
];

/// Finds every file of a bootloader.
///
/// # Errors
/// The guest could not be read.
pub(super) fn bootloader(guest: &dyn Guest, facts: &GuestFacts) -> Result<BootloaderFacts> {
    let esp = esp(guest, facts)?;
    let vendors = vendor_dirs(guest)?;
    let dirs = || GRUB_DIRS.iter().map(|d| (*d).to_owned()).chain(vendors.iter().cloned());
    let in_dirs = |name: &'static str| dirs().map(move |d| guest::join(&d, name));
    // Photon's stub lies outside of EFI.
    let more = esp.iter().flat_map(|esp| ["boot/grub2", "boot/grub", "grub"].map(|d| guest::join(esp, d)));
    let grub_cfg = there(guest, in_dirs("grub.cfg").chain(more.map(|d| guest::join(&d, "grub.cfg"))))?;
    let led = grub_script::follow(guest, facts, &grub_cfg)?;
    let mut grub_defaults = there(guest, ["/etc/default/grub".to_owned()])?;
    grub_defaults.extend(text::paths(guest, "/etc/default/grub.d", ".cfg")?);
    let legacy = GRUB_LEGACY.iter().map(|p| (*p).to_owned());
    let legacy = legacy.chain(vendors.iter().map(|d| guest::join(d, "grub.conf")));
    let efi_binaries = match &esp {
        Some(esp) => efi_binaries(guest, esp)?,
        None => Vec::new(),
    };
    Ok(BootloaderFacts {
        grub_cfg: there(guest, grub_cfg.into_iter().chain(led.configurations))?,
        grubenv: there(guest, in_dirs("grubenv").chain(led.environments))?,
        grub_defaults,
        bls_entries: bls_entries(guest)?,
        kernel_cmdline: kernel_cmdline(guest)?,
        extlinux: extlinux(guest)?,
        grub_legacy: there(guest, legacy)?,
        device_maps: there(guest, GRUB_DIRS.iter().map(|d| guest::join(d, "device.map")))?,
        others: there(guest, OTHERS.iter().map(|p| (*p).to_owned()))?,
        ukis: ukis(guest, &efi_binaries)?,
        efi_binaries,
        esp,
    })
}

fn bls_entries(guest: &dyn Guest) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for mount in ["/boot", "/boot/efi", "/efi"] {
        found.extend(text::paths(guest, &guest::join(mount, "loader/entries"), ".conf")?);
    }
    found.sort();
    Ok(found)
}

/// `/etc/kernel/cmdline` of kernel-install(8), and mkinitcpio's `/etc/cmdline.d`.
fn kernel_cmdline(guest: &dyn Guest) -> Result<Vec<String>> {
    let mut found = there(guest, ["/etc/kernel/cmdline", "/usr/lib/kernel/cmdline"].map(str::to_owned))?;
    found.extend(text::paths(guest, "/etc/cmdline.d", ".conf")?);
    Ok(found)
}

fn extlinux(guest: &dyn Guest) -> Result<Vec<String>> {
    let mut paths: Vec<String> = EXTLINUX.iter().map(|p| (*p).to_owned()).collect();
    for dir in EXTLINUX_DIRS {
        for ending in [".conf", ".cfg"] {
            let more = text::paths(guest, dir, ending)?;
            paths.extend(more.into_iter().filter(|p| !EXTLINUX.contains(&p.as_str())));
        }
    }
    there(guest, paths)
}

/// Those of the EFI programs that lie where unified kernel images do (Boot Loader Specification, type 2).
fn ukis(guest: &dyn Guest, binaries: &[String]) -> Result<Vec<UkiFacts>> {
    let here = |path: &&String| guest::parent(path).to_ascii_lowercase().ends_with("/efi/linux");
    binaries.iter().filter(here).map(|path| uki::look(guest, path)).collect()
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
    found.dedup();
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
