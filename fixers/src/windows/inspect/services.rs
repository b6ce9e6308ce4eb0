//! Services and drivers of a control set.

use crate::error::Result;
use crate::facts::WindowsFacts;
use crate::hive::Hive;
use crate::windows::{SYSTEM_VOLUME, path};

/// Services that are looked at; Windows has about 700.
const MAX_SERVICES: usize = 20_000;

/// `Start` of a service that is never started (winsvc.h, `SERVICE_DISABLED`).
pub(crate) const DISABLED: u64 = 4;

/// A service or driver.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Service {
    /// Name of its key.
    pub name: String,
    /// Start type; 4 is disabled. `None` where the key is no service (it only holds settings).
    pub start: Option<u64>,
    /// Load order group, or empty.
    pub group: String,
    /// `ImagePath`, as written.
    pub image: String,
    /// Path of its program or driver in the guest, as far as the image tells it.
    pub file: Option<String>,
    /// Published INF files that own it.
    pub owners: Vec<String>,
}

/// The services of a control set.
///
/// # Errors
/// The hive is damaged.
pub(crate) fn services(system: &Hive, set: &str, windows: &WindowsFacts) -> Result<Vec<Service>> {
    let Some(all) = system.key(&format!("{set}\\Services"))? else { return Ok(Vec::new()) };
    let mut services = Vec::new();
    for key in all.children()?.into_iter().take(MAX_SERVICES) {
        let mut service = Service { name: key.name()?, ..Service::default() };
        for (name, data) in key.values()? {
            match name.to_ascii_lowercase().as_str() {
                "start" => service.start = data.number(),
                "group" => service.group = data.text().unwrap_or_default(),
                "imagepath" => service.image = data.text().unwrap_or_default(),
                "owners" => service.owners = data.texts().unwrap_or_default(),
                _ => {}
            }
        }
        service.file = path::of_image(SYSTEM_VOLUME, &windows.system_root, &windows.drive, &service.image);
        services.push(service);
    }
    Ok(services)
}
