//! What the sections of a file come to for one Windows.

use std::collections::HashMap;
use std::sync::Arc;

use super::error::Fault;
use super::lexer::{Section, Sections};
use super::number::integer;
use super::strings::Strings;
use super::types::{Install, Text};
use super::{MAX_ENTRIES, MAX_LINES};
use crate::windows::WindowsTarget;

/// Most lines that are looked at: a section may be referred to many times.
const MAX_VISITS: usize = 40 * MAX_LINES;

/// What is wrong, and in which line.
pub(super) type Failure = (u32, Fault);

/// Reads a file for one Windows.
pub(super) struct Resolver<'a> {
    pub(super) sections: &'a Sections,
    pub(super) strings: &'a Strings,
    pub(super) target: WindowsTarget,
    pub(super) installs: HashMap<String, Arc<Install>>,
    /// Destination by the name of the section in lower case.
    pub(super) destinations: HashMap<String, &'a super::Line>,
    /// Line of SourceDisksFiles by the name of the file in lower case.
    pub(super) sources: HashMap<String, &'a super::Line>,
    /// Line of SourceDisksNames by the disk's number.
    pub(super) disks: HashMap<i64, &'a super::Line>,
    entries: usize,
    visits: usize,
}

impl<'a> Resolver<'a> {
    pub(super) fn new(sections: &'a Sections, strings: &'a Strings, target: WindowsTarget) -> Self {
        let mut resolver = Self {
            sections,
            strings,
            target,
            installs: HashMap::new(),
            destinations: HashMap::new(),
            sources: HashMap::new(),
            disks: HashMap::new(),
            entries: MAX_ENTRIES,
            visits: MAX_VISITS,
        };
        resolver.destinations = resolver.keyed(&["DestinationDirs".to_owned()]);
        let decorated = |name: &str| [format!("{name}.{}", target.arch), name.to_owned()];
        resolver.sources = resolver.keyed(&decorated("SourceDisksFiles"));
        let disks = resolver.keyed(&decorated("SourceDisksNames")).into_iter();
        resolver.disks = disks.filter_map(|(id, line)| Some((integer("a disk", &id).ok()?, line))).collect();
        resolver
    }

    /// Lines of sections by their keys in lower case; the first of a key counts.
    fn keyed(&self, names: &[String]) -> HashMap<String, &'a super::Line> {
        let mut keyed = HashMap::new();
        for line in names.iter().filter_map(|name| self.sections.find(name)).flat_map(|s| &s.lines) {
            // A file that nothing is said of may stand without `=`.
            let key = line.key.as_deref().unwrap_or_else(|| line.value(0));
            keyed.entry(self.text(key).to_lowercase()).or_insert(line);
        }
        keyed
    }

    /// A text with its strings.
    pub(super) fn text(&self, raw: &str) -> String {
        self.strings.substitute(raw).trim().to_owned()
    }

    /// A text with and without its strings.
    pub(super) fn both(&self, raw: &str) -> Text {
        Text { token: raw.to_owned(), value: self.text(raw) }
    }

    /// Counts what is kept.
    pub(super) fn keep(&mut self, line: u32) -> Result<(), Failure> {
        self.entries = self.entries.checked_sub(1).ok_or((line, Fault::TooManyEntries))?;
        Ok(())
    }

    /// Counts the lines of a section that is looked at.
    pub(super) fn visit(&mut self, section: &Section) -> Result<(), Failure> {
        let lines = section.lines.len() + 1;
        self.visits = self.visits.checked_sub(lines).ok_or((section.line, Fault::TooManyEntries))?;
        Ok(())
    }

    /// Everything that the lines with a key name, with the line: `AddReg = a, b`.
    pub(super) fn named(&self, section: &Section, key: &str) -> Vec<(String, u32)> {
        let lines = section.lines.iter().filter(|line| line.is(key));
        let names = lines.flat_map(|line| line.values.iter().map(move |value| (value, line.number)));
        names.map(|(value, line)| (self.text(value), line)).filter(|(name, _)| !name.is_empty()).collect()
    }
}
