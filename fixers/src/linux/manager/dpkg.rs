//! dpkg in the guest: what it has installed, and which files it changes when it installs or removes a package.

use std::collections::BTreeSet;

use crate::edit::Content;
use crate::error::Result;
use crate::guest::{self, Guest};
use crate::inspect::packages::{self, DpkgPackage, name_of};
use crate::packages::Package;
use crate::packages::version::satisfies;
use crate::{Change, Edit};

use super::effects::{is_path, merged, service_notes, services};
use crate::linux::text::TextFile;

const INFO: &str = "/var/lib/dpkg/info";
/// Paths that are taken of one package's list.
const MAX_PATHS: usize = 20_000;
/// What dpkg writes whatever it does, and what its usual triggers write (ldconfig, man-db).
const DATABASE: [&str; 20] = [
    "/var/lib/dpkg/status",
    "/var/lib/dpkg/status-old",
    "/var/lib/dpkg/available",
    "/var/lib/dpkg/available-old",
    "/var/lib/dpkg/diversions",
    "/var/lib/dpkg/diversions-old",
    "/var/lib/dpkg/statoverride",
    "/var/lib/dpkg/statoverride-old",
    "/var/lib/dpkg/alternatives",
    "/var/lib/dpkg/lock",
    "/var/lib/dpkg/lock-frontend",
    "/var/lib/dpkg/triggers/Lock",
    "/var/lib/dpkg/triggers/Unincorp",
    "/var/lib/dpkg/triggers/File",
    "/var/log/dpkg.log",
    "/var/log/alternatives.log",
    "/etc/ld.so.cache",
    "/var/cache/ldconfig/aux-cache",
    "/var/cache/man/index.db",
    "/var/cache/man/CACHEDIR.TAG",
];
/// Files that dpkg keeps of a package (deb-extra-override(5), dpkg's `info` directory).
const KEPT: [&str; 11] = [
    "list",
    "md5sums",
    "conffiles",
    "preinst",
    "postinst",
    "prerm",
    "postrm",
    "shlibs",
    "symbols",
    "triggers",
    "templates",
];
/// Where it notes what it did to a unit (deb-systemd-helper(1p)).
const NOTES: [&str; 2] =
    ["/var/lib/systemd/deb-systemd-helper-enabled", "/var/lib/systemd/deb-systemd-helper-masked"];
const POLICY: &str = "/usr/sbin/policy-rc.d";
/// invoke-rc.d(8): 101 forbids what was asked.
const POLICY_TEXT: &str = "#!/bin/sh\nexit 101\n";

/// dpkg's database.
#[derive(Debug)]
pub(crate) struct Dpkg {
    /// Installed packages.
    pub installed: Vec<DpkgPackage>,
}

impl Dpkg {
    /// Reads it; `None` if the guest has no dpkg.
    ///
    /// # Errors
    /// The guest could not be read.
    pub fn read(guest: &dyn Guest) -> Result<Option<Self>> {
        Ok(packages::dpkg(guest)?.map(|installed| Self { installed }))
    }

    /// Whether a clause of alternatives is satisfied by what is installed and by `more`.
    pub fn satisfied(&self, clause: &str, more: &[&Package]) -> bool {
        clause.split('|').any(|alternative| {
            let (name, relation) = (name_of(alternative.trim()), relation(alternative));
            let fits = |version: &str| match relation {
                None => true,
                Some((operator, wanted)) => satisfies(version, operator, wanted).unwrap_or(false),
            };
            self.installed.iter().any(|p| {
                p.name == name && fits(&p.version)
                    || relation.is_none() && p.provides.iter().any(|v| v == name)
            }) || more.iter().any(|p| p.name == name && fits(&p.version))
        })
    }

    /// Installed packages that could not stay without `gone`, and which of these each needs.
    pub fn dependents(&self, gone: &[String]) -> Vec<(String, String)> {
        let stays = |p: &&DpkgPackage| !gone.contains(&p.name);
        let rest = Self { installed: self.installed.iter().filter(stays).cloned().collect() };
        let mut found = Vec::new();
        for package in &rest.installed {
            let broken = package.depends.iter().find(|clause| {
                clause.split('|').any(|a| gone.iter().any(|g| g == name_of(a.trim())))
                    && !rest.satisfied(clause, &[])
            });
            if let Some(clause) = broken {
                found.push((package.name.clone(), name_of(clause).to_owned()));
            }
        }
        found
    }

