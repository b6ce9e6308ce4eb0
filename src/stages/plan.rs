//! PLAN: every decision, made from what was seen; no program of the guest runs.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use h2k_config::TargetFormat;
use h2k_fixers::Guest;
use serde::{Deserialize, Serialize};

use crate::error::{Doing, Failure};
use crate::image::copy::Format;
use crate::image::{self, DiskReader};
use crate::pipeline::Context;
use crate::plan::Plan;
use crate::plan::decide::{Basis, decide};
use crate::plan::time::{self, Known, Sample, TimeForecast};
use crate::plan::{host, rules::Space};
use crate::stage::{Stage, StageRun};
use crate::stages::flatten::{FlatDisk, Flattened};
use crate::stages::inspect::{self, Inspected};
use crate::stages::validate;
use crate::transfer;
use crate::transfer::sample::{self, Target};
use crate::validate::{Accel, kvm};
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
        let began = Instant::now();
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
        let mut plan = decide(&basis, guest)?;
        plan.forecast.memory_bytes = Some(memory(cx, &plan));
        if !cx.job.copy.no_sample {
            plan.forecast.time = Some(time(cx, flattened, &plan, began));
            // A sample that the user stopped is only told in the plan.
            crate::exec::check_cancelled()?;
        }
        Ok(Planned { inspected, plan })
    }
}

/// Most memory that a stage takes, in bytes.
fn memory(cx: &Context<'_>, plan: &Plan) -> u64 {
    let needs = [Need::own(), inspect::appliance_need(cx), validate::need(cx, &plan.target)];
    needs.iter().map(|need| need.memory).max().unwrap_or_default()
}

/// How long the migration takes. What cannot be measured is told in it; that fails no plan.
fn time(cx: &Context<'_>, flattened: &Flattened, plan: &Plan, began: Instant) -> TimeForecast {
    let sample = sampled(cx, flattened, plan);
    let mut done: Vec<(Stage, f64)> = cx.timings.iter().map(|t| (t.stage, t.seconds)).collect();
    done.push((Stage::Plan, began.elapsed().as_secs_f64()));
    time::forecast(&Known {
        done: &done,
        edits: &plan.edits,
        kernels: &plan.facts.kernels,
        guest: plan.facts.system().is_some(),
        data: plan.forecast.target_bytes,
        disks: flattened.disks.len() as u64,
        copy: cx.job.copy,
        sample,
        boot: cx.job.boot,
        accel: if kvm::proven() { Accel::Kvm } else { Accel::Tcg },
        past: &cx.past,
    })
}

/// The sample, written where the result will be if that directory is there.
fn sampled(cx: &Context<'_>, flattened: &Flattened, plan: &Plan) -> Result<Sample, String> {
    let open = |disk: &FlatDisk| image::open(&disk.chain).map(Arc::from);
    let disks: Vec<Arc<dyn DiskReader>> = flattened
        .disks
        .iter()
        .map(open)
        .collect::<Result<_, _>>()
        .map_err(|e| format!("time was not measured: {}", Failure::from(e).chain()))?;
    let output = cx.job.output.as_deref().filter(|dir| dir.is_dir());
    let free = output.map(space).transpose().map_err(|e| format!("time was not measured: {}", e.chain()))?;
    let target = output.zip(free).map(|(output, space)| Target {
        // The unfinished work is there too, where there is any: what a kill leaves goes with it.
        dir: if cx.work.starts_with(output) && cx.work.is_dir() { &cx.work } else { output },
        free: space.free,
        needed: plan.forecast.space(),
        format: match cx.job.policy.format {
            TargetFormat::Qcow2 => Format::Qcow2 { compress: transfer::compression(cx.job.policy.compress) },
            TargetFormat::Raw => Format::Raw { preallocate: false },
        },
    });
    cx.progress(Stage::Plan, 0, 1, "measuring how fast the disks are copied");
    sample::measure(&disks, target.as_ref(), cx.job.copy.threads)
}

/// Free space where `path` is, or will be made.
fn space(path: &Path) -> Result<Space, Failure> {
    let there = path.ancestors().find(|p| p.exists()).unwrap_or(Path::new("/"));
    let vfs = rustix::fs::statvfs(there).doing(format!("measuring the free space of {}", there.display()))?;
    let blocks = |count: u64| count.saturating_mul(vfs.f_frsize);
    // Where a file system's own limit cannot be told, the copy will meet it.
    let largest_file = rustix::fs::statfs(there).ok().and_then(|fs| largest_file(fs.f_type, vfs.f_frsize));
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
