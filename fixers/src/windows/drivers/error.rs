//! Why drivers cannot be taken from where the user said they are.

use thiserror::Error;

use crate::error::GuestError;
use crate::windows::Arch;
use crate::windows::inf::InfError;

/// A source of drivers, or a driver in it, that cannot be used.
#[derive(Debug, Error)]
pub enum DriverError {
    /// The host's file system failed.
    #[error("{doing}")]
    Host {
        /// What was being done, a lower-case gerund.
        doing: String,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// A file of the host cannot be taken.
    #[error(transparent)]
    File(#[from] GuestError),
    /// The image is none, or is damaged.
    #[error("{image}: {what}")]
    Image {
        /// The image.
        image: String,
        /// What is wrong.
        what: String,
    },
    /// There are more files or directories than are looked at.
    #[error("{place}: {what}")]
    TooMuch {
        /// The source.
        place: String,
        /// What there is too much of.
        what: String,
    },
    /// The source holds no INF file at all.
    #[error("{0}: there is no INF file in it: it is no virtio-win")]
    NoDrivers(String),
    /// An INF file cannot be used.
    #[error("{directory}: {error}")]
    Inf {
        /// Its directory in the source.
        directory: String,
        /// What is wrong.
        error: InfError,
    },
    /// A file that the INF file copies is not there.
    #[error("{inf}: {missing} is not there, but the INF file copies it (line {line})")]
    MissingFile {
        /// Path of the INF file in the source.
        inf: String,
        /// The file that is not there, relative to the INF file.
        missing: String,
        /// Line of the INF file.
        line: u32,
    },
    /// A driver is for another processor than its INF file says.
    #[error("{file} is a driver for {found}, not for {wanted}")]
    WrongArchitecture {
        /// Path of the file in the source.
        file: String,
        /// Architecture that the INF file was chosen for.
        wanted: Arch,
        /// What its header says.
        found: String,
    },
    /// A driver is no program that Windows can load.
    #[error("{file}: {what}")]
    NoProgram {
        /// Path of the file in the source.
        file: String,
        /// What is wrong.
        what: &'static str,
    },
}

/// Result of looking for drivers.
pub type Result<T> = std::result::Result<T, DriverError>;
