//! VALIDATE: the proof that the result boots, on a throw-away overlay, with its evidence. A result whose boot chain is
//! known to be broken is not booted.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::emit::domain::Domain;
use crate::error::Failure;
use crate::job::Job;
use crate::pipeline::Context;
use crate::serial_console;
use crate::stage::{Stage, StageRun};
use crate::stages::convert::Converted;
use crate::stages::inspect;
use crate::validate::{BootOptions, Verdict, boot_test};
use crate::warden::Need;

/// The stage.
pub struct Validate;

/// What VALIDATE leaves.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Validated {
    /// What CONVERT left.
    pub converted: Converted,
    /// The verdict; `None` if the user did not want a boot.
    pub verdict: Option<Verdict>,
}

impl Validated {
    /// One line for the log.
    pub fn summary(&self) -> String {
        match &self.verdict {
            None => "not booted, as asked".to_owned(),
            Some(v) => {
                let warnings = v.evidence.warnings.iter().map(|w| format!("; warning: {w}"));
                format!("{}: {}{}", v.outcome, v.reason, warnings.collect::<String>())
            }
        }
    }
}

impl StageRun for Validate {
    type In = Converted;
    type Out = Validated;
    const STAGE: Stage = Stage::Validate;

    fn need(&self, cx: &Context<'_>, converted: &Converted) -> Need {
        need(cx, &converted.fixed.planned.plan.target)
    }

    fn run(&self, cx: &mut Context<'_>, converted: Converted) -> Result<Validated, Failure> {
        if !cx.job.boot {
            return Ok(Validated { converted, verdict: None });
        }
        let plan = &converted.fixed.planned.plan;
        let evidence = converted.dir.join("boot");
        let work = cx.work.clone();
        let prepare = |overlays: &[PathBuf]| serial_console::add(overlays, &work, &cx.job.policy);
        let options = BootOptions {
            timeout: cx.job.boot_timeout.map(std::time::Duration::from_secs),
            scratch: Some(cx.work.clone()),
            memory_limit: memory_limit(cx.warden.memory_limit()),
            readiness: converted.fixed.readiness.clone(),
            // Without a console to add there is nothing to do in the overlays, and no appliance is started.
            prepare: converted.fixed.wants_console.unwrap_or(true).then_some(&prepare),
            ..BootOptions::default()
        };
        let verdict = boot_test(&plan.target, &converted.dir, &evidence, &options, cx.ui, &cx.vm)?;
        Ok(Validated { converted, verdict: Some(verdict) })
    }
}

/// What proving that this target boots takes.
pub fn need(cx: &Context<'_>, target: &Domain) -> Need {
    need_of(cx.job, target, cx.warden.memory_limit())
}

/// What proving that this target boots takes where the guest may have so much memory, in bytes.
pub fn need_of(job: &Job, target: &Domain, limit: Option<u64>) -> Need {
    if !job.boot {
        return Need::default();
    }
    // The appliance that adds a serial console is gone before the guest starts.
    let guest = target.memory_bytes.min(memory_limit(limit));
    let appliance = inspect::need_of(job);
    Need { memory: Need::machine(guest).memory.max(appliance.memory), ..appliance }
}

/// Most memory that the guest gets for its test, in bytes.
fn memory_limit(limit: Option<u64>) -> u64 {
    let usual = BootOptions::default().memory_limit;
    limit.map_or(usual, |limit| limit.min(usual))
}
