//! Kind, cause chain and hints of a failure, and the exit code that it ends in. The library never prints.

use std::fmt;

use h2k_fixers::GuestError;
use h2k_transports::FetchError;
use serde::{Deserialize, Serialize};

use crate::exec::ExecError;
use crate::image::ImageError;

/// What kind of failure it is; decides the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// It was tried and it failed.
    Failed,
    /// The command line or a configuration file is wrong.
    Usage,
    /// The plan has critical concerns.
    NotReady,
    /// Some VMs of several failed.
    Partial,
    /// The result did not validate.
    NotValidated,
    /// Stopped by the user.
    Interrupted,
}

impl FailureKind {
    /// The documented exit code.
    pub fn exit_code(self) -> u8 {
        match self {
            FailureKind::Failed => 1,
            FailureKind::Usage => 2,
            FailureKind::NotReady => 3,
            FailureKind::Partial => 4,
            FailureKind::NotValidated => 5,
            FailureKind::Interrupted => 130,
        }
    }
}

/// A failure: what happened (an error with its causes), and what the user can do.
#[derive(Debug)]
pub struct Failure {
    /// Kind.
    pub kind: FailureKind,
    /// What happened, outermost context first.
    pub error: anyhow::Error,
    /// What to do, one sentence each.
    pub hints: Vec<String>,
}

impl Failure {
    /// A failure of `kind`.
    pub fn new(kind: FailureKind, error: impl Into<anyhow::Error>) -> Self {
        Self { kind, error: error.into(), hints: Vec::new() }
    }

    /// A failure of `kind` with a message only.
    pub fn message(kind: FailureKind, message: impl fmt::Display) -> Self {
        Self::new(kind, anyhow::anyhow!("{message}"))
    }

    /// With one more hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// With a context around the cause: what was being done, a lower-case gerund.
    #[must_use]
    pub fn context(mut self, doing: impl fmt::Display) -> Self {
        self.error = self.error.context(doing.to_string());
        self
    }

    /// The chain as one line: `doing this: doing that: cause`.
    pub fn chain(&self) -> String {
        format!("{:#}", self.error)
    }
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    /// The error with what its type knows of kind and hints, wherever in the chain of causes that stands.
    fn from(error: E) -> Self {
        let mut failure = Self::new(FailureKind::Failed, error);
        let mut hints = Vec::new();
        let (mut cancelled, mut wrong) = (false, false);
        for cause in failure.error.chain() {
            if let Some(exec) = cause.downcast_ref::<ExecError>() {
                cancelled |= matches!(exec, ExecError::Cancelled);
                hints.extend(exec.hint());
            } else if let Some(image) = cause.downcast_ref::<ImageError>() {
                hints.extend(image.hint());
            } else if let Some(fetch) = cause.downcast_ref::<FetchError>() {
                hints.extend(fetch.hint());
            } else if let Some(guest) = cause.downcast_ref::<GuestError>() {
                hints.extend(guest.hint());
                wrong |= matches!(guest, GuestError::Root { .. });
            }
        }
        // An outer error may pass on the hint of its cause.
        hints.dedup();
        failure.hints = hints;
        if cancelled {
            failure.kind = FailureKind::Interrupted;
        } else if wrong {
            failure.kind = FailureKind::Usage;
        }
        failure
    }
}

/// Adds what was being done to an error on its way up.
pub trait Doing<T> {
    /// Wraps an error in `doing`, a lower-case gerund.
    ///
    /// # Errors
    /// The error that was there, wrapped.
    fn doing(self, doing: impl fmt::Display) -> Result<T, Failure>;
}

impl<T, E: Into<Failure>> Doing<T> for Result<T, E> {
    fn doing(self, doing: impl fmt::Display) -> Result<T, Failure> {
        self.map_err(|e| e.into().context(doing))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cancelled_program_is_an_interruption_wherever_it_stands() {
        let deep = anyhow::Error::new(ExecError::Cancelled).context("copying disk 0");
        assert_eq!(Failure::from(deep).kind, FailureKind::Interrupted);
    }

    #[test]
    fn the_hint_of_a_cause_reaches_the_user() {
        let missing = h2k_transports::recognise(&["/nonexistent/vm.vmx".into()]).unwrap_err();
        let hint = missing.hint();
        let failure = Failure::from(missing);
        assert_eq!(failure.hints, hint.into_iter().collect::<Vec<_>>());
    }
}
