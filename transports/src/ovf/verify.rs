//! Whether the files of a package have the digests that its manifests give.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::manifest::{self, Algorithm, Digest};
use super::package::{Package, beside};
use crate::error::FetchError;
use crate::member::Member;
use crate::text::read_limited;

/// Largest manifest that is read, in bytes.
const MAX_MANIFEST_BYTES: u64 = 4 << 20;

/// What checking found.
#[derive(Debug, Default)]
pub(super) struct Verified {
    /// Names of the members whose digests agree.
    pub members: BTreeSet<String>,
    /// Lines that are not understood, and files that are not there.
    pub warnings: Vec<String>,
}

/// A file to hash.
struct Job {
    member: Member,
    digest: Digest,
    manifest: String,
}

/// Reads every file that the manifests of the OVF `ovf` name, several at a time, and compares.
///
/// # Errors
/// `Corrupt` for a digest that differs, `Unsafe` for a name that leaves the package, `Io` if the host fails.
pub(super) fn verify(package: &Package, ovf: &str) -> Result<Verified, FetchError> {
    let mut verified = Verified::default();
    let mut jobs = Jobs::default();
    for file in package.manifests(ovf)? {
        let doing = || format!("reading the manifest {}", file.name);
        let bytes = file.open().map_err(|e| FetchError::io(doing(), e))?;
        let bytes = read_limited(bytes, MAX_MANIFEST_BYTES, &file.name)?;
        let (digests, warnings) = manifest::parse(&bytes, &file.name);
        verified.warnings.extend(warnings);
        for digest in digests {
            let name = beside(&file.name, &digest.file).map_err(|e| e.context(doing()))?;
            match package.find(&name)? {
                Some(member) => jobs.add(Job { member, digest, manifest: file.name.clone() })?,
                None => verified
                    .warnings
                    .push(format!("manifest {}: {:?} is not in the package", file.name, digest.file)),
            }
        }
    }
    let jobs: Vec<Job> = jobs.by_file.into_values().collect();
    // All are hashed before the first difference is reported, so that the report does not depend on the
    // scheduler.
    let results: Vec<Result<(), FetchError>> = jobs.par_iter().map(check).collect();
    results.into_iter().collect::<Result<(), _>>()?;
    verified.members = jobs.into_iter().map(|job| job.member.name).collect();
    Ok(verified)
}

/// Files to hash, each once per algorithm, however often it is named.
#[derive(Default)]
struct Jobs {
    by_file: BTreeMap<(String, Algorithm), Job>,
}

impl Jobs {
    fn add(&mut self, job: Job) -> Result<(), FetchError> {
        let key = (job.member.name.clone(), job.digest.algorithm);
        match self.by_file.get(&key) {
            Some(other) if other.digest.expected != job.digest.expected => Err(FetchError::corrupt(format!(
                "corrupt OVA: the manifests give two digests of {:?}",
                job.member.name
            ))),
            Some(_) => Ok(()),
            None => {
                self.by_file.insert(key, job);
                Ok(())
            }
        }
    }
}

fn check(job: &Job) -> Result<(), FetchError> {
    let Job { member, digest, manifest } = job;
    let found = member.open().and_then(|bytes| digest.algorithm.digest(bytes));
    let found = found.map_err(|e| FetchError::io(format!("hashing {:?}", member.name), e))?;
    if found == digest.expected {
        return Ok(());
    }
    Err(FetchError::corrupt(format!(
        "corrupt OVA: {:?} is not what the manifest {manifest} says: expected {} {}, found {found}",
        member.name, digest.algorithm, digest.expected
    ))
    .with_hint(
        "copy the package again; if the file was changed on purpose, remove its line from the manifest",
    ))
}
