//! Packages for Windows before 8: in a directory where plug and play looks for drivers of new devices.

use super::{Files, Stage};
use crate::edit::Edit;
use crate::error::Result;
use crate::hive::{HiveEditor, RegData};
use crate::windows::drivers::Package;

/// The directory below the system's.
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
    let mut edits = Vec::new();
    for (package, reason) in packages {
        for edit in (Files { stage, reason }).flat(FLAT, package)? {
            // Packages share what Microsoft gives them along (co-installers).
            if !edits.iter().any(|known: &Edit| known.change == edit.change) {
                edits.push(edit);
            }
        }
    }
    if packages.is_empty() {
        return Ok(edits);
    }
    let software = stage.hives()?.software;
    let mut editor = HiveEditor::new(&software)?;
    let now = editor.hive().value(CURRENT_VERSION, "DevicePath")?;
    let text = now.as_ref().and_then(RegData::text).unwrap_or_else(|| USUAL.to_owned());
    if !text.split(';').any(|dir| dir.trim().eq_ignore_ascii_case(NAMED)) {
        let path = format!("{};{NAMED}", text.trim_end_matches(';'));
        // Its type stays: where it is plain text, Windows does not replace the variables in it.
        let data = match now {
            Some(RegData::Sz(_)) => RegData::Sz(path),
            _ => RegData::ExpandSz(path),
        };
        editor.set(CURRENT_VERSION, "DevicePath", data)?;
    }
    let reason = "plug and play looks for the drivers of new devices there";
    edits.extend(stage.registry(&stage.windows.hives.software, editor, reason));
    Ok(edits)
}
