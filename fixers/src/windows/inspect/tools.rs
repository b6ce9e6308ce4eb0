//! Which hypervisor's tools are installed, and what of the system is theirs.

use std::collections::BTreeMap;

use super::services::DISABLED;
use super::{Hives, Service};
use crate::error::{GuestError, Result};
use crate::facts::windows::{ClassFilter, WindowsTool, WindowsVersion};
use crate::guest::Guest;
use crate::hive::Hive;
use crate::windows::company::company;
use crate::windows::drivers::embedded_signature;
use crate::windows::path;
use crate::windows::vendors::{HYPERV, VENDORS, Vendor, is_company};

/// Where programs tell how they are uninstalled.
pub(crate) const UNINSTALL: [&str; 2] = [
    "Microsoft\\Windows\\CurrentVersion\\Uninstall",
    "Wow6432Node\\Microsoft\\Windows\\CurrentVersion\\Uninstall",
];
/// Entries that are looked at.
const MAX_ENTRIES: usize = 10_000;

/// Who signs the parts of Windows, lower-case.
const SIGNS_WINDOWS: [&str; 2] = ["microsoft windows", "microsoft corporation"];

/// How the names of those begin who sign drivers of all makers (WHQL), lower-case.
const SIGNS_FOR_OTHERS: &str = "microsoft windows hardware compatibility";

/// The first version that has Hyper-V's drivers of its own, all of them: Windows 7.
const HAS_HYPERV: (u32, u32, u32) = (6, 1, 0);

/// What is installed in a control set.
pub(super) struct Installed<'a> {
    pub hives: &'a Hives,
    /// The hive that holds `DriverDatabase`.
    pub database: Option<&'a Hive>,
    /// Name of the control set.
    pub set: &'a str,
    /// Its services.
    pub services: &'a [Service],
}

/// Finds the tools.
///
/// # Errors
/// The guest could not be read, or a hive is damaged.
pub(super) fn tools(
    guest: &dyn Guest,
    installed: &Installed<'_>,
    windows: &WindowsVersion,
) -> Result<Vec<WindowsTool>> {
    let &Installed { hives, database, set, services } = installed;
    let providers = providers(database)?;
    let filters = filters(&hives.system, set)?;
    let mut found = Vec::new();
    for vendor in VENDORS {
        let mut owned = Vec::new();
        for service in services.iter().filter(|s| named(vendor, s)) {
            if is_owner(guest, vendor, service, &providers)? {
                owned.push(service);
            }
        }
        let (uninstall, version) = uninstall(&hives.software, vendor)?;
        let tool = WindowsTool {
            name: vendor.name.to_owned(),
            version,
            filters: theirs(&filters, &owned),
            services: running(&owned),
            uninstall,
        };
        if !owned.is_empty() || !tool.uninstall.is_empty() {
            found.push(tool);
        }
    }
    found.extend(hyperv(guest, hives, services, &filters, windows)?);
    Ok(found)
}

fn named(vendor: &Vendor, service: &Service) -> bool {
    let name = service.name.to_lowercase();
    service.start.is_some() && vendor.services.contains(&name.as_str())
}

fn running(services: &[&Service]) -> Vec<String> {
    services.iter().filter(|s| s.start != Some(DISABLED)).map(|s| s.name.clone()).collect()
}

fn theirs(filters: &[ClassFilter], services: &[&Service]) -> Vec<ClassFilter> {
    let is = |f: &&ClassFilter| services.iter().any(|s| s.name.eq_ignore_ascii_case(&f.service));
    filters.iter().filter(is).cloned().collect()
}

/// Provider of each published INF file (`oem4.inf`), lower-case, as `DriverDatabase` has them.
fn providers(database: Option<&Hive>) -> Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    let packages = database.map(|hive| hive.key("DriverDatabase\\DriverPackages")).transpose()?.flatten();
    let Some(packages) = packages else { return Ok(found) };
    for package in packages.children()?.into_iter().take(MAX_ENTRIES) {
        let (published, provider) = (package.text("")?, package.text("Provider")?);
        if let (Some(published), Some(provider)) = (published, provider) {
            // Both the published name and the store's, which stands among owners with a mark before it.
            found.insert(format!("!{}", package.name()?.to_lowercase()), provider.clone());
            found.insert(published.to_lowercase(), provider);
        }
    }
    Ok(found)
}

