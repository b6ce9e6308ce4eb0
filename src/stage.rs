//! The seven stages, in the only order there is.

use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::Failure;
use crate::pipeline::Context;
use crate::warden::Need;

/// A stage of the pipeline. The order of the variants is the order in which they run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// What the hypervisor says of the VM, and where its disks' bytes are.
    Fetch,
    /// One read-only view per disk: chains and extents resolved, nothing copied.
    Flatten,
    /// What the disks say of the guest.
    Inspect,
    /// Every decision.
    Plan,
    /// The plan's edits, in an overlay.
    Fix,
    /// The one copy, and the libvirt XML.
    Convert,
    /// The proof that it boots.
    Validate,
}

impl Stage {
    /// All stages in order.
    pub const ALL: [Stage; 7] = [
        Stage::Fetch,
        Stage::Flatten,
        Stage::Inspect,
        Stage::Plan,
        Stage::Fix,
        Stage::Convert,
        Stage::Validate,
    ];

    /// Name as users read it.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Fetch => "fetch",
            Stage::Flatten => "flatten",
            Stage::Inspect => "inspect",
            Stage::Plan => "plan",
            Stage::Fix => "fix",
            Stage::Convert => "convert",
            Stage::Validate => "validate",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A stage with what it takes and what it leaves. The output is kept in the state store, so that a killed run goes
/// on from it; its type is the next stage's input, so that no order but the one order compiles.
pub trait StageRun {
    /// What it takes: the output of the stage before.
    type In;
    /// What it leaves.
    type Out: Serialize + DeserializeOwned;
    /// Which stage it is.
    const STAGE: Stage;

    /// What it takes of the machine.
    fn need(&self, _cx: &Context<'_>, _input: &Self::In) -> Need {
        Need::default()
    }

    /// Runs the stage.
    ///
    /// # Errors
    /// What went wrong, with hints for the user. A stage that failed leaves nothing under the final name.
    fn run(&self, cx: &mut Context<'_>, input: Self::In) -> Result<Self::Out, Failure>;
}
