//! Why an INF file cannot be used.

use thiserror::Error;

/// What is wrong with an INF file, and where.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{file} line {line}: {fault}")]
pub struct InfError {
    /// Name of the file.
    pub file: String,
    /// Line, from 1; 0 where no line is to blame.
    pub line: u32,
    /// What is wrong.
    pub fault: Fault,
}

/// What can be wrong with an INF file.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Fault {
    /// It is larger than what is read.
    #[error("{0} bytes, more than the {max} that are read", max = super::MAX_BYTES)]
    TooLarge(usize),
    /// It has more lines than are read.
    #[error("more than {max} lines", max = super::MAX_LINES)]
    TooManyLines,
    /// It has more sections than are read.
    #[error("more than {max} sections", max = super::MAX_SECTIONS)]
    TooManySections,
    /// A field is longer than Windows takes.
    #[error("a field of more than {max} characters", max = super::MAX_FIELD)]
    LongField,
    /// A section's name is longer than Windows takes.
    #[error("a section's name of more than {max} characters", max = super::MAX_SECTION_NAME)]
    LongSectionName,
    /// What its sections refer to is more than is kept.
    #[error("its sections refer to more than {max} entries", max = super::MAX_ENTRIES)]
    TooManyEntries,
    /// `[` without `]`.
    #[error("a section's name does not end")]
    OpenSectionName,
    /// Something before the first section.
    #[error("it does not begin with a section")]
    NoSection,
    /// It has no `[Version]` with one of the signatures that Windows knows.
    #[error("it has no signature of an INF file")]
    NoSignature,
    /// A section that is referred to does not exist.
    #[error("there is no section [{0}]")]
    Missing(String),
    /// A section lacks an entry that it has to have.
    #[error("[{section}] has no {entry}")]
    NoEntry {
        /// The section.
        section: String,
        /// What it lacks.
        entry: &'static str,
    },
    /// Files are copied, but nothing says where to.
    #[error("nothing says where the files of [{0}] go")]
    NoDestination(String),
    /// A value is not of the form that it has to have.
    #[error("{what} is not {wanted}: {value}")]
    Malformed {
        /// What the value is of.
        what: &'static str,
        /// What it should be.
        wanted: &'static str,
        /// The value.
        value: String,
    },
}