    /// Files that dpkg may change when it removes an installed package: the package's own, and the database's.
    ///
    /// # Errors
    /// The guest could not be read.
    pub fn removes(&self, guest: &dyn Guest, name: &str) -> Result<BTreeSet<String>> {
        let mut changes: BTreeSet<String> = DATABASE.map(str::to_owned).into();
        let arch = self.installed.iter().find(|p| p.name == name).map_or("", |p| p.arch.as_str());
        for stem in [name.to_owned(), format!("{name}:{arch}")] {
            if let Some(list) = TextFile::read(guest, &format!("{INFO}/{stem}.list"))? {
                changes.extend(list.text.lines().take(MAX_PATHS).filter(|p| is_path(p)).map(str::to_owned));
            }
        }
        kept(name, arch, &mut changes);
        // dpkg takes directories that are gone out of the lists of the packages that shared them.
        let lists = guest.list(INFO)?.unwrap_or_default();
        changes.extend(lists.iter().filter(|n| n.ends_with(".list")).map(|n| guest::join(INFO, n)));
        let paths: Vec<String> = changes.iter().cloned().collect();
        services(guest, &paths, &mut changes)?;
        service_notes(guest, &paths, &NOTES, &mut changes)?;
        merged(guest, &mut changes)?;
        Ok(changes)
    }
}

/// Files that dpkg may change or create when it installs a package file.
///
/// # Errors
/// The guest could not be read.
pub(crate) fn installs(guest: &dyn Guest, package: &Package) -> Result<BTreeSet<String>> {
    let mut changes: BTreeSet<String> = DATABASE.map(str::to_owned).into();
    changes.extend(package.paths.iter().filter(|p| is_path(p)).cloned());
    kept(&package.name, &package.arch, &mut changes);
    services(guest, &package.paths, &mut changes)?;
    service_notes(guest, &package.paths, &NOTES, &mut changes)?;
    merged(guest, &mut changes)?;
    Ok(changes)
}

/// dpkg keeps the files of a package that can be installed for several architectures under both names.
fn kept(name: &str, arch: &str, changes: &mut BTreeSet<String>) {
    for kind in KEPT {
        changes.insert(format!("{INFO}/{name}.{kind}"));
        changes.insert(format!("{INFO}/{name}:{arch}.{kind}"));
    }
}

/// Edits that run dpkg with `arguments`; services that its packages' scripts would start do not start in the
/// appliance.
///
/// # Errors
/// The guest could not be read.
pub(crate) fn run(
    guest: &dyn Guest,
    fixer: &str,
    reason: &str,
    arguments: Vec<String>,
    changes: BTreeSet<String>,
) -> Result<Vec<Edit>> {
    let mut argv: Vec<String> =
        ["/usr/bin/env", "DEBIAN_FRONTEND=noninteractive", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "dpkg"]
            .map(str::to_owned)
            .to_vec();
    argv.extend(arguments);
    let run = Edit::new(fixer, reason, Change::Run { argv, changes: changes.into_iter().collect() });
    if guest.exists(POLICY)? {
        return Ok(vec![run]);
    }
    let why = "while dpkg runs it keeps services from starting in the appliance";
    let path = POLICY.to_owned();
    let before = Content::Text(POLICY_TEXT.to_owned());
    Ok(vec![
        Edit::create(fixer, POLICY, POLICY_TEXT, 0o755, why),
        run,
        Edit::new(fixer, "dpkg is done", Change::Remove { path, before }),
    ])
}

/// `(>= 2.34)` of an alternative.
fn relation(alternative: &str) -> Option<(&str, &str)> {
    let inside = alternative.split_once('(')?.1.split_once(')')?.0;
    let split = inside.find(|c| !"<>=".contains(c))?;
    let (operator, version) = inside.split_at(split);
    Some((operator, version.trim()))
}
