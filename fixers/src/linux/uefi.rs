//! `linux.uefi-fallback`: a boot loader at the path where UEFI firmware looks that knows no boot entry (UEFI
//! specification, 3.5.1.1 "Removable Media Boot Behavior").

use h2k_config::Policy;

use crate::facts::FirmwareOnDisk;
use crate::{Change, Concern, Edit, FileKind, Fixer, Guest, GuestFacts, Proposal, Severity, error::Result};

mod existing;
pub(crate) mod loaders;

#[cfg(test)]
mod tests;

use existing::Verdict;
use loaders::{Arch, Loader, Tree};

const ID: &str = "linux.uefi-fallback";

/// Puts a boot loader at the firmware's fallback path.
pub struct UefiFallback;

impl Fixer for UefiFallback {
    fn id(&self) -> &'static str {
        ID
    }

    fn summary(&self) -> &'static str {
        "copies the boot loader to EFI/BOOT, where firmware without boot entries looks for one"
    }

    fn explanation(&self) -> &'static str {
        "UEFI firmware starts what its boot entries name. They are kept in the VM's variables, not on its disks, and a \
         new VM has none; its firmware then starts EFI/BOOT/BOOTX64.EFI on the EFI system partition. Installers of \
         Debian and others do not put a boot loader there, and the VM stops in the firmware's shell. h2k copies the \
         guest's own boot loader to that path: shim as BOOTX64.EFI with GRUB and MokManager beside it, since shim loads \
         them from its own directory; without shim GRUB or systemd-boot itself. GRUB as the distributions sign it finds \
         its configuration by a path that is built in, such as /EFI/debian; where the distribution's directory holds a \
         grub.cfg that only leads on to the real one, that is copied as well. shim's fallback program (fbx64.efi) is \
         not copied: shim would start it instead of GRUB, to write boot entries and reboot. Nothing is \
         overwritten: a boot loader that is at the path already stays. If it is a shim that finds nothing beside it to \
         start, what it needs is copied; if it is Windows' or another vendor's, that is reported."
    }

    fn plan(&self, facts: &GuestFacts, guest: &dyn Guest, _: &Policy) -> Result<Proposal> {
        let wanted = matches!(facts.firmware, FirmwareOnDisk::Uefi | FirmwareOnDisk::Either);
        if !facts.is_linux() || !wanted {
            return Ok(Proposal::default());
        }
        let Some(esp) = &facts.bootloader.esp else { return Ok(only(unseen())) };
        let Some(arch) = facts.system().and_then(|s| Arch::of(&s.arch)) else {
            return Ok(only(undecided(facts, esp, "the architecture of the system is not known")));
        };
        let tree = Tree::read(guest, esp)?;
        let vendors = tree.vendors(guest, arch)?;
        let distro = facts.system().map_or("", |s| s.distro.as_str());
        let boot = &facts.bootloader;
        let no_grub = boot.grub_cfg.is_empty() && !(boot.bls_entries.is_empty() && boot.ukis.is_empty());
        let chosen = loaders::choose(&vendors, distro, no_grub);
        if tree.has_fallback(guest, arch)? {
            let ours = chosen.ok();
            return settle(
                facts,
                esp,
                guest,
                &tree,
                arch,
                existing::verdict(guest, &tree, arch, &vendors, ours)?,
            );
        }
        match chosen {
            Ok(loader) => {
                let concerns = loader.legacy().map(|_| goes_stale(esp)).into_iter().collect();
                Ok(Proposal { edits: copies(guest, &tree, loader, arch)?, concerns })
            }
            Err(why) => Ok(only(undecided(facts, esp, &why))),
        }
    }
}

