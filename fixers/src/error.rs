//! What can go wrong between h2k and a guest.

use thiserror::Error;

/// A failed operation on a guest.
#[derive(Debug, Error)]
pub enum GuestError {
    /// There is nothing at the path.
    #[error("{path}: no such file in the guest")]
    NotFound {
        /// Absolute path in the guest.
        path: String,
    },
    /// A file is larger than what is read into memory.
    #[error("{path}: {size} bytes, more than the {limit} that are read into memory")]
    TooLarge {
        /// Absolute path in the guest.
        path: String,
        /// Its size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// The guest is not as the plan saw it.
    #[error("{path}: the guest is not as the plan saw it: {what}")]
    Changed {
        /// Absolute path in the guest.
        path: String,
        /// What differs.
        what: String,
    },
    /// A file's content is not what its format says.
    #[error("{path}: {what}")]
    Malformed {
        /// Absolute path in the guest.
        path: String,
        /// What is wrong.
        what: String,
    },
    /// The backend (libguestfs and its appliance) failed.
    #[error("{doing}: {message}")]
    Backend {
        /// What was being done, a lower-case gerund.
        doing: String,
        /// What the backend said.
        message: String,
    },
    /// The appliance did not start, or ended while it was asked: another try may come off.
    #[error("{doing}: {message}")]
    Appliance {
        /// What was being done, a lower-case gerund.
        doing: String,
        /// What the backend said.
        message: String,
    },
    /// A file system of the guest is full.
    #[error("{doing}: {message}")]
    NoRoom {
        /// What was being done, a lower-case gerund.
        doing: String,
        /// What the backend said.
        message: String,
    },
    /// The system that the user chose cannot be told.
    #[error("--root {device}: {why}")]
    Root {
        /// The device, as the user named it.
        device: String,
        /// What is there instead.
        why: String,
    },
    /// The backend cannot do that.
    #[error("{0}")]
    Unsupported(String),
    /// The host's file system failed.
    #[error("{doing}")]
    Host {
        /// What was being done, a lower-case gerund.
        doing: String,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
}

impl GuestError {
    /// What to do about it, where that does not depend on what was being done.
    pub fn hint(&self) -> Option<String> {
        let full = matches!(self, GuestError::NoRoom { .. });
        full.then(|| "make room in the guest on its hypervisor, and migrate again".to_owned())
    }
}

/// Result of an operation on a guest.
pub type Result<T> = std::result::Result<T, GuestError>;
