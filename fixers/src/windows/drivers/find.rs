//! The choice of a package: what fits by its INF file, the nearest first.

use std::cmp::Reverse;

use super::build;
use super::catalog::signature;
use super::error::{DriverError, Result};
use super::osdir::{Nearness, OsDir, UNNAMED};
use super::package::{Package, Warning};
use super::role::Role;
use super::source::{DriverSource, Found};
use crate::windows::WindowsTarget;
use crate::windows::inf::{Device, Inf};

/// An INF file that fits.
pub(super) struct Candidate<'a> {
    pub(super) found: &'a Found,
    pub(super) inf: &'a Inf,
    pub(super) devices: Vec<Device>,
    nearness: Nearness,
}

pub(super) fn find(source: &DriverSource, target: &WindowsTarget, role: Role) -> Result<Option<Package>> {
    let mut broken = None;
    let mut candidates = Vec::new();
    for found in source.infs.iter().filter(|found| found.roles.contains(&role)) {
        match candidate(found, target, role) {
            Ok(Some(candidate)) => candidates.push(candidate),
            Ok(None) => {}
            Err(error) => broken = broken.or(Some(error)),
        }
    }
    let best = candidates.into_iter().min_by_key(|candidate| rank(source, candidate, target, role));
    let Some(best) = best else {
        return broken.map_or(Ok(None), Err);
    };
    let reason = reason(&best, target);
    let mut package = build::package(source, best, target, role, reason)?;
    // A damaged INF file may have been the better one.
    let second_best = |w: &Warning| matches!(w, Warning::OlderDirectory { .. } | Warning::UnnamedDirectory);
    if let Some(error) = broken.filter(|_| package.warnings.iter().any(second_best)) {
        package.warnings.push(Warning::Inf(error.to_string()));
    }
    Ok(Some(package))
}

/// The INF file with its devices, if it is for the role and the Windows.
fn candidate<'a>(found: &'a Found, target: &WindowsTarget, role: Role) -> Result<Option<Candidate<'a>>> {
    let nearness = match &found.os_dir {
        Some(dir) => dir.nearness(target),
        None => Some(UNNAMED),
    };
    let Some(nearness) = nearness.filter(|_| found.arch.is_none_or(|arch| arch == target.arch)) else {
        return Ok(None);
    };
    let failed = |error: &crate::windows::inf::InfError| DriverError::Inf {
        directory: found.directory.clone(),
        error: error.clone(),
    };
    let inf = found.inf.as_ref().map_err(failed)?;
    let devices = inf.resolve(target).map_err(|error| failed(&error))?;
    let serves = devices.iter().any(|device| role.serves(device));
    Ok(serves.then_some(Candidate { found, inf, devices, nearness }))
}

/// The order of preference: a signature that this Windows takes, a driver rather than a stub, the nearest directory,
/// the fewest files, the newest version, and at last the path, so that the choice is always the same.
fn rank(
    source: &DriverSource,
    candidate: &Candidate<'_>,
    target: &WindowsTarget,
    role: Role,
) -> impl Ord + use<> {
    let own = || candidate.devices.iter().filter(|device| role.serves(device));
    let stub = !own().any(|device| device.install.function_driver().is_some());
    let files = own().map(|device| device.install.files.len()).max();
    let version = candidate.inf.version().driver_ver;
    (
        needs_sha256(source, candidate, target),
        stub,
        candidate.nearness,
        files,
        Reverse((version.date, version.version)),
        candidate.found.directory.clone(),
        candidate.found.name.clone(),
    )
}

/// Whether the catalog's digest is one that this Windows does not take.
fn needs_sha256(source: &DriverSource, candidate: &Candidate<'_>, target: &WindowsTarget) -> bool {
    if target.sha256_signatures {
        return false;
    }
    let name = candidate.inf.version().catalog(target.arch);
    let bytes = name.and_then(|name| source.beside(candidate.found, "", name)).map(|e| source.store.read(e));
    let Some(Ok(bytes)) = bytes else { return false };
    signature(&bytes).is_some_and(|signature| signature.needs_sha256())
}

fn reason(candidate: &Candidate<'_>, target: &WindowsTarget) -> String {
    let found = candidate.found;
    let directory = if found.directory.is_empty() { "the directory itself" } else { &found.directory };
    match (found.os_dir, OsDir::of(target)) {
        (Some(dir), own) if own == Some(dir) => format!("{directory} is the directory of {target}"),
        (Some(dir), Some(own)) => {
            format!("nothing for {own} fits {target}; {directory} ({dir}) is the nearest that does")
        }
        (Some(dir), None) => format!("{directory} ({dir}) is the nearest that fits {target}"),
        (None, _) => format!("no directory says which Windows it is for; its INF file takes {target}"),
    }
}
