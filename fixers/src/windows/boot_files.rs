//! `windows.boot-files`: the boot manager at the place where a new firmware looks for it, and what hinders the boot in
//! the boot configuration store.

use h2k_config::Policy;

use super::company::company;
use super::{ESP, path};
use crate::concern::{Concern, Severity};
use crate::facts::WindowsFacts;
use crate::hive::{Hive, HiveEditor};
use crate::{Change, Edit, Fixer, Guest, GuestFacts, Proposal, error::Result};

const ID: &str = "windows.boot-files";
/// Windows' boot manager on the EFI system partition.
const MANAGER: &str = "EFI/Microsoft/Boot/bootmgfw.efi";
/// The removable-media paths (UEFI 2.10, section 3.5.1.1), by architecture.
const FALLBACK: [(&str, &str); 3] = [
    ("x86_64", "EFI/Boot/bootx64.efi"),
    ("i386", "EFI/Boot/bootia32.efi"),
    ("aarch64", "EFI/Boot/bootaa64.efi"),
];
/// The boot manager's own object, and the element with the default entry (Microsoft: "Boot Configuration Data Reference",
/// `BcdBootMgrObject_DefaultObject`).
const BOOT_MANAGER: &str = "{9dea862c-5cdd-4e70-acc1-f32b344d4795}";
const DEFAULT_OBJECT: &str = "23000003";
/// `BcdLibraryBoolean_GraphicsModeDisabled` of the loader: with it Windows does not come up on OVMF's display.
const GRAPHICS_DISABLED: &str = "16000046";

/// Makes Windows boot without boot entries in the firmware.
pub struct BootFiles;

impl Fixer for BootFiles {
    fn id(&self) -> &'static str {
        ID
    }

    fn summary(&self) -> &'static str {
        "puts Windows' boot manager where a firmware without boot entries looks for it"
    }

    fn explanation(&self) -> &'static str {
        "The target's firmware does not know the source's boot entries and looks for EFI\\Boot\\bootx64.efi. Where that is \
         missing, Windows' own boot manager is copied there; one that is there already stays, whoever put it there. In the \
         boot configuration store the default entry may forbid graphics (element 16000046), with which Windows hangs on \
         OVMF; the element is removed. Its elements that name disks and partitions stay: they do so by the disk's \
         signature or the partition's GUID, which the copy keeps, as the target keeps the kind of firmware."
    }

    fn plan(&self, facts: &GuestFacts, guest: &dyn Guest, _: &Policy) -> Result<Proposal> {
        let mut proposal = Proposal::default();
        let Some(windows) = facts.windows() else { return Ok(proposal) };
        if facts.mounts.iter().any(|mount| mount.mountpoint == ESP) {
            fallback(guest, windows, &mut proposal)?;
        }
        for store in &windows.boot_stores {
            if let Some(hive) = guest.hive(store)? {
                proposal.edits.extend(graphics(store, &hive)?);
            }
        }
        Ok(proposal)
    }
}

fn fallback(guest: &dyn Guest, windows: &WindowsFacts, proposal: &mut Proposal) -> Result<()> {
    let Some((_, name)) = FALLBACK.iter().find(|(arch, _)| *arch == windows.version.arch) else {
        return Ok(());
    };
    let manager = path::find(guest, ESP, MANAGER)?;
    let there = path::find(guest, ESP, name)?;
    match (manager, there) {
        (Some(from), None) => {
            let size = guest.lstat(&from)?.map_or(0, |stat| stat.size);
            let change = Change::Copy { from, path: path::place(guest, ESP, name)?, size };
            let reason = "the target's firmware has no boot entry for Windows and looks there";
            proposal.edits.push(Edit::new(ID, reason, change));
        }
        (_, Some(there)) => {
            let own = guest.read(&there)?.and_then(|bytes| company(&bytes));
            if !own.as_deref().is_some_and(|name| name.starts_with("Microsoft")) {
                proposal.concerns.push(foreign(&there));
            }
        }
        (None, None) => {}
    }
    Ok(())
}

/// Removes the element from the entry that is started by default.
fn graphics(store: &str, hive: &Hive) -> Result<Option<Edit>> {
    let default = hive.value(&format!("Objects\\{BOOT_MANAGER}\\Elements\\{DEFAULT_OBJECT}"), "Element")?;
    let Some(entry) = default.and_then(|data| data.text()) else { return Ok(None) };
    let mut editor = HiveEditor::new(hive)?;
    editor.delete(&format!("Objects\\{entry}\\Elements\\{GRAPHICS_DISABLED}"))?;
    let changes = editor.into_changes();
    let reason = "the default entry forbids graphics, with which Windows hangs on OVMF";
    let change = Change::Registry { path: store.to_owned(), changes };
    let none = matches!(&change, Change::Registry { changes, .. } if changes.is_empty());
    Ok((!none).then(|| Edit::new(ID, reason, change)))
}

fn foreign(path: &str) -> Concern {
    Concern::new(
        "windows.boot.foreign-fallback",
        Severity::Warning,
        path,
        "the loader that a firmware without boot entries starts is not Microsoft's: Windows starts only if it starts Windows",
        "add a boot entry for \\EFI\\Microsoft\\Boot\\bootmgfw.efi in the target's firmware after the migration",
    )
}
