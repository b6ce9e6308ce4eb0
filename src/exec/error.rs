//! What can go wrong with a program.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use thiserror::Error;

/// A program that did not do its work.
#[derive(Debug, Error)]
pub enum ExecError {
    /// The program is not there.
    #[error("{program} is not installed")]
    NotFound {
        /// Its name, or its path if it was given by path.
        program: String,
    },
    /// It ended with another status than 0.
    #[error("{} failed ({status}){}", name(argv), after_colon(stderr_tail))]
    Failed {
        /// The program and its arguments.
        argv: Vec<OsString>,
        /// How it ended.
        status: ExitStatus,
        /// The end of its stderr, without control characters.
        stderr_tail: String,
    },
    /// Its time was up.
    #[error("{program} was not done after {} s", limit.as_secs_f64())]
    TimedOut {
        /// Its name.
        program: String,
        /// The time it had.
        limit: Duration,
    },
    /// The user wants to stop.
    #[error("stopped by the user")]
    Cancelled,
    /// It wrote more than is taken.
    #[error("{program} wrote more than the {limit} bytes that are taken")]
    TooMuchOutput {
        /// Its name.
        program: String,
        /// What is taken, in bytes.
        limit: usize,
    },
    /// The host failed.
    #[error("running {program}")]
    Io {
        /// Its name.
        program: String,
        /// What the host reported.
        source: io::Error,
    },
}

impl ExecError {
    pub(super) fn starting(argv: &[OsString], cause: io::Error) -> Self {
        match cause.kind() {
            io::ErrorKind::NotFound => ExecError::NotFound { program: given_name(argv) },
            _ => Self::io(argv, cause),
        }
    }

    pub(super) fn io(argv: &[OsString], source: io::Error) -> Self {
        ExecError::Io { program: name(argv), source }
    }

    pub(super) fn timed_out(argv: &[OsString], limit: Duration) -> Self {
        ExecError::TimedOut { program: name(argv), limit }
    }

    pub(super) fn too_much(argv: &[OsString], limit: usize) -> Self {
        ExecError::TooMuchOutput { program: name(argv), limit }
    }

    /// What the user can do about it, if anything is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            ExecError::NotFound { program } => Some(match package_of(program) {
                Some(package) => format!("install {package}, or name the directory of {program} in PATH"),
                None => format!("install {program}, or name its directory in PATH"),
            }),
            _ => None,
        }
    }
}

/// Debian and Ubuntu package of a program.
fn package_of(program: &str) -> Option<&'static str> {
    match program {
        "qemu-img" | "qemu-nbd" | "qemu-io" => Some("the package qemu-utils"),
        "qemu-system-x86_64" => Some("the package qemu-system-x86"),
        _ => None,
    }
}

fn given_name(argv: &[OsString]) -> String {
    argv.first().map(|p| p.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The program's name without its directory.
fn name(argv: &[OsString]) -> String {
    let given = argv.first().map(Path::new).and_then(Path::file_name);
    given.map(|p| p.to_string_lossy().into_owned()).unwrap_or_default()
}

fn after_colon(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(": {text}") }
}
