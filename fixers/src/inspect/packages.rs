//! Installed packages, by the databases that are text: dpkg's, apk's and pacman's. rpm's is not; files tell there.

use std::collections::BTreeMap;

use crate::error::Result;
use crate::guest::Guest;

use super::text;

/// Largest database that is read. A Debian desktop's has 8 MiB.
const MAX_DATABASE: u64 = 128 * 1024 * 1024;

/// How a database names what is read of it.
struct Database {
    path: &'static str,
    package: &'static str,
    version: &'static str,
    /// A field and the value that it must have, where packages that are not installed are listed too.
    status: Option<(&'static str, &'static str)>,
}

const DATABASES: &[Database] = &[
    // deb822(5), dpkg-query(1): removed packages with configuration files stay listed.
    Database {
        path: "/var/lib/dpkg/status",
        package: "Package: ",
        version: "Version: ",
        status: Some(("Status: ", "install ok installed")),
    },
    Database { path: "/lib/apk/db/installed", package: "P:", version: "V:", status: None },
];

/// Where pacman has a directory per package, `NAME-VERSION-RELEASE`.
const PACMAN: &str = "/var/lib/pacman/local";

/// Versions of the installed packages that `wanted` asks for, by name.
///
/// # Errors
/// The guest could not be read; a database is too large to be one.
pub(crate) fn installed(
    guest: &dyn Guest,
    wanted: &dyn Fn(&str) -> bool,
) -> Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    for database in DATABASES {
        let mut stanza = Stanza::default();
        text::for_each_line(guest, database.path, MAX_DATABASE, |line| {
            if line.is_empty() {
                std::mem::take(&mut stanza).finish(database, wanted, &mut found);
            } else {
                stanza.line(database, line);
            }
        })?;
        stanza.finish(database, wanted, &mut found);
    }
    for entry in guest.list(PACMAN)?.unwrap_or_default() {
        let mut parts = entry.rsplitn(3, '-');
        if let (Some(release), Some(version), Some(name)) = (parts.next(), parts.next(), parts.next())
            && wanted(name)
        {
            found.insert(name.to_owned(), format!("{version}-{release}"));
        }
    }
    Ok(found)
}

#[derive(Default)]
struct Stanza {
    package: String,
    version: String,
    installed: bool,
}

impl Stanza {
    fn line(&mut self, database: &Database, line: &str) {
        if let Some(package) = line.strip_prefix(database.package) {
            package.trim().clone_into(&mut self.package);
        } else if let Some(version) = line.strip_prefix(database.version) {
            version.trim().clone_into(&mut self.version);
        } else if let Some((field, value)) = database.status {
            self.installed |= line.strip_prefix(field).is_some_and(|v| v.trim() == value);
        }
    }

    fn finish(
        self,
        database: &Database,
        wanted: &dyn Fn(&str) -> bool,
        found: &mut BTreeMap<String, String>,
    ) {
        if wanted(&self.package) && (self.installed || database.status.is_none()) {
            found.insert(self.package, self.version);
        }
    }
}

/// An installed package of dpkg, with what it needs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct DpkgPackage {
    /// Name.
    pub name: String,
    /// Version.
    pub version: String,
    /// Architecture.
    pub arch: String,
    /// Clauses of `Pre-Depends` and `Depends`, as written.
    pub depends: Vec<String>,
    /// What it stands for besides itself.
    pub provides: Vec<String>,
}

/// Every package that dpkg has installed; `None` if there is no dpkg.
///
/// # Errors
/// The guest could not be read; the database is too large to be one.
pub(crate) fn dpkg(guest: &dyn Guest) -> Result<Option<Vec<DpkgPackage>>> {
    let mut all = Vec::new();
    let mut package = DpkgPackage::default();
    let mut installed = false;
    let there = text::for_each_line(guest, "/var/lib/dpkg/status", MAX_DATABASE, |line| {
        if line.is_empty() {
            let done = std::mem::take(&mut package);
            if std::mem::take(&mut installed) {
                all.push(done);
            }
            return;
        }
        let Some((field, value)) = line.split_once(": ") else { return };
        let clauses = || value.split(',').map(|c| c.trim().to_owned());
        match field {
            "Package" => value.clone_into(&mut package.name),
            "Version" => value.clone_into(&mut package.version),
            "Architecture" => value.clone_into(&mut package.arch),
            "Status" => installed = value == "install ok installed" || value == "hold ok installed",
            "Pre-Depends" | "Depends" => package.depends.extend(clauses()),
            "Provides" => package.provides.extend(clauses().map(|c| name_of(&c).to_owned())),
            _ => {}
        }
    })?;
    if installed {
        all.push(package);
    }
    Ok(there.then_some(all))
}

/// `libc6:any (>= 2.3)` → `libc6`.
pub(crate) fn name_of(clause: &str) -> &str {
    clause.split([' ', '(', ':']).next().unwrap_or_default()
}
