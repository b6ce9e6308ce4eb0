//! GRUB legacy's `menu.lst` and `grub.conf` (GRUB 0.97 manual, "kernel", "module"): each line is a command, nothing is
//! quoted, and `root (hd0,0)` is GRUB's own name of where it reads from. Debian's update-grub keeps its settings in
//! comments (`# kopt=root=/dev/sda1 ro`).

use super::arguments::Editor;
use crate::linux::text::{Replacement, lines, replace};

/// Commands whose arguments are kernel arguments; with Xen the kernel is a module.
const LOADERS: [&str; 2] = ["kernel", "module"];

/// The text with its device names replaced.
pub(super) fn rewrite(text: &str, editor: &mut Editor<'_>) -> String {
    let edit = |(offset, line): (usize, &str)| -> Vec<Replacement> {
        let indent = line.len() - line.trim_start_matches([' ', '\t']).len();
        let rest = line.get(indent..).unwrap_or_default();
        match command_line(rest).or_else(|| setting(rest)) {
            Some(at) => editor.line(rest.get(at..).unwrap_or_default(), offset + indent + at),
            None => Vec::new(),
        }
    };
    let replacements: Vec<Replacement> = lines(text).flat_map(edit).collect();
    replace(text, &replacements)
}

/// Where the arguments begin: `kernel /vmlinuz …`, `kernel=/vmlinuz …`.
fn command_line(line: &str) -> Option<usize> {
    let end = line.find([' ', '\t', '='])?;
    LOADERS.contains(&line.get(..end)?).then_some(end + 1)
}

/// Where the value of `# kopt=…` or `# kopt_2_6=…` begins.
fn setting(line: &str) -> Option<usize> {
    let (name, _) = line.split_once('=')?;
    name.strip_prefix("# ")?.starts_with("kopt").then_some(name.len() + 1)
}
