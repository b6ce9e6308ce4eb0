//! Plain disk files: the disks of a VM of which nothing else is known.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::FetchError;
use crate::sniff::format_of_file;
use crate::source::{Bus, DiskLocation, Slot, SourceDisk, SourceKind, SourceVm};

/// A VM with the disks `paths`, in their order, called like the first of them.
///
/// # Errors
/// `NotFound`, `Usage` for a path that is given twice, `Io` if the host fails.
pub(crate) fn load(paths: &[PathBuf]) -> Result<SourceVm, FetchError> {
    let first = paths.first().ok_or_else(|| FetchError::usage("no disk is given"))?;
    let stem = first.file_stem().map(OsStr::to_string_lossy).unwrap_or_default();
    let mut vm = SourceVm::new(stem, SourceKind::Disks, absolute(first)?);
    for (path, unit) in paths.iter().zip(0u32..) {
        let path = absolute(path)?;
        let location = DiskLocation::File { path: path.clone() };
        if vm.disks.iter().any(|disk| disk.location == location) {
            return Err(FetchError::usage(format!("the disk {} is given twice", path.display())));
        }
        vm.disks.push(SourceDisk {
            slot: Slot { bus: Bus::Unknown, model: None, controller: 0, unit },
            format: format_of_file(&path)?,
            location,
            capacity_bytes: None,
            mode: None,
            serial: None,
        });
    }
    Ok(vm)
}

/// Canonical for files, because images name each other relative to where they really are; as given for
/// devices, whose canonical names (`/dev/dm-3`) change between boots.
fn absolute(path: &Path) -> Result<PathBuf, FetchError> {
    let doing = || format!("opening {}", path.display());
    let metadata = fs::metadata(path).map_err(|e| FetchError::io(doing(), e))?;
    let absolute = if metadata.is_file() { fs::canonicalize(path) } else { std::path::absolute(path) };
    absolute.map_err(|e| FetchError::io(doing(), e))
}
