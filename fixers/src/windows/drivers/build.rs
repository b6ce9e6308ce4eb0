//! A package from an INF file that was chosen.

use std::collections::BTreeMap;

use super::catalog::{Signature, Trust, signature};
use super::error::{DriverError, Result};
use super::find::Candidate;
use super::osdir::OsDir;
use super::package::{Catalog, Package, PackageFile, Warning};
use super::pe;
use super::role::Role;
use super::source::{DriverSource, Found};
use super::store::Entry;
use crate::windows::WindowsTarget;
use crate::windows::inf::{CopyFile, Service};

/// `SERVICE_BOOT_START`.
const BOOT_START: u32 = 0;
/// Windows 10 1607 and Server 2016: the first build that wants Microsoft's own signature (Microsoft: "Driver signing
/// policy").
pub(in crate::windows) const MICROSOFT_SIGNS: u32 = 14_393;

impl DriverSource {
    /// A file beside an INF file, or in a directory below it, in any case.
    pub(super) fn beside(&self, found: &Found, dir: &str, name: &str) -> Option<&Entry> {
        let parts = [found.directory.as_str(), dir, name];
        let path = parts.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join("/");
        self.index.get(&path.to_lowercase()).and_then(|at| self.entries.get(*at))
    }
}

pub(super) fn package(
    source: &DriverSource,
    candidate: Candidate<'_>,
    target: &WindowsTarget,
    role: Role,
    reason: String,
) -> Result<Package> {
    let Candidate { found, inf, devices, .. } = candidate;
    let version = inf.version();
    let own = devices.iter().find(|device| role.serves(device));
    let mut package = Package {
        role,
        inf_name: found.name.clone(),
        directory: found.directory.clone(),
        inf: inf.clone(),
        inf_bytes: found.bytes.clone(),
        inf_file: source.entries.get(found.entry).map(|e| source.store.host_file(e)).unwrap_or_default(),
        catalog: None,
        files: Vec::new(),
        service: own.and_then(|device| device.install.function_driver()).cloned(),
        version: version.driver_ver,
        class: version.class.clone().unwrap_or_default(),
        class_guid: version.class_guid.clone().unwrap_or_default(),
        provider: version.provider.value.clone(),
        os_dir: found.os_dir,
        arch: target.arch,
        reason,
        warnings: inf.notes().into_iter().map(Warning::Inf).collect(),
        devices,
    };
    match found.os_dir {
        Some(dir) if OsDir::of(target) != Some(dir) => package.warnings.push(Warning::OlderDirectory { dir }),
        Some(_) => {}
        None => package.warnings.push(Warning::UnnamedDirectory),
    }
    files(source, found, target, &mut package)?;
    catalog(source, found, target, &mut package)?;
    programs(source, target, &mut package)?;
    Ok(package)
}

/// Every file that is copied, once, with all its places; then those that are only listed.
fn files(source: &DriverSource, found: &Found, target: &WindowsTarget, package: &mut Package) -> Result<()> {
    let mut files: BTreeMap<String, PackageFile> = BTreeMap::new();
    let copied = package.devices.iter().flat_map(|device| &device.install.files);
    for file in copied {
        let entry = copied_entry(source, found, file)?;
        let new = || package_file(source, entry, &file.source_dir);
        let known = files.entry(entry.path.to_lowercase()).or_insert_with(new);
        if !known.places.contains(&file.place) {
            known.places.push(file.place.clone());
        }
    }
    for (name, dir, _) in package.inf.listed_files(target) {
        match source.beside(found, &dir, &name) {
            Some(entry) => {
                files.entry(entry.path.to_lowercase()).or_insert_with(|| package_file(source, entry, &dir));
            }
            None => package.warnings.push(Warning::ListedFileMissing(name)),
        }
    }
    package.files = files.into_values().collect();
    Ok(())
}

fn copied_entry<'a>(source: &'a DriverSource, found: &Found, file: &CopyFile) -> Result<&'a Entry> {
    source.beside(found, &file.source_dir, &file.source).ok_or_else(|| {
        let below = if file.source_dir.is_empty() { String::new() } else { format!("{}/", file.source_dir) };
        DriverError::MissingFile {
            inf: inf_path(source, found),
            missing: format!("{below}{}", file.source),
            line: file.line,
        }
    })
}

