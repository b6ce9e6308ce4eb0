//! Plain disk files and NBD exports: the disks of a VM of which nothing else is known.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::FetchError;
use crate::nbd_uri::NbdUri;
use crate::sniff::format_of_file;
use crate::source::{Bus, DiskFormat, DiskLocation, Slot, SourceDisk, SourceKind, SourceVm};

/// A VM with the disks `paths`, in their order, called like the first of them.
///
/// # Errors
/// `NotFound`, `Usage` for a path that is given twice, `Io` if the host fails.
pub(crate) fn load(paths: &[PathBuf]) -> Result<SourceVm, FetchError> {
    let first = paths.first().ok_or_else(|| FetchError::usage("no disk is given"))?;
    let mut vm = SourceVm::new(name_of(first)?, SourceKind::Disks, PathBuf::new());
    for (path, unit) in paths.iter().zip(0u32..) {
        let (place, location, format) = place_of(path)?;
        if vm.disks.iter().any(|disk| disk.location == location) {
            return Err(FetchError::usage(format!("the disk {} is given twice", place.display())));
        }
        if unit == 0 {
            vm.path = place;
        }
        vm.disks.push(SourceDisk {
            slot: Slot { bus: Bus::Unknown, model: None, controller: 0, unit },
            format,
            location,
            capacity_bytes: None,
            mode: None,
            serial: None,
            traits: Default::default(),
        });
    }
    Ok(vm)
}

fn name_of(path: &Path) -> Result<String, FetchError> {
    match nbd(path)? {
        Some(uri) => Ok(uri.name().to_owned()),
        None => Ok(path.file_stem().map(OsStr::to_string_lossy).unwrap_or_default().into_owned()),
    }
}

/// What stands for the disk in messages, where it is, and the format that its bytes or its nature show.
fn place_of(path: &Path) -> Result<(PathBuf, DiskLocation, Option<DiskFormat>), FetchError> {
    if let Some(uri) = nbd(path)? {
        let uri = uri.to_string();
        return Ok((PathBuf::from(&uri), DiskLocation::Nbd { uri }, Some(DiskFormat::Raw)));
    }
    let path = absolute(path)?;
    let format = format_of_file(&path)?;
    Ok((path.clone(), DiskLocation::File { path }, format))
}

/// The NBD export that a source names, if it names one.
fn nbd(path: &Path) -> Result<Option<NbdUri>, FetchError> {
    path.to_str().filter(|_| NbdUri::is_uri(path)).map(NbdUri::parse).transpose()
}

/// Canonical for files, because images name each other relative to where they really are; as given for
/// devices, whose canonical names (`/dev/dm-3`) change between boots.
fn absolute(path: &Path) -> Result<PathBuf, FetchError> {
    let doing = || format!("opening {}", path.display());
    let metadata = fs::metadata(path).map_err(|e| FetchError::io(doing(), e))?;
    let absolute = if metadata.is_file() { fs::canonicalize(path) } else { std::path::absolute(path) };
    absolute.map_err(|e| FetchError::io(doing(), e))
}
