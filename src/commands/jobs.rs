//! From SOURCE… on the command line to one job per VM.

use std::path::{Path, PathBuf};

use h2k_transports::{NbdUri, Source, recognise};

use super::Settled;
use crate::error::{Failure, FailureKind};
use crate::job::Job;
use crate::stages::fetch::failure;

/// One job per VM: every description is a VM, and disk files given together are the disks of one.
///
/// # Errors
/// A source is not there or is none; disk files and descriptions are mixed; one name is given for several VMs.
pub fn of(sources: &[PathBuf], name: Option<&str>, settled: &Settled) -> Result<Vec<Job>, Failure> {
    let sources: Vec<PathBuf> = sources.iter().map(|s| absolute(s)).collect::<Result<_, _>>()?;
    let groups = grouped(sources)?;
    if name.is_some() && groups.len() > 1 {
        return Err(Failure::message(FailureKind::Usage, "one --name is given for several VMs"));
    }
    let wanted = &settled.resolved;
    let job = |sources| Job {
        sources,
        output: wanted.output.clone(),
        name: name.map(str::to_owned),
        parents: wanted.parents.clone(),
        policy: wanted.policy.clone(),
        copy: wanted.copy,
        boot: wanted.boot,
        boot_timeout: wanted.boot_timeout,
    };
    Ok(groups.into_iter().map(job).collect())
}

fn grouped(sources: Vec<PathBuf>) -> Result<Vec<Vec<PathBuf>>, Failure> {
    let mut disks = 0;
    for source in &sources {
        if matches!(recognise(std::slice::from_ref(source)).map_err(failure)?, Source::Disks(_)) {
            disks += 1;
        }
    }
    match disks {
        0 => Ok(sources.into_iter().map(|s| vec![s]).collect()),
        n if n == sources.len() => Ok(vec![sources]),
        _ => {
            Err(Failure::message(FailureKind::Usage, "disk files and descriptions of VMs are given together")
                .hint("several disk files are the disks of one VM: give them alone"))
        }
    }
}

fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    if let Some(uri) = path.to_str().filter(|_| NbdUri::is_uri(path)) {
        // In its normal form, by which two runs are told to be the same.
        return Ok(PathBuf::from(NbdUri::parse(uri).map_err(failure)?.to_string()));
    }
    std::path::absolute(path)
        .map_err(|e| Failure::new(FailureKind::Usage, e).context(format!("finding {}", path.display())))
}
