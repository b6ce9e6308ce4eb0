//! Installed kernels: their drivers, their images and what their initramfs holds.

use std::collections::BTreeSet;

use crate::append::{self, TailKeeper};
use crate::error::{GuestError, Result};
use crate::facts::{BootloaderFacts, InitramfsFacts, InitramfsLayout, KernelFacts};
use crate::guest::{self, Guest};
use crate::initramfs::{self, Listing};

use super::bls;
use super::boot_names::BootNames;
use super::{modules, text, version};

/// Where modules are. On merged systems both are one directory.
const MODULE_DIRS: &[&str] = &["/lib/modules", "/usr/lib/modules"];

/// Kernels that are looked at: each costs a listing. Systems that never removed one have about thirty.
const MAX_KERNELS: usize = 128;

/// Longest kernel release: `__NEW_UTS_LEN` of the kernel.
const MAX_VERSION: usize = 64;

/// What the name of a rescue kernel starts with (dracut's 51-dracut-rescue.install).
pub const RESCUE: &str = "0-rescue";

/// The installed kernels, oldest first, of a guest with these bootloader files and this generator of images.
///
/// # Errors
/// The guest could not be read.
pub(super) fn kernels(
    guest: &dyn Guest,
    bootloader: &BootloaderFacts,
    generator: &str,
) -> Result<Vec<KernelFacts>> {
    let entries = bls::read(guest, &bootloader.bls_entries)?;
    let mut versions = versions(guest)?;
    versions.sort_by_cached_key(|(v, _)| version::key(v));
    // Names without a version (Alpine's `vmlinuz-lts`) belong to the newest kernel that they fit.
    let mut taken = BTreeSet::new();
    let mut found = Vec::new();
    for (version, dir) in versions.iter().rev() {
        let base = base_name(guest, version, dir.as_deref())?;
        let names = BootNames {
            version,
            dir: dir.as_deref(),
            entry: entries.iter().find(|e| e.is_of(version, base.as_deref())),
            base,
            booster: generator == "booster",
            entries_boot: bootloader.grub_cfg.is_empty(),
        };
        found.push(kernel(guest, &names, &mut taken)?);
    }
    found.reverse();
    Ok(found)
}

/// Versions of the installed kernels with the directories of their modules. Rescue kernels have none, nor have images
/// whose modules are gone.
fn versions(guest: &dyn Guest) -> Result<Vec<(String, Option<String>)>> {
    let mut versions: Vec<(String, Option<String>)> = Vec::new();
    for dir in MODULE_DIRS {
        for name in text::names(guest, dir, "")? {
            let own = guest::join(dir, &name);
            let known = versions.iter().any(|(v, _)| *v == name);
            if !known && is_version(&name) && holds_modules(guest, &own)? {
                versions.push((name, Some(own)));
            }
        }
    }
    for name in text::names(guest, "/boot", "")? {
        let known = |v: &str| versions.iter().any(|(version, _)| version == v);
        // `make install` keeps the image that it replaces.
        let old = name.ends_with(".old");
        let version = name.strip_prefix("vmlinuz-").filter(|v| is_version(v) && !known(v) && !old);
        // Names that are no versions (`vmlinuz-lts`) belong to a kernel that has modules.
        let more = version.filter(|v| v.starts_with(|c: char| c.is_ascii_digit())).map(str::to_owned);
        versions.extend(more.map(|v| (v, None)));
    }
    if versions.len() > MAX_KERNELS {
        return Err(GuestError::Malformed {
            path: "/lib/modules".to_owned(),
            what: format!("{} kernels, more than the {MAX_KERNELS} that are looked at", versions.len()),
        });
    }
    Ok(versions)
}

/// Whether a name may be a kernel's release: it becomes an argument of programs and part of paths.
fn is_version(name: &str) -> bool {
    name.len() <= MAX_VERSION
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "._+~-".contains(c))
}

/// A directory that a removed kernel left behind holds neither.
fn holds_modules(guest: &dyn Guest, dir: &str) -> Result<bool> {
    Ok(guest.exists(&guest::join(dir, "modules.dep"))? || guest.exists(&guest::join(dir, "kernel"))?)
}

