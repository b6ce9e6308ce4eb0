//! `h2k doctor`: whether this host has what h2k needs.

use serde::Serialize;

use super::Settled;
use crate::cli::JsonArgs;
use crate::doctor::{self, Checked, Health, ThisHost};
use crate::error::{Failure, FailureKind};
use crate::ui::Ui;

/// What `--json` prints.
#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    checks: &'a [Checked],
}

/// Runs the subcommand.
///
/// # Errors
/// A check failed, after all are told.
pub fn run(args: JsonArgs, settled: &Settled, ui: &Ui) -> Result<(), Failure> {
    let host =
        ThisHost { temporary: settled.resolved.temp_dir.clone(), output: settled.resolved.output.clone() };
    let checks = doctor::examine(&host);
    // Checks ask programs, which are ended when the user stops: what they found then means nothing.
    crate::exec::check_cancelled().map_err(|e| Failure::new(FailureKind::Interrupted, e))?;
    if args.json {
        ui.answer_json(&Document { version: 1, checks: &checks })?;
    } else {
        ui.answer(&doctor::text::text(&checks))?;
    }
    let failed: Vec<&str> =
        checks.iter().filter(|c| c.finding.health == Health::Fail).map(|c| c.title).collect();
    if failed.is_empty() {
        return Ok(());
    }
    let message = format!("h2k cannot work on this host: {}", failed.join(", "));
    Err(Failure::message(FailureKind::Failed, message))
}
