//! Saved plans: read with care, carried out as they stand or not at all.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use h2k_fixers::Edit;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Plan, PlanDocument, VERSION, diff};
use crate::error::{Doing, Failure, FailureKind};

/// Largest file of plans that is read, in bytes. One VM's has some MiB where whole files are written anew.
const MAX_FILE: u64 = 512 << 20;

/// The saved plan that a job carries out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pinned {
    /// The file, absolute.
    pub file: PathBuf,
    /// Number of the plan in it.
    pub index: usize,
    /// Digest of the source that it was made from.
    pub source_digest: String,
    /// Digest of its edits and its target.
    pub digest: String,
}

/// Reads a file of plans.
///
/// # Errors
/// It is none; it is of another version.
pub fn read(path: &Path) -> Result<PlanDocument, Failure> {
    let usage = |message: String| Failure::message(FailureKind::Usage, message);
    let mut text = Vec::new();
    let file = File::open(path).doing(format!("opening {}", path.display()))?;
    file.take(MAX_FILE + 1).read_to_end(&mut text).doing(format!("reading {}", path.display()))?;
    if text.len() as u64 > MAX_FILE {
        return Err(usage(format!(
            "{} is larger than {} MiB: it is no plan",
            path.display(),
            MAX_FILE >> 20
        )));
    }
    let no_plan = |e: serde_json::Error| {
        usage(format!("{} is no plan: {e}", path.display())).hint("h2k plan --json -o FILE writes one")
    };
    let value: Value = serde_json::from_slice(&text).map_err(no_plan)?;
    match value.get("version").and_then(Value::as_u64) {
        Some(version) if version == u64::from(VERSION) => {}
        Some(version) => {
            let message = format!(
                "{} is a plan of version {version}; this h2k reads version {VERSION}",
                path.display()
            );
            return Err(usage(message).hint("plan the VM again with this h2k"));
        }
        None => {
            return Err(usage(format!("{} is no plan: it has no version", path.display()))
                .hint("h2k plan --json -o FILE writes one"));
        }
    }
    serde_json::from_value(value).map_err(no_plan)
}

impl Pinned {
    /// The plan at `index` of `file`.
    ///
    /// # Errors
    /// None is known: a plan can be written as JSON.
    pub fn of(file: &Path, index: usize, plan: &Plan) -> Result<Self, Failure> {
        Ok(Self {
            file: file.to_owned(),
            index,
            source_digest: plan.source_digest.clone(),
            digest: digest(plan)?,
        })
    }

    /// Whether PLAN came to the same again.
    ///
    /// # Errors
    /// The source has changed since; the plan would be another one now.
    pub fn check(&self, now: &Plan) -> Result<(), Failure> {
        let refused = |message: String| {
            Failure::message(FailureKind::NotReady, message)
                .hint("nothing was touched; plan the VM again and look at what differs")
        };
        if self.source_digest != now.source_digest {
            return Err(refused(format!(
                "the source of {} has changed since {} was made",
                now.name,
                self.file.display()
            )));
        }
        if self.digest == digest(now)? {
            return Ok(());
        }
        let difference = match read(&self.file) {
            Ok(document) => {
                document.vms.get(self.index).map(|saved| difference(saved, now)).transpose()?.flatten()
            }
            Err(_) => None,
        };
        let difference = difference.unwrap_or_else(|| "the file has changed since".to_owned());
        Err(refused(format!(
            "the plan for {} would be another one than in {}: {difference}",
            now.name,
            self.file.display()
        )))
    }
}

/// Digest of what will be done: the edits and the target.
fn digest(plan: &Plan) -> Result<String, Failure> {
    let text = serde_json::to_vec(&(&plan.edits, &plan.target))?;
    Ok(blake3::hash(&text).to_hex().to_string())
}

/// The first thing that would be done otherwise.
fn difference(saved: &Plan, now: &Plan) -> Result<Option<String>, Failure> {
    let edits = saved.edits.len().max(now.edits.len());
    for index in 0..edits {
        let (old, new) = (saved.edits.get(index), now.edits.get(index));
        if serde_json::to_value(old)? == serde_json::to_value(new)? {
            continue;
        }
        let number = index + 1;
        return Ok(Some(match (old, new) {
            (Some(old), Some(new)) if shown(old) == shown(new) => {
                format!("edit {number} ({}) has another content", shown(new))
            }
            (Some(old), Some(new)) => format!("edit {number} was to {} and is to {}", shown(old), shown(new)),
            (Some(old), None) => format!("edit {number} ({}) would not be made", shown(old)),
            (None, Some(new)) => format!("edit {number} ({}) is new", shown(new)),
            (None, None) => return Ok(None),
        }));
    }
    let (old, new) = (serde_json::to_value(&saved.target)?, serde_json::to_value(&now.target)?);
    let names = new.as_object().into_iter().flat_map(|map| map.keys());
    let other = names.into_iter().find(|name| old.get(name.as_str()) != new.get(name.as_str()));
    Ok(other.map(|name| format!("the target's {name} would be {} instead of {}", new[name], old[name])))
}

fn shown(edit: &Edit) -> String {
    format!("{} [{}]", diff::headline(edit), edit.fixer)
}
