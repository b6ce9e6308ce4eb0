//! What may stand in the way of new drivers: group policies and products that guard the boot.

use super::Service;
use crate::error::Result;
use crate::hive::Hive;

/// Policies of device installation (DeviceInstallation.admx).
const RESTRICTIONS: &str = "Policies\\Microsoft\\Windows\\DeviceInstall\\Restrictions";
/// Those of its values that forbid something when they are 1.
const FORBIDDING: [&str; 5] =
    ["DenyUnspecified", "DenyRemovableDevices", "DenyDeviceIDs", "DenyDeviceClasses", "DenyInstanceIDs"];
/// The one that lets administrators install whatever the others forbid.
const ADMINISTRATORS: &str = "AllowAdminInstall";
/// Load order groups of file system filters that scan for viruses, and of drivers that are started before all others to
/// watch them ("Load order groups and altitudes for minifilter drivers"; "Early launch antimalware").
const GUARD_GROUPS: [&str; 3] = ["FSFilter Anti-Virus", "Early-Launch", "FSFilter Security Enhancer"];
/// Microsoft's own, which lets signed drivers pass.
const HARMLESS: [&str; 2] = ["wdfilter", "wdboot"];

pub(super) fn device_policies(software: &Hive) -> Result<Vec<String>> {
    let Some(key) = software.key(RESTRICTIONS)? else { return Ok(Vec::new()) };
    if key.number(ADMINISTRATORS)? == Some(1) {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for name in FORBIDDING {
        if key.number(name)? == Some(1) {
            found.push(name.to_owned());
        }
    }
    Ok(found)
}

/// Names of services that guard the boot.
pub(super) fn guards(services: &[Service]) -> Vec<String> {
    let guards = |service: &&Service| {
        GUARD_GROUPS.iter().any(|group| service.group.eq_ignore_ascii_case(group))
            && service.start != Some(super::services::DISABLED)
            && !HARMLESS.iter().any(|name| service.name.eq_ignore_ascii_case(name))
    };
    services.iter().filter(guards).map(|service| service.name.clone()).collect()
}
