//! Reads a configuration file. Every mistake is told with its line and column.
//!
//! The YAML reader gives an error the place of the key or value at which it arose, and nothing else has a place. So
//! the text is read once per mistake: each pass stops at the first mistake that is not known yet, and leaves out the
//! entries whose mistakes are.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};

use crate::keys::{KEYS, Key};
use crate::nearest::nearest;
use crate::settings::Settings;

mod value;

/// Largest configuration file, in bytes. A file with every key and a hundred networks has ten thousand.
pub const MAX_FILE: usize = 256 << 10;

/// Most opening brackets. The scanner's time grows with the square of their depth: 10,000 take a second.
const MAX_BRACKETS: usize = 1000;

/// Most mistakes that are told of one file; each costs a pass.
const MAX_MISTAKES: usize = 20;

/// A mistake in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Line and column, from 1.
    pub at: Option<(usize, usize)>,
    /// What.
    pub message: String,
}

/// Reads the text of a configuration file.
///
/// # Errors
/// All mistakes in their order, the first 20 of them. A text that is no YAML has one.
pub fn settings(text: &str) -> Result<Settings, Vec<Mistake>> {
    if text.len() > MAX_FILE {
        let message =
            format!("{} bytes are more than the {MAX_FILE} that a configuration may have", text.len());
        return Err(vec![Mistake { at: None, message }]);
    }
    if text.bytes().filter(|b| matches!(b, b'[' | b'{')).count() > MAX_BRACKETS {
        let message = format!("more than {MAX_BRACKETS} brackets: this is no configuration");
        return Err(vec![Mistake { at: None, message }]);
    }
    let mut mistakes = Vec::new();
    let mut skip = BTreeSet::new();
    loop {
        let pass = Pass { skip: &skip, settings: RefCell::default(), failed: RefCell::default() };
        let result = Document(&pass).deserialize(serde_yaml::Deserializer::from_str(text));
        let Err(error) = result else {
            return if mistakes.is_empty() { Ok(pass.settings.into_inner()) } else { Err(mistakes) };
        };
        let at = error.location().map(|place| (place.line(), place.column()));
        let Some((entry, message)) = pass.failed.into_inner() else {
            mistakes.push(Mistake { at, message: without_place(&error.to_string()) });
            return Err(mistakes);
        };
        mistakes.push(Mistake { at, message });
        skip.insert(entry);
        if mistakes.len() >= MAX_MISTAKES {
            return Err(mistakes);
        }
    }
}

/// The reader's own message without its ` at line 3 column 7`, which stands in front already.
fn without_place(message: &str) -> String {
    message.split(" at line ").next().unwrap_or(message).to_owned()
}

/// One reading of the text.
struct Pass<'a> {
    /// Entries whose mistakes are known, counted from 0.
    skip: &'a BTreeSet<usize>,
    settings: RefCell<Settings>,
    /// Entry and mistake at which this pass stopped.
    failed: RefCell<Option<(usize, String)>>,
}

impl Pass<'_> {
    /// Stops the pass. The error itself only carries the place.
    fn stop<E: Error>(&self, entry: usize, message: String) -> E {
        *self.failed.borrow_mut() = Some((entry, message));
        E::custom("mistake")
    }

    /// Keeps an error of the reader's own as the mistake at which this pass stopped.
    fn note(&self, entry: usize, error: &impl fmt::Display) {
        self.failed.borrow_mut().get_or_insert_with(|| (entry, without_place(&error.to_string())));
    }
}

/// The whole document: a mapping, or nothing.
struct Document<'p, 'a>(&'p Pass<'a>);

impl<'de> DeserializeSeed<'de> for Document<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Document<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("settings as \"key: value\"")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = BTreeSet::new();
        for entry in 0.. {
            let name = Name { pass: self.0, entry, seen: &mut seen };
            match map.next_key_seed(name)? {
                None => break,
                Some(None) => {
                    map.next_value::<IgnoredAny>()?;
                }
                Some(Some(key)) => map.next_value_seed(value::Value { pass: self.0, entry, key })?,
            }
        }
        Ok(())
    }
}

/// The name of an entry; its key, or `None` for an entry that is left out.
struct Name<'p, 'a, 's> {
    pass: &'p Pass<'a>,
    entry: usize,
    seen: &'s mut BTreeSet<&'static str>,
}

impl<'de> DeserializeSeed<'de> for Name<'_, '_, '_> {
    type Value = Option<&'static Key>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_, '_, '_> {
    type Value = Option<&'static Key>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a setting")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        if self.pass.skip.contains(&self.entry) {
            return Ok(None);
        }
        let Some(key) = Key::find(name) else {
            return Err(self.pass.stop(self.entry, unknown(name)));
        };
        if !self.seen.insert(key.name) {
            return Err(self.pass.stop(self.entry, format!("{name} is set twice")));
        }
        Ok(Some(key))
    }
}

/// Longest part of a foreign text that a message repeats, in characters.
const SHOWN: usize = 60;

fn unknown(name: &str) -> String {
    let shown: String = name.chars().take(SHOWN).collect();
    match nearest(name, KEYS.iter().map(|key| key.name)) {
        Some(meant) => format!("unknown key {shown:?}; did you mean {meant:?}?"),
        None => {
            let known: Vec<&str> = KEYS.iter().map(|key| key.name).collect();
            format!("unknown key {shown:?}; the keys are {}", known.join(", "))
        }
    }
}

#[cfg(test)]
mod tests;
