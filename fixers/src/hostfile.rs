//! Files of this host that go into a guest because the user named them.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::edit::FileMark;
use crate::error::{GuestError, Result};
use crate::guest::MAX_READ;
use crate::windows::drivers;

/// Most packages that a directory may hold.
const MAX_PACKAGES: usize = 1000;

/// A file of this host, or one in an image of a file system.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostFile {
    /// File.
    pub file: PathBuf,
    /// Path inside it, where it is an ISO image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<String>,
}

impl HostFile {
    /// Its content.
    ///
    /// # Errors
    /// It cannot be read, or is larger than [`MAX_READ`].
    pub fn read(&self) -> Result<Vec<u8>> {
        match &self.member {
            None => read(&self.file),
            Some(member) => {
                drivers::member(&self.file, member).map_err(|e| GuestError::Unsupported(e.to_string()))
            }
        }
    }

    /// Its content, which must still be the one that a plan saw.
    ///
    /// # Errors
    /// As [`HostFile::read`]; [`GuestError::Changed`].
    pub fn read_as_planned(&self, size: u64, digest: &str) -> Result<Vec<u8>> {
        let content = self.read()?;
        if FileMark::of(&content) == (FileMark { size, digest: digest.to_owned() }) {
            return Ok(content);
        }
        let what = "the file on this host is not the one that was planned with".to_owned();
        Err(GuestError::Changed { path: self.to_string(), what })
    }
}

impl fmt::Display for HostFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.member {
            None => write!(f, "{}", self.file.display()),
            Some(member) => write!(f, "{}:{member}", self.file.display()),
        }
    }
}

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
