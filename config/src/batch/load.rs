//! A batch file from the disk.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::BatchFile;
use super::reader::{MAX_FILE, read};
use crate::error::ConfigError;
use crate::surroundings::Surroundings;

/// Reads the batch file `path`; a relative path starts at the current directory.
///
/// # Errors
/// It cannot be read; every mistake in it.
pub fn load(path: &Path, around: &Surroundings) -> Result<BatchFile, ConfigError> {
    let path = around.directory.join(path);
    let text = text(&path).map_err(|source| ConfigError::Read { path: path.clone(), source })?;
    read(&path, &text, around.home().as_deref()).map_err(|mistakes| ConfigError::of_file(&path, mistakes))
}

/// One byte more than is taken, so that the reader sees that it is too much.
fn text(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_FILE as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > MAX_FILE {
        let message = format!("it has more than the {MAX_FILE} bytes that are read");
        return Err(io::Error::new(io::ErrorKind::InvalidData, message));
    }
    String::from_utf8(bytes).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8"))
}
