//! The services of a boot driver.

use super::database::values;
use crate::error::Result;
use crate::hive::{HiveEditor, RegData};
use crate::windows::drivers::Package;
use crate::windows::inf::Service;

/// `SERVICE_BOOT_START`: the boot loader loads it.
const BOOT_START: u32 = 0;

/// Writes a driver's service into a control set, started at boot. `owner` is the published INF file, where there is one;
/// `store` the package's name in the driver store.
pub(in crate::windows) fn boot_service(
    editor: &mut HiveEditor,
    set: &str,
    service: &Service,
    owner: Option<&str>,
    store: &str,
) -> Result<()> {
    let key = format!("{set}\\Services\\{}", service.name);
    editor.set(&key, "Type", RegData::Dword(service.service_type))?;
    editor.set(&key, "Start", RegData::Dword(BOOT_START))?;
    editor.set(&key, "ErrorControl", RegData::Dword(service.error_control))?;
    if let Some(group) = &service.group {
        editor.set(&key, "Group", RegData::Sz(group.clone()))?;
    }
    if let Some(image) = service.binary.image_path(store) {
        editor.set(&key, "ImagePath", RegData::ExpandSz(image))?;
    }
    if let Some(name) = &service.display_name {
        let shown = match owner {
            Some(inf) if name.token.contains('%') => format!("@{inf},{};{}", name.token, name.value),
            _ => name.value.clone(),
        };
        editor.set(&key, "DisplayName", RegData::Sz(shown))?;
    }
    if let Some(owner) = owner {
        editor.set(&key, "Owners", RegData::MultiSz(vec![owner.to_owned()]))?;
    }
    if !service.dependencies.is_empty() {
        editor.set(&key, "DependOnService", RegData::MultiSz(service.dependencies.clone()))?;
    }
    values(editor, &key, &service.registry)?;
    // What Windows writes for a controller that was not there at the last boot: it would hold the driver back.
    editor.delete(&format!("{key}\\StartOverride"))
}

/// Ties the controllers of a package to its service, for Windows before 8: by it the kernel finds the driver of the disk
/// that it is on, before plug and play can.
pub(in crate::windows) fn critical_devices(
    editor: &mut HiveEditor,
    set: &str,
    package: &Package,
    service: &Service,
) -> Result<()> {
    for device in package.role_devices() {
        for id in device.ids().map(|id| id.replace('\\', "#")).chain(short(device.hardware_id.as_str())) {
            let key = format!("{set}\\Control\\CriticalDeviceDatabase\\{id}");
            editor.set(&key, "Service", RegData::Sz(service.name.clone()))?;
            editor.set(&key, "ClassGUID", RegData::Sz(package.class_guid.to_uppercase()))?;
        }
    }
    Ok(())
}

/// Vendor and device alone, which each device answers to as well (Microsoft: "Identifiers for PCI Devices").
fn short(id: &str) -> Option<String> {
    let upper = id.to_uppercase();
    let end = upper.find("&SUBSYS_")?;
    upper.get(..end).map(|id| id.replace('\\', "#"))
}
