//! The value of an entry, in the shape that its key takes. Every scalar is taken as its text: `1.10` stays `1.10`.

use super::de::Wrong;
use super::mistakes::Mistakes;
use super::tree::{Entry, Node, Value};
use crate::keys::{Key, Kind, MAX_ENTRIES, MAX_TEXT, Raw};
use crate::network;
use crate::settings::Settings;

/// Gives an entry's value to its key.
pub(crate) fn set(key: &Key, entry: &Entry, settings: &mut Settings, mistakes: &mut Mistakes) {
    let node = &entry.value;
    let wrong = match (&node.value, key.kind) {
        (Value::Nothing, _) => Err("has no value".to_owned().into()),
        (_, Kind::Section) => (key.set)(settings, Raw::Section(node.clone())),
        (Value::Text { .. }, _) => text(node).and_then(|text| (key.set)(settings, Raw::Text(text))),
        (Value::List(list), Kind::List | Kind::Map | Kind::Networks) => {
            texts(list).and_then(|texts| (key.set)(settings, Raw::List(texts)))
        }
        (Value::Map(entries), Kind::Map | Kind::Networks) => {
            return map(key, entry, entries, settings, mistakes);
        }
        (_, kind) => Err(format!("{} is given, {} is wanted", node.what(), wanted(kind)).into()),
    };
    note(&entry.name, node, wrong, mistakes);
}

fn note(name: &str, node: &Node, result: Result<(), Wrong>, mistakes: &mut Mistakes) {
    if let Err(wrong) = result {
        mistakes.add(wrong.at.unwrap_or(node.at), format!("{name}{}: {}", wrong.path, wrong.message));
    }
}

fn wanted(kind: Kind) -> &'static str {
    match kind {
        Kind::Scalar => "one value",
        Kind::List => "a list",
        Kind::Map | Kind::Networks => "a mapping",
        Kind::Section => "a section",
    }
}

/// Entries one by one, so that each mistake has its place.
fn map(key: &Key, whole: &Entry, entries: &[Entry], settings: &mut Settings, mistakes: &mut Mistakes) {
    for entry in entries.iter().take(MAX_ENTRIES) {
        let node = &entry.value;
        let read = match (&node.value, key.kind) {
            (Value::Map(parts), Kind::Networks) => network(parts, node),
            _ => text(node),
        };
        let result = read.and_then(|text| (key.set)(settings, Raw::Map(vec![(entry.name.clone(), text)])));
        note(&whole.name, node, result, mistakes);
    }
    if let Some(entry) = entries.get(MAX_ENTRIES) {
        mistakes.add(entry.at, format!("{}: has more than {MAX_ENTRIES} entries", whole.name));
    }
}

/// `{bridge: br1, vlan: [100, 200]}` in the form that a command line has: `bridge:br1;vlan=100;vlan=200`.
fn network(parts: &[Entry], node: &Node) -> Result<String, Wrong> {
    let mut target = None;
    let mut vlans = String::new();
    for part in parts {
        let at = |message: String| Wrong { at: Some(part.value.at), path: String::new(), message };
        match part.name.as_str() {
            kind @ ("bridge" | "network") if target.is_none() => {
                target = Some(format!("{kind}:{}", text(&part.value)?));
            }
            "bridge" | "network" => return Err(at("is both a bridge and a network".to_owned())),
            "vlan" => {
                let list = match &part.value.value {
                    Value::List(list) => texts(list)?,
                    _ => vec![text(&part.value)?],
                };
                for vlan in list {
                    network::vlan(&vlan).map_err(|e| at(e.to_string()))?;
                    vlans.push_str(&format!(";vlan={vlan}"));
                }
            }
            other => {
                let message = super::unknown(other, &["bridge", "network", "vlan"]);
                return Err(Wrong { at: Some(part.at), path: String::new(), message });
            }
        }
    }
    let target = target.ok_or_else(|| Wrong {
        at: Some(node.at),
        path: String::new(),
        message: "names neither a bridge nor a network".to_owned(),
    })?;
    Ok(target + &vlans)
}

fn texts(list: &[Node]) -> Result<Vec<String>, Wrong> {
    if let Some(node) = list.get(MAX_ENTRIES) {
        return Err(Wrong {
            at: Some(node.at),
            path: String::new(),
            message: format!("has more than {MAX_ENTRIES} entries"),
        });
    }
    list.iter().map(text).collect()
}

/// A text that is not too long.
pub(crate) fn text(node: &Node) -> Result<String, Wrong> {
    let wrong = |message: String| Wrong { at: Some(node.at), path: String::new(), message };
    match node.text() {
        Some(text) if text.len() > MAX_TEXT => Err(wrong(format!("a value is longer than {MAX_TEXT} bytes"))),
        Some(text) => Ok(text.to_owned()),
        None => Err(wrong(format!("{} is given, a text is wanted", node.what()))),
    }
}
