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
pub(super) fn installed(
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
