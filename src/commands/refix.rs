//! `h2k refix`: the repairs of a result that keeps its base are made anew.

use h2k_config::{Policy, Settings};

use super::acts::noted;
use super::{Settled, jobs, migrate, report};
use crate::cli::RefixArgs;
use crate::error::{Doing, Failure, FailureKind};
use crate::job::Job;
use crate::kept::{self, Refix};
use crate::plan::text;
use crate::run;
use crate::state::ActKind;
use crate::ui::Ui;

/// Runs the subcommand.
///
/// # Errors
/// There is no such result, or it keeps no base; an option asks for what only a copy could do; as the stages say.
pub fn run(args: &RefixArgs, settled: &Settled, ui: &Ui) -> Result<(), Failure> {
    fitting(args)?;
    let found = report::find(&args.which, settled)?;
    let dir = std::path::absolute(&found).doing(format!("finding {}", found.display()))?;
    let wanted = |before: &Job| wanted(args, settled, before);
    if args.dry_run {
        let plan = kept::plan(&dir, &wanted, ui)?;
        ui.answer(&text::text(&plan))?;
        return if plan.ready() { Ok(()) } else { Err(run::not_ready(&plan)) };
    }
    let refix = Refix { dir: &dir, wanted: &wanted, discard_changes: args.discard_changes, ui };
    let outcome = noted(settled, ActKind::Refix, &dir, || refix.run())?;
    ui.answer(&migrate::summary(&outcome))
}

/// Refuses options of the copy, which is not made again.
fn fitting(args: &RefixArgs) -> Result<(), Failure> {
    let given = [
        ("--format", args.policy.format.is_some()),
        ("--compress", args.policy.compress.is_some()),
        ("--keep-base", args.policy.keep_base.is_some()),
        ("--parent", !args.policy.parent.is_empty()),
    ];
    match given.iter().find(|(_, given)| *given) {
        None => Ok(()),
        Some((option, _)) => {
            let message = format!("{option} is for the copy, and h2k refix makes none");
            Err(Failure::message(FailureKind::Usage, message)
                .hint("migrate the VM again to copy it otherwise"))
        }
    }
}

/// What is wanted now, from what was wanted before.
fn wanted(args: &RefixArgs, settled: &Settled, before: &Job) -> Result<Job, Failure> {
    let recorded = Settings {
        no_boot: Some(!before.boot),
        boot_timeout: before.boot_timeout,
        ..Settings::of_policy(&before.policy)
    };
    let now = settled.upon((!args.fresh_policy).then_some(recorded));
    let inputs = jobs::inputs(&now.policy)?;
    // What was copied stays as it is.
    let Policy { format, compress, keep_base, .. } = before.policy;
    Ok(Job {
        policy: Policy { format, compress, keep_base, inputs, ..now.policy },
        boot: now.boot,
        boot_timeout: now.boot_timeout,
        ..before.clone()
    })
}
