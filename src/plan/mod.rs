//! PLAN's data: everything that was decided, before anything is touched.
//!
//! `target` decides the hardware, `propose` asks the fixers, `rules` looks for what the user should know,
//! `forecast` says how much space it takes, `room` how much of it inside of the guest, and `time` how long; `text`, `markdown` and `diff` show it.

pub mod decide;
pub mod diff;
pub mod forecast;
pub mod host;
pub mod markdown;
pub mod room;
pub mod rules;
pub mod saved;
pub mod target;
pub mod text;
pub mod time;

use h2k_fixers::{Concern, Edit, GuestFacts, Severity};
use h2k_transports::SourceVm;
use serde::{Deserialize, Serialize};

use crate::emit::domain::Domain;
use crate::job::Job;
pub use forecast::Forecast;

/// Version of the plan's JSON. It grows with every change that an older reader would misread.
pub const VERSION: u32 = 1;

/// What `h2k plan --json` prints: one object, also for one VM.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanDocument {
    /// [`VERSION`].
    pub version: u32,
    /// A plan per VM.
    pub vms: Vec<Plan>,
    /// What each was made for, so that it can be carried out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub jobs: Vec<Job>,
}

/// What will be done to one VM. Data only.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Name of the VM on the target.
    pub name: String,
    /// What the hypervisor says.
    pub source: SourceVm,
    /// What the disks say.
    pub facts: GuestFacts,
    /// The target's hardware.
    pub target: Domain,
    /// Every change inside the guest, in order.
    pub edits: Vec<Edit>,
    /// What the user should know.
    pub concerns: Vec<Concern>,
    /// Space, memory and time that it takes.
    pub forecast: Forecast,
    /// Digest of the source's files that the plan was made from.
    pub source_digest: String,
}

impl Plan {
    /// Concerns that forbid the migration.
    pub fn critical(&self) -> impl Iterator<Item = &Concern> {
        self.concerns.iter().filter(|c| c.severity == Severity::Critical)
    }

    /// Whether `migrate` may go on.
    pub fn ready(&self) -> bool {
        self.critical().next().is_none()
    }
}
