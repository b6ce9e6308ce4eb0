//! Files of a source of drivers: of a host directory, or of an ISO image.

use std::fs;
use std::path::{Path, PathBuf};

use super::error::{DriverError, Result};
use super::iso::{self, IsoImage};
use crate::error::GuestError;
use crate::guest::MAX_READ;
use crate::hostfile::{self, HostFile};

/// Most files and directories that a source may have.
const MAX_ENTRIES: usize = 100_000;
/// Deepest directory, the source's own not counted.
const MAX_DEPTH: usize = 16;

/// A file of a source.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// Path from the source's root, with `/`.
    pub(super) path: String,
    /// Size in bytes.
    pub(super) len: u64,
    at: At,
}

#[derive(Debug, Clone)]
enum At {
    Host(PathBuf),
    Iso(iso::Extent),
}

/// Where the files are.
#[derive(Debug)]
pub(super) enum Store {
    Host,
    Iso { place: String, image: IsoImage },
}

impl Store {
    /// The content of a file.
    pub(super) fn read(&self, entry: &Entry) -> Result<Vec<u8>> {
        if entry.len > MAX_READ {
            let too_large =
                GuestError::TooLarge { path: entry.path.clone(), size: entry.len, limit: MAX_READ };
            return Err(too_large.into());
        }
        match (self, &entry.at) {
            (_, At::Host(path)) => Ok(hostfile::read(path)?),
            (Self::Iso { place, image }, At::Iso(extent)) => {
                image.read(extent).map_err(|error| error.of(&format!("{place}: {}", entry.path)))
            }
            (Self::Host, At::Iso(_)) => {
                let what = "the file is not of this source".to_owned();
                Err(DriverError::Image { image: entry.path.clone(), what })
            }
        }
    }

    /// Where a file is, for whoever reads it later.
    pub(super) fn host_file(&self, entry: &Entry) -> HostFile {
        match (self, &entry.at) {
            (Self::Iso { place, .. }, _) => {
                HostFile { file: PathBuf::from(place), member: Some(entry.path.clone()) }
            }
            (Self::Host, At::Host(path)) => HostFile { file: path.clone(), member: None },
            (Self::Host, At::Iso(_)) => HostFile { file: PathBuf::new(), member: Some(entry.path.clone()) },
        }
    }

    /// The files below a directory of the host. Links that lead out of it are passed over.
    pub(super) fn host(root: &Path) -> Result<(Self, Vec<Entry>)> {
        let root = fs::canonicalize(root).map_err(|source| host_error("looking for", root, source))?;
        let mut walk = Walk { root: &root, seen: 0, entries: Vec::new() };
        walk.directory(&root, "", 0)?;
        Ok((Self::Host, walk.entries))
    }

    /// The files of an ISO image.
    pub(super) fn iso(path: &Path) -> Result<(Self, Vec<Entry>)> {
        let place = path.display().to_string();
        let image = IsoImage::open(path).map_err(|error| error.of(&place))?;
        let files = image.files().map_err(|error| error.of(&place))?;
        let entry =
            |file: iso::File| Entry { path: file.path, len: file.extent.len, at: At::Iso(file.extent) };
        Ok((Self::Iso { place, image }, files.into_iter().map(entry).collect()))
    }
}

/// A file of an ISO image.
///
/// # Errors
/// The image is none or damaged, or has no such file; the file is larger than what a plan holds.
pub fn member(image: &Path, path: &str) -> Result<Vec<u8>> {
    let (store, entries) = Store::iso(image)?;
    let entry = entries.iter().find(|entry| entry.path == path);
    let missing = || DriverError::Image {
        image: image.display().to_string(),
        what: format!("there is no file {path} in it any more"),
    };
    store.read(entry.ok_or_else(missing)?)
}

fn host_error(doing: &str, path: &Path, source: std::io::Error) -> DriverError {
    DriverError::Host { doing: format!("{doing} {}", path.display()), source }
}

struct Walk<'a> {
    root: &'a Path,
    seen: usize,
    entries: Vec<Entry>,
}

impl Walk<'_> {
    fn directory(&mut self, dir: &Path, below: &str, depth: usize) -> Result<()> {
        let failed = |source| host_error("listing", dir, source);
        for entry in fs::read_dir(dir).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            self.seen += 1;
            if self.seen > MAX_ENTRIES || depth > MAX_DEPTH {
                let what = if depth > MAX_DEPTH {
                    format!("directories are nested deeper than {MAX_DEPTH}")
                } else {
                    format!("more than {MAX_ENTRIES} files and directories")
                };
                return Err(DriverError::TooMuch { place: self.root.display().to_string(), what });
            }
            // Names of drivers are text.
            let Ok(name) = entry.file_name().into_string() else { continue };
            let path = if below.is_empty() { name } else { format!("{below}/{name}") };
            self.entry(&entry.path(), path, depth)?;
        }
        Ok(())
    }

    fn entry(&mut self, host: &Path, path: String, depth: usize) -> Result<()> {
        // A link that leads nowhere or outside is none of the source's files.
        let Ok(real) = fs::canonicalize(host) else { return Ok(()) };
        if !real.starts_with(self.root) {
            return Ok(());
        }
        let linked = fs::symlink_metadata(host).is_ok_and(|m| m.is_symlink());
        let metadata = fs::metadata(&real).map_err(|source| host_error("looking at", host, source))?;
        if metadata.is_dir() {
            // A link to a directory above would not end; what is below has its own path anyway.
            if !linked {
                self.directory(host, &path, depth + 1)?;
            }
        } else if metadata.is_file() {
            self.entries.push(Entry { path, len: metadata.len(), at: At::Host(real) });
        }
        Ok(())
    }
}
