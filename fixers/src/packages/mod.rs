//! Package files of this host: what they are, what they need, and what they bring.
//!
//! They are the user's, not the guest's, but they are read like anything else: bounded, and an error names the file.

use std::path::{Path, PathBuf};

use crate::error::{GuestError, Result};
use crate::hostfile;

mod deb;
mod rpm;
mod tar;
pub mod version;

#[cfg(test)]
mod tests;

/// Format of a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Debian's (deb(5)).
    Deb,
    /// RPM's, version 3 and 4.
    Rpm,
}

/// A package file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// File on this host.
    pub file: PathBuf,
    /// Its content.
    pub content: Vec<u8>,
    /// Format.
    pub format: Format,
    /// Name.
    pub name: String,
    /// Version, with the release where the format has one.
    pub version: String,
    /// Architecture, in the words of its format.
    pub arch: String,
    /// What it needs: clauses of alternatives (deb), names (rpm).
    pub needs: Vec<String>,
    /// Names that it provides (rpm).
    pub provides: Vec<String>,
    /// Files and links that it brings, as absolute paths.
    pub paths: Vec<String>,
}

impl Package {
    /// Reads a package file of this host.
    ///
    /// # Errors
    /// It cannot be read, or is not what its ending says.
    pub fn read(file: &Path) -> Result<Self> {
        let content = hostfile::read(file)?;
        let parsed = match file.extension() {
            Some(ending) if ending == "rpm" => rpm::parse(&content),
            _ => deb::parse(&content),
        };
        let package =
            parsed.map_err(|what| GuestError::Malformed { path: file.display().to_string(), what })?;
        let plain = |text: &str| {
            !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "+-._~:^".contains(c))
        };
        if !plain(&package.name) || !plain(&package.version) || !plain(&package.arch) {
            let what = "its name, version or architecture is none".to_owned();
            return Err(GuestError::Malformed { path: file.display().to_string(), what });
        }
        Ok(Self { file: file.to_owned(), content, ..package })
    }

    /// Whether it meets a need of RPM's packages: by a name, or by a file.
    pub fn provides(&self, need: &str) -> bool {
        self.name == need
            || [&self.provides, &self.paths].into_iter().any(|all| all.iter().any(|one| one == need))
    }

    fn new(format: Format) -> Self {
        Self {
            file: PathBuf::new(),
            content: Vec::new(),
            format,
            name: String::new(),
            version: String::new(),
            arch: String::new(),
            needs: Vec::new(),
            provides: Vec::new(),
            paths: Vec::new(),
        }
    }
}
