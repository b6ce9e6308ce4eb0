//! What can go wrong while a source is fetched: a kind to map, a sentence, a hint, and the cause.

use std::error::Error as StdError;
use std::fmt;
use std::io;

use thiserror::Error;

use crate::limits::LimitReached;

/// What kind of failure it is, for the caller to map to its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FetchErrorKind {
    /// A file that was given, or that a description names, is not there.
    NotFound,
    /// What was given on the command line does not make one source.
    Usage,
    /// The source is damaged: a digest, a size or a structure does not agree with its content.
    Corrupt,
    /// The source asks for something that is never done: a path that leaves its directory, a link, a device.
    Unsafe,
    /// The source is in order, but h2k does not read this of it.
    Unsupported,
    /// The host failed: permissions, a full disk, a read error.
    Io,
}

/// A failed fetch. `Display` is this error's own sentence; the causes are under `source`.
#[derive(Debug, Error)]
#[error("{message}")]
pub struct FetchError {
    kind: FetchErrorKind,
    message: String,
    hint: Option<String>,
    #[source]
    cause: Option<Box<dyn StdError + Send + Sync>>,
}

impl FetchError {
    /// An error of `kind` that says `message`.
    pub fn new(kind: FetchErrorKind, message: impl fmt::Display) -> Self {
        Self { kind, message: message.to_string(), hint: None, cause: None }
    }

    pub(crate) fn not_found(message: impl fmt::Display) -> Self {
        Self::new(FetchErrorKind::NotFound, message)
    }

    pub(crate) fn usage(message: impl fmt::Display) -> Self {
        Self::new(FetchErrorKind::Usage, message)
    }

    pub(crate) fn corrupt(message: impl fmt::Display) -> Self {
        Self::new(FetchErrorKind::Corrupt, message)
    }

    pub(crate) fn dangerous(message: impl fmt::Display) -> Self {
        Self::new(FetchErrorKind::Unsafe, message)
    }

    pub(crate) fn unsupported(message: impl fmt::Display) -> Self {
        Self::new(FetchErrorKind::Unsupported, message)
    }

    /// What was being done (a lower-case gerund) when the host, or a decompressor, reported `cause`.
    pub(crate) fn io(doing: impl fmt::Display, cause: io::Error) -> Self {
        let over_limit = cause.get_ref().is_some_and(|e| {
            e.is::<LimitReached>() || matches!(e.downcast_ref(), Some(liblzma::stream::Error::MemLimit))
        });
        let kind = match cause.kind() {
            _ if over_limit => FetchErrorKind::Unsupported,
            io::ErrorKind::NotFound => FetchErrorKind::NotFound,
            // Decompressors report damaged input so; a file system never does.
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof => {
                FetchErrorKind::Corrupt
            }
            _ => FetchErrorKind::Io,
        };
        let hint = over_limit
            .then(|| "if this is no decompression bomb, unpack it by hand and give what is in it".to_owned());
        Self { kind, message: doing.to_string(), hint, cause: Some(Box::new(cause)) }
    }

    /// With what the user can do about it, one sentence.
    #[must_use]
    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Wrapped in what was being done (a lower-case gerund); kind and hint stay.
    #[must_use]
    pub fn context(self, doing: impl fmt::Display) -> Self {
        let hint = self.hint.clone();
        Self { kind: self.kind, message: doing.to_string(), hint, cause: Some(Box::new(self)) }
    }

    /// What kind of failure it is.
    pub fn kind(&self) -> FetchErrorKind {
        self.kind
    }

    /// What the user can do about it, if anything is known.
    pub fn hint(&self) -> Option<String> {
        self.hint.clone()
    }

    /// This sentence and those of all causes, as one line: `doing this: doing that: cause`.
    pub fn chain(&self) -> String {
        let mut line = self.message.clone();
        let mut cause = self.source();
        while let Some(error) = cause {
            line.push_str(": ");
            line.push_str(&error.to_string());
            cause = error.source();
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn context_keeps_kind_and_hint() {
        let error = FetchError::corrupt("the line is short")
            .with_hint("fetch it again")
            .context("reading x.mf")
            .context("fetching x.ova");
        assert_eq!(error.kind(), FetchErrorKind::Corrupt);
        assert_eq!(error.hint().as_deref(), Some("fetch it again"));
        assert_eq!(error.chain(), "fetching x.ova: reading x.mf: the line is short");
        assert_eq!(error.to_string(), "fetching x.ova");
    }

    #[test]
    fn io_errors_are_sorted_by_what_they_mean() {
        let kind = |k: io::ErrorKind| FetchError::io("reading", io::Error::from(k)).kind();
        assert_eq!(kind(io::ErrorKind::NotFound), FetchErrorKind::NotFound);
        assert_eq!(kind(io::ErrorKind::UnexpectedEof), FetchErrorKind::Corrupt);
        assert_eq!(kind(io::ErrorKind::PermissionDenied), FetchErrorKind::Io);
    }
}