/// What becomes of a fallback that is there.
fn settle(
    facts: &GuestFacts,
    esp: &str,
    guest: &dyn Guest,
    tree: &Tree,
    arch: Arch,
    verdict: Verdict<'_>,
) -> Result<Proposal> {
    let doubt = |severity: Severity, why: &str| {
        only(Concern::new(
            "guest.uefi.fallback",
            severity,
            esp,
            format!("{why}; h2k leaves it as it is, and the new VM's firmware starts nothing else"),
            "put this system's boot loader there in the guest before the migration (grub-install --removable)",
        ))
    };
    Ok(match verdict {
        Verdict::Starts => Proposal::default(),
        Verdict::Alone(loader) => {
            Proposal { edits: copies(guest, tree, loader, arch)?, concerns: Vec::new() }
        }
        Verdict::Foreign(why) => doubt(weight(facts), &why),
        Verdict::Doubtful(why) => doubt(Severity::Warning, &why),
    })
}

/// The copies that make `loader` the fallback.
fn copies(guest: &dyn Guest, tree: &Tree, loader: &Loader, arch: Arch) -> Result<Vec<Edit>> {
    let boot = tree.boot_directory();
    let name = arch.fallback();
    let mut edits = Vec::new();
    if !tree.has_fallback(guest, arch)? {
        let reason =
            format!("the new VM's firmware has no boot entry and starts EFI/BOOT/{name}, which is missing");
        edits.extend(copy(guest, &loader.path(&loader.first), &format!("{boot}/{name}"), &reason)?);
    }
    for beside in &loader.beside {
        let reason = format!("{} looks for {beside} in its own directory", loader.first);
        edits.extend(copy(guest, &loader.path(beside), &format!("{boot}/{beside}"), &reason)?);
    }
    if let Some(stub) = loader.stub(guest)? {
        let reason = "GRUB may look for its configuration where it was started from";
        edits.extend(copy(guest, &loader.path(&stub), &format!("{boot}/{stub}"), reason)?);
    }
    if let Some(legacy) = loader.legacy() {
        // It takes its own name, with another ending.
        let reason = "GRUB legacy looks for its configuration beside itself, under its own name";
        let named = format!("{boot}/{}.conf", name.trim_end_matches(".EFI"));
        for path in [named, format!("{boot}/{legacy}")] {
            edits.extend(copy(guest, &loader.path(legacy), &path, reason)?);
        }
    }
    Ok(edits)
}

/// A copy, if there is nothing at its place.
fn copy(guest: &dyn Guest, from: &str, path: &str, reason: &str) -> Result<Option<Edit>> {
    let Some(stat) = guest.lstat(from)?.filter(|s| s.kind == FileKind::File) else { return Ok(None) };
    if guest.exists(path)? {
        return Ok(None);
    }
    let change = Change::Copy { from: from.to_owned(), path: path.to_owned(), size: stat.size };
    Ok(Some(Edit { fixer: ID.to_owned(), reason: reason.to_owned(), change }))
}

fn only(concern: Concern) -> Proposal {
    Proposal { edits: Vec::new(), concerns: vec![concern] }
}

fn unseen() -> Concern {
    Concern::new(
        "guest.uefi.fallback",
        Severity::Warning,
        "EFI system partition",
        "the guest does not mount it, so h2k did not see whether it has a boot loader at EFI/BOOT",
        "check that EFI/BOOT holds a boot loader; the new VM's firmware has no boot entries",
    )
}

fn goes_stale(esp: &str) -> Concern {
    Concern::new(
        "guest.uefi.legacy",
        Severity::Warning,
        esp,
        "EFI/BOOT gets a copy of GRUB legacy's configuration, which later kernel updates do not know of",
        "make a boot entry in the guest after the migration (efibootmgr), or copy grub.conf after each update",
    )
}

/// Disks that also boot by BIOS come up in any case if the VM does.
fn weight(facts: &GuestFacts) -> Severity {
    if facts.firmware == FirmwareOnDisk::Uefi { Severity::Critical } else { Severity::Warning }
}

fn undecided(facts: &GuestFacts, esp: &str, why: &str) -> Concern {
    Concern::new(
        "guest.uefi.fallback",
        weight(facts),
        esp,
        format!("there is no boot loader at EFI/BOOT, and h2k does not put one there: {why}"),
        "copy the boot loader to EFI/BOOT/BOOTX64.EFI in the guest before the migration (grub-install --removable)",
    )
}
