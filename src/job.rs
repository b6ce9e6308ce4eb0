//! What one VM's migration was asked to be: resolved once from the command line and the settings, then only read.

use std::path::{Path, PathBuf};

use h2k_config::{CopySettings, Policy};
use h2k_transports::NbdUri;
use serde::{Deserialize, Serialize};

use crate::error::{Failure, FailureKind};
use crate::plan::saved::Pinned;

/// Longest directory name that most file systems take, in bytes (`NAME_MAX` is 255), less what h2k appends.
const MAX_NAME: usize = 200;

/// One VM's migration. Two runs with equal jobs are the same run: one goes on where the other stopped.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// What was given as SOURCE: absolute paths and URIs.
    pub sources: Vec<PathBuf>,
    /// Directory that the result's directory is made in, absolute; `None` where nothing is made (`h2k plan`).
    pub output: Option<PathBuf>,
    /// Name that the user wants; the source's own otherwise.
    pub name: Option<String>,
    /// Files, or directories of files, that may be parents of the source's disks, absolute.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parents: Vec<PathBuf>,
    /// What the user wants of target and repairs.
    pub policy: Policy,
    /// How the disks are copied. Not kept: a run may go on with another way.
    #[serde(skip)]
    pub copy: CopySettings,
    /// Whether the result is booted.
    pub boot: bool,
    /// Seconds that a boot may take; `None` for the default of the accelerator.
    pub boot_timeout: Option<u64>,
    /// The saved plan that is carried out: PLAN has to come to the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Pinned>,
}

impl Job {
    /// Directory that the result's directory is made in.
    ///
    /// # Errors
    /// None was named.
    pub fn output(&self) -> Result<&Path, Failure> {
        self.output.as_deref().ok_or_else(|| {
            Failure::message(FailureKind::Usage, "no output directory was named").hint("name it with -o DIR")
        })
    }

    /// A name until FETCH has told the VM's own.
    pub fn provisional_name(&self) -> String {
        let stem = self.sources.first().and_then(|source| stem(source));
        safe_name(self.name.as_deref().or(stem.as_deref()).unwrap_or("vm"))
    }

    /// A short key of what is to be done, for directories and look-ups.
    ///
    /// # Errors
    /// A path is not UTF-8.
    pub fn key(&self) -> Result<String, Failure> {
        let text = serde_json::to_vec(self)?;
        Ok(blake3::hash(&text).to_hex().chars().take(16).collect())
    }

    /// Directory of the finished result.
    ///
    /// # Errors
    /// As [`Job::output`].
    pub fn result_dir(&self, name: &str) -> Result<PathBuf, Failure> {
        Ok(self.output()?.join(name))
    }
}

/// The name that a source suggests: its file's stem, or its NBD export.
fn stem(source: &Path) -> Option<String> {
    match source.to_str().filter(|_| NbdUri::is_uri(source)).map(NbdUri::parse) {
        Some(uri) => uri.ok().map(|uri| uri.name().to_owned()),
        None => source.file_stem().map(|s| s.to_string_lossy().into_owned()),
    }
}

/// Where unfinished work lies: beside the results, on the same file system, so that a rename finishes it.
pub fn work_root(output: &Path) -> PathBuf {
    output.join(".h2k")
}

/// A VM's name as a directory and as a libvirt domain name: no slash, no control character, no leading dot.
/// The source is not trusted to name a path.
pub fn safe_name(name: &str) -> String {
    let mut out: String =
        name.trim().chars().map(|c| if c == '/' || c.is_control() { '_' } else { c }).collect();
    while out.len() > MAX_NAME {
        out.pop();
    }
    if out.starts_with('.') {
        out.replace_range(0..1, "_");
    }
    if out.is_empty() { "vm".to_owned() } else { out }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_never_leaves_the_output_directory() {
        for (name, safe) in [
            ("web01", "web01"),
            ("../../etc", "_._.._etc"),
            ("..", "_."),
            ("", "vm"),
            (" a/b\n", "a_b"),
            ("Größe 1", "Größe 1"),
        ] {
            assert_eq!(safe_name(name), safe, "{name}");
        }
        assert!(safe_name(&"ü".repeat(500)).len() <= MAX_NAME);
    }

    #[test]
    fn a_source_suggests_a_name() {
        for (source, name) in [
            ("/vms/web01.vmx", "web01"),
            ("nbd+unix:///vms/web01?socket=/run/a.b", "web01"),
            ("nbd://h", "disk"),
        ] {
            assert_eq!(stem(Path::new(source)).as_deref(), Some(name));
        }
    }
}
