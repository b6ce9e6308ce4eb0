//! From SOURCE… on the command line to one job per VM.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use h2k_config::{Policy, Resolved};
use h2k_fixers::GuestError;
use h2k_transports::{NbdUri, Source, recognise};

use super::{Settled, stamp};
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
    let inputs = inputs(&settled.resolved.policy)?;
    let job = |sources| with(sources, name, &settled.resolved, inputs.clone());
    Ok(groups.into_iter().map(job).collect())
}

/// The job of one VM. `inputs` are those of the settings' policy.
pub fn with(
    sources: Vec<PathBuf>,
    name: Option<&str>,
    wanted: &Resolved,
    inputs: BTreeMap<PathBuf, String>,
) -> Job {
    Job {
        sources,
        output: wanted.output.clone(),
        name: name.map(str::to_owned),
        parents: wanted.parents.clone(),
        policy: Policy { inputs, ..wanted.policy.clone() },
        copy: wanted.copy,
        boot: wanted.boot,
        boot_timeout: wanted.boot_timeout,
        plan: None,
    }
}

/// Digests of the files of this host that go into the guest. Of drivers only a stamp: few of them are put into a guest,
/// and each edit that does so has the digest of its file.
///
/// # Errors
/// One cannot be read: that is told before anything starts.
pub fn inputs(policy: &Policy) -> Result<BTreeMap<PathBuf, String>, Failure> {
    let mut files: Vec<PathBuf> = policy.customize.clone().host_files().map(|path| path.clone()).collect();
    if let Some(dir) = &policy.agent_packages {
        files.extend(h2k_fixers::hostfile::packages(dir).map_err(usage)?);
    }
    let digest = |path: PathBuf| {
        let content = h2k_fixers::hostfile::read(&path).map_err(usage)?;
        Ok((path, blake3::hash(&content).to_hex().to_string()))
    };
    let mut inputs: BTreeMap<PathBuf, String> =
        files.into_iter().map(digest).collect::<Result<_, Failure>>()?;
    if let Some(drivers) = &policy.virtio_win {
        inputs.insert(drivers.clone(), stamp::of(drivers)?);
    }
    Ok(inputs)
}

fn usage(error: GuestError) -> Failure {
    Failure::new(FailureKind::Usage, error)
}

/// Sources of one VM each: a description, or all disk files together.
///
/// # Errors
/// One is not there or is none; disk files and descriptions are mixed.
pub fn grouped(sources: Vec<PathBuf>) -> Result<Vec<Vec<PathBuf>>, Failure> {
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

/// A path from the root, or a URI in its normal form.
///
/// # Errors
/// It is no URI that h2k knows.
pub fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    if let Some(uri) = path.to_str().filter(|_| NbdUri::is_uri(path)) {
        // In its normal form, by which two runs are told to be the same.
        return Ok(PathBuf::from(NbdUri::parse(uri).map_err(failure)?.to_string()));
    }
    std::path::absolute(path)
        .map_err(|e| Failure::new(FailureKind::Usage, e).context(format!("finding {}", path.display())))
}
