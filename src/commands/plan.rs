//! `h2k plan`: every change that `migrate` would make, before anything is touched.

use crate::cli::PlanArgs;
use crate::error::{Failure, FailureKind};
use crate::plan::{Plan, PlanDocument, VERSION, markdown, text};
use crate::run;
use crate::stages::convert::write;
use crate::ui::Ui;

use super::{Settled, jobs, plan_batch};

/// Runs the subcommand.
///
/// # Errors
/// As the stages say; [`FailureKind::NotReady`] if a plan has critical concerns, after all plans are printed.
pub fn run(args: &PlanArgs, settled: &Settled, ui: &Ui) -> Result<(), Failure> {
    if args.file.is_some() {
        return plan_batch::run(args, settled, ui);
    }
    let mut plans = Vec::new();
    let jobs = jobs::of(&args.sources, args.name.as_deref(), settled)?;
    let past = settled.past();
    for job in &jobs {
        plans.push(run::plan(job, Some(&settled.resolved.temp_dir), &past, ui)?);
    }
    let document = PlanDocument { version: VERSION, vms: plans, jobs };
    let shown = shown(args, &document)?;
    match &args.output {
        Some(file) => write(file, shown.as_bytes())?,
        None => ui.answer(&shown)?,
    }
    let not_ready: Vec<&Plan> = document.vms.iter().filter(|p| !p.ready()).collect();
    match not_ready.as_slice() {
        [] => Ok(()),
        [one] => Err(run::not_ready(one)),
        several => {
            let names: Vec<&str> = several.iter().map(|p| p.name.as_str()).collect();
            let message = format!("the plans for {} have critical concerns", names.join(", "));
            Err(Failure::message(FailureKind::NotReady, message))
        }
    }
}

fn shown(args: &PlanArgs, document: &PlanDocument) -> Result<String, Failure> {
    if args.json {
        return Ok(serde_json::to_string_pretty(document)?);
    }
    let one: fn(&Plan) -> String = if args.markdown { markdown::markdown } else { text::text };
    Ok(document.vms.iter().map(one).collect::<Vec<_>>().join("\n"))
}
