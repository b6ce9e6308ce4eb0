//! An edit as people read it: a unified diff for text, a line for everything else.

use h2k_fixers::hive;
use h2k_fixers::{ArchiveEntry, Change, Content, Edit, EntryContent, Piece};
use similar::TextDiff;

use super::text::bytes;

/// Lines of context around a change.
const CONTEXT: usize = 2;

/// Headline of an edit: what is done to which path.
pub fn headline(edit: &Edit) -> String {
    match &edit.change {
        Change::Write { path, before: Some(_), .. } => format!("change {path}"),
        Change::Write { path, before: None, mode, .. } => format!("create {path} (mode {mode:04o})"),
        Change::Remove { path, .. } => format!("remove {path}"),
        Change::Rename { path, to } => format!("rename {path} to {to}"),
        Change::Symlink { path, before: None, target } => format!("link {path} -> {target}"),
        Change::Symlink { path, before: Some(old), target } => {
            format!("link {path} -> {target} (now -> {old})")
        }
        Change::Copy { from, path, size } => format!("copy {from} to {path} ({size} bytes)"),
        Change::Chmod { path, before, after } => format!("chmod {path} {before:04o} -> {after:04o}"),
        Change::AppendArchive { path, entries, estimate, .. } => {
            let files = entries.iter().filter(|e| e.content != EntryContent::Directory).count();
            format!("append to {path} an archive of {files} files (about {})", bytes(*estimate))
        }
        Change::Patch { path, .. } => format!("change {path} in place"),
        Change::Directory { path, mode } => format!("make directory {path} (mode {mode:04o})"),
        Change::Chown { path, before, after } => {
            format!("chown {path} {}:{} -> {}:{}", before.0, before.1, after.0, after.1)
        }
        Change::Append { path, .. } => format!("append to {path}"),
        Change::Erase { path, size } => format!("remove {path} ({size} bytes, not shown)"),
        Change::Label { path, label } => format!("label {path} {label}"),
        Change::BootSector { path, offset, before, after } => {
            let hex = |bytes: &hive::Hex| String::from(bytes.clone());
            format!("change the boot sector of {path} at byte {offset:#x}: {} -> {}", hex(before), hex(after))
        }
        Change::Registry { path, changes } => {
            format!("change the registry hive {path} ({} changes)", changes.len())
        }
        Change::Place { path, from, before, size, .. } => {
            let over = if before.is_some() { ", over what is there" } else { "" };
            format!("copy {from} of this host to {path} ({size} bytes{over})")
        }
        Change::Run { argv, changes } => {
            format!("run {} (changes {})", argv.join(" "), changes.join(", "))
        }
    }
}

/// Unified diff of an edit's text; empty where there is no text to show.
pub fn unified(edit: &Edit) -> String {
    match &edit.change {
        Change::Write { path, before: Some(before), after, .. } => between(path, Some(before), Some(after)),
        Change::Write { path, before: None, after, .. } => between(path, None, Some(after)),
        Change::Remove { path, before } => between(path, Some(before), None),
        Change::AppendArchive { entries, .. } => entries.iter().map(entry).collect(),
        Change::Patch { path, pieces, .. } => pieces.iter().map(|piece| inside(path, piece)).collect(),
        Change::Append { text, .. } => text.lines().map(|line| format!("+{line}\n")).collect(),
        Change::Registry { path, changes } => format!("--- a{path}\n+++ b{path}\n{}", hive::lines(changes)),
        _ => String::new(),
    }
}

/// An entry of an archive: the lines that are added to a file are the only text that there is of it.
fn entry(entry: &ArchiveEntry) -> String {
    let path = &entry.path;
    let lines = |what: &str, add: &[String]| {
        let lines: String = add.iter().map(|line| format!("+{line}\n")).collect();
        format!("{path}: {what}\n{lines}")
    };
    match &entry.content {
        EntryContent::Directory => String::new(),
        EntryContent::File { from, size, unpack } => {
            let unpacked = if *unpack { ", unpacked" } else { "" };
            format!("{path}: the guest's {from} ({}{unpacked})\n", bytes(*size))
        }
        EntryContent::Lines { add } => lines("lines are added", add),
        EntryContent::Index { add } => lines("lines are added, and it is made into its .bin", add),
    }
}

/// Bytes inside of a file: a diff where they are text.
fn inside(path: &str, piece: &Piece) -> String {
    let is_text = |content: &Content| matches!(content, Content::Text(_));
    if is_text(&piece.before) && is_text(&piece.after) {
        return between(path, Some(&piece.before), Some(&piece.after));
    }
    let hex = |content: &Content| {
        let bytes = content.to_bytes().unwrap_or_default();
        bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
    };
    format!("at byte {}: {} becomes {}\n", piece.offset, hex(&piece.before), hex(&piece.after))
}

fn between(path: &str, before: Option<&Content>, after: Option<&Content>) -> String {
    let text = |content: Option<&Content>| match content {
        None => Some(String::new()),
        Some(Content::Text(text)) => Some(text.clone()),
        Some(Content::Base64(_)) => None,
    };
    let (Some(old), Some(new)) = (text(before), text(after)) else {
        return format!("binary file {path} differs\n");
    };
    let name = |prefix: char, content: Option<&Content>| match content {
        Some(_) => format!("{prefix}{path}"),
        None => "/dev/null".to_owned(),
    };
    TextDiff::from_lines(&old, &new)
        .unified_diff()
        .context_radius(CONTEXT)
        .header(&name('a', before), &name('b', after))
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_line_shows_as_a_unified_diff() {
        let edit =
            Edit::rewrite("linux.fstab", "/etc/fstab", "a\n/dev/sda1 /\nb\n", "a\nUUID=1 /\nb\n", "why");
        assert_eq!(
            unified(&edit),
            "--- a/etc/fstab\n+++ b/etc/fstab\n@@ -1,3 +1,3 @@\n a\n-/dev/sda1 /\n+UUID=1 /\n b\n"
        );
    }

    #[test]
    fn a_new_file_comes_from_nowhere() {
        let edit = Edit::create("x", "/etc/new", "one\n", 0o644, "why");
        assert!(unified(&edit).starts_with("--- /dev/null\n+++ b/etc/new\n"));
        assert_eq!(headline(&edit), "create /etc/new (mode 0644)");
    }
}