fn inf_path(source: &DriverSource, found: &Found) -> String {
    source.entries.get(found.entry).map(|entry| entry.path.clone()).unwrap_or_default()
}

fn package_file(source: &DriverSource, entry: &Entry, dir: &str) -> PackageFile {
    let name = entry.path.rsplit('/').next().unwrap_or(&entry.path).to_owned();
    PackageFile {
        name,
        dir: dir.to_owned(),
        places: Vec::new(),
        len: entry.len,
        entry: entry.clone(),
        store: source.store.clone(),
    }
}

fn catalog(
    source: &DriverSource,
    found: &Found,
    target: &WindowsTarget,
    package: &mut Package,
) -> Result<()> {
    let unsigned = |what: String| Warning::Unsigned { what };
    let Some(name) = package.inf.version().catalog(target.arch) else {
        package.warnings.push(unsigned("the INF file names no catalog".to_owned()));
        return Ok(());
    };
    let Some(entry) = source.beside(found, "", name) else {
        let warning = unsigned(format!("its catalog {name} is not there"));
        package.warnings.push(warning);
        return Ok(());
    };
    let bytes = source.store.read(entry)?;
    let signature = signature(&bytes);
    let name = package_file(source, entry, "").name;
    match &signature {
        Some(signature) => package.warnings.extend(doubts(signature, &name, target)),
        None => {
            package.warnings.push(unsigned(format!("its catalog {name} has no signature that can be read")))
        }
    }
    let file = source.store.host_file(entry);
    package.catalog = Some(Catalog { name, bytes, file, signature });
    Ok(())
}

/// What speaks against a signature on a Windows.
fn doubts(signature: &Signature, file: &str, target: &WindowsTarget) -> Vec<Warning> {
    let signer = || signature.signer.clone();
    let mut doubts = match signature.trust() {
        Trust::Test => vec![Warning::TestSigned { signer: signer() }],
        Trust::Vendor => vec![Warning::VendorSigned { signer: signer() }],
        Trust::CrossSigned if target.build >= MICROSOFT_SIGNS => {
            vec![Warning::CrossSigned { signer: signer() }]
        }
        Trust::Microsoft | Trust::CrossSigned => Vec::new(),
    };
    if !target.sha256_signatures && signature.needs_sha256() {
        doubts.push(Warning::NeedsSha256 { file: file.to_owned() });
    }
    doubts
}

/// Kernel drivers have to be for the guest's processor. Of one that the boot loader loads, the signature that it brings
/// along is looked at: there is no catalog yet that early. Where Microsoft has signed the catalog, it has signed the programs
/// too, and what their vendor signed stands beside that.
fn programs(source: &DriverSource, target: &WindowsTarget, package: &mut Package) -> Result<()> {
    let services = || package.devices.iter().flat_map(|device| &device.install.services);
    let boot = |name: &str| {
        let boots = |s: &&Service| s.start_type == BOOT_START && s.binary.name.eq_ignore_ascii_case(name);
        services().any(|service| boots(&service))
    };
    let catalog = package.catalog.as_ref().and_then(|catalog| catalog.signature.as_ref());
    let microsoft = catalog.is_some_and(|signature| signature.trust() == Trust::Microsoft);
    let mut warnings = Vec::new();
    for file in &package.files {
        if file.places.is_empty() || !file.name.to_ascii_lowercase().ends_with(".sys") {
            continue;
        }
        let path = || file.entry.path.clone();
        let bytes = source.store.read(&file.entry)?;
        let program = pe::read(&bytes).map_err(|what| DriverError::NoProgram { file: path(), what })?;
        if program.arch() != Some(target.arch) {
            let found = program
                .arch()
                .map_or_else(|| format!("machine 0x{:04x}", program.machine), |a| a.to_string());
            return Err(DriverError::WrongArchitecture { file: path(), wanted: target.arch, found });
        }
        let own = program.signature.and_then(signature);
        let beside = |own: &Signature| microsoft && matches!(own.trust(), Trust::Vendor | Trust::CrossSigned);
        if let Some(own) = own.filter(|own| boot(&file.name) && !beside(own)) {
            warnings.extend(doubts(&own, &file.name, target));
        }
    }
    for warning in warnings {
        if !package.warnings.contains(&warning) {
            package.warnings.push(warning);
        }
    }
    Ok(())
}
