//! `%name%` and the strings that they stand for (Microsoft: "INF Strings Section").

use std::collections::BTreeMap;

use super::MAX_FIELD;
use super::lexer::{Section, Sections};

/// The section that English strings stand in where the file has no other.
const ENGLISH: u16 = 0x0409;
/// The bits of a language id without the country's.
const PRIMARY: u16 = 0x03ff;

/// Strings by their names in lower case.
#[derive(Debug, Clone, Default)]
pub(super) struct Strings {
    all: BTreeMap<String, String>,
}

impl Strings {
    /// `[Strings]`; those of the language come first, English ones last.
    pub(super) fn collect(sections: &Sections, language: Option<u16>) -> Self {
        let mut strings = Self::default();
        let named = |id: u16| sections.find(&format!("Strings.{id:04x}"));
        let chosen = language.and_then(named).into_iter();
        let chosen = chosen.chain(language.and_then(|id| named(id & PRIMARY)));
        for section in chosen.chain(sections.find("Strings")).chain(named(ENGLISH)) {
            strings.add(section);
        }
        strings
    }

    /// The first string of a name counts.
    fn add(&mut self, section: &Section) {
        for line in &section.lines {
            if let Some(key) = &line.key {
                self.all.entry(key.to_lowercase()).or_insert_with(|| line.value(0).to_owned());
            }
        }
    }

    pub(super) fn all(&self) -> &BTreeMap<String, String> {
        &self.all
    }

    /// Replaces every `%name%`; `%%` is one `%`; a name that there is no string for stays as it stands, as do the
    /// numbers of directories. What comes in is not looked at again, so that strings cannot go round in circles.
    pub(super) fn substitute(&self, text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        // Four bytes are the most that a character takes: longer than that is too long however it is counted.
        while let Some((before, after)) = rest.split_once('%').filter(|_| out.len() <= 4 * MAX_FIELD) {
            out.push_str(before);
            rest = match after.split_once('%') {
                Some(("", after)) => {
                    out.push('%');
                    after
                }
                Some((name, after)) => {
                    match self.all.get(&name.to_lowercase()) {
                        Some(value) => out.push_str(value),
                        None => out.extend(["%", name, "%"]),
                    }
                    after
                }
                None => {
                    out.push('%');
                    out.push_str(after);
                    ""
                }
            };
        }
        out.push_str(rest);
        if let Some((end, _)) = out.char_indices().nth(MAX_FIELD) {
            out.truncate(end);
        }
        out
    }

    /// Strings that refer to strings: Windows leaves these as they stand.
    pub(super) fn notes(&self) -> Vec<String> {
        let refers = |value: &str| {
            let inner = value.split('%').skip(1).step_by(2);
            inner.filter(|name| self.all.contains_key(&name.to_lowercase())).count() > 0
        };
        let nested = self.all.iter().filter(|(_, value)| refers(value));
        nested
            .map(|(name, value)| {
                format!("the string {name} refers to another, which Windows leaves as it is: {value}")
            })
            .collect()
    }
}
