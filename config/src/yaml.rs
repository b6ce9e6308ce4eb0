//! Reads a configuration file. Every mistake is told with its line and column.

mod build;
pub mod de;
pub mod mistakes;
pub mod tree;
pub(crate) mod value;

use crate::keys::{KEYS, Key};
use crate::nearest::nearest;
use crate::settings::Settings;

pub use mistakes::{Mistake, Mistakes, Place};
use tree::{Entry, Limits, Node, Value};

/// Largest configuration file, in bytes. A file with every key and a hundred networks has ten thousand.
pub const MAX_FILE: usize = 256 << 10;

/// Most values of a configuration file, with those that aliases repeat.
const MAX_NODES: usize = 50_000;

/// Longest part of a foreign text that a message repeats, in characters.
pub(crate) const SHOWN: usize = 60;

/// Reads the text of a configuration file.
///
/// # Errors
/// All mistakes in their order, the first 20 of them. A text that is no YAML has one.
pub fn settings(text: &str) -> Result<Settings, Mistakes> {
    let mut mistakes = Mistakes::default();
    let limits = Limits { bytes: MAX_FILE, nodes: MAX_NODES };
    let settings = match tree::read(text, limits, &mut mistakes) {
        Some(root) => section(&root, &mut mistakes),
        None => Settings::default(),
    };
    mistakes.end(settings)
}

/// The settings of a mapping that holds nothing else.
pub(crate) fn section(node: &Node, mistakes: &mut Mistakes) -> Settings {
    let mut settings = Settings::default();
    for entry in entries(node, mistakes) {
        match Key::find(&entry.name) {
            Some(key) => value::set(key, entry, &mut settings, mistakes),
            None => mistakes.add(entry.at, unknown(&entry.name, &key_names())),
        }
    }
    settings
}

/// The entries of a mapping; nothing has none.
pub(crate) fn entries<'a>(node: &'a Node, mistakes: &mut Mistakes) -> &'a [Entry] {
    match &node.value {
        Value::Map(entries) => entries,
        Value::Nothing => &[],
        _ => {
            mistakes.add(node.at, format!("{} is given, settings as \"key: value\" are wanted", node.what()));
            &[]
        }
    }
}

/// Names of all settings.
pub(crate) fn key_names() -> Vec<&'static str> {
    KEYS.iter().map(|key| key.name).collect()
}

/// What is said of a key that there is not.
pub(crate) fn unknown(name: &str, known: &[&str]) -> String {
    let shown: String = name.chars().take(SHOWN).collect();
    if name == "<<" {
        return "YAML's merge key is not taken: what several VMs share stands in defaults".to_owned();
    }
    match nearest(name, known.iter().copied()) {
        Some(meant) => format!("unknown key {shown:?}; did you mean {meant:?}?"),
        None => format!("unknown key {shown:?}; the keys are {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests;
