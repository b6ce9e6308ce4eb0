//! From a batch file to a job per VM: globs become paths, sources are recognised, names that are known are compared.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use h2k_config::batch::{BatchFile, Sources, VmEntry};
use h2k_config::yaml::{Mistakes, Place};
use h2k_config::{ConfigError, Customize, Resolved, Settings};
use h2k_transports::{Source, recognise, vmx};
use jiff::Timestamp;

use super::{Batch, BatchVm, globs};
use crate::commands::jobs;
use crate::error::{Failure, FailureKind};
use crate::job::{Job, safe_name};

/// Most VMs of one batch.
const MAX_VMS: usize = 100_000;

/// Bytes of a VMX that are read for its name; those of VMware have a few KiB.
const MAX_VMX: u64 = 1 << 20;

/// A batch with what is known of its VMs beforehand.
#[derive(Debug, Clone)]
pub struct Expanded {
    /// The batch.
    pub batch: Batch,
    /// Of each of its VMs in their order: the name that it will have, if that is known without FETCH.
    pub names: Vec<Option<String>>,
}

impl Expanded {
    /// What a VM is called as long as nobody has looked at it.
    pub fn label(&self, index: usize) -> String {
        let known = self.names.get(index).cloned().flatten();
        known.or_else(|| Some(self.batch.vms.get(index)?.job.provisional_name())).unwrap_or_default()
    }
}

/// Every VM that the file stands for. `resolve` gives the settings of a VM from what is set for it alone.
///
/// # Errors
/// All mistakes at once: a glob that matches nothing, a source that is none, two VMs of one name.
pub fn expand(file: &BatchFile, resolve: &dyn Fn(&Settings) -> Resolved) -> Result<Expanded, Failure> {
    let mut expansion = Expansion { resolve, mistakes: Mistakes::default(), inputs: Inputs::default() };
    let mut found = Vec::new();
    for entry in &file.vms {
        expansion.entry(entry, &mut found);
        if found.len() > MAX_VMS {
            expansion.mistakes.add(entry.at, format!("the batch has more than {MAX_VMS} VMs"));
            break;
        }
    }
    names(&found, &mut expansion.mistakes);
    let (vms, names) = found.into_iter().map(|found| (found.vm, found.name)).unzip();
    let batch = Batch {
        name: file.name.clone(),
        path: file.path.clone(),
        vms,
        waves: file.waves.clone(),
        concurrency: file.concurrency,
        hooks: file.hooks.clone(),
    };
    expansion
        .mistakes
        .end(Expanded { batch, names })
        .map_err(|mistakes| Failure::new(FailureKind::Usage, ConfigError::of_file(&file.path, mistakes)))
}

/// A VM that was found.
struct Found {
    at: Place,
    vm: BatchVm,
    name: Option<String>,
}

struct Expansion<'a> {
    resolve: &'a dyn Fn(&Settings) -> Resolved,
    mistakes: Mistakes,
    inputs: Inputs,
}

impl Expansion<'_> {
    fn entry(&mut self, entry: &VmEntry, found: &mut Vec<Found>) {
        let sources: Vec<Vec<PathBuf>> = match &entry.sources {
            Sources::One(sources) => vec![sources.clone()],
            Sources::Globs(_) => self.matching(entry).into_iter().map(|path| vec![path]).collect(),
        };
        if sources.is_empty() {
            return;
        }
        let resolved = (self.resolve)(&entry.settings);
        let inputs = match self.inputs.of(&resolved) {
            Ok(inputs) => inputs,
            Err(failure) => return self.mistakes.add(entry.at, failure.chain()),
        };
        for sources in sources {
            match one(&sources, entry.name.as_deref(), &resolved, &inputs) {
                Ok((job, name)) => found.push(Found { at: entry.at, vm: vm(entry, job), name }),
                Err(failure) => {
                    let hints: String = failure.hints.iter().map(|hint| format!(" ({hint})")).collect();
                    self.mistakes.add(entry.source_at, format!("{}{hints}", failure.chain()));
                }
            }
        }
    }

    /// The paths that the entry's globs match, each once.
    fn matching(&mut self, entry: &VmEntry) -> Vec<PathBuf> {
        let Sources::Globs(list) = &entry.sources else { return Vec::new() };
        let mut paths = Vec::new();
        for glob in list {
            match globs::matches(&glob.pattern) {
                Ok(found) if found.is_empty() => {
                    self.mistakes.add(glob.at, format!("{:?} matches nothing", glob.written));
                }
                Ok(found) => paths.extend(found),
                Err(message) => self.mistakes.add(glob.at, format!("from: {message}")),
            }
        }
        paths.sort();
        paths.dedup();
        paths
    }
}

