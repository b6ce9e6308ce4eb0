//! `linux.uefi-fallback`: a boot loader at the path where UEFI firmware looks that knows no boot entry (UEFI
//! specification, 3.5.1.1 "Removable Media Boot Behavior").

use h2k_config::Policy;

use crate::facts::FirmwareOnDisk;
use crate::{Change, Concern, Edit, FileKind, Fixer, Guest, GuestFacts, Proposal, Severity, error::Result};

pub(crate) mod loaders;

#[cfg(test)]
mod tests;

use loaders::{Arch, Loader};

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
         overwritten: a boot loader that is at the path already stays, and this repair has then nothing to do."
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
        let tree = loaders::Tree::read(guest, esp)?;
        if tree.has_fallback(guest, arch)? {
            return Ok(Proposal::default());
        }
        let vendors = tree.vendors(guest, arch)?;
        let distro = facts.system().map_or("", |s| s.distro.as_str());
        match loaders::choose(&vendors, distro) {
            Ok(loader) => Ok(Proposal { edits: copies(guest, &tree, loader, arch)?, concerns: Vec::new() }),
            Err(why) => Ok(only(undecided(facts, esp, &why))),
        }
    }
}

/// The copies that make `loader` the fallback.
fn copies(guest: &dyn Guest, tree: &loaders::Tree, loader: &Loader, arch: Arch) -> Result<Vec<Edit>> {
    let boot = tree.boot_directory();
    let name = arch.fallback();
    let mut edits = Vec::new();
    edits.extend(copy(
        guest,
        &loader.path(&loader.first),
        &format!("{boot}/{name}"),
        &format!("the new VM's firmware has no boot entry and starts EFI/BOOT/{name}, which is missing"),
    )?);
    for beside in &loader.beside {
        let reason = format!("{} looks for {beside} in its own directory", loader.first);
        edits.extend(copy(guest, &loader.path(beside), &format!("{boot}/{beside}"), &reason)?);
    }
    if let Some(stub) = loader.stub(guest)? {
        let reason = "GRUB may look for its configuration where it was started from";
        edits.extend(copy(guest, &loader.path(&stub), &format!("{boot}/{stub}"), reason)?);
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

fn undecided(facts: &GuestFacts, esp: &str, why: &str) -> Concern {
    // Disks that also boot by BIOS come up in any case if the VM does.
    let severity =
        if facts.firmware == FirmwareOnDisk::Uefi { Severity::Critical } else { Severity::Warning };
    Concern::new(
        "guest.uefi.fallback",
        severity,
        esp,
        format!("there is no boot loader at EFI/BOOT, and h2k does not put one there: {why}"),
        "copy the boot loader to EFI/BOOT/BOOTX64.EFI in the guest before the migration (grub-install --removable)",
    )
}
