//! The services of a boot driver.

use super::database::values;
use crate::error::Result;
use crate::hive::{Hive, HiveEditor, RegData};
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
        if editor.hive().value(&key, "Tag")?.is_none() {
            let tag = free_tag(editor.hive(), set, group)?;
            editor.set(&key, "Tag", RegData::Dword(tag))?;
        }
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

/// The first tag beyond those of a group's services. The service manager gives one to each that is installed into a group
/// (Microsoft: CreateService, `lpdwTagId`); the boot loader starts a group's drivers in the order of their tags in
/// `GroupOrderList`, and those that are not listed last.
fn free_tag(hive: &Hive, set: &str, group: &str) -> Result<u32> {
    let Some(services) = hive.key(&format!("{set}\\Services"))? else { return Ok(1) };
    let mut last = 0;
    for service in services.children()? {
        let is_of = |data: RegData| data.text().is_some_and(|name| name.eq_ignore_ascii_case(group));
        if service.value("Group")?.is_some_and(is_of) {
            let tag = service.value("Tag")?.and_then(|data| data.number()).unwrap_or(0);
            last = last.max(u32::try_from(tag).unwrap_or(0));
        }
    }
    Ok(last.saturating_add(1))
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
