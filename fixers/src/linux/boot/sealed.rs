//! Command lines that h2k does not edit: those of boot loaders whose configuration only counts once their own program
//! has run (LILO, zipl), and those inside of unified kernel images that are signed or have no room.

use h2k_config::DiskBus;

use super::arguments::Editor;
use crate::error::Result;
use crate::facts::{GuestFacts, KernelFacts, UkiFacts};
use crate::guest::Guest;
use crate::linux::names::Names;
use crate::linux::text::TextFile;
use crate::{Concern, Severity};

/// Settings that are command lines: of LILO and yaboot, of zipl, of Limine.
const LINES: [&str; 5] = ["append", "addappend", "parameters", "cmdline", "kernel_cmdline"];

/// A concern for each that names a device of the old hardware.
///
/// # Errors
/// The guest could not be read.
pub(super) fn concerns(
    facts: &GuestFacts,
    names: &Names<'_>,
    guest: &dyn Guest,
    bus: DiskBus,
) -> Result<Vec<Concern>> {
    let boot = &facts.bootloader;
    let mut found: Vec<Concern> = boot.ukis.iter().filter_map(|uki| drivers(uki, facts, bus)).collect();
    for path in &boot.others {
        if let Some(file) = TextFile::read(guest, path)? {
            found.extend(of_other(&file, names));
        }
    }
    Ok(found)
}

/// Its initramfs cannot be changed either.
fn drivers(uki: &UkiFacts, facts: &GuestFacts, bus: DiskBus) -> Option<Concern> {
    let inside = uki.modules.as_ref()?;
    let driver = crate::linux::ramdisk::drivers::controller(bus);
    let built_in = |k: &KernelFacts| k.builtin.iter().any(|name| name == driver);
    if inside.iter().any(|name| name == driver) || facts.kernels.iter().any(built_in) {
        return None;
    }
    Some(Concern::new(
        "guest.boot.uki",
        Severity::Critical,
        &uki.path,
        format!(
            "the initramfs inside of the unified kernel image holds no {driver}: the disk would not be found"
        ),
        "add virtio_pci, virtio_blk and virtio_scsi to the initramfs in the guest, and build the image anew, before the \
         migration",
    ))
}

/// Settings of LILO and its like are lines `root = /dev/sda1` and `append = "…"`; rEFInd's are quoted command lines.
fn of_other(file: &TextFile, names: &Names<'_>) -> Option<Concern> {
    let mut editor = Editor::new(names, false);
    for line in file.text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        match line.split_once(['=', ':']).map(|(key, value)| (key.trim(), value.trim().trim_matches('"'))) {
            Some(("root", device)) => drop(editor.device(device, "root", 0)),
            Some((key, text)) if LINES.contains(&key) => drop(editor.line(text, 0)),
            _ => line.split('"').for_each(|text| drop(editor.line(text, 0))),
        }
    }
    let weight = editor.weight_of_all()?;
    Some(Concern::new(
        "guest.boot.loader",
        weight.severity(),
        &file.path,
        format!(
            "it names {} by the old hardware, for a boot loader whose files h2k does not edit",
            named(&editor)
        ),
        "write UUID=… in the guest, and run the boot loader's own program, before the migration",
    ))
}

pub(super) fn named(editor: &Editor<'_>) -> String {
    let changed = editor.changed().map(|(from, _)| from.to_owned());
    let left = editor.left().map(|(what, _, _, _)| what.to_owned());
    let mut all: Vec<String> = changed.chain(left).collect();
    all.dedup();
    all.join(", ")
}
