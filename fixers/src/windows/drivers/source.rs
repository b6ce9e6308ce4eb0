//! A source of drivers: every INF file in it, read once.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::error::{DriverError, Result};
use super::find;
use super::osdir::{OsDir, arch_named};
use super::package::Package;
use super::role::{ROLES, Role};
use super::store::{Entry, Store};
use crate::windows::inf::{Inf, InfError, MAX_BYTES};
use crate::windows::{Arch, WindowsTarget};

/// Most INF files that a source may have: virtio-win has about five hundred.
const MAX_INFS: usize = 5000;
/// How many components of the source's own path may say what its drivers are for.
const OWN_COMPONENTS: usize = 3;
/// Where distributions put virtio-win (Fedora's and Red Hat's package; Debian has none), from the root.
const USUAL: [&str; 2] = ["usr/share/virtio-win/virtio-win.iso", "usr/share/virtio-win"];

/// A virtio-win: a directory or an ISO image.
#[derive(Debug)]
pub struct DriverSource {
    place: String,
    pub(super) store: Arc<Store>,
    pub(super) entries: Vec<Entry>,
    /// Entry by its path in lower case: Windows does not tell cases apart, and images differ in them.
    pub(super) index: HashMap<String, usize>,
    pub(super) infs: Vec<Found>,
}

/// An INF file of a source.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) entry: usize,
    pub(super) directory: String,
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
    pub(super) inf: std::result::Result<Inf, InfError>,
    /// Roles whose ids stand anywhere in the file.
    pub(super) roles: Vec<Role>,
    pub(super) os_dir: Option<OsDir>,
    pub(super) arch: Option<Arch>,
}

impl DriverSource {
    /// Opens a directory or an ISO image and reads every INF file in it.
    ///
    /// # Errors
    /// It cannot be read, is damaged, has too many files, or has no INF file at all. An INF file that is damaged is no
    /// error here: [`DriverSource::find`] tells it if the driver is needed.
    pub fn open(path: &Path) -> Result<Self> {
        let failed = |source| DriverError::Host { doing: format!("opening {}", path.display()), source };
        let is_dir = fs::metadata(path).map_err(failed)?.is_dir();
        let (store, entries) = if is_dir { Store::host(path)? } else { Store::iso(path)? };
        // What a directory is for may be said by its own path: `--virtio-win viostor/w10/amd64`.
        let own: Vec<String> = if is_dir { last_components(path) } else { Vec::new() };
        Self::new(path.display().to_string(), store, entries, &own)
    }

    /// Opens virtio-win where distributions put it; `None` if it is not there.
    ///
    /// # Errors
    /// It is there, but [`DriverSource::open`] fails.
    pub fn usual() -> Result<Option<Self>> {
        Self::first_below(Path::new("/"))
    }

    /// The first of the usual places that is there, below a directory that stands for the host's root.
    pub(super) fn first_below(root: &Path) -> Result<Option<Self>> {
        let mut places = USUAL.iter().map(|path| root.join(path));
        places.find(|path| path.exists()).map(|path| Self::open(&path)).transpose()
    }

    fn new(place: String, store: Store, mut entries: Vec<Entry>, own: &[String]) -> Result<Self> {
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        let index = entries.iter().enumerate().map(|(at, entry)| (entry.path.to_lowercase(), at)).collect();
        let mut source = Self { place, store: Arc::new(store), entries, index, infs: Vec::new() };
        for at in 0..source.entries.len() {
            source.read_inf(at, own)?;
        }
        if source.infs.is_empty() {
            return Err(DriverError::NoDrivers(source.place));
        }
        Ok(source)
    }

    fn read_inf(&mut self, at: usize, own: &[String]) -> Result<()> {
        let Some(entry) = self.entries.get(at) else { return Ok(()) };
        let (directory, name) = entry.path.rsplit_once('/').unwrap_or(("", &entry.path));
        let (directory, name) = (directory.to_owned(), name.to_owned());
        if !name.to_ascii_lowercase().ends_with(".inf") || entry.len > MAX_BYTES as u64 {
            return Ok(());
        }
        if self.infs.len() >= MAX_INFS {
            let what = format!("more than {MAX_INFS} INF files");
            return Err(DriverError::TooMuch { place: self.place.clone(), what });
        }
        let bytes = self.store.read(entry)?;
        let inf = Inf::parse(&name, &bytes);
        let components = || directory.split('/').rev().chain(own.iter().rev().map(String::as_str));
        let found = Found {
            entry: at,
            os_dir: components().find_map(OsDir::named),
            arch: components().find_map(arch_named),
            roles: inf.as_ref().map_or_else(|_| raw_roles(&bytes), named_roles),
            inf,
            directory: directory.clone(),
            name,
            bytes,
        };
        self.infs.push(found);
        Ok(())
    }

    /// The directory or image, as it was opened.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// The package for a role that fits a Windows best; `None` if there is none for it.
    ///
    /// # Errors
    /// The package that fits is damaged: its INF file cannot be used, a file is missing, or one is for another
    /// processor.
    pub fn find(&self, target: &WindowsTarget, role: Role) -> Result<Option<Package>> {
        find::find(self, target, role)
    }

    /// Names of the directories that have a driver for a role, whatever Windows and processor it is for: to tell what a
    /// source has where it lacks what a guest needs.
    pub fn directories(&self, role: Role) -> Vec<&str> {
        let of_role = self.infs.iter().filter(|found| found.roles.contains(&role));
        let mut names: Vec<&str> = of_role.map(|found| found.directory.as_str()).collect();
        names.dedup();
        names
    }
}

fn last_components(path: &Path) -> Vec<String> {
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let mut names: Vec<String> = path
        .components()
        .rev()
        .take(OWN_COMPONENTS)
        .map(|c| c.as_os_str().to_string_lossy().into_owned())
        .collect();
    names.reverse();
    names
}

/// Roles whose ids stand in any section.
fn named_roles(inf: &Inf) -> Vec<Role> {
    let named = |role: &Role| {
        let mut values = inf.lines().flat_map(|line| &line.values);
        values.any(|value| role.names(inf.substitute(value).trim()))
    };
    ROLES.into_iter().filter(named).collect()
}

/// Roles that a file which cannot be read as an INF file may have been for.
fn raw_roles(bytes: &[u8]) -> Vec<Role> {
    let plain: Vec<u8> = bytes.iter().filter(|b| **b != 0).map(u8::to_ascii_uppercase).collect();
    let holds = |id: &&str| plain.windows(id.len()).any(|window| window == id.as_bytes());
    ROLES.into_iter().filter(|role| role.ids().iter().any(holds)).collect()
}
