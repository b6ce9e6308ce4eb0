//! Command lines that h2k does not edit: those inside of unified kernel images, and those of boot loaders whose
//! configuration only counts once their own program has run (LILO, zipl).

use super::arguments::Editor;
use crate::error::Result;
use crate::facts::{BootloaderFacts, UkiFacts};
use crate::guest::Guest;
use crate::linux::names::Names;
use crate::linux::shell::{assignment, words_of_file};
use crate::linux::text::TextFile;
use crate::{Concern, Severity};

/// A concern for each that names a device of the old hardware.
///
/// # Errors
/// The guest could not be read.
pub(super) fn concerns(boot: &BootloaderFacts, names: &Names<'_>, guest: &dyn Guest) -> Result<Vec<Concern>> {
    let mut found: Vec<Concern> = boot.ukis.iter().filter_map(|uki| of_uki(uki, names)).collect();
    for path in &boot.others {
        if let Some(file) = TextFile::read(guest, path)? {
            found.extend(of_other(&file, names));
        }
    }
    Ok(found)
}

fn of_uki(uki: &UkiFacts, names: &Names<'_>) -> Option<Concern> {
    if let Some(why) = &uki.unreadable {
        return Some(Concern::new(
            "guest.boot.uki",
            Severity::Warning,
            &uki.path,
            format!("the unified kernel image cannot be read: {why}"),
            "check the root= of its command line in the guest before the migration",
        ));
    }
    let mut editor = Editor::new(names, false);
    editor.line(uki.cmdline.as_deref()?, 0);
    let weight = editor.weight_of_all()?;
    Some(Concern::new(
        "guest.boot.uki",
        weight.severity(),
        &uki.path,
        format!(
            "the command line inside of the unified kernel image names {} by the old hardware, and cannot be edited \
             without building the image anew",
            named(&editor)
        ),
        "write UUID=… in /etc/kernel/cmdline in the guest, and build the image anew, before the migration",
    ))
}

/// Settings of other boot loaders are `root=/dev/sda1` and `append="…"`, or lines with quoted command lines.
fn of_other(file: &TextFile, names: &Names<'_>) -> Option<Concern> {
    let mut editor = Editor::new(names, false);
    for word in words_of_file(&file.text) {
        match assignment(&word) {
            Some(assigned) if assigned.name == "root" => drop(editor.assigned_device(&assigned, "root")),
            Some(assigned) if ["boot", "disk", "resume"].contains(&assigned.name) => {}
            Some(assigned) => drop(editor.assigned(&assigned)),
            None => drop(editor.line(&word.text, 0)),
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

fn named(editor: &Editor<'_>) -> String {
    let changed = editor.changed().map(|(from, _)| from.to_owned());
    let left = editor.left().map(|(what, _, _, _)| what.to_owned());
    let mut all: Vec<String> = changed.chain(left).collect();
    all.dedup();
    all.join(", ")
}
