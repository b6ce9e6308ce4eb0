//! Names that a source gives, and the directory that they may not leave.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::FetchError;

/// Longest name that a description or an archive may give, in bytes: Linux's `PATH_MAX`.
pub(crate) const MAX_NAME_BYTES: usize = 4096;

/// `name` as a relative path with `/` between its components, without `.` and empty components.
///
/// Backslashes are kept (they are legal in Linux names) but may not hide a `..`.
///
/// # Errors
/// A sentence that says why the name is unsafe: it is empty, absolute, leaves its directory, is too long
/// or holds control characters.
pub(crate) fn normalised(name: &str) -> Result<String, &'static str> {
    if name.len() > MAX_NAME_BYTES {
        return Err("it is too long");
    }
    if name.chars().any(char::is_control) {
        return Err("it holds control characters");
    }
    if name.starts_with(['/', '\\']) || has_drive_letter(name) {
        return Err("it is absolute");
    }
    if name.split(['/', '\\']).any(|component| component == "..") {
        return Err("it leaves its directory");
    }
    let components: Vec<&str> = name.split('/').filter(|c| !c.is_empty() && *c != ".").collect();
    if components.is_empty() {
        return Err("it is empty");
    }
    Ok(components.join("/"))
}

/// `C:` at the start of a Windows path.
pub(crate) fn has_drive_letter(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic()) && chars.next() == Some(':')
}

/// The regular file `relative` (a [`normalised`] name) in `directory`, canonical; `None` if there is nothing.
///
/// # Errors
/// `Unsafe` if a symlink leads out of `directory` or what is there is no regular file; `Io` if the host
/// fails.
pub(crate) fn file_inside(directory: &Path, relative: &str) -> Result<Option<PathBuf>, FetchError> {
    let wanted = directory.join(relative);
    let doing = || format!("resolving {wanted:?}");
    let root = fs::canonicalize(directory).map_err(|e| FetchError::io(doing(), e))?;
    let found = match fs::canonicalize(&wanted) {
        Ok(found) => found,
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(e) => return Err(FetchError::io(doing(), e)),
    };
    if !found.starts_with(&root) {
        return Err(FetchError::dangerous(format!(
            "{relative:?} is a symlink that leads out of {}",
            root.display()
        ))
        .with_hint("copy the file beside its description, or give the disk files themselves"));
    }
    let metadata = fs::metadata(&found).map_err(|e| FetchError::io(doing(), e))?;
    if !metadata.is_file() {
        return Err(FetchError::dangerous(format!("{} is not a regular file", found.display())));
    }
    Ok(Some(found))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::FetchErrorKind;

    #[test]
    fn harmless_names_lose_their_dots() {
        for (given, want) in [
            ("disk.vmdk", "disk.vmdk"),
            ("./a//b/./c.vmdk", "a/b/c.vmdk"),
            ("..a/b..", "..a/b.."),
            ("a\\b", "a\\b"),
            ("ünïcode name.vmdk", "ünïcode name.vmdk"),
        ] {
            assert_eq!(normalised(given).unwrap(), want);
        }
    }

    #[test]
    fn names_that_leave_are_refused() {
        for name in [
            "",
            ".",
            "/",
            "/etc/passwd",
            "..",
            "../x",
            "a/../x",
            "a\\..\\x",
            "\\\\srv\\x",
            "C:\\x",
            "c:x",
            "a\0b",
        ] {
            assert!(normalised(name).is_err(), "{name:?}");
        }
        assert!(normalised(&"x".repeat(MAX_NAME_BYTES + 1)).is_err());
    }

    #[test]
    fn only_regular_files_inside_are_found() {
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("secret"), "s").unwrap();
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("sub")).unwrap();
        fs::write(dir.path().join("sub/a"), "a").unwrap();
        std::os::unix::fs::symlink("sub/a", dir.path().join("link-in")).unwrap();
        std::os::unix::fs::symlink(outside.path().join("secret"), dir.path().join("link-out")).unwrap();

        assert!(file_inside(dir.path(), "sub/a").unwrap().is_some());
        assert!(file_inside(dir.path(), "link-in").unwrap().unwrap().ends_with("sub/a"));
        assert!(file_inside(dir.path(), "nothing").unwrap().is_none());
        assert!(file_inside(dir.path(), "sub/a/b").unwrap().is_none());
        for bad in ["link-out", "sub"] {
            assert_eq!(file_inside(dir.path(), bad).unwrap_err().kind(), FetchErrorKind::Unsafe, "{bad}");
        }
    }
}
