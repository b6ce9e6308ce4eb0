//! Settings of generators: variables in shell files.

use crate::error::Result;
use crate::guest::Guest;
use crate::linux::shell;
use crate::linux::text::TextFile;

/// Every value that the files assign to `name`, in order.
///
/// # Errors
/// The guest could not be read.
pub(super) fn values(guest: &dyn Guest, files: &[String], name: &str) -> Result<Vec<String>> {
    let mut values = Vec::new();
    for path in files {
        let Some(file) = TextFile::read(guest, path)? else { continue };
        for word in shell::words_of_file(&file.text) {
            if let Some(assignment) = shell::assignment(&word).filter(|a| a.name == name) {
                values.extend(assignment.word.text.get(assignment.value..).map(str::to_owned));
            }
        }
    }
    Ok(values)
}

/// The program of the first path at which something is.
///
/// # Errors
/// The guest could not be read.
pub(super) fn program<'a>(guest: &dyn Guest, paths: &[&'a str]) -> Result<Option<&'a str>> {
    for path in paths {
        if guest.exists(path)? {
            return Ok(Some(path));
        }
    }
    Ok(None)
}
