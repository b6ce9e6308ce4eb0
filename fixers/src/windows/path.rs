//! Paths in a Windows guest: NTFS compares names without regard to case, the appliance does not.

use crate::error::Result;
use crate::guest::{Guest, join};

/// Names in a path that are looked up; a hostile registry must not make h2k list directories for ever.
const MAX_DEPTH: usize = 40;
/// The letter that Windows gives to its own volume, unless it was installed from another system.
const USUAL_DRIVE: &str = "C";

/// The path of what lies at `path` below `base`, in the case that the disk has; `None` if nothing does. `path` may be
/// written with slashes or backslashes.
///
/// # Errors
/// The guest could not be read.
pub fn find(guest: &dyn Guest, base: &str, path: &str) -> Result<Option<String>> {
    let mut at = base.to_owned();
    for (depth, name) in names(path).enumerate() {
        if depth >= MAX_DEPTH || name == ".." {
            return Ok(None);
        }
        match entry(guest, &at, name)? {
            Some(found) => at = join(&at, &found),
            None => return Ok(None),
        }
    }
    Ok(Some(at))
}

/// Where a file is to be written: what is there of the path in the case that the disk has, the rest as it is asked for.
///
/// # Errors
/// The guest could not be read.
pub fn place(guest: &dyn Guest, base: &str, path: &str) -> Result<String> {
    let mut at = base.to_owned();
    let mut there = true;
    for name in names(path) {
        let found = if there { entry(guest, &at, name)? } else { None };
        there = found.is_some();
        at = join(&at, found.as_deref().unwrap_or(name));
    }
    Ok(at)
}

fn names(path: &str) -> impl Iterator<Item = &str> {
    path.split(['/', '\\']).filter(|name| !name.is_empty() && *name != ".")
}

/// The name of an entry of a directory; the one that is written just so where there are several.
fn entry(guest: &dyn Guest, dir: &str, name: &str) -> Result<Option<String>> {
    if guest.exists(&join(dir, name))? {
        return Ok(Some(name.to_owned()));
    }
    let wanted = name.to_lowercase();
    let entries = guest.list(dir)?.unwrap_or_default();
    Ok(entries.into_iter().find(|entry| entry.to_lowercase() == wanted))
}

/// The path in the guest of a program or driver that the registry names: `\SystemRoot\…`, `%SystemRoot%\…`,
/// `System32\…`, `C:\…` (where `drive` is the letter that the system gives to its own `volume`, C if that is unknown),
/// `\??\C:\…`; quotes and arguments are left out. `None` for other drives and for what is no path.
pub fn of_image(volume: &str, system_root: &str, drive: &str, image: &str) -> Option<String> {
    let image = image.trim();
    let image = match image.strip_prefix('"') {
        Some(rest) => rest.split('"').next().unwrap_or_default(),
        None => without_arguments(image),
    };
    let lower = image.to_lowercase();
    let after = |prefix: &str| lower.starts_with(prefix).then(|| image.get(prefix.len()..)).flatten();
    let system = |rest: &str| Some(format!("{system_root}/{}", slashes(rest)));
    if let Some(rest) = after("\\systemroot\\").or_else(|| after("%systemroot%\\")) {
        return system(rest);
    }
    if lower.starts_with("system32\\") || lower.starts_with("syswow64\\") {
        return system(image);
    }
    let image = after("\\??\\").unwrap_or(image);
    let (letter, rest) = image.split_at_checked(1)?;
    let own = if drive.is_empty() { USUAL_DRIVE } else { drive };
    let rest = rest.strip_prefix(":\\").filter(|_| letter.eq_ignore_ascii_case(own))?;
    Some(join(volume, &slashes(rest)))
}

/// A path without quotes may have blanks in it, and what follows a program's ending are its arguments.
fn without_arguments(image: &str) -> &str {
    let lower = image.to_ascii_lowercase();
    let end = [".exe ", ".sys ", ".dll "].iter().filter_map(|ending| lower.find(ending)).min();
    end.and_then(|at| image.get(..at + 4)).unwrap_or(image)
}

fn slashes(path: &str) -> String {
    path.trim_start_matches('\\').replace('\\', "/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryGuest;

    #[test]
    fn names_are_found_in_any_case_and_written_as_they_are() {
        let guest = MemoryGuest::new().file("/WINDOWS/system32/Drivers/Disk.sys", "x");
        let found = |path: &str| find(&guest, "/", path).unwrap();
        assert_eq!(
            found("Windows\\System32\\drivers\\disk.SYS").as_deref(),
            Some("/WINDOWS/system32/Drivers/Disk.sys")
        );
        assert_eq!(found("Windows/nothing"), None);
        assert_eq!(found("Windows/../WINDOWS"), None);
        assert_eq!(
            place(&guest, "/", "windows/System32/DRIVERS/new/a.sys").unwrap(),
            "/WINDOWS/system32/Drivers/new/a.sys"
        );
    }

    #[test]
    fn image_paths_of_services_are_understood() {
        for (image, path) in [
            ("\\SystemRoot\\System32\\drivers\\a.sys", Some("/c/Windows/System32/drivers/a.sys")),
            ("%SystemRoot%\\a.exe -k x", Some("/c/Windows/a.exe")),
            ("System32\\drivers\\a.sys", Some("/c/Windows/System32/drivers/a.sys")),
            ("\"C:\\Program Files\\X\\a.exe\" -x", Some("/c/Program Files/X/a.exe")),
            ("\\??\\C:\\a.sys", Some("/c/a.sys")),
            ("c:\\a.sys", Some("/c/a.sys")),
            ("D:\\a.sys", None),
            ("C:a.sys", None),
            ("", None),
            ("é:\\", None),
        ] {
            for drive in ["", "C"] {
                assert_eq!(of_image("/c", "/c/Windows", drive, image).as_deref(), path, "{image}");
            }
        }
        let on_d = |image| of_image("/c", "/c/Windows", "D", image);
        assert_eq!(on_d("d:\\Program Files\\a.sys").as_deref(), Some("/c/Program Files/a.sys"));
        assert_eq!(on_d("C:\\a.sys"), None);
    }
}
