//! Values that are one of a few names. The names are the same on the command line, in the environment and in files.

use std::fmt;

use thiserror::Error;

use crate::policy::{CloudInit, Compress, DiskBus, Engine, InitramfsWay, NicModel, TargetFormat, Tools};

/// A text that is none of the names.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{given:?} is none of {}", expected.join(", "))]
pub struct ChoiceError {
    /// What was given.
    pub given: String,
    /// The names there are.
    pub expected: Vec<&'static str>,
}

/// A type with a few named values.
pub trait Choice: Copy + PartialEq + 'static {
    /// Every value with its name.
    const ALL: &'static [(&'static str, Self)];

    /// The names, in order.
    fn names() -> Vec<&'static str> {
        Self::ALL.iter().map(|(name, _)| *name).collect()
    }

    /// The value's name.
    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, value)| *value == self).map_or("", |(name, _)| name)
    }

    /// The value of a name.
    ///
    /// # Errors
    /// There is no such name.
    fn parse(text: &str) -> Result<Self, ChoiceError> {
        let found = Self::ALL.iter().find(|(name, _)| *name == text);
        found
            .map(|(_, value)| *value)
            .ok_or_else(|| ChoiceError { given: text.to_owned(), expected: Self::names() })
    }
}

/// Form of what goes to stderr.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

impl Choice for LogFormat {
    const ALL: &'static [(&'static str, Self)] = &[("text", Self::Text), ("json", Self::Json)];
}

impl Choice for DiskBus {
    const ALL: &'static [(&'static str, Self)] =
        &[("virtio-blk", Self::VirtioBlk), ("virtio-scsi", Self::VirtioScsi), ("sata", Self::Sata)];
}

impl Choice for NicModel {
    const ALL: &'static [(&'static str, Self)] = &[
        ("virtio", Self::Virtio),
        ("e1000e", Self::E1000e),
        ("e1000", Self::E1000),
        ("rtl8139", Self::Rtl8139),
    ];
}

impl Choice for TargetFormat {
    const ALL: &'static [(&'static str, Self)] = &[("qcow2", Self::Qcow2), ("raw", Self::Raw)];
}

impl Choice for Compress {
    const ALL: &'static [(&'static str, Self)] = &[("zstd", Self::Zstd), ("zlib", Self::Zlib)];
}

impl Choice for InitramfsWay {
    const ALL: &'static [(&'static str, Self)] =
        &[("auto", Self::Auto), ("append", Self::Append), ("tool", Self::Tool)];
}

impl Choice for CloudInit {
    const ALL: &'static [(&'static str, Self)] =
        &[("keep", Self::Keep), ("no-network", Self::NoNetwork), ("disable", Self::Disable)];
}

impl Choice for Engine {
    const ALL: &'static [(&'static str, Self)] = &[("native", Self::Native), ("qemu", Self::Qemu)];
}

impl Choice for Tools {
    const ALL: &'static [(&'static str, Self)] =
        &[("keep", Self::Keep), ("mask", Self::Mask), ("remove", Self::Remove)];
}

impl fmt::Display for LogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for DiskBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for TargetFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_serde_writes() {
        for (name, value) in DiskBus::ALL {
            assert_eq!(serde_yaml::to_string(value).unwrap().trim(), *name);
            assert_eq!(DiskBus::parse(name).as_ref(), Ok(value));
        }
        for (name, value) in NicModel::ALL {
            assert_eq!(serde_yaml::to_string(value).unwrap().trim(), *name);
        }
        for (name, value) in TargetFormat::ALL {
            assert_eq!(serde_yaml::to_string(value).unwrap().trim(), *name);
            assert_eq!(value.to_string(), *name);
        }
    }

    #[test]
    fn another_name_is_refused_with_the_names_there_are() {
        let error = TargetFormat::parse("vmdk").unwrap_err();
        assert_eq!(error.to_string(), "\"vmdk\" is none of qcow2, raw");
    }
}
