//! Boot Loader Specification entries ("Type #1", the keys `options` and `options-…`), and extlinux's `append`: lines of
//! a key and a command line.

use super::arguments::Editor;
use crate::linux::text::{lines, replace};

/// The text with device names replaced on the lines whose key is `wanted`, in any case of letters.
pub(super) fn rewrite(text: &str, wanted: &str, editor: &mut Editor<'_>) -> String {
    let mut replacements = Vec::new();
    for (offset, line) in lines(text) {
        let indent = line.len() - line.trim_start_matches([' ', '\t']).len();
        let Some((key, value)) = line.get(indent..).and_then(|l| l.split_once([' ', '\t'])) else { continue };
        if key.eq_ignore_ascii_case(wanted) {
            replacements.extend(editor.line(value, offset + indent + key.len() + 1));
        }
    }
    replace(text, &replacements)
}