/// Whether a service belongs to the vendor alone: each INF that owns it is the vendor's or, where none does, its file
/// says so.
fn is_owner(
    guest: &dyn Guest,
    vendor: &Vendor,
    service: &Service,
    providers: &BTreeMap<String, String>,
) -> Result<bool> {
    if !service.owners.is_empty() {
        let theirs = |owner: &String| {
            providers.get(&owner.to_lowercase()).is_some_and(|provider| is_company(vendor, provider))
        };
        return Ok(service.owners.iter().all(theirs));
    }
    let Some(file) = &service.file else { return Ok(false) };
    let Some(file) = path::find(guest, "/", file)? else { return Ok(false) };
    match guest.read(&file) {
        Ok(Some(content)) => Ok(is_maker(vendor, &content)),
        Ok(None) | Err(GuestError::TooLarge { .. }) => Ok(false),
        Err(e) => Err(e),
    }
}

/// Whether a file is the vendor's: it has signed it or, unless it is signed as a part of Windows, is the company that the
/// file names.
fn is_maker(vendor: &Vendor, content: &[u8]) -> bool {
    let signer = embedded_signature(content).map(|signature| signature.signer).unwrap_or_default();
    let signer = signer.to_lowercase();
    let signed = !signer.starts_with(SIGNS_FOR_OTHERS) && is_company(vendor, &signer);
    let named = || company(content).is_some_and(|name| is_company(vendor, &name));
    signed || (!SIGNS_WINDOWS.contains(&signer.as_str()) && named())
}

/// Keys of the vendor's entries below Uninstall (`0\{GUID}`: index in [`UNINSTALL`] and name), and the version.
fn uninstall(software: &Hive, vendor: &Vendor) -> Result<(Vec<String>, String)> {
    let (mut keys, mut version) = (Vec::new(), String::new());
    for base in UNINSTALL {
        let Some(all) = software.key(base)? else { continue };
        for key in all.children()?.into_iter().take(MAX_ENTRIES) {
            let name = key.text("DisplayName")?.unwrap_or_default().to_lowercase();
            let publisher = key.text("Publisher")?.unwrap_or_default();
            if vendor.products.iter().any(|p| name.starts_with(p)) && is_company(vendor, &publisher) {
                version = key.text("DisplayVersion")?.unwrap_or_default();
                keys.push(format!("{base}\\{}", key.name()?));
            }
        }
    }
    Ok((keys, version))
}

/// The filters of all device classes.
fn filters(system: &Hive, set: &str) -> Result<Vec<ClassFilter>> {
    let mut found = Vec::new();
    let Some(classes) = system.key(&format!("{set}\\Control\\Class"))? else { return Ok(found) };
    for class in classes.children()?.into_iter().take(MAX_ENTRIES) {
        for list in ["UpperFilters", "LowerFilters"] {
            for service in class.value(list)?.and_then(|data| data.texts()).unwrap_or_default() {
                found.push(ClassFilter { class: class.name()?, list: list.to_owned(), service });
            }
        }
    }
    Ok(found)
}

/// Hyper-V's integration services where somebody installed them.
fn hyperv(
    guest: &dyn Guest,
    hives: &Hives,
    services: &[Service],
    filters: &[ClassFilter],
    windows: &WindowsVersion,
) -> Result<Option<WindowsTool>> {
    let old = windows.number() < HAS_HYPERV;
    let (uninstall, version) = if old { uninstall(&hives.software, &HYPERV)? } else { Default::default() };
    let mut owned = foreign_hyperv(services);
    if !uninstall.is_empty() {
        // Who owns a service is not written yet.
        for service in services.iter().filter(|s| named(&HYPERV, s) && s.owners.is_empty()) {
            if is_owner(guest, &HYPERV, service, &BTreeMap::new())? {
                owned.push(service);
            }
        }
    }
    Ok((!owned.is_empty()).then(|| WindowsTool {
        name: HYPERV.name.to_owned(),
        version,
        filters: theirs(filters, &owned),
        services: running(&owned),
        uninstall,
    }))
}

/// Hyper-V's integration services that a published INF of another origin than Windows owns.
fn foreign_hyperv(services: &[Service]) -> Vec<&Service> {
    let foreign = |owner: &String| {
        let owner = owner.to_lowercase();
        owner.strip_prefix("oem").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    let installed = |s: &&Service| named(&HYPERV, s) && !s.owners.is_empty() && s.owners.iter().all(foreign);
    services.iter().filter(installed).collect()
}
