//! `h2k resume`: goes on with runs that were killed or failed.

use crate::cli::ResumeArgs;
use crate::error::{Failure, FailureKind};
use crate::job::Job;
use crate::ui::Ui;

use super::{Settled, migrate};

/// Runs the subcommand.
///
/// # Errors
/// A name has no unfinished run; as `migrate` otherwise.
pub fn run(args: &ResumeArgs, settled: &Settled, ui: &Ui) -> Result<(), Failure> {
    let store = settled.store()?;
    let mut jobs: Vec<Job> = Vec::new();
    let mut names = Vec::new();
    for run in store.list_runs()? {
        let wanted = args.names.is_empty() || args.names.contains(&run.name);
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
    jobs.reverse();
    migrate::all(&jobs, &store, ui)
}
