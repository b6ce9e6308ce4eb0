//! Files of variables that GRUB loads. Its environment block (GRUB manual, "The GRUB environment block"): a file of exactly 1024 bytes, since GRUB
//! writes it in place without a file system driver that could make it grow. After the signature come lines
//! `name=value`; `#` fills the rest. Files that are only read (`load_env -f`, Photon's photon.cfg) have any size.

use super::arguments::Editor;
use super::variables::Variable;
use crate::linux::text::{lines, replace};

/// Size of the file in bytes.
const SIZE: usize = 1024;
/// First line.
const SIGNATURE: &str = "# GRUB Environment Block\n";

/// Why a block cannot be edited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Broken {
    /// It is no environment block.
    Malformed,
    /// The longer names do not fit.
    Full,
}

/// The block with its device names replaced. Of any size, if `written` is not set: GRUB only reads it.
///
/// # Errors
/// There is something to replace, and it cannot be.
pub(super) fn rewrite(text: &str, written: bool, editor: &mut Editor<'_>) -> Result<String, Broken> {
    let mut replacements = Vec::new();
    for (offset, line) in lines(text) {
        let Some((name, value)) = line.split_once('=') else { continue };
        let (value, at) = (value.trim_end_matches(['\n', '\r']), offset + name.len() + 1);
        // A value that goes on in the next line ends in a backslash; no command line does.
        if value.ends_with('\\') {
            continue;
        }
        replacements.extend(match editor.variables.get(name).cloned() {
            Some(Variable::Line) => editor.line(value, at),
            Some(Variable::Device(key)) => editor.device(value, &key, at),
            None => continue,
        });
    }
    if replacements.is_empty() {
        return Ok(text.to_owned());
    }
    if !written && text.len() != SIZE {
        return Ok(replace(text, &replacements));
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
