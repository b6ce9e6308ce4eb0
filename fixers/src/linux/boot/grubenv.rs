//! GRUB's environment block (GRUB manual, "The GRUB environment block"): a file of exactly 1024 bytes, since GRUB
//! writes it in place without a file system driver that could make it grow. After the signature come lines
//! `name=value`; `#` fills the rest.

use super::arguments::Editor;
use crate::linux::text::{lines, replace};

/// Size of the file in bytes.
const SIZE: usize = 1024;
/// First line.
const SIGNATURE: &str = "# GRUB Environment Block\n";
/// Variables that hold a command line.
const VARIABLES: [&str; 2] = ["kernelopts", "default_kernelopts"];

/// Why a block cannot be edited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Broken {
    /// It is no environment block.
    Malformed,
    /// The longer names do not fit.
    Full,
}

/// The block with its device names replaced.
///
/// # Errors
/// There is something to replace, and it cannot be.
pub(super) fn rewrite(text: &str, editor: &mut Editor<'_>) -> Result<String, Broken> {
    let mut replacements = Vec::new();
    for (offset, line) in lines(text) {
        let Some((name, value)) = line.split_once('=') else { continue };
        // A value that goes on in the next line ends in a backslash; no command line does.
        if VARIABLES.contains(&name) && !value.trim_end_matches('\n').ends_with('\\') {
            replacements.extend(editor.line(value, offset + name.len() + 1));
        }
    }
    if replacements.is_empty() {
        return Ok(text.to_owned());
    }
    if text.len() != SIZE || !text.is_ascii() || !text.starts_with(SIGNATURE) {
        return Err(Broken::Malformed);
    }
    let new = replace(text, &replacements);
    let lines = new.trim_end_matches('#');
    if lines.len() > SIZE {
        return Err(Broken::Full);
    }
    Ok(format!("{lines}{}", "#".repeat(SIZE - lines.len())))
}
