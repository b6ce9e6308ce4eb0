//! Files of this host that go into a guest because the user named them.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::error::{GuestError, Result};
use crate::guest::MAX_READ;

/// Most packages that a directory may hold.
const MAX_PACKAGES: usize = 1000;

/// The packages (`.deb`, `.rpm`) in a directory of this host, in the order of their names.
///
/// # Errors
/// The directory cannot be read, or holds more than a thousand.
pub fn packages(dir: &Path) -> Result<Vec<PathBuf>> {
    let failed = |source| GuestError::Host { doing: format!("listing {}", dir.display()), source };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|ending| ending == "deb" || ending == "rpm") {
            found.push(path);
        }
    }
    if found.len() > MAX_PACKAGES {
        let what = format!("more than {MAX_PACKAGES} packages");
        return Err(GuestError::Malformed { path: dir.display().to_string(), what });
    }
    found.sort();
    Ok(found)
}

/// The content of a regular file of this host.
///
/// # Errors
/// It cannot be read, is no regular file, or is larger than what a plan holds.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    let failed = |source| GuestError::Host { doing: format!("reading {}", path.display()), source };
    // Opening a FIFO would wait for ever.
    if !std::fs::metadata(path).map_err(failed)?.is_file() {
        return Err(failed(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file")));
    }
    let mut content = Vec::new();
    File::open(path).and_then(|f| f.take(MAX_READ + 1).read_to_end(&mut content)).map_err(failed)?;
    if content.len() as u64 > MAX_READ {
        let size = content.len() as u64;
        return Err(GuestError::TooLarge { path: path.display().to_string(), size, limit: MAX_READ });
    }
    Ok(content)
}
