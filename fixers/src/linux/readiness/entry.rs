//! What a boot loader starts by default.

use crate::facts::UkiFacts;

use super::paths::Place;

/// An entry of a boot loader's menu.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// File that it stands in.
    pub config: String,
    /// Its title, or what names it.
    pub title: String,
    /// Kernel image.
    pub kernel: Place,
    /// Initramfs images in the order in which they are loaded; microcode comes first, the initramfs last.
    pub initramfs: Vec<Place>,
    /// The kernel's command line.
    pub arguments: String,
    /// Kernel and initramfs are one file, of which this is known.
    pub unified: Option<UkiFacts>,
}

/// What came of reading a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Loaded {
    /// The entry that is started by default.
    Entry(Box<Entry>),
    /// There is none: the boot loader stops.
    Broken {
        /// What was looked at.
        subject: String,
        /// What is missing.
        why: String,
    },
    /// It cannot be told.
    Unknown {
        /// What was looked at.
        subject: String,
        /// Why.
        why: String,
    },
}

impl Loaded {
    pub(super) fn broken(subject: impl Into<String>, why: impl Into<String>) -> Self {
        Self::Broken { subject: subject.into(), why: why.into() }
    }

    pub(super) fn unknown(subject: impl Into<String>, why: impl Into<String>) -> Self {
        Self::Unknown { subject: subject.into(), why: why.into() }
    }
}
