//! Which virtio devices a guest will be able to use when it starts: what its registry says once all edits are made.

use std::collections::BTreeSet;

use super::drivers::{ROLES, Role};
use super::inf::Inf;
use super::inspect::Hives;
use super::{SYSTEM_VOLUME, path};
use crate::error::Result;
use crate::facts::WindowsFacts;
use crate::guest::{Guest, join};
use crate::hive::{Hive, Key};

/// Files of a directory of `DevicePath` that are looked at.
const MAX_FILES: usize = 2000;

/// The roles whose devices have a driver; of disks, one that is started at boot in every control set.
///
/// # Errors
/// The guest could not be read.
pub fn ready(guest: &dyn Guest, windows: &WindowsFacts) -> Result<BTreeSet<Role>> {
    let hives = Hives::open(guest, &windows.system_root)?;
    let database = hives.database(guest, windows.driver_database.as_deref())?;
    let staged = match &database {
        Some(_) => BTreeSet::new(),
        None => on_device_path(guest, &hives.software, windows)?,
    };
    let starts = |services: Vec<Option<String>>| {
        let mut services = services.iter().flatten().map(|name| boots(guest, &hives.system, windows, name));
        // One that fails is passed on.
        services.find(|boots| !matches!(boots, Ok(false))).unwrap_or(Ok(false))
    };
    let mut ready = BTreeSet::new();
    for role in ROLES {
        let disk = matches!(role, Role::Blk | Role::Scsi);
        let usable = match &database {
            Some(hive) if disk => {
                let services = in_database(hive, role)?.into_iter().map(|inf| service_of(hive, &inf));
                starts(services.collect::<Result<_>>()?)?
            }
            Some(hive) => !in_database(hive, role)?.is_empty(),
            None if disk => starts(vec![critical(&hives.system, windows, role)?])?,
            None => staged.contains(&role),
        };
        if usable {
            ready.insert(role);
        }
    }
    Ok(ready)
}

/// Published INF files that the database has for the devices that QEMU makes. There may be several, of which some are
/// only staged: virtio-win's installer was run before the migration.
fn in_database(hive: &Hive, role: Role) -> Result<Vec<String>> {
    let mut infs = Vec::new();
    for wanted in role.modern_ids() {
        let (bus, device) = wanted.split_once('\\').unwrap_or(("", wanted));
        let ids = hive.key(&format!("DriverDatabase\\DeviceIds\\{bus}"))?;
        for id in ids.map(|ids| ids.children()).transpose()?.unwrap_or_default() {
            let name = id.name()?.to_uppercase();
            if name.starts_with(device) && fits(role, bus, &name) {
                infs.extend(id.values()?.into_iter().map(|(inf, _)| inf));
            }
        }
    }
    Ok(infs)
}

/// Whether an id is one of those that QEMU's device has.
fn fits(role: Role, bus: &str, device: &str) -> bool {
    let id = format!("{bus}\\{device}");
    role.qemu_ids().iter().chain(role.ids()).any(|full| full.to_uppercase().starts_with(&id))
}

/// The service of a published INF file's configuration.
fn service_of(hive: &Hive, inf: &str) -> Result<Option<String>> {
    let store = hive.value(&format!("DriverDatabase\\DriverInfFiles\\{inf}"), "Active")?;
    let Some(store) = store.and_then(|data| data.text()) else { return Ok(None) };
    let key = hive.key(&format!("DriverDatabase\\DriverPackages\\{store}\\Configurations"))?;
    for section in key.map(|key| key.children()).transpose()?.unwrap_or_default() {
        if let Some(service) = section.text("Service")? {
            return Ok(Some(service));
        }
    }
    Ok(None)
}

/// The service that `CriticalDeviceDatabase` has for a disk controller, the same in every control set.
fn critical(system: &Hive, windows: &WindowsFacts, role: Role) -> Result<Option<String>> {
    let mut service = None;
    for set in &windows.control_sets {
        let database = format!("{set}\\Control\\CriticalDeviceDatabase");
        let known = |id: &str| system.value(&format!("{database}\\{}", id.replace('\\', "#")), "Service");
        let found = role.ids().iter().map(|id| known(id)).collect::<Result<Vec<_>>>()?;
        let Some(found) = found.into_iter().flatten().find_map(|data| data.text()) else { return Ok(None) };
        service = Some(found);
    }
    Ok(service)
}

/// Whether a service is started by the boot loader in every control set, and its driver is there.
fn boots(guest: &dyn Guest, system: &Hive, windows: &WindowsFacts, service: &str) -> Result<bool> {
    for set in &windows.control_sets {
        let Some(key) = system.key(&format!("{set}\\Services\\{service}"))? else { return Ok(false) };
        if key.number("Start")? != Some(0)
            || key.child("StartOverride")?.is_some()
            || !there(guest, windows, &key)?
        {
            return Ok(false);
        }
    }
    Ok(!windows.control_sets.is_empty())
}

fn there(guest: &dyn Guest, windows: &WindowsFacts, key: &Key<'_>) -> Result<bool> {
    let image = key.text("ImagePath")?.unwrap_or_default();
    let file = path::of_image(SYSTEM_VOLUME, &windows.system_root, &windows.drive, &image);
    let Some(file) = file else { return Ok(false) };
    Ok(path::find(guest, "/", &file)?.is_some())
}

/// Roles of INF files in the directories that Windows before 8 looks through for a new device's driver, its own left out.
fn on_device_path(guest: &dyn Guest, software: &Hive, windows: &WindowsFacts) -> Result<BTreeSet<Role>> {
    let system_root = &windows.system_root;
    let mut roles = BTreeSet::new();
    let paths = software.value("Microsoft\\Windows\\CurrentVersion", "DevicePath")?;
    for dir in paths.and_then(|data| data.text()).unwrap_or_default().split(';') {
        let Some(dir) = path::of_image(SYSTEM_VOLUME, system_root, &windows.drive, dir) else { continue };
        let Some(dir) = path::find(guest, "/", &dir)? else { continue };
        if dir.to_lowercase() == format!("{system_root}/inf").to_lowercase() {
            continue;
        }
        for name in guest.list(&dir)?.unwrap_or_default().into_iter().take(MAX_FILES) {
            if !name.to_lowercase().ends_with(".inf") {
                continue;
            }
            let Some(bytes) = guest.read(&join(&dir, &name))? else { continue };
            let Ok(inf) = Inf::parse(&name, &bytes) else { continue };
            let values: Vec<String> =
                inf.lines().flat_map(|line| &line.values).map(|value| inf.substitute(value)).collect();
            roles.extend(ROLES.into_iter().filter(|role| values.iter().any(|v| role.names(v.trim()))));
        }
    }
    Ok(roles)
}
