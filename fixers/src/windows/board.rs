//! The disk controllers of the board itself, which Windows has drivers for: what the target falls back to.

use super::stage::Stage;
use crate::Edit;
use crate::error::Result;
use crate::hive::{HiveEditor, RegData};

/// IDE controllers (devguid.h, `GUID_DEVCLASS_HDC`).
const IDE_CLASS: &str = "{4D36E96A-E325-11CE-BFC1-08002BE10318}";
/// What ties the target's IDE controller (QEMU's PIIX3) and its channels to their drivers, for Windows before Vista
/// (Microsoft's knowledge base, article 314082, has the list).
const CRITICAL: [(&str, &str); 4] = [
    ("PCI#VEN_8086&DEV_7010", "intelide"),
    ("Primary_IDE_Channel", "atapi"),
    ("Secondary_IDE_Channel", "atapi"),
    ("*PNP0600", "atapi"),
];

/// Services of the controllers, by version: SATA from Vista on, IDE before.
fn services(version: (u32, u32)) -> &'static [&'static str] {
    match version {
        version if version >= (6, 2) => &["storahci"],
        version if version >= (6, 0) => &["msahci"],
        _ => &["intelide", "atapi"],
    }
}

/// Makes the board's drivers ones that the boot loader loads. Windows starts them later, or not at all, where it was
/// installed on other controllers; a driver that is not there is not brought in.
pub(super) fn edits(stage: &Stage<'_>) -> Result<Option<Edit>> {
    let windows = stage.windows;
    let version = (windows.version.major, windows.version.minor);
    let Some(hive) = stage.guest.hive(&windows.hives.system)? else { return Ok(None) };
    let mut editor = HiveEditor::new(&hive)?;
    for set in &windows.control_sets {
        for service in services(version) {
            let key = format!("{set}\\Services\\{service}");
            if editor.hive().value(&key, "ImagePath")?.is_some() {
                editor.set(&key, "Start", RegData::Dword(0))?;
                editor.delete(&format!("{key}\\StartOverride"))?;
            }
        }
        for (id, service) in CRITICAL.iter().filter(|_| version < (6, 0)) {
            let key = format!("{set}\\Control\\CriticalDeviceDatabase\\{id}");
            editor.set(&key, "Service", RegData::Sz((*service).to_owned()))?;
            editor.set(&key, "ClassGUID", RegData::Sz(IDE_CLASS.to_owned()))?;
        }
    }
    let reason = "Windows boots from the board's own disk controller, whose driver it would start too late";
    Ok(stage.registry(&windows.hives.system, editor, reason))
}
