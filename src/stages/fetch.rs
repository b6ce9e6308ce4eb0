//! FETCH: what the hypervisor says of the VM, and where its disks' bytes are.

use h2k_transports::SourceVm;
use serde::{Deserialize, Serialize};

use crate::error::{Doing, Failure, FailureKind};
use crate::image::SourceIdentity;
use crate::job::safe_name;
use crate::pipeline::Context;
use crate::stage::{Stage, StageRun};

/// The stage.
pub struct Fetch;

/// What FETCH leaves.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Fetched {
    /// Name of the VM on the target.
    pub name: String,
    /// What the hypervisor says.
    pub vm: SourceVm,
    /// Bytes that were unpacked into the work directory.
    pub unpacked: u64,
    /// Identity of the description, so that a run that was killed before FLATTEN had looked at all files can tell
    /// whether it still holds. `None` in runs of an older h2k.
    #[serde(default)]
    pub described_by: Option<SourceIdentity>,
}

impl Fetched {
    /// One line for the log.
    pub fn summary(&self) -> String {
        format!("{} ({} disks, {} NICs)", self.vm.name, self.vm.disks.len(), self.vm.nics.len())
    }
}

impl StageRun for Fetch {
    type In = ();
    type Out = Fetched;
    const STAGE: Stage = Stage::Fetch;

    fn run(&self, cx: &mut Context<'_>, (): ()) -> Result<Fetched, Failure> {
        let scratch = cx.work.join("fetch");
        let source = h2k_transports::recognise(&cx.job.sources).map_err(failure)?;
        let vm = h2k_transports::fetch(&source, &scratch).map_err(failure)?;
        let name = safe_name(cx.job.name.as_deref().unwrap_or(&vm.name));
        let described_by = Some(SourceIdentity::of([&vm.path]).doing("looking at the source")?);
        Ok(Fetched { name, vm, unpacked: dir_bytes(&scratch)?, described_by })
    }
}

/// A FETCH error with its kind and its hint.
pub fn failure(error: h2k_transports::FetchError) -> Failure {
    let usage = error.kind() == h2k_transports::FetchErrorKind::Usage;
    let mut failure = Failure::from(error);
    if usage {
        failure.kind = FailureKind::Usage;
    }
    failure
}

/// Bytes of the files in a directory; 0 if it was not needed.
fn dir_bytes(dir: &std::path::Path) -> std::io::Result<u64> {
    match std::fs::read_dir(dir) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(0),
        Err(e) => Err(e),
        Ok(entries) => entries.map(|e| Ok(e?.metadata()?.len())).sum(),
    }
}
