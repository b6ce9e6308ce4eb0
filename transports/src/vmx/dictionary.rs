//! VMware's dictionary format: the text of `.vmx` and `.vmsd` files.
//!
//! The grammar, as VMware's own reader (`lib/dict/dictll.c` of open-vm-tools) has it:
//!
//! ```text
//! name = "quoted value"   # comment       the quoted value holds no double quote
//! name = value            # comment       the bare value holds no blank and no #
//! name =                  # comment       the empty value
//! # comment
//! ```
//!
//! Within a value `|XX` (two hexadecimal digits) stands for a byte; so `|22` is a double quote and `|7C` the
//! pipe itself. Escapes are undone on the bytes, before the encoding is looked at: in GBK and Big5 the second
//! byte of a character may be a pipe.
//!
//! Names are the same whatever their case. A name that is defined twice makes VMware refuse the file ("is
//! already defined"), so such a file was edited after it last ran: the last line wins and a warning says so.

use std::collections::BTreeMap;
use std::str::FromStr;

use encoding_rs::{Encoding, UTF_8};

use super::lines::{Line, split_line};
use crate::features::Settings;
use crate::source::Tristate;
use crate::text::{encoding_for, without_mark};

/// Warnings about single lines that are kept: a hostile file has a million bad lines, a reader no use for
/// them.
const MAX_LINE_WARNINGS: usize = 20;

/// The key that names the encoding of all values.
const ENCODING_KEY: &str = ".encoding";

/// The entries of a dictionary file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dictionary {
    /// Lower-case name → value.
    entries: BTreeMap<String, String>,
}

impl Dictionary {
    /// Reads `bytes`; never fails. What could not be read is in the warnings.
    pub fn parse(bytes: &[u8]) -> (Self, Vec<String>) {
        let (text, fixed) = without_mark(bytes);
        let mut notes = Notes::default();
        let mut pairs = Vec::new();
        for (index, line) in text.split(|b| *b == b'\n').enumerate() {
            let number = index + 1;
            match split_line(line) {
                Line::Empty => {}
                Line::Pair { name, value } => pairs.push((number, name, value)),
                Line::Malformed => notes.line(number, "is neither `name = \"value\"` nor a comment"),
            }
        }
        let encoding = fixed.unwrap_or_else(|| declared_encoding(&pairs, &mut notes));
        let mut dictionary = Self::default();
        for (number, name, value) in pairs {
            let (name, bad_name) = encoding.decode_without_bom_handling(name);
            let (value, bad_value) = encoding.decode_without_bom_handling(&value);
            if bad_name || bad_value {
                notes.line(
                    number,
                    &format!("holds bytes that are not {}; they are replaced", encoding.name()),
                );
            }
            let earlier = dictionary.insert(&name, value.as_ref());
            if earlier.is_some_and(|earlier| earlier != value) {
                notes.line(
                    number,
                    &format!("defines {name:?} again with another value; the last one is taken"),
                );
            }
        }
        (dictionary, notes.finish())
    }

    /// Sets an entry and returns what was there.
    pub fn insert(&mut self, name: &str, value: impl Into<String>) -> Option<String> {
        self.entries.insert(name.to_ascii_lowercase(), value.into())
    }

    /// The value of `name` (any case), as it stands.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.entries.get(&name.to_ascii_lowercase()).map(String::as_str)
    }

    /// The value of `name` without blanks around it; `None` if it is empty, which is how VMware unsets an
    /// entry.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).map(str::trim).filter(|value| !value.is_empty())
    }

    /// The value of `name` as a switch (`TRUE`, `FALSE`).
    pub fn switch(&self, name: &str) -> Tristate {
        match self.text(name).map(str::to_ascii_lowercase).as_deref() {
            Some("true" | "t" | "yes" | "y" | "on" | "1") => Tristate::Yes,
            Some("false" | "f" | "no" | "n" | "off" | "0") => Tristate::No,
            _ => Tristate::Unknown,
        }
    }

    /// The value of `name` as a decimal number; `None` if it is none.
    pub fn number<T: FromStr>(&self, name: &str) -> Option<T> {
        self.text(name)?.parse().ok()
    }

    /// All entries whose lower-case name starts with `prefix`, in order of their names.
    pub fn starting_with<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.entries
            .range(prefix.to_owned()..)
            .take_while(move |(name, _)| name.starts_with(prefix))
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The entries as settings: what a `.vmx` does not mention is off.
    pub(crate) fn settings(&self) -> Settings<'_> {
        Settings { keys: &self.entries, absent: Tristate::No }
    }

    /// The entries as a file in UTF-8, in order of their names; [`Dictionary::parse`] reads it back.
    pub fn to_text(&self) -> String {
        let mut text = format!("{ENCODING_KEY} = \"UTF-8\"\n");
        for (name, value) in self.entries.iter().filter(|(name, _)| *name != ENCODING_KEY) {
            text.push_str(name);
            text.push_str(" = \"");
            for c in value.chars() {
                match c {
                    '"' | '|' | '\x7f' => text.push_str(&format!("|{:02X}", u32::from(c))),
                    c if c < ' ' && c != '\t' => text.push_str(&format!("|{:02X}", u32::from(c))),
                    c => text.push(c),
                }
            }
            text.push_str("\"\n");
        }
        text
    }
}

/// The encoding that the file declares; UTF-8 if it declares none, which is also what its names are read as.
fn declared_encoding(pairs: &[(usize, &[u8], Vec<u8>)], notes: &mut Notes) -> &'static Encoding {
    let declared = pairs.iter().find(|(_, name, _)| name.eq_ignore_ascii_case(ENCODING_KEY.as_bytes()));
    let Some((number, _, label)) = declared else { return UTF_8 };
    let label = String::from_utf8_lossy(label);
    encoding_for(&label).unwrap_or_else(|| {
        notes
            .line(*number, &format!("names the encoding {label:?}, which is not known; it is read as UTF-8"));
        UTF_8
    })
}

/// Warnings about lines, bounded.
#[derive(Default)]
struct Notes {
    kept: Vec<String>,
    left_out: usize,
}

impl Notes {
    fn line(&mut self, number: usize, what: &str) {
        if self.kept.len() < MAX_LINE_WARNINGS {
            self.kept.push(format!("line {number} {what}"));
        } else {
            self.left_out += 1;
        }
    }

    fn finish(mut self) -> Vec<String> {
        if self.left_out > 0 {
            self.kept.push(format!("{} more lines like these", self.left_out));
        }
        self.kept
    }
}

#[cfg(test)]
#[path = "dictionary_tests.rs"]
mod tests;
