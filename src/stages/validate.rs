//! VALIDATE: the proof that the result boots, on a throw-away overlay, with its evidence. A result whose boot chain is
//! known to be broken is not booted.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::error::Failure;
use crate::pipeline::Context;
use crate::serial_console;
use crate::stage::{Stage, StageRun};
use crate::stages::convert::Converted;
use crate::validate::{BootOptions, Verdict, boot_test};

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
            Some(v) => format!("{}: {}", v.outcome, v.reason),
        }
    }
}

impl StageRun for Validate {
    type In = Converted;
    type Out = Validated;
    const STAGE: Stage = Stage::Validate;

    fn run(&self, cx: &mut Context<'_>, converted: Converted) -> Result<Validated, Failure> {
        if !cx.job.boot {
            return Ok(Validated { converted, verdict: None });
        }
        let plan = &converted.fixed.planned.plan;
        let evidence = converted.dir.join("boot");
        let work = cx.work.clone();
        let prepare = |overlays: &[PathBuf]| serial_console::add(overlays, &work, &cx.job.policy.keys);
        let options = BootOptions {
            timeout: cx.job.boot_timeout.map(std::time::Duration::from_secs),
            scratch: Some(cx.work.clone()),
            readiness: converted.fixed.readiness.clone(),
            prepare: Some(&prepare),
            ..BootOptions::default()
        };
        let verdict = boot_test(&plan.target, &converted.dir, &evidence, &options, cx.ui, &cx.vm)?;
        Ok(Validated { converted, verdict: Some(verdict) })
    }
}