fn kernel(guest: &dyn Guest, names: &BootNames<'_>, taken: &mut BTreeSet<String>) -> Result<KernelFacts> {
    let drivers = match names.dir {
        Some(dir) => modules::drivers(guest, dir)?,
        None => modules::Drivers::default(),
    };
    let mut first = |candidates: Vec<String>| -> Result<Option<String>> {
        for path in candidates {
            if !taken.contains(&path) && text::stat(guest, &path)?.is_some() {
                taken.insert(path.clone());
                return Ok(Some(path));
            }
        }
        Ok(None)
    };
    let image = first(names.images())?;
    let initramfs = first(names.initramfs())?;
    // A rescue image is for whatever kernel it was made from.
    let version = names.dir.map(|_| names.version);
    Ok(KernelFacts {
        version: names.version.to_owned(),
        image,
        modules: drivers.modules,
        builtin: drivers.builtin,
        initramfs: initramfs.map(|path| listed(guest, path, version)).transpose()?,
    })
}

/// The name that distributions without versions in /boot use: Arch's `pkgbase` file, Alpine's flavour (`6.6.58-0-lts`).
fn base_name(guest: &dyn Guest, version: &str, dir: Option<&str>) -> Result<Option<String>> {
    let package = match dir {
        Some(dir) => text::config(guest, &guest::join(dir, "pkgbase"))?,
        None => None,
    };
    let base = match &package {
        Some(package) => Some(package.trim()).filter(|p| is_version(p)),
        None => version.rsplit('-').next().filter(|f| f.starts_with(|c: char| c.is_ascii_alphabetic())),
    };
    Ok(base.map(str::to_owned))
}

/// The initramfs at `path` as far as the kernel `version` is concerned.
///
/// # Errors
/// The guest could not be read.
pub(crate) fn initramfs_at(guest: &dyn Guest, path: &str, version: &str) -> Result<InitramfsFacts> {
    listed(guest, path.to_owned(), Some(version))
}

/// Lists an initramfs. That it cannot be listed is a fact of its own, not a failed inspection.
fn listed(guest: &dyn Guest, path: String, version: Option<&str>) -> Result<InitramfsFacts> {
    let mut tail = Vec::new();
    let (listing, size) = match text::open(guest, &path, initramfs::MAX_PACKED) {
        Ok(Some((stream, size))) => {
            let mut stream = TailKeeper::new(stream);
            let listing = initramfs::list(&mut stream).map_err(|e| initramfs::chain(&e));
            // A listing ends where nothing follows that the kernel would take.
            tail = stream.into_tail(initramfs::MAX_PACKED).unwrap_or_default();
            (listing, size)
        }
        Ok(None) => (Err("not a regular file".to_owned()), 0),
        Err(GuestError::TooLarge { size, limit, .. }) => (Err(format!("larger than {limit} bytes")), size),
        Err(e) => return Err(e),
    };
    let facts = InitramfsFacts { path, size, ..InitramfsFacts::default() };
    Ok(match listing {
        Ok(Listing { nested: Some(image), .. }) => {
            InitramfsFacts { unreadable: Some(format!("its files are in {image}, a file system")), ..facts }
        }
        Ok(listing) => {
            let layout = layout(&listing, version, &tail);
            InitramfsFacts { layout: Some(layout), ..filled(facts, &listing, version) }
        }
        Err(why) => InitramfsFacts { unreadable: Some(why), ..facts },
    })
}

fn filled(facts: InitramfsFacts, listing: &Listing, version: Option<&str>) -> InitramfsFacts {
    // modprobe finds the running kernel's modules only, so those of other versions do not count; insmod takes any.
    let modules = match version {
        Some(version) => {
            ["", version].iter().filter_map(|v| listing.modules.get(*v)).flatten().cloned().collect()
        }
        None => listing.all_modules(),
    };
    InitramfsFacts {
        segments: listing.segments.iter().map(|s| s.compression.name().to_owned()).collect(),
        entries: listing.entries(),
        modules: modules.into_iter().collect(),
        ..facts
    }
}

/// What is kept of a listing's layout: what matters to one kernel.
fn layout(listing: &Listing, version: Option<&str>, tail: &[u8]) -> InitramfsLayout {
    let found = &listing.layout;
    let modules = version.and_then(|v| found.modules.get(v)).cloned().unwrap_or_default();
    let other = |path: &str| {
        path.contains("lib/modules/")
            && !modules
                .keys()
                .any(|dir| path.strip_prefix(dir.as_str()).is_some_and(|rest| rest.starts_with('/')))
    };
    InitramfsLayout {
        generator: listing.generator.unwrap_or_default().to_owned(),
        files: found.files.iter().filter(|(p, _)| !other(p)).map(|(p, s)| (p.clone(), *s)).collect(),
        obstacles: found.obstacles.iter().filter(|p| !other(p)).cloned().collect(),
        settings: found.settings.clone(),
        trailing: listing.trailing.is_some(),
        tail: append::digest(tail),
        modules: modules.into_iter().map(|(dir, ends)| (dir, ends.into_iter().collect())).collect(),
    }
}
