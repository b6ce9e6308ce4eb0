//! Hives made of text, for tests: the lines of a `.reg` file, as [`super::lines`] writes them.
// Texts of tests: what is wrong in them is a mistake of the test.
#![allow(clippy::unwrap_used, dead_code)]

use super::{HiveEditor, RegData, empty};

/// A hive with what `text` lists.
///
/// # Panics
/// A line cannot be understood: the test is wrong.
pub(crate) fn hive(path: &str, text: &str) -> Vec<u8> {
    let mut editor = HiveEditor::new(&empty(path).unwrap()).unwrap();
    add(&mut editor, text);
    editor.hive().write().unwrap()
}

/// Adds what `text` lists.
pub(crate) fn add(editor: &mut HiveEditor, text: &str) {
    let mut key = String::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with(';')) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            key = name.to_owned();
            editor.create(&key).unwrap();
            continue;
        }
        let (name, rest) = match line.strip_prefix("@=") {
            Some(rest) => (String::new(), rest),
            None => {
                let (name, rest) = quoted(line);
                (name, rest.strip_prefix('=').unwrap_or_else(|| panic!("{line}")))
            }
        };
        editor.set(&key, &name, data(rest)).unwrap();
    }
}

fn data(text: &str) -> RegData {
    let bytes = |text: &str| -> Vec<u8> {
        let parts = text.split(',').filter(|part| !part.is_empty());
        parts.map(|part| u8::from_str_radix(part, 16).unwrap()).collect()
    };
    if text.starts_with('"') {
        return RegData::Sz(quoted(text).0);
    }
    let (kind, rest) = text.split_once(':').unwrap_or_else(|| panic!("{text}"));
    match kind {
        "expand" => RegData::ExpandSz(quoted(rest).0),
        "multi" => {
            let (mut all, mut rest) = (Vec::new(), rest);
            while rest.starts_with('"') {
                let (one, more) = quoted(rest);
                all.push(one);
                rest = more.trim_start_matches(',');
            }
            RegData::MultiSz(all)
        }
        "dword" => RegData::Dword(u32::from_str_radix(rest, 16).unwrap()),
        "qword" => RegData::Qword(u64::from_str_radix(rest, 16).unwrap()),
        "hex" => RegData::binary(bytes(rest)),
        other => {
            let kind = other.strip_prefix("hex(").and_then(|k| k.strip_suffix(')')).unwrap();
            RegData::from_raw(u32::from_str_radix(kind, 16).unwrap(), &bytes(rest))
        }
    }
}

/// The text between quotes at the beginning, and what follows.
fn quoted(text: &str) -> (String, &str) {
    let mut out = String::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (out, &text[at + 1..]),
            '\\' => out.extend(chars.next().map(|(_, c)| c)),
            c => out.push(c),
        }
    }
    panic!("no closing quote: {text}")
}
