//! What a batch and the process that migrates one of its VMs say to each other: JSON, an object per line.
//!
//! ```text
//!  batch ── Order, then Reply::Go per granted stage ──▶ stdin  │ worker
//!        ◀── Said: events, wishes, the end ───────────  stdout │ (h2k run-job)
//! ```
//!
//! A process per VM: what crashes there (libguestfs is C, and parses hostile images) takes nobody along.

use std::path::PathBuf;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use h2k_config::batch::Hook;
use h2k_config::{CopySettings, Secret};
use serde::{Deserialize, Serialize};

use crate::error::{Failure, FailureKind};
use crate::event::Event;
use crate::fault::{self, Fault};
use crate::job::Job;
use crate::stage::Stage;
use crate::warden::Need;

/// What a worker is to do: the first line of its stdin.
#[derive(Serialize, Deserialize)]
pub struct Order {
    /// The migration.
    pub job: Job,
    /// How the disks are copied.
    pub copy: CopySettings,
    /// Name of the batch, for hooks.
    pub batch: String,
    /// Programs before and after stages, in their order.
    pub hooks: Vec<Hook>,
    /// Most memory that a boot test's machine may have, in bytes.
    pub memory_limit: u64,
    /// What the batch read from its standard input for keys whose place is `-`, in base64. This pipe is private.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdin_secret: Option<String>,
}

impl Order {
    /// A secret for the pipe.
    pub fn pack(secret: &Secret) -> String {
        BASE64_STANDARD.encode(secret.bytes())
    }

    /// The secret of the pipe.
    ///
    /// # Errors
    /// It is no base64.
    pub fn secret(&self) -> Result<Option<Secret>, base64::DecodeError> {
        self.stdin_secret.as_ref().map(|text| Ok(Secret::new(BASE64_STANDARD.decode(text)?))).transpose()
    }
}

/// The batch's answer to [`Said::Want`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    /// The stage may begin.
    Go,
}

/// What a worker says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Said {
    /// Something happened.
    Event(Event),
    /// It wants to begin a stage, gives back what it held, and waits for [`Reply::Go`].
    Want {
        /// The stage.
        stage: Stage,
        /// What the stage takes.
        need: Need,
    },
    /// The last word.
    Ended {
        /// Name of the VM, as far as it became known.
        name: String,
        /// What came of it.
        result: Result<Done, Told>,
    },
}

/// A VM that is migrated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// The result's directory.
    pub dir: PathBuf,
    /// What came of it, for people.
    pub summary: String,
}

/// A failure on its way from one process to the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// Kind.
    pub kind: FailureKind,
    /// What it means for others.
    pub fault: Fault,
    /// What happened, as one line.
    pub chain: String,
    /// What to do.
    pub hints: Vec<String>,
}

impl Told {
    /// A failure as it is told.
    pub fn of(failure: &Failure) -> Self {
        Self {
            kind: failure.kind,
            fault: fault::of(failure),
            chain: failure.chain(),
            hints: failure.hints.clone(),
        }
    }

    /// The failure that was told.
    pub fn failure(&self) -> Failure {
        let failure = Failure::message(self.kind, &self.chain);
        self.hints.iter().fold(failure, Failure::hint)
    }
}
