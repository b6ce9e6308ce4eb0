//! `h2k resume`: goes on with batches and runs that were killed, were stopped, or failed.

use crate::cli::ResumeArgs;
use crate::error::{Failure, FailureKind};
use crate::job::Job;
use crate::state::{BatchRecord, Store};
use crate::ui::Ui;

use super::{Settled, migrate, run_batch};

/// Runs the subcommand.
///
/// # Errors
/// A name has nothing to go on with; as `migrate` otherwise.
pub fn run(args: &ResumeArgs, settled: &Settled, ui: &Ui) -> Result<(), Failure> {
    let store = settled.store()?;
    let (batches, mut names) = batches(&store, args)?;
    let of_batches = store.jobs_of_open_batches()?;
    let mut jobs: Vec<Job> = Vec::new();
    for run in store.list_runs()? {
        let wanted =
            args.names.contains(&run.name) || args.names.is_empty() && !of_batches.contains(&run.job);
        let resumable = run.resumable();
        let job = Job { copy: settled.resolved.copy, ..run.job };
        if resumable && wanted && !jobs.contains(&job) {
            jobs.push(job);
            names.push(run.name);
        }
    }
    if let Some(missing) = args.names.iter().find(|n| !names.contains(n)) {
        return Err(Failure::message(FailureKind::Usage, format!("{missing} has no run to go on with"))
            .hint("h2k status lists all runs"));
    }
    // The oldest first, as they were begun.
    let mut worst = Ok(());
    for batch in batches.iter().rev() {
        match run_batch::go_on(batch.id, settled, &store, ui) {
            Err(failure) if failure.kind == FailureKind::Partial && batches.len() + jobs.len() > 1 => {
                ui.failure(&failure);
                worst = Err(Failure::message(FailureKind::Partial, "some VMs did not end well"));
            }
            other => other?,
        }
    }
    jobs.reverse();
    migrate::all(&jobs, &store, settled, ui, false).and(worst)
}

/// Batches to go on with, the last first, and their names.
fn batches(store: &Store, args: &ResumeArgs) -> Result<(Vec<BatchRecord>, Vec<String>), Failure> {
    let wanted = |name: &String| args.names.is_empty() || args.names.contains(name);
    let mut found: Vec<BatchRecord> = store.list_batches()?;
    found.retain(|b| b.resumable() && wanted(&b.name));
    let names = found.iter().map(|b| b.name.clone()).collect();
    Ok((found, names))
}
