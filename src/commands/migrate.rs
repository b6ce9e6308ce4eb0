//! `h2k migrate`: one VM after the other; one VM's failure does not stop the others.

use h2k_fixers::readiness::Readiness;
use serde::Serialize;

use crate::cli::MigrateArgs;
use crate::error::{Failure, FailureKind};
use crate::event::{Event, Reporter};
use crate::job::Job;
use crate::metrics::Growing;
use crate::report::{Report, VmSummary};
use crate::run;
use crate::state::Store;
use crate::ui::Ui;
use crate::warden::Alone;

use super::{Settled, jobs, planned, run_batch};

/// Runs the subcommand.
///
/// # Errors
/// As the stages say; [`FailureKind::Partial`] if some of several VMs failed.
pub fn run(args: &MigrateArgs, settled: &Settled, ui: &Ui) -> Result<(), Failure> {
    if let Some(expanded) = settled.expanded()? {
        return run_batch::begin(&expanded.batch, settled, ui, args.json);
    }
    let jobs = match &args.plan {
        Some(file) => planned::jobs(file, args, settled)?,
        None => jobs::of(&args.sources, args.name.as_deref(), settled)?,
    };
    let store = settled.store()?;
    all(&jobs, &store, settled, ui, args.json)
}

/// The answer in JSON.
#[derive(Serialize)]
struct Came {
    version: u32,
    vms: Vec<VmSummary>,
}

/// Migrates each job and tells what came of it.
///
/// # Errors
/// The failure of the only job; [`FailureKind::Partial`] if some of several failed; the first that interrupts.
pub fn all(jobs: &[Job], store: &Store, settled: &Settled, ui: &Ui, json: bool) -> Result<(), Failure> {
    let mut failed = 0;
    let mut vms = Vec::new();
    let mut ended = Ok(());
    let mut metrics = Growing::new(settled.resolved.metrics.clone(), "");
    for job in jobs {
        let result = run::migrate(job, store, ui, &Alone);
        let vm = match &result {
            Ok(report) => VmSummary::of(report),
            Err(failure) => VmSummary::failed(job.provisional_name(), failure),
        };
        vms.push(vm.clone());
        // A migration does not fail because it cannot be counted.
        if let Err(failure) = metrics.note(vm) {
            ui.event(&Event::Warning { vm: job.provisional_name(), message: failure.chain() });
        }
        match result {
            Ok(_) if json => {}
            Ok(report) => ui.answer(&summary(&report))?,
            Err(failure) if jobs.len() == 1 || failure.kind == FailureKind::Interrupted => {
                ended = Err(failure);
                break;
            }
            Err(failure) => {
                failed += 1;
                ui.failure(&failure);
            }
        }
    }
    if json {
        ui.answer_json(&Came { version: crate::report::batch::VERSION, vms })?;
    }
    ended?;
    if failed == 0 {
        return Ok(());
    }
    Err(Failure::message(FailureKind::Partial, format!("{failed} of {} VMs failed", jobs.len())))
}

/// What a migration came to, for people.
pub fn summary(report: &Report) -> String {
    let verdict = match &report.verdict {
        None => "not booted, as asked".to_owned(),
        Some(v) => format!("{}: {}", v.outcome, v.reason),
    };
    let chain = report.readiness.as_ref().map(chain).unwrap_or_default();
    let kept = if report.keeps_base() {
        "  base      kept: h2k refix makes the repairs anew, h2k accept ends that
"
    } else {
        ""
    };
    let warnings = report.verdict.iter().flat_map(|v| &v.evidence.warnings);
    let warnings: String = warnings
        .map(|warning| {
            format!(
                "  warning   {warning}
"
            )
        })
        .collect();
    format!(
        "{}: {verdict}
{warnings}  result    {}
  edits     {}
{chain}{kept}  report    {}
",
        report.name,
        report.dir.display(),
        report.edits.len(),
        report.dir.join("report.md").display()
    )
}

/// The boot chain: how many links resolve, and a line for each that does not.
fn chain(found: &Readiness) -> String {
    let open: String = found.open().map(|l| format!("            {} {l}\n", l.state)).collect();
    format!("  chain     {}\n{open}", found.summary())
}
