//! rpm in the guest: what it has installed, and which files it changes when it installs or removes a package.

use std::collections::{BTreeSet, HashSet};

use super::effects::{is_path, merged, services};
use crate::error::Result;
use crate::guest::Guest;
use crate::packages::Package;
use crate::rpm::Database;
use crate::rpm::header::{CONFIG_FILE, tag};
use crate::{Change, Edit};

/// What rpm's usual triggers write (ldconfig).
const TRIGGERS: [&str; 2] = ["/etc/ld.so.cache", "/var/cache/ldconfig/aux-cache"];

/// An installed package.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Installed {
    name: String,
    /// Names of what it provides, its own among them.
    provides: Vec<String>,
    /// Names of what it needs; conditions among them in parentheses (rpm's "Boolean dependencies").
    requires: Vec<String>,
}

impl Installed {
    /// What it can be needed by.
    fn names(&self) -> impl Iterator<Item = &String> {
        self.provides.iter().chain([&self.name])
    }
}

/// rpm's database.
#[derive(Debug)]
pub(crate) struct Rpm {
    database: Database,
    installed: Vec<Installed>,
}

impl Rpm {
    /// Reads it; `None` if the guest has none.
    ///
    /// # Errors
    /// The guest could not be read; the database is damaged.
    pub fn read(guest: &dyn Guest) -> Result<Option<Self>> {
        let Some(database) = Database::open(guest)? else { return Ok(None) };
        let mut installed = Vec::new();
        database.each(&mut |header| {
            let mut requires = header.strings(tag::REQUIRE_NAME);
            // What rpm itself has to know.
            requires.retain(|name| !name.starts_with("rpmlib("));
            requires.sort_unstable();
            requires.dedup();
            let provides = header.strings(tag::PROVIDE_NAME);
            installed.push(Installed { name: header.string(tag::NAME), provides, requires });
            Ok(())
        })?;
        Ok(Some(Self { database, installed }))
    }

    /// Whether a package of that name is installed.
    pub fn has(&self, name: &str) -> bool {
        self.installed.iter().any(|p| p.name == name)
    }

    /// Which of `needs` no installed package provides: by a name, or as a file that it owns. Files that no package owns
    /// do not count to rpm.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn missing(&self, needs: HashSet<String>) -> Result<HashSet<String>> {
        let mut missing = needs;
        for name in self.installed.iter().flat_map(Installed::names) {
            missing.remove(name);
        }
        if missing.iter().any(|need| need.starts_with('/')) {
            self.database.each(&mut |header| {
                for (path, _) in header.files()? {
                    missing.remove(&path);
                }
                Ok(())
            })?;
        }
        Ok(missing)
    }

    /// Installed packages that could not stay without `gone`, and what each needs of it.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn dependents(&self, gone: &[String]) -> Result<Vec<(String, String)>> {
        let goes = |p: &&Installed| gone.contains(&p.name);
        let mut lost: HashSet<String> =
            self.installed.iter().filter(goes).flat_map(Installed::names).cloned().collect();
        lost.extend(self.files(gone)?.into_iter().map(|(path, _)| path));
        let stays = || self.installed.iter().filter(|p| !goes(p));
        for kept in stays().flat_map(Installed::names) {
            lost.remove(kept);
        }
        let mut found = Vec::new();
        for package in stays() {
            if let Some(need) = package.requires.iter().find(|need| breaks(need, &lost)) {
                found.push((package.name.clone(), need.clone()));
            }
        }
        Ok(found)
    }

    /// Files of packages, with their flags.
    fn files(&self, names: &[String]) -> Result<Vec<(String, u32)>> {
        let mut files = Vec::new();
        self.database.each(&mut |header| {
            if names.contains(&header.string(tag::NAME)) {
                files.extend(header.files()?.into_iter().filter(|(path, _)| is_path(path)));
            }
            Ok(())
        })?;
        Ok(files)
    }

    /// The edit that removes packages: their own files, those that rpm keeps because they were changed, and the database.
    ///
    /// # Errors
    /// The guest could not be read; the database is damaged.
    pub fn remove(&self, guest: &dyn Guest, fixer: &str, reason: &str, names: &[String]) -> Result<Edit> {
        let files = self.files(names)?;
        let paths: Vec<String> = files.iter().map(|(path, _)| path.clone()).collect();
        let kept = files.iter().filter(|(_, flags)| flags & CONFIG_FILE != 0);
        let mut changes: BTreeSet<String> = kept.map(|(path, _)| format!("{path}.rpmsave")).collect();
        self.changes(guest, paths, &mut changes)?;
        // Of a kernel several versions may be there.
        let arguments =
            ["--erase", "--allmatches"].map(str::to_owned).into_iter().chain(names.iter().cloned());
        Ok(run(fixer, reason, arguments, changes))
    }

    /// The edit that installs package files, which lie in the guest under `paths`; their scripts make `links`.
    ///
    /// # Errors
    /// The guest could not be read.
    pub fn install(
        &self,
        guest: &dyn Guest,
        fixer: &str,
        reason: &str,
        packages: &[&Package],
        paths: Vec<String>,
        links: &[String],
    ) -> Result<Edit> {
        let brings = packages.iter().flat_map(|p| p.paths.iter().filter(|p| is_path(p)).cloned()).collect();
        let mut changes: BTreeSet<String> = links.iter().cloned().collect();
        self.changes(guest, brings, &mut changes)?;
        Ok(run(fixer, reason, std::iter::once("--install".to_owned()).chain(paths), changes))
    }

    fn changes(&self, guest: &dyn Guest, paths: Vec<String>, changes: &mut BTreeSet<String>) -> Result<()> {
        services(guest, &paths, changes)?;
        changes.extend(paths);
        changes.extend(TRIGGERS.map(str::to_owned));
        changes.extend(self.database.files.iter().cloned());
        merged(guest, changes)
    }
}

/// Whether a need is one of those that are `lost`. One with conditions is taken for one where it names one of them
/// anywhere: whether its conditions hold is rpm's to tell.
fn breaks(need: &str, lost: &HashSet<String>) -> bool {
    let Some(inside) = need.strip_prefix('(') else { return lost.contains(need) };
    let mut words = inside.split([' ', '(', ')']).filter(|w| !w.is_empty());
    words.any(|word| lost.contains(word))
}

fn run(
    fixer: &str,
    reason: &str,
    arguments: impl Iterator<Item = String>,
    changes: BTreeSet<String>,
) -> Edit {
    let program = ["/usr/bin/env", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "rpm"].map(str::to_owned);
    let argv = program.into_iter().chain(arguments).collect();
    Edit::new(fixer, reason, Change::Run { argv, changes: changes.into_iter().collect() })
}
