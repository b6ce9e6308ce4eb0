//! INF files, read as Windows' SetupAPI reads them.
//!
//! ```text
//!  bytes ─▶ text (encoding) ─▶ lexer (sections, lines, fields) ─▶ Inf
//!                                                                  │ resolve(target)
//!     [Manufacturer] ─▶ decoration ─▶ models ─▶ install ─┬─▶ service, registry
//!                                                        └─▶ files
//! ```
//!
//! The grammar is that of Microsoft's "General Syntax Rules for INF Files"; each directive is cited where it is read.
//! An INF file of a driver is the vendor's text: everything is bounded, and an error names file and line.

mod decoration;
mod error;
mod files;
mod install;
mod lexer;
mod models;
mod number;
mod place;
mod registry;
mod resolver;
mod service;
mod strings;
mod text;
mod types;
mod version;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use error::{Fault, InfError};
pub use lexer::{Line, Section};
pub use place::{Directory, Place};
pub use types::{CopyFile, Device, EventLog, Install, RegistryData, RegistryValue, Root, Service, Text};
pub use version::{DriverVersion, Version};

use crate::windows::WindowsTarget;
use lexer::Sections;
use strings::Strings;

/// Largest INF file that is read, in bytes: Windows' own largest are below two million.
pub const MAX_BYTES: usize = 4 * 1024 * 1024;
/// Most lines.
pub const MAX_LINES: usize = 100_000;
/// Most sections.
pub const MAX_SECTIONS: usize = 10_000;
/// Longest field in characters, before and after substitution (General Syntax Rules, INF Size Limits).
pub const MAX_FIELD: usize = 4095;
/// Longest name of a section in characters (General Syntax Rules, Section Names).
pub const MAX_SECTION_NAME: usize = 255;
/// Most models, files, services and registry values that sections may refer to, counted each time.
pub const MAX_ENTRIES: usize = 100_000;

/// An INF file.
#[derive(Debug, Clone)]
pub struct Inf {
    file: String,
    sections: Sections,
    strings: Strings,
    version: Version,
}

impl Inf {
    /// Reads an INF file.
    ///
    /// # Errors
    /// It is larger than the limits, its text is none, or it has no `[Version]` section that Windows knows.
    pub fn parse(file: &str, bytes: &[u8]) -> Result<Self, InfError> {
        Self::parse_for(file, bytes, None)
    }

    /// Reads an INF file with the strings of a language (a Windows language id: 0x0407), where it has them.
    ///
    /// # Errors
    /// As for [`Inf::parse`].
    pub fn parse_for(file: &str, bytes: &[u8], language: Option<u16>) -> Result<Self, InfError> {
        let fail = |line, fault| InfError { file: file.to_owned(), line, fault };
        if bytes.len() > MAX_BYTES {
            return Err(fail(0, Fault::TooLarge(bytes.len())));
        }
        let sections = lexer::read(&text::decode(bytes)).map_err(|(line, fault)| fail(line, fault))?;
        let strings = Strings::collect(&sections, language);
        let version = version::read(&sections, &strings).map_err(|(line, fault)| fail(line, fault))?;
        Ok(Self { file: file.to_owned(), sections, strings, version })
    }

    /// Name of the file.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// `[Version]`.
    pub fn version(&self) -> &Version {
        &self.version
    }

    /// The strings that `%…%` stand for: names in lower case, values as they stand.
    pub fn strings(&self) -> &BTreeMap<String, String> {
        self.strings.all()
    }

    /// What Windows does not do, though the file's author may have meant it.
    pub fn notes(&self) -> Vec<String> {
        self.strings.notes()
    }

    /// A section by its name, in any case.
    pub fn section(&self, name: &str) -> Option<&Section> {
        self.sections.find(name)
    }

    /// All lines of all sections.
    pub fn lines(&self) -> impl Iterator<Item = &Line> {
        self.sections.iter().flat_map(|section| &section.lines)
    }

    /// Replaces every `%name%` in a text.
    pub fn substitute(&self, text: &str) -> String {
        self.strings.substitute(text)
    }

    /// The devices that the file has drivers for on a Windows, in the file's order; none if its decorations exclude it.
    ///
    /// # Errors
    /// A section that is needed is missing or says what no section may say.
    pub fn resolve(&self, target: &WindowsTarget) -> Result<Vec<Device>, InfError> {
        let fail = |(line, fault)| InfError { file: self.file.clone(), line, fault };
        resolver::Resolver::new(&self.sections, &self.strings, *target).devices().map_err(fail)
    }

    /// Files that `[SourceDisksFiles]` lists for an architecture: name, directory below that of the INF file with `/`,
    /// line.
    pub fn listed_files(&self, target: &WindowsTarget) -> Vec<(String, String, u32)> {
        resolver::Resolver::new(&self.sections, &self.strings, *target).listed_files()
    }
}
