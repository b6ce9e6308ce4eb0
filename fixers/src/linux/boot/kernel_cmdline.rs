//! `/etc/kernel/cmdline` (kernel-install(8)): the file is a command line. Lines that begin with `#` are comments.

use super::arguments::Editor;
use crate::linux::text::{lines, replace};

/// The text with its device names replaced.
pub(super) fn rewrite(text: &str, editor: &mut Editor<'_>) -> String {
    let mut replacements = Vec::new();
    for (offset, line) in lines(text).filter(|(_, line)| !line.starts_with('#')) {
        replacements.extend(editor.line(line, offset));
    }
    replace(text, &replacements)
}
