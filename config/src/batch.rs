//! A batch file: many VMs with their settings, in waves, in version control.
//!
//! ```text
//!  version: 1
//!  defaults:     every key of a configuration file, for all VMs
//!  networks:     where the source's networks go
//!  vms:          which, and what is theirs alone
//!  waves:        which before which
//!  concurrency:  how many at once
//!  rules:        concerns of the user's own
//!  hooks:        programs before and after stages
//! ```

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::settings::Settings;
use crate::yaml::Place;

mod duplicates;
mod hooks;
pub mod keys;
pub mod load;
mod reader;
mod values;
mod vms;
mod waves;

pub use load::load;
pub use reader::read;

/// The only version there is.
pub const VERSION: u64 = 1;

/// A batch file as it was read: every relative path is made absolute, nothing is looked up yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchFile {
    /// The file, absolute.
    pub path: PathBuf,
    /// Name of the batch; the file's stem if it gives none.
    pub name: String,
    /// Settings of all VMs: `defaults` with `networks` and `rules` in it.
    pub defaults: Settings,
    /// Entries in their order.
    pub vms: Vec<VmEntry>,
    /// Waves in an order in which each stands after those that it waits for. Never empty.
    pub waves: Vec<Wave>,
    /// How many at once.
    pub concurrency: Concurrency,
    /// Programs before and after stages, for all VMs.
    pub hooks: Vec<Hook>,
}

/// One entry of `vms`: a VM, or with `from` as many as its globs match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VmEntry {
    /// Where it begins.
    pub at: Place,
    /// Where the VMs come from.
    pub sources: Sources,
    /// Where that is said.
    pub source_at: Place,
    /// Name on the target; never with globs.
    pub name: Option<String>,
    /// Index of its wave in [`BatchFile::waves`].
    pub wave: usize,
    /// Greater is earlier within a wave.
    pub priority: i32,
    /// Seconds since the epoch before which it is not started.
    pub not_before: Option<i64>,
    /// Seconds since the epoch after which it is not started any more.
    pub deadline: Option<i64>,
    /// What is set for it alone; lies upon [`BatchFile::defaults`].
    pub settings: Settings,
    /// Programs before and after its stages, after those of the batch.
    pub hooks: Vec<Hook>,
}

/// Where the VMs of an entry come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sources {
    /// One VM: a description, or the disk files of one, or URIs. Absolute.
    One(Vec<PathBuf>),
    /// Globs; every path that matches is a VM.
    Globs(Vec<Glob>),
}

/// A pattern of paths, absolute: `*`, `?` and `[…]` within a name, `**` for any directories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob {
    /// The pattern.
    pub pattern: String,
    /// As it is written.
    pub written: String,
    /// Where it stands.
    pub at: Place,
}

/// VMs that go together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wave {
    /// Name; empty for the only wave of a file that names none.
    pub name: String,
    /// Indices of the waves that must be at their end first; each is smaller than the wave's own.
    pub after: Vec<usize>,
    /// Whether it starts also where a VM of a wave before it failed.
    pub go_on: bool,
    /// Seconds since the epoch before which none of its VMs is started.
    pub not_before: Option<i64>,
    /// Seconds since the epoch after which none of its VMs is started any more.
    pub deadline: Option<i64>,
}

/// How many at once. What is not said is found on the machine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Concurrency {
    /// VMs.
    pub vms: Option<usize>,
    /// VMs of one source (a host, or a file system).
    pub per_source: Option<usize>,
    /// VMs that are written to one target file system.
    pub per_target: Option<usize>,
    /// Bytes of memory that appliances and boot tests may take together.
    pub memory: Option<u64>,
    /// Cores that they may keep busy.
    pub cores: Option<usize>,
    /// Tries that a VM gets where a fault is of a kind that passes by.
    pub tries: Option<u32>,
}

/// A program that is run before or after a stage, with JSON on its stdin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hook {
    /// Name, for messages.
    pub name: String,
    /// When.
    pub when: HookTime,
    /// Program and arguments. Never a shell's line.
    pub run: Vec<String>,
    /// After how long it is ended.
    pub timeout: Duration,
    /// What its failure means.
    pub on_failure: OnFailure,
}

/// When a hook runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum HookTime {
    /// Before the first VM.
    BatchStart,
    /// After the last VM, whatever came of them.
    BatchEnd,
    /// Before a stage of a VM, by its name.
    Before(String),
    /// After a stage of a VM that ended well.
    After(String),
    /// After a VM's run, whatever came of it.
    VmEnd,
}

impl std::fmt::Display for HookTime {
    /// As a batch file writes it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            HookTime::BatchStart => f.write_str("batch-start"),
            HookTime::BatchEnd => f.write_str("batch-end"),
            HookTime::Before(stage) => write!(f, "before-{stage}"),
            HookTime::After(stage) => write!(f, "after-{stage}"),
            HookTime::VmEnd => f.write_str("vm-end"),
        }
    }
}

/// What the failure of a hook means.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum OnFailure {
    /// The VM (or the batch, before its start) fails.
    #[default]
    Fail,
    /// It is told, and the run goes on.
    Warn,
}
