//! What can go wrong with an image: a kind to map, a sentence, a hint, and the cause.

use std::error::Error as StdError;
use std::fmt;
use std::io;

use thiserror::Error;

use crate::exec::ExecError;

/// What kind of failure it is, for the caller to map to its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ImageErrorKind {
    /// A file that was given, or that an image names, is not there.
    NotFound,
    /// The image is damaged: truncated, or its structures do not agree.
    Corrupt,
    /// The image asks for something that is never done: a file outside its directory, a device, another host.
    Unsafe,
    /// The image is in order, but h2k does not read this of it.
    Unsupported,
    /// The host failed: permissions, a full disk, a read error.
    Io,
    /// A program failed, is not there, or was stopped.
    Tool,
}

/// An image that cannot be used. `Display` is this error's own sentence; the causes are under `source`.
#[derive(Debug, Error)]
#[error("{message}")]
pub struct ImageError {
    kind: ImageErrorKind,
    message: String,
    hint: Option<String>,
    #[source]
    cause: Option<Box<dyn StdError + Send + Sync>>,
}

impl ImageError {
    /// An error of `kind` that says `message`.
    pub fn new(kind: ImageErrorKind, message: impl fmt::Display) -> Self {
        Self { kind, message: message.to_string(), hint: None, cause: None }
    }

    pub(crate) fn not_found(message: impl fmt::Display) -> Self {
        Self::new(ImageErrorKind::NotFound, message)
    }

    pub(crate) fn corrupt(message: impl fmt::Display) -> Self {
        Self::new(ImageErrorKind::Corrupt, message)
    }

    pub(crate) fn dangerous(message: impl fmt::Display) -> Self {
        Self::new(ImageErrorKind::Unsafe, message)
    }

    pub(crate) fn unsupported(message: impl fmt::Display) -> Self {
        Self::new(ImageErrorKind::Unsupported, message)
    }

    /// What was being done (a lower-case gerund) when the host, or a reader of bytes, reported `cause`.
    pub(crate) fn io(doing: impl fmt::Display, cause: io::Error) -> Self {
        let kind = match cause.kind() {
            io::ErrorKind::NotFound => ImageErrorKind::NotFound,
            // A read beyond the end of a file: the image says that more is there.
            io::ErrorKind::UnexpectedEof => ImageErrorKind::Corrupt,
            _ => ImageErrorKind::Io,
        };
        Self { kind, message: doing.to_string(), hint: None, cause: Some(Box::new(cause)) }
    }

    /// What was being done (a lower-case gerund) when a program failed.
    pub(crate) fn tool(doing: impl fmt::Display, cause: ExecError) -> Self {
        let hint = cause.hint();
        Self { kind: ImageErrorKind::Tool, message: doing.to_string(), hint, cause: Some(Box::new(cause)) }
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
    pub fn kind(&self) -> ImageErrorKind {
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
        let error =
            ImageError::corrupt("the file ends early").with_hint("copy it again").context("opening disk 0");
        assert_eq!(error.kind(), ImageErrorKind::Corrupt);
        assert_eq!(error.hint().as_deref(), Some("copy it again"));
        assert_eq!(error.chain(), "opening disk 0: the file ends early");
    }

    #[test]
    fn causes_are_sorted_by_what_they_mean() {
        let kind = |k: io::ErrorKind| ImageError::io("reading", io::Error::from(k)).kind();
        assert_eq!(kind(io::ErrorKind::NotFound), ImageErrorKind::NotFound);
        assert_eq!(kind(io::ErrorKind::UnexpectedEof), ImageErrorKind::Corrupt);
        assert_eq!(kind(io::ErrorKind::PermissionDenied), ImageErrorKind::Io);
        let tool = ImageError::tool("mapping", ExecError::NotFound { program: "qemu-img".to_owned() });
        assert_eq!(tool.kind(), ImageErrorKind::Tool);
        assert_eq!(tool.chain(), "mapping: qemu-img is not installed");
        assert!(tool.hint().unwrap().contains("qemu-utils"));
    }
}
