//! Network adapters that are software: teams, bridges, virtual switches.

use super::adapters::{HARDWARE, MAX_ADAPTERS, NET_CLASS, addresses};
use crate::error::Result;
use crate::facts::windows::WindowsAdapter;
use crate::hive::Hive;

/// Microsoft's loopback adapter (netloop.inf): it has nothing to do with a NIC, and keeps its addresses.
const LOOPBACK: &str = "*msloop";

/// Those of a control set that have static addresses of IPv4.
///
/// # Errors
/// The hive is damaged.
pub(crate) fn software_adapters(system: &Hive, set: &str) -> Result<Vec<WindowsAdapter>> {
    let Some(class) = system.key(&format!("{set}\\Control\\Class\\{NET_CLASS}"))? else {
        return Ok(Vec::new());
    };
    let mut adapters = Vec::new();
    for key in class.children()?.into_iter().take(MAX_ADAPTERS) {
        let Some(guid) = key.text("NetCfgInstanceId")? else { continue };
        let connection = format!("{set}\\Control\\Network\\{NET_CLASS}\\{guid}\\Connection");
        let told = |name: &str| -> Result<Option<String>> {
            Ok(system.value(&connection, name)?.and_then(|data| data.text()))
        };
        let instance = match key.text("DeviceInstanceID")? {
            Some(instance) => instance,
            None => told("PnpInstanceID")?.unwrap_or_default(),
        };
        let hardware = HARDWARE.iter().any(|bus| instance.to_uppercase().starts_with(bus));
        let loopback = key.text("ComponentId")?.is_some_and(|id| id.eq_ignore_ascii_case(LOOPBACK));
        if instance.is_empty() || hardware || loopback {
            continue;
        }
        let mut adapter = WindowsAdapter {
            name: told("Name")?.unwrap_or_default(),
            description: key.text("DriverDesc")?.unwrap_or_default(),
            guid: guid.to_uppercase(),
            instance,
            ..WindowsAdapter::default()
        };
        addresses(system, set, &guid, &mut adapter)?;
        if !adapter.addresses.is_empty() {
            adapters.push(adapter);
        }
    }
    Ok(adapters)
}
