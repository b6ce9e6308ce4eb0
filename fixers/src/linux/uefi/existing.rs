//! A boot loader that is at the fallback path already: whose it is, and whether it can start this system.
//!
//! shim at the fallback path starts its fallback program (fbx64.efi, older fallback.efi) if that is beside it, which
//! looks for `BOOTX64.CSV` in the directories of vendors, makes boot entries and starts the first; else it starts GRUB
//! beside it (shim, README.fallback).

use super::loaders::{Arch, Loader, Tree};
use crate::error::{GuestError, Result};
use crate::guest::{self, Guest};

/// What is to be said of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict<'a> {
    /// It starts a system, as far as can be told.
    Starts,
    /// It is this vendor's shim, which finds nothing to start: what it loads is to be copied beside it.
    Alone(&'a Loader),
    /// It does not start this system, for this reason.
    Foreign(String),
    /// It may not start this system, for this reason.
    Doubtful(String),
}

/// Looks at the boot loader at the fallback path.
///
/// # Errors
/// The guest could not be read.
pub(super) fn verdict<'a>(
    guest: &dyn Guest,
    tree: &Tree,
    arch: Arch,
    vendors: &'a [Loader],
    ours: Option<&'a Loader>,
) -> Result<Verdict<'a>> {
    let boot = tree.boot_directory();
    let names = guest.list(&boot)?.unwrap_or_default();
    let Some(name) = names.iter().find(|n| n.eq_ignore_ascii_case(&arch.fallback())) else {
        return Ok(Verdict::Starts);
    };
    let fallback = guest::join(&boot, name);
    if let Some(windows) = tree.windows(guest)?
        && same(guest, &fallback, &windows)?
    {
        return Ok(Verdict::Foreign(format!("{fallback} is Windows' boot loader")));
    }
    let mut owner = None;
    for loader in vendors {
        if same(guest, &fallback, &loader.path(&loader.first))? {
            owner = Some(loader);
            // One build of shim may serve several; that of the installed system counts.
            if ours == Some(loader) {
                break;
            }
        }
    }
    let shim = owner.is_some_and(Loader::is_shim)
        || names.iter().any(|n| arch.is_of_shim(n))
        || contents(guest, &fallback)?.is_some_and(|program| arch.is_shim(&program));
    if shim && names.iter().any(|n| arch.is_fallback_program(n)) {
        return by_fallback_program(guest, tree, arch);
    }
    if shim && !names.iter().any(|n| arch.is_grub(n)) {
        return Ok(match owner {
            Some(owner) => Verdict::Alone(owner),
            None => Verdict::Doubtful(format!("{fallback} is a shim without GRUB beside it")),
        });
    }
    Ok(match (owner, ours) {
        (Some(owner), Some(ours)) if owner != ours => Verdict::Doubtful(format!(
            "{fallback} is the boot loader in {}, not that in {}",
            owner.vendor, ours.vendor
        )),
        _ => Verdict::Starts,
    })
}

fn by_fallback_program<'a>(guest: &dyn Guest, tree: &Tree, arch: Arch) -> Result<Verdict<'a>> {
    if tree.has_boot_csv(guest, arch)? {
        return Ok(Verdict::Starts);
    }
    let text =
        "shim's fallback program is at EFI/BOOT, and no directory holds the BOOT.CSV that it looks for";
    Ok(Verdict::Doubtful(text.to_owned()))
}

/// Whether two files hold the same bytes. One that is too large to be read is not the same.
fn same(guest: &dyn Guest, one: &str, other: &str) -> Result<bool> {
    let size = |path: &str| Ok::<_, GuestError>(guest.lstat(path)?.map(|s| s.size));
    if size(one)? != size(other)? {
        return Ok(false);
    }
    let (one, other) = (contents(guest, one)?, contents(guest, other)?);
    Ok(one.is_some() && one == other)
}

/// A program; `None` if it is too large to be one, or no file.
fn contents(guest: &dyn Guest, path: &str) -> Result<Option<Vec<u8>>> {
    match guest.read(path) {
        Err(GuestError::TooLarge { .. } | GuestError::Malformed { .. }) => Ok(None),
        read => read,
    }
}
