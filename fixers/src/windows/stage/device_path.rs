//! Packages for Windows before 8: in a directory where plug and play looks for drivers of new devices.

use super::Stage;
use super::files::{Files, contents};
use crate::edit::{Change, Edit};
use crate::error::Result;
use crate::hive::{HiveEditor, RegData};
use crate::windows::drivers::Package;
use crate::{GuestMut, Recorder};

/// The directory below the system's. Packages share it, and in it what Microsoft gives several along (co-installers).
pub(in crate::windows) const FLAT: &str = "Drivers/VirtIO";
/// How `DevicePath` names it.
const NAMED: &str = "%SystemRoot%\\Drivers\\VirtIO";
const CURRENT_VERSION: &str = "Microsoft\\Windows\\CurrentVersion";
/// What `DevicePath` is without any change.
const USUAL: &str = "%SystemRoot%\\inf";

/// Puts packages there and makes Windows look there.
pub(in crate::windows) fn on_device_path(
    stage: &Stage<'_>,
    packages: &[(&Package, String)],
) -> Result<Vec<Edit>> {
    let mut seen = Recorder::new(stage.guest);
    let mut named: Vec<String> = Vec::new();
    for (package, reason) in packages {
        let own = own_directory(&Stage { guest: &seen, ..*stage }, package)?;
        let (dir, name) = match &own {
            Some(own) => (format!("{FLAT}/{own}"), format!("{NAMED}\\{own}")),
            None => (FLAT.to_owned(), NAMED.to_owned()),
        };
        for (file, from) in contents(package) {
            let stage = Stage { guest: &seen, ..*stage };
            let edit = Files { stage: &stage, reason }.put(&format!("{dir}/{file}"), &from)?;
            edit.iter().try_for_each(|edit| seen.apply(edit))?;
        }
        if !named.contains(&name) {
            named.push(name);
        }
    }
    let mut edits = seen.into_edits();
    edits.extend(listed(stage, &named)?);
    Ok(edits)
}

/// The directory of a package that cannot be in the shared one: a file of another content has a name of its own there,
/// and its catalog is for its own. Told apart by the INF file, so that it is the same the next time.
fn own_directory(stage: &Stage<'_>, package: &Package) -> Result<Option<String>> {
    let files = Files { stage, reason: "" };
    for (file, from) in contents(package) {
        let edit = files.put(&format!("{FLAT}/{file}"), &from)?;
        if edit.is_some_and(|edit| matches!(edit.change, Change::Place { before: Some(_), .. })) {
            let hash = blake3::hash(&package.inf_bytes).to_hex();
            let stem = package.inf_name.rsplit_once('.').map_or(&*package.inf_name, |(stem, _)| stem);
            // Some marks mean something in DevicePath.
            let stem: String = stem.chars().filter(char::is_ascii_alphanumeric).collect();
            return Ok(Some(format!("{stem}-{}", hash.get(..8).unwrap_or_default())));
        }
    }
    Ok(None)
}

/// Adds directories to `DevicePath`.
fn listed(stage: &Stage<'_>, named: &[String]) -> Result<Option<Edit>> {
    if named.is_empty() {
        return Ok(None);
    }
    let software = stage.hives()?.software;
    let mut editor = HiveEditor::new(&software)?;
    let now = editor.hive().value(CURRENT_VERSION, "DevicePath")?;
    let text = now.as_ref().and_then(RegData::text).unwrap_or_else(|| USUAL.to_owned());
    let there = |name: &&String| text.split(';').any(|dir| dir.trim().eq_ignore_ascii_case(name));
    let new: Vec<&str> = named.iter().filter(|name| !there(name)).map(String::as_str).collect();
    if !new.is_empty() {
        let path = format!("{};{}", text.trim_end_matches(';'), new.join(";"));
        // Its type stays: where it is plain text, Windows does not replace the variables in it.
        let data = match now {
            Some(RegData::Sz(_)) => RegData::Sz(path),
            _ => RegData::ExpandSz(path),
        };
        editor.set(CURRENT_VERSION, "DevicePath", data)?;
    }
    let reason = "plug and play looks for the drivers of new devices there";
    Ok(stage.registry(&stage.windows.hives.software, editor, reason))
}
