//! The database of installed packages, in the three formats that rpm had: Berkeley DB (up to RHEL 8, SLES 12 and Amazon
//! Linux 2), SQLite (RHEL 9, Fedora 33 and newer) and rpm's own "ndb" (SLES 15, openSUSE).
//!
//! All of them keep each package's header under its number, whole. What else they hold are indexes, which are not read.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use tempfile::TempDir;

use super::header::Header;
use crate::error::{GuestError, Result};
use crate::guest::{self, Guest};

mod hash;
mod ndb;
mod sqlite;

#[cfg(test)]
pub(super) use ndb::adler32;

/// Where it lies: the newest place first; the others are links to it.
const DIRS: [&str; 2] = ["/usr/lib/sysimage/rpm", "/var/lib/rpm"];
/// Largest database that is read. That of a server with all that RHEL has takes some 300 MiB.
const MAX_DATABASE: u64 = 2 << 30;
/// Largest header: that of a package with 100,000 files has some 20 MB.
const MAX_HEADER: usize = 64 << 20;

/// Files of its directory that are told: rpm has some twenty there.
const MAX_FILES: usize = 200;

/// What takes the packages one by one.
type Visit<'a> = &'a mut dyn FnMut(&Header<'_>) -> std::result::Result<(), String>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Hash,
    Ndb,
    Sqlite,
}

/// Each format's file, and those that rpm makes beside it and may leave there.
const FILES: [(&str, Format, &[&str]); 3] = [
    ("rpmdb.sqlite", Format::Sqlite, &["rpmdb.sqlite-wal", "rpmdb.sqlite-shm", ".rpm.lock"]),
    ("Packages.db", Format::Ndb, &["Index.db", ".rpm.lock"]),
    ("Packages", Format::Hash, &["__db.001", "__db.002", "__db.003", ".dbenv.lock", ".rpm.lock"]),
];

/// A guest's database, copied to this host: it is read several times, and may be larger than what fits into memory.
#[derive(Debug)]
pub struct Database {
    dir: TempDir,
    name: &'static str,
    format: Format,
    path: String,
    /// Bytes, the log included.
    size: u64,
    /// Its files in the guest, and those that rpm may make beside them.
    pub files: Vec<String>,
}

impl Database {
    /// Copies it from the guest; `None` if there is none.
    ///
    /// # Errors
    /// The guest could not be read; it is too large to be one.
    pub fn open(guest: &dyn Guest) -> Result<Option<Self>> {
        for place in DIRS {
            let names = guest.list(place)?.unwrap_or_default();
            let there = |(name, ..): &(&str, Format, &[&str])| names.iter().any(|n| n == name);
            let Some((name, format, beside)) = FILES.into_iter().find(there) else { continue };
            let dir = tempfile::tempdir_in(guest.temp_dir()).map_err(|e| local(&e))?;
            let path = guest::join(place, name);
            let mut size = fetch(guest, &path, &dir.path().join(name))?;
            // What was written last may still be there only.
            let wal = format!("{name}-wal");
            if names.contains(&wal) {
                size += fetch(guest, &guest::join(place, &wal), &dir.path().join(&wal))?;
            }
            let beside = beside.iter().map(|n| (*n).to_owned());
            let files =
                names.into_iter().take(MAX_FILES).chain(beside).map(|n| guest::join(place, &n)).collect();
            return Ok(Some(Self { dir, name, format, path, size, files }));
        }
        Ok(None)
    }

    /// Shows the header of each installed package to `visit`.
    ///
    /// # Errors
    /// It is no such database, or damaged; what `visit` says.
    pub fn each(&self, visit: Visit<'_>) -> Result<()> {
        let file = self.dir.path().join(self.name);
        // No header shares its bytes with another one: a database that says so would be read without end.
        let mut left = self.size;
        let visit: Visit<'_> = &mut |header| {
            left = left.checked_sub(header.len() as u64).ok_or("it tells more than it has room for")?;
            visit(header)
        };
        let read = match self.format {
            Format::Sqlite => sqlite::each(&file, visit),
            Format::Ndb => File::open(&file).map_err(|e| e.to_string()).and_then(|f| ndb::each(&f, visit)),
            Format::Hash => File::open(&file).map_err(|e| e.to_string()).and_then(|f| hash::each(&f, visit)),
        };
        read.map_err(|what| GuestError::Malformed { path: self.path.clone(), what })
    }
}

/// Shows one header, as the database keeps it.
fn show(blob: &[u8], visit: Visit<'_>) -> std::result::Result<(), String> {
    let (header, _) = Header::parse(blob).map_err(|what| format!("a package's header is damaged: {what}"))?;
    visit(&header)
}

fn fetch(guest: &dyn Guest, path: &str, to: &Path) -> Result<u64> {
    let mut file = File::create(to).map_err(|e| local(&e))?;
    let copied =
        std::io::copy(&mut guest.open(path)?.take(MAX_DATABASE + 1), &mut file).map_err(|e| local(&e))?;
    if copied > MAX_DATABASE {
        return Err(GuestError::TooLarge { path: path.to_owned(), size: copied, limit: MAX_DATABASE });
    }
    Ok(copied)
}

fn local(error: &std::io::Error) -> GuestError {
    GuestError::Backend { doing: "copying rpm's database".to_owned(), message: error.to_string() }
}
