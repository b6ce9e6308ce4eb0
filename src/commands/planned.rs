//! `h2k migrate --plan`: from a saved plan to jobs.

use std::path::Path;

use h2k_config::Settings;

use crate::cli::MigrateArgs;
use crate::error::{Failure, FailureKind};
use crate::job::Job;
use crate::plan::saved::{Pinned, read};

use super::Settled;

/// A job for each plan of the file: what it was made for, held to what it says.
///
/// # Errors
/// The file is no plan, or of another version; an option would change what was planned.
pub fn jobs(file: &Path, args: &MigrateArgs, settled: &Settled) -> Result<Vec<Job>, Failure> {
    let usage = |message: String| Failure::message(FailureKind::Usage, message);
    let wanted = args.policy.settings().map_err(usage)?;
    let planned =
        Settings { temp_dir: None, no_boot: None, boot_timeout: None, no_sample: None, ..wanted.clone() };
    if planned != Settings::default() {
        return Err(usage(
            "a saved plan is carried out as it stands: what was decided in it cannot be set".into(),
        )
        .hint(
            "leave out the options of target, network, repairs and source, or plan the VM again with them",
        ));
    }
    let file = std::path::absolute(file)
        .map_err(|e| Failure::new(FailureKind::Usage, e).context(format!("finding {}", file.display())))?;
    let document = read(&file)?;
    if document.jobs.len() != document.vms.len() || document.vms.is_empty() {
        return Err(usage(format!("{} does not say what its plans were made for", file.display()))
            .hint("h2k plan --json -o FILE writes plans that can be carried out"));
    }
    let job = |(index, job): (usize, Job)| {
        let Some(plan) = document.vms.get(index) else { return Err(usage("a plan is missing".into())) };
        Ok(Job {
            output: args.output.is_some().then(|| settled.resolved.output.clone()).flatten().or(job.output),
            name: Some(plan.name.clone()),
            copy: settled.resolved.copy,
            boot: wanted.no_boot.map_or(job.boot, |no| !no),
            boot_timeout: wanted.boot_timeout.or(job.boot_timeout),
            plan: Some(Pinned::of(&file, index, plan)?),
            ..job
        })
    };
    document.jobs.iter().cloned().enumerate().map(job).collect()
}
