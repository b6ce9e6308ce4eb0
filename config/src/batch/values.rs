//! Values of a batch file, each with its place in what is said of it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::nearest::nearest;
use crate::yaml::tree::{Entry, Node, Value};
use crate::yaml::{Mistakes, SHOWN, value};

/// Longest name of a VM, a wave or a batch in bytes: `NAME_MAX` is 255, less what h2k appends.
const MAX_NAME: usize = 200;

/// Longest time limit of a hook: a week.
const MAX_TIMEOUT: u64 = 7 * 86_400;

/// Where relative paths start.
#[derive(Debug, Clone, Copy)]
pub(super) struct Base<'a> {
    pub(super) dir: &'a Path,
    pub(super) home: Option<&'a Path>,
}

impl Base<'_> {
    /// Absolute: below the batch file's directory, or below the home directory where it begins with `~/`.
    pub(super) fn path(&self, text: &str) -> PathBuf {
        match (text.strip_prefix("~/"), self.home) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => self.dir.join(text),
        }
    }
}

/// What the values of one mapping's entries say; a mistake makes none.
pub(super) struct Reading<'m> {
    pub(super) mistakes: &'m mut Mistakes,
}

impl Reading<'_> {
    pub(super) fn wrong<T>(&mut self, node: &Node, message: impl Into<String>) -> Option<T> {
        self.mistakes.add(node.at, message);
        None
    }

    /// A text that is not empty.
    pub(super) fn text(&mut self, entry: &Entry) -> Option<String> {
        self.text_of(&entry.name, &entry.value)
    }

    pub(super) fn text_of(&mut self, name: &str, node: &Node) -> Option<String> {
        if matches!(node.value, Value::Nothing) {
            return self.wrong(node, format!("{name}: has no value"));
        }
        match value::text(node) {
            Ok(text) if text.is_empty() => self.wrong(node, format!("{name}: has no value")),
            Ok(text) => Some(text),
            Err(wrong) => self.wrong(node, format!("{name}: {}", wrong.message)),
        }
    }

    /// One text or several; at least one.
    pub(super) fn texts<'n>(&mut self, entry: &'n Entry) -> Option<Vec<(String, &'n Node)>> {
        let list = match &entry.value.value {
            Value::List(list) if list.is_empty() => {
                return self.wrong(&entry.value, format!("{}: has no value", entry.name));
            }
            Value::List(list) => list.iter().collect(),
            _ => vec![&entry.value],
        };
        let texts: Vec<_> = list.iter().map(|node| Some((self.text_of(&entry.name, node)?, *node))).collect();
        texts.into_iter().collect()
    }

    /// A name of a VM, a wave or a batch: it becomes part of a path.
    pub(super) fn name(&mut self, entry: &Entry) -> Option<String> {
        let text = self.text(entry)?;
        let bad = text.len() > MAX_NAME
            || text.starts_with('.')
            || text.trim() != text
            || text.contains(|c: char| c == '/' || c.is_control());
        if bad {
            let message = format!(
                "{}: {:?} is no name: no slash, no dot or blank in front, {MAX_NAME} bytes at most",
                entry.name,
                shown(&text)
            );
            return self.wrong(&entry.value, message);
        }
        Some(text)
    }

    /// A whole number.
    pub(super) fn number(&mut self, entry: &Entry, least: i64, most: i64) -> Option<i64> {
        let text = self.text(entry)?;
        match text.parse() {
            Ok(number) if (least..=most).contains(&number) => Some(number),
            _ => {
                let message =
                    format!("{}: {:?} is no number from {least} to {most}", entry.name, shown(&text));
                self.wrong(&entry.value, message)
            }
        }
    }

    /// One of several words.
    pub(super) fn choice(&mut self, entry: &Entry, words: &[&'static str]) -> Option<&'static str> {
        let text = self.text(entry)?;
        if let Some(word) = words.iter().find(|word| **word == text) {
            return Some(word);
        }
        let meant = nearest(&text, words.iter().copied());
        let meant = meant.map_or(String::new(), |meant| format!("; did you mean {meant:?}?"));
        let message = format!("{}: {:?} is none of {}{meant}", entry.name, shown(&text), words.join(", "));
        self.wrong(&entry.value, message)
    }

    /// Seconds since the epoch.
    pub(super) fn time(&mut self, entry: &Entry) -> Option<i64> {
        let text = self.text(entry)?;
        match text.parse::<jiff::Timestamp>() {
            Ok(time) => Some(time.as_second()),
            Err(_) => {
                let message = format!(
                    "{}: {:?} is no time with its distance from UTC, such as 2030-01-12T01:00:00+01:00",
                    entry.name,
                    shown(&text)
                );
                self.wrong(&entry.value, message)
            }
        }
    }

    /// `30s`, `5m`, `1h`; a number alone is seconds.
    pub(super) fn duration(&mut self, entry: &Entry) -> Option<Duration> {
        let text = self.text(entry)?;
        let units = [('s', 1), ('m', 60), ('h', 3600)];
        let unit = units.iter().find_map(|(unit, seconds)| Some((text.strip_suffix(*unit)?, *seconds)));
        let (number, seconds) = unit.unwrap_or((&text, 1));
        let seconds = number.parse::<u64>().ok().and_then(|n| n.checked_mul(seconds));
        match seconds.filter(|seconds| (1..=MAX_TIMEOUT).contains(seconds)) {
            Some(seconds) => Some(Duration::from_secs(seconds)),
            None => {
                let message = format!(
                    "{}: {:?} is no time such as 30s, 5m or 1h, a week at most",
                    entry.name,
                    shown(&text)
                );
                self.wrong(&entry.value, message)
            }
        }
    }

    /// Bytes: a number with K, M, G or T for powers of 1024; `iB` may follow.
    pub(super) fn bytes(&mut self, entry: &Entry) -> Option<u64> {
        let text = self.text(entry)?;
        match crate::keys::rate(text.strip_suffix("iB").unwrap_or(&text)) {
            Ok(bytes) => Some(bytes),
            Err(_) => {
                let message =
                    format!("{}: {:?} is no number of bytes such as 512M or 8GiB", entry.name, shown(&text));
                self.wrong(&entry.value, message)
            }
        }
    }
}

/// As much of a foreign text as a message repeats.
pub(super) fn shown(text: &str) -> String {
    text.chars().take(SHOWN).collect()
}