/// The job of one VM, and its name if that is known.
fn one(
    sources: &[PathBuf],
    name: Option<&str>,
    resolved: &Resolved,
    inputs: &BTreeMap<PathBuf, String>,
) -> Result<(Job, Option<String>), Failure> {
    let sources = sources.iter().map(|s| jobs::absolute(s)).collect::<Result<Vec<_>, _>>()?;
    let mut groups = jobs::grouped(sources)?;
    let sources = match groups.pop() {
        Some(sources) if groups.is_empty() => sources,
        _ => {
            return Err(Failure::message(FailureKind::Usage, "these are several VMs")
                .hint("an entry with source is one VM: write an entry for each"));
        }
    };
    let known = match name {
        Some(name) => Some(safe_name(name)),
        None => described(&sources),
    };
    Ok((jobs::with(sources, name, resolved, inputs.clone()), known))
}

/// The name that a VMX gives its VM. Other descriptions tell theirs to FETCH.
fn described(sources: &[PathBuf]) -> Option<String> {
    let Ok(Source::Vmx(path)) = recognise(sources) else { return None };
    let mut bytes = Vec::new();
    File::open(&path).ok()?.take(MAX_VMX).read_to_end(&mut bytes).ok()?;
    let named_after = std::fs::canonicalize(&path).unwrap_or(path);
    Some(safe_name(&vmx::describe(&bytes, Path::new(&named_after)).vm.name))
}

fn vm(entry: &VmEntry, job: Job) -> BatchVm {
    let time = |seconds: Option<i64>| seconds.and_then(|s| Timestamp::from_second(s).ok());
    BatchVm {
        job,
        wave: entry.wave,
        priority: entry.priority,
        not_before: time(entry.not_before),
        deadline: time(entry.deadline),
        hooks: entry.hooks.clone(),
    }
}

/// Two VMs of one name: the batch tells its VMs apart by it, and so does libvirt.
fn names(found: &[Found], mistakes: &mut Mistakes) {
    let mut seen: HashMap<&str, &Found> = HashMap::new();
    for vm in found {
        let Some(name) = vm.name.as_deref() else { continue };
        let Some(first) = seen.get(name) else {
            seen.insert(name, vm);
            continue;
        };
        let source = |found: &Found| {
            found.vm.job.sources.first().map(|path| path.display().to_string()).unwrap_or_default()
        };
        let message = format!(
            "two VMs are called {name:?}: {} (line {}) and {}: give one of them a name of its own",
            source(first),
            first.at.0,
            source(vm)
        );
        mistakes.add(vm.at, message);
    }
}

/// What names files of this host that go into a guest: what is customized, packages, drivers.
type Given = (Customize, Option<PathBuf>, Option<PathBuf>);

/// Digests of the files that go into the guests: read once for VMs that get the same.
#[derive(Default)]
struct Inputs {
    known: Vec<(Given, BTreeMap<PathBuf, String>)>,
}

impl Inputs {
    fn of(&mut self, resolved: &Resolved) -> Result<BTreeMap<PathBuf, String>, Failure> {
        let policy = &resolved.policy;
        let given = (policy.customize.clone(), policy.agent_packages.clone(), policy.virtio_win.clone());
        if given == Given::default() {
            return Ok(BTreeMap::new());
        }
        if let Some((_, inputs)) = self.known.iter().rev().take(8).find(|(known, _)| *known == given) {
            return Ok(inputs.clone());
        }
        let inputs = jobs::inputs(policy)?;
        self.known.push((given, inputs.clone()));
        Ok(inputs)
    }
}
