//! What the pipeline tells while it works. The library only sends events; `ui` prints them.

use serde::{Deserialize, Serialize};

use crate::stage::Stage;

/// Something that happened while a VM was on its way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// A stage began.
    StageStarted {
        /// VM.
        vm: String,
        /// Stage.
        stage: Stage,
    },
    /// A stage took its result from an earlier run.
    StageResumed {
        /// VM.
        vm: String,
        /// Stage.
        stage: Stage,
    },
    /// A stage is so far.
    Progress {
        /// VM.
        vm: String,
        /// Stage.
        stage: Stage,
        /// Done, in units of `total` (percent or bytes).
        done: u64,
        /// In all.
        total: u64,
        /// What is being done now.
        message: String,
    },
    /// A stage ended well.
    StageDone {
        /// VM.
        vm: String,
        /// Stage.
        stage: Stage,
        /// Seconds that it took.
        seconds: f64,
        /// What came of it, one line.
        summary: String,
    },
    /// Something that the user should read.
    Warning {
        /// VM, or empty.
        vm: String,
        /// What.
        message: String,
    },
    /// Something for the log.
    Note {
        /// VM, or empty.
        vm: String,
        /// What.
        message: String,
    },
    /// How a batch stands.
    Total {
        /// Name of the batch.
        batch: String,
        /// VMs that are done.
        done: usize,
        /// VMs that ended otherwise.
        failed: usize,
        /// VMs that are being worked on.
        running: usize,
        /// VMs in all.
        total: usize,
    },
    /// A program is started.
    Command {
        /// Program and arguments.
        argv: Vec<String>,
    },
}

impl Event {
    /// The VM that it is about; `None` where it is about none.
    pub fn vm_mut(&mut self) -> Option<&mut String> {
        match self {
            Event::StageStarted { vm, .. }
            | Event::StageResumed { vm, .. }
            | Event::Progress { vm, .. }
            | Event::StageDone { vm, .. }
            | Event::Warning { vm, .. }
            | Event::Note { vm, .. } => Some(vm),
            Event::Command { .. } | Event::Total { .. } => None,
        }
    }
}

/// Takes events; may be called from several threads.
pub trait Reporter: Send + Sync {
    /// Takes one event.
    fn event(&self, event: &Event);
}

/// Drops every event.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Reporter for Silent {
    fn event(&self, _: &Event) {}
}
