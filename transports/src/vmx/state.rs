//! What lies beside a VMX and says in which state the VM is: locks, suspend images, snapshots.

use std::fs::{self, DirEntry};
use std::path::{Path, PathBuf};

use super::dictionary::Dictionary;
use super::load::MAX_DICTIONARY_BYTES;
use crate::error::FetchError;
use crate::source::PowerState;
use crate::text::read_small;

/// Snapshots of a VM whose names are kept. vSphere allows 32 in a chain; Workstation's trees have been seen
/// larger.
const MAX_SNAPSHOTS: u32 = 1000;

/// Entries of the VM's directory that are looked at; a VM's directory holds tens, this bounds a walk through
/// a directory that a user gave by mistake.
const MAX_ENTRIES: usize = 100_000;

/// The power state of the VM of `vmx`, whose disks are at `disks`, and what it was read from.
///
/// Workstation locks a file with a directory `FILE.lck` that holds a file per owner, ESXi with a file of that
/// name or, on NFS, a hidden `.lck-ID`. A suspended VM names its image in `checkpoint.vmState` and has a
/// `.vmss`.
///
/// # Errors
/// `Io` if the directory cannot be read.
pub(super) fn power(
    vmx: &Path,
    disks: &[PathBuf],
    dictionary: &Dictionary,
) -> Result<(PowerState, Option<String>), FetchError> {
    let directory = vmx.parent().unwrap_or(Path::new("/"));
    let reading = || format!("reading the directory {}", directory.display());
    let mut suspended =
        dictionary.text("checkpoint.vmState").map(|name| format!("checkpoint.vmState names {name:?}"));
    for path in disks.iter().map(PathBuf::as_path).chain([vmx]) {
        let lock = with_suffix(path, ".lck");
        if is_held(&lock) {
            return Ok((PowerState::Locked, Some(format!("{} exists", lock.display()))));
        }
    }
    for entry in fs::read_dir(directory).map_err(|e| FetchError::io(reading(), e))?.take(MAX_ENTRIES) {
        let entry = entry.map_err(|e| FetchError::io(reading(), e))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with(".lck-") {
            return Ok((PowerState::Locked, Some(format!("{name:?} lies beside the VMX"))));
        }
        if suspended.is_none() && is_suspend_image(&entry, vmx) {
            suspended = Some(format!("{name:?} lies beside the VMX"));
        }
    }
    Ok(match suspended {
        Some(why) => (PowerState::Suspended, Some(why)),
        None => (PowerState::Off, None),
    })
}

/// `NAME.vmss` or `NAME-xxxxxxxx.vmss`, where `NAME` is the VMX's stem and `xxxxxxxx` are hexadecimal digits. Others
/// are those of other VMs in the same directory, whose names may begin alike.
fn is_suspend_image(entry: &DirEntry, vmx: &Path) -> bool {
    let name = entry.file_name();
    let path = Path::new(&name);
    let is_vmss = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("vmss"));
    let (Some(own), Some(image)) = (vmx.file_stem(), path.file_stem()) else { return false };
    // As bytes: a name need not be UTF-8.
    let rest = image.as_encoded_bytes().strip_prefix(own.as_encoded_bytes());
    is_vmss && rest.is_some_and(|rest| rest.is_empty() || is_image_number(rest))
}

/// What ESXi puts between a VM's name and the ending of its images.
fn is_image_number(text: &[u8]) -> bool {
    matches!(text, [b'-', digits @ ..] if digits.len() == 8 && digits.iter().all(u8::is_ascii_hexdigit))
}

/// A lock file, or a lock directory with an owner in it. An empty directory is what a crash may leave.
fn is_held(lock: &Path) -> bool {
    match fs::symlink_metadata(lock) {
        Ok(metadata) if metadata.is_dir() => {
            fs::read_dir(lock).is_ok_and(|mut owners| owners.next().is_some())
        }
        Ok(_) => true,
        Err(_) => false,
    }
}

/// Display names of the snapshots that the `.vmsd` beside `vmx` lists; none if there is no such file.
///
/// # Errors
/// If the file is there and cannot be read.
pub(super) fn snapshots(vmx: &Path) -> Result<Vec<String>, FetchError> {
    let path = vmx.with_extension("vmsd");
    match fs::symlink_metadata(&path) {
        Ok(metadata) if metadata.is_file() => {
            Ok(snapshot_names(&Dictionary::parse(&read_small(&path, MAX_DICTIONARY_BYTES)?).0))
        }
        _ => Ok(Vec::new()),
    }
}

/// `snapshotN.displayName` for every N below `snapshot.numSnapshots`; VMware leaves lines of deleted
/// snapshots behind that number.
fn snapshot_names(dictionary: &Dictionary) -> Vec<String> {
    let count = dictionary.number("snapshot.numSnapshots").unwrap_or(0u32).min(MAX_SNAPSHOTS);
    (0..count)
        .map(|number| {
            let name = dictionary.text(&format!("snapshot{number}.displayName"));
            name.map_or_else(|| format!("snapshot{number}"), str::to_owned)
        })
        .collect()
}

/// `path` with `suffix` behind its whole name.
fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        snapshot_names(&Dictionary::parse(text.as_bytes()).0)
    }

    #[test]
    fn snapshots_of_a_vmsd() {
        let text = "snapshot.numSnapshots = \"2\"\nsnapshot0.displayName = \"before |22upgrade|22\"\n\
                    snapshot1.uid = \"2\"\nsnapshot2.displayName = \"deleted\"\n";
        assert_eq!(names(text), ["before \"upgrade\"", "snapshot1"]);
        assert_eq!(names("snapshot0.displayName = \"deleted\""), Vec::<String>::new());
        assert_eq!(names("snapshot.numSnapshots = \"4000000000\"").len(), MAX_SNAPSHOTS as usize);
    }

    #[test]
    fn an_empty_lock_directory_holds_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let lock = dir.path().join("a.vmdk.lck");
        assert!(!is_held(&lock));
        fs::create_dir(&lock).unwrap();
        assert!(!is_held(&lock));
        fs::write(lock.join("M1.lck"), "").unwrap();
        assert!(is_held(&lock));
    }
}
