//! Where the disk file is that a VMX names. Nothing outside of the VMX's own directory is ever opened.
//!
//! A `fileName` may be relative (`web01.vmdk`, `..\base\x.vmdk` on a Windows host), absolute in a host's file
//! system (`/vmfs/volumes/UUID/web01/web01.vmdk`, `D:\VMs\web01.vmdk`) or a datastore path
//! (`[store] web01/web01.vmdk`). VMs that were copied keep such names, while their disks lie beside the VMX.

use std::path::Path;
use std::path::PathBuf;

use crate::confine::{file_inside, has_drive_letter, normalised};
use crate::error::FetchError;

/// Where a disk was found.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// Canonical path.
    pub path: PathBuf,
    /// What the user should know: the file is not where the VMX says.
    pub warning: Option<String>,
}

/// Finds the disk `file_name` of the device `device` of a VMX in `directory` (canonical).
///
/// The exact path is taken if it is inside of `directory`; otherwise a file of the same base name in
/// `directory`, with a warning.
///
/// # Errors
/// `Unsafe` if neither is there and the path leaves `directory`, or if a symlink leads out; `NotFound` if the
/// file would be inside and is missing.
pub(super) fn find(directory: &Path, device: &str, file_name: &str) -> Result<Found, FetchError> {
    let looking = || format!("looking for the disk of {device}");
    if let Some(relative) = inside_name(directory, file_name) {
        for candidate in spellings(&relative) {
            if let Some(path) = file_inside(directory, &candidate).map_err(|e| e.context(looking()))? {
                return Ok(Found { path, warning: None });
            }
        }
        return Err(FetchError::not_found(format!(
            "{device}: the disk {file_name:?} is not in {}",
            directory.display()
        ))
        .with_hint("copy the whole directory of the VM, with all .vmdk files"));
    }
    let base = base_name(file_name);
    if let Ok(base) = normalised(base)
        && let Some(path) = file_inside(directory, &base).map_err(|e| e.context(looking()))?
    {
        let warning = format!(
            "{device}: {file_name:?} is outside of the VM's directory; {base:?} beside the VMX is taken"
        );
        return Ok(Found { path, warning: Some(warning) });
    }
    Err(FetchError::dangerous(format!(
        "{device}: the disk {file_name:?} is outside of the VMX's directory and is not opened"
    ))
    .with_hint("copy it beside the .vmx, or give the disk files themselves as the source"))
}

/// `file_name` relative to `directory`, if it says that it is in there.
fn inside_name(directory: &Path, file_name: &str) -> Option<String> {
    if let Ok(name) = normalised(file_name) {
        return (!is_datastore_path(file_name)).then_some(name);
    }
    let below = Path::new(file_name).strip_prefix(directory).ok()?;
    normalised(below.to_str()?).ok()
}

/// `[datastore] directory/file`.
fn is_datastore_path(name: &str) -> bool {
    name.starts_with('[') && name.contains("] ")
}

/// The name as it stands and, for a VMX of a Windows host, with its backslashes as separators.
fn spellings(name: &str) -> Vec<String> {
    let mut all = vec![name.to_owned()];
    if name.contains('\\') {
        all.push(name.replace('\\', "/"));
    }
    all
}

/// What stands behind the last separator of either kind.
fn base_name(name: &str) -> &str {
    let name =
        if is_datastore_path(name) { name.split_once("] ").map_or(name, |(_, rest)| rest) } else { name };
    let name = if has_drive_letter(name) { name.get(2..).unwrap_or_default() } else { name };
    name.rsplit(['/', '\\']).next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::error::FetchErrorKind;

    /// A VM's directory, canonical, with `a.vmdk` and `sub/b.vmdk`.
    fn directory() -> (tempfile::TempDir, PathBuf) {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().canonicalize().unwrap();
        fs::create_dir(path.join("sub")).unwrap();
        fs::write(path.join("a.vmdk"), "").unwrap();
        fs::write(path.join("sub/b.vmdk"), "").unwrap();
        (temp, path)
    }

    #[test]
    fn names_inside_are_taken_as_they_are() {
        let (_temp, dir) = directory();
        let absolute = dir.join("sub/b.vmdk");
        for (name, want) in [
            ("a.vmdk", "a.vmdk"),
            ("./a.vmdk", "a.vmdk"),
            ("sub/b.vmdk", "sub/b.vmdk"),
            ("sub\\b.vmdk", "sub/b.vmdk"),
            (absolute.to_str().unwrap(), "sub/b.vmdk"),
        ] {
            assert_eq!(
                find(&dir, "scsi0:0", name).unwrap(),
                Found { path: dir.join(want), warning: None },
                "{name}"
            );
        }
    }

    #[test]
    fn names_outside_fall_back_to_the_base_name() {
        let (_temp, dir) = directory();
        for name in [
            "/vmfs/volumes/5f3c/web01/a.vmdk",
            "[store 1] web01/a.vmdk",
            "C:\\VMs\\web01\\a.vmdk",
            "C:a.vmdk",
            "../base/a.vmdk",
            "..\\base\\a.vmdk",
        ] {
            let found = find(&dir, "scsi0:0", name).unwrap();
            assert_eq!(found.path, dir.join("a.vmdk"), "{name}");
            assert!(found.warning.unwrap().contains("outside"));
        }
    }

    #[test]
    fn names_outside_without_a_double_are_refused() {
        let (_temp, dir) = directory();
        for name in ["/etc/passwd", "../../x.vmdk", "[store] x.vmdk", "/", "..", "C:", "[a] "] {
            let error = find(&dir, "scsi0:0", name).unwrap_err();
            assert_eq!(error.kind(), FetchErrorKind::Unsafe, "{name}");
            assert!(error.hint().unwrap().contains("give the disk files"), "{name}");
        }
    }

    #[test]
    fn a_missing_file_is_named() {
        let (_temp, dir) = directory();
        let error = find(&dir, "scsi0:1", "b.vmdk").unwrap_err();
        assert_eq!(error.kind(), FetchErrorKind::NotFound);
        assert!(error.to_string().contains("scsi0:1: the disk \"b.vmdk\""));
    }

    #[test]
    fn symlinks_that_lead_out_are_refused() {
        let (_temp, dir) = directory();
        let other = tempfile::tempdir().unwrap();
        fs::write(other.path().join("x.vmdk"), "").unwrap();
        std::os::unix::fs::symlink(other.path().join("x.vmdk"), dir.join("x.vmdk")).unwrap();
        for name in ["x.vmdk", "/vmfs/volumes/1/x.vmdk"] {
            assert_eq!(find(&dir, "scsi0:0", name).unwrap_err().kind(), FetchErrorKind::Unsafe);
        }
    }
}
