//! The files of a package in a guest.

use super::Stage;
use super::publish::Published;
use crate::edit::{Change, Edit, FileMark};
use crate::error::{GuestError, Result};
use crate::guest::Guest;
use crate::hostfile::HostFile;
use crate::windows::drivers::{Package, PackageFile};
use crate::windows::inf::Directory;
use crate::windows::path;

/// The driver store below the system's directory.
pub(super) const STORE: &str = "System32/DriverStore/FileRepository";
/// Catalogs of drivers (softpub.h, `DRIVER_ACTION_VERIFY`).
const CATALOGS: &str = "System32/CatRoot/{F750E6C3-38EE-11D1-85E5-00C04FC295EE}";

/// Edits that bring files in.
pub(in crate::windows) struct Files<'a> {
    pub(in crate::windows) stage: &'a Stage<'a>,
    pub(in crate::windows) reason: &'a str,
}

impl Files<'_> {
    fn guest(&self) -> &dyn Guest {
        self.stage.guest
    }

    /// The package in the driver store, and its published INF file and catalog.
    pub(super) fn of_package(&self, package: &Package, name: &Published) -> Result<Vec<Edit>> {
        let mut edits = Vec::new();
        for (file, from) in contents(package) {
            edits.extend(self.put(&format!("{STORE}/{}/{file}", name.store), &from)?);
        }
        edits.extend(self.put(&format!("INF/{}", name.inf), &package.inf_file)?);
        if let Some(catalog) = &package.catalog {
            edits.extend(self.put(&format!("{CATALOGS}/oem{}.cat", name.number), &catalog.file)?);
        }
        Ok(edits)
    }

    /// The files that the INF file copies out of its package, each to its place.
    pub(in crate::windows) fn in_place(&self, package: &Package) -> Result<Vec<Edit>> {
        let mut edits = Vec::new();
        for file in &package.files {
            for place in &file.places {
                if let Some(path) = place_of(place.directory, &place.relative()) {
                    edits.extend(self.put(&path, &file.host_file())?);
                }
            }
        }
        Ok(edits)
    }

    /// A file at a path below the system's directory; none where it is there already.
    pub(in crate::windows) fn put(&self, below: &str, from: &HostFile) -> Result<Option<Edit>> {
        let path = path::place(self.guest(), &self.stage.windows.system_root, below)?;
        self.put_at(path, from)
    }

    /// A file at an absolute path of the guest.
    pub(in crate::windows) fn put_at(&self, path: String, from: &HostFile) -> Result<Option<Edit>> {
        let wanted = FileMark::of(&from.read()?);
        let before = match self.guest().read(&path) {
            Ok(content) => content.map(|content| FileMark::of(&content)),
            Err(GuestError::TooLarge { .. }) => {
                return Err(GuestError::Unsupported(format!(
                    "{path}: the file that is there is too large to be looked at"
                )));
            }
            Err(e) => return Err(e),
        };
        if before.as_ref() == Some(&wanted) {
            return Ok(None);
        }
        let FileMark { size, digest } = wanted;
        let change = Change::Place { path, from: from.clone(), before, size, digest };
        Ok(Some(Edit::new(self.stage.fixer, self.reason, change)))
    }
}

/// All files of a package, each once, by their paths from its INF file's directory.
pub(super) fn contents(package: &Package) -> Vec<(String, HostFile)> {
    let mut files = vec![(package.inf_name.clone(), package.inf_file.clone())];
    files.extend(package.catalog.iter().map(|catalog| (catalog.name.clone(), catalog.file.clone())));
    for file in &package.files {
        let name = flat_name(file);
        // An INF file may list itself and its catalog.
        if !files.iter().any(|(known, _)| known.to_lowercase() == name.to_lowercase()) {
            files.push((name, file.host_file()));
        }
    }
    files
}

/// Its directory below that of the INF file is kept: the INF file names it.
fn flat_name(file: &PackageFile) -> String {
    if file.dir.is_empty() { file.name.clone() } else { format!("{}/{}", file.dir, file.name) }
}

/// The path below the system's directory; `None` for places that are not below it.
fn place_of(directory: Directory, relative: &str) -> Option<String> {
    let base = match directory {
        Directory::Windows => "",
        Directory::System32 => "System32/",
        Directory::Drivers => "System32/drivers/",
        _ => return None,
    };
    Some(format!("{base}{}", relative.replace('\\', "/")))
}
