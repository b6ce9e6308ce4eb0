//! Command lines in GRUB's configuration (GRUB manual, "Shell-like scripting", "linux", "menuentry").
//!
//! Only arguments of the commands that load a kernel are looked at. `set root=` and `search --set=root` are GRUB's own
//! names of where it reads from and are never touched.

use super::arguments::Editor;
use crate::linux::shell::{Token, Word, assignment, tokens};
use crate::linux::text::{Replacement, lines, replace};

/// Commands whose arguments are kernel arguments: of GRUB 2, its platform variants, GRUB legacy, and Xen's dom0.
const LOADERS: [&str; 6] = ["linux", "linux16", "linuxefi", "kernel", "module", "module2"];
/// Words after which another command begins.
const RESERVED: [&str; 11] = ["{", "}", "if", "then", "elif", "else", "fi", "while", "until", "do", "done"];
/// What grub-mkconfig writes around the entries of other systems.
const FOREIGN_BEGIN: &str = "### BEGIN /etc/grub.d/30_os-prober";
const FOREIGN_END: &str = "### END /etc/grub.d/30_os-prober";

/// The text with its device names replaced.
pub(super) fn rewrite(text: &str, editor: &mut Editor<'_>) -> String {
    let mut replacements = Vec::new();
    for (offset, line) in logical_lines(text) {
        if line.starts_with(FOREIGN_BEGIN) || line.starts_with(FOREIGN_END) {
            editor.foreign = line.starts_with(FOREIGN_BEGIN);
        }
        for command in commands(line, offset) {
            replacements.extend(edit_command(&command, editor));
        }
    }
    editor.foreign = false;
    replace(text, &replacements)
}

fn edit_command(words: &[Word], editor: &mut Editor<'_>) -> Vec<Replacement> {
    let Some((first, rest)) = words.split_first() else { return Vec::new() };
    if LOADERS.contains(&first.text.as_str()) {
        return editor.words(rest);
    }
    let assigning = if first.text == "set" { rest.first() } else { Some(first) };
    assigning.and_then(assignment).map(|a| editor.assigned_variable(&a)).unwrap_or_default()
}

/// The commands that load a kernel, each as its words.
pub(super) fn kernel_lines(text: &str) -> Vec<Vec<Word>> {
    let all = logical_lines(text).into_iter().flat_map(|(offset, line)| commands(line, offset));
    all.filter(|words| words.first().is_some_and(|w| LOADERS.contains(&w.text.as_str()))).collect()
}

/// The commands of a line. A quote that is left open ends with the line, so that one apostrophe does not hide the rest
/// of the file.
fn commands(line: &str, offset: usize) -> Vec<Vec<Word>> {
    let mut commands = vec![Vec::new()];
    for token in tokens(line, offset).0 {
        match token {
            Token::Word(word) if !RESERVED.contains(&word.text.as_str()) => {
                if let Some(command) = commands.last_mut() {
                    command.push(word);
                }
            }
            _ => commands.push(Vec::new()),
        }
    }
    commands
}

/// Lines, with those joined that end in a backslash.
fn logical_lines(text: &str) -> Vec<(usize, &str)> {
    let mut joined: Vec<(usize, &str)> = Vec::new();
    let mut continued = false;
    for (offset, line) in lines(text) {
        match joined.last_mut() {
            Some((start, whole)) if continued => {
                *whole = text.get(*start..offset + line.len()).unwrap_or(whole)
            }
            _ => joined.push((offset, line)),
        }
        let trimmed = line.trim_end_matches(['\n', '\r']);
        continued = (trimmed.len() - trimmed.trim_end_matches('\\').len()) % 2 == 1;
    }
    joined
}
