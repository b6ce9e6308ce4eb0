//! PLAN: every decision, made from what was seen; no program of the guest runs.

use std::path::Path;

use h2k_fixers::Guest;
use serde::{Deserialize, Serialize};

use crate::error::{Doing, Failure};
use crate::pipeline::Context;
use crate::plan::Plan;
use crate::plan::decide::{Basis, decide};
use crate::plan::{host, rules::Space};
use crate::stage::{Stage, StageRun};
use crate::stages::inspect::{self, Inspected};
use crate::warden::Need;

/// The stage.
pub struct PlanStage;

/// What PLAN leaves.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Planned {
    /// What INSPECT left.
    pub inspected: Inspected,
    /// The plan.
    pub plan: Plan,
}

impl Planned {
    /// One line for the log.
    pub fn summary(&self) -> String {
        let critical = self.plan.critical().count();
        format!(
            "{} edits, {} concerns ({critical} critical)",
            self.plan.edits.len(),
            self.plan.concerns.len()
        )
    }
}

impl StageRun for PlanStage {
    type In = Inspected;
    type Out = Planned;
    const STAGE: Stage = Stage::Plan;

    /// INSPECT's appliance goes on to FIX.
    fn need(&self, cx: &Context<'_>, _: &Inspected) -> Need {
        inspect::appliance_need(cx)
    }

    fn run(&self, cx: &mut Context<'_>, inspected: Inspected) -> Result<Planned, Failure> {
        if cx.appliance.is_none() && inspected.facts.system().is_some() {
            // Resumed after INSPECT: the guest is needed again, as it was seen.
            cx.appliance = Some(inspect::reopen(cx, &inspected)?);
        }
        let flattened = &inspected.flattened;
        let basis = Basis {
            name: &cx.vm,
            source: &flattened.fetched.vm,
            facts: &inspected.facts,
            policy: &cx.job.policy,
            sizes: &flattened.sizes(),
            allocated: &flattened.allocated(),
            disks: &flattened.disks,
            unpacked: flattened.fetched.unpacked,
            source_digest: &flattened.identity.digest,
            output: cx.job.output.as_deref().map(space).transpose()?,
            host: host::this(),
        };
        let guest = cx.appliance.as_ref().map(|a| &a.session as &dyn Guest);
        let plan = decide(&basis, guest)?;
        Ok(Planned { inspected, plan })
    }
}

/// Free space where `path` is, or will be made.
fn space(path: &Path) -> Result<Space, Failure> {
    let there = path.ancestors().find(|p| p.exists()).unwrap_or(Path::new("/"));
    let vfs = rustix::fs::statvfs(there).doing(format!("measuring the free space of {}", there.display()))?;
    let blocks = |count: u64| count.saturating_mul(vfs.f_frsize);
    // Where a file system's own limit cannot be told, the copy will meet it.
    let largest_file =
        rustix::fs::statfs(there).ok().and_then(|fs| largest_file(fs.f_type, vfs.f_frsize));
    Ok(Space { path: path.to_owned(), free: blocks(vfs.f_bavail), size: blocks(vfs.f_blocks), largest_file })
}

/// Most bytes of a file: 2^32 blocks less one on ext4 (Documentation/filesystems/ext4/overview.rst), 32 bits of length
/// on FAT. Types are those of statfs(2).
fn largest_file(kind: i64, block: u64) -> Option<u64> {
    const EXT4: i64 = 0xEF53;
    const FAT: i64 = 0x4d44;
    match kind {
        EXT4 => Some(u64::from(u32::MAX).saturating_mul(block)),
        FAT => Some(u64::from(u32::MAX)),
        _ => None,
    }
}
