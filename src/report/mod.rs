//! What was done: one VM's report, a batch's report, as data and as pages.
//!
//! ```text
//!  Report       ─┬─ report.json   versioned data
//!                ├─ report.md     markdown
//!                └─ report.html   vm_page: one file that needs nothing else; gantt, picture
//!  BatchReport  ─── batch.json, batch.md, batch.html likewise
//! ```
//!
//! What comes from a guest is hostile: `html` and [`crate::plan::markdown::inline`] take its meaning from it.

pub mod batch;
mod batch_page;
mod gantt;
mod html;
mod markdown;
mod picture;
pub mod usage;
mod vm_page;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use h2k_fixers::readiness::Readiness;
use h2k_fixers::undo::Trace;
use h2k_fixers::{Concern, Edit};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::{Doing, Failure, FailureKind};
use crate::pipeline::Context;
use crate::plan::Forecast;
use crate::stage::Stage;
use crate::stages::convert::{ConvertedDisk, write};
use crate::stages::validate::Validated;
use crate::validate::Verdict;

pub use batch::{BatchReport, VmStanding, VmSummary};
pub use usage::Used;

/// Largest report that is read, in bytes. A report holds the edits' texts; those of a large guest have megabytes.
const MAX_REPORT: u64 = 64 << 20;

/// Version of the report's JSON.
pub const VERSION: u32 = 1;

/// The report of one VM.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Report {
    /// [`VERSION`].
    pub version: u32,
    /// h2k's version.
    pub h2k: String,
    /// Name on the target.
    pub name: String,
    /// What was given as SOURCE.
    pub source: PathBuf,
    /// Digest of the source's files; the same before and after.
    pub source_digest: String,
    /// Result directory.
    pub dir: PathBuf,
    /// When the report was made, RFC 3339.
    pub finished: String,
    /// Time that the stages took, those of an earlier run that was resumed among them.
    pub stages: Vec<StageTiming>,
    /// The edits that were made.
    pub edits: Vec<Edit>,
    /// Seconds that each of them took; empty where that was not measured.
    #[serde(default)]
    pub edit_seconds: Vec<f64>,
    /// What taking each of them back needs besides; empty in reports of an older h2k.
    #[serde(default)]
    pub traces: Vec<Trace>,
    /// Edits that were taken back since, in that order.
    #[serde(default)]
    pub undone: Vec<Undone>,
    /// When the repairs were made anew; the rest tells of the last time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refixed: Vec<Timestamp>,
    /// When a result that had kept its base was accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<Timestamp>,
    /// Concerns of the plan.
    pub concerns: Vec<Concern>,
    /// What the plan expected.
    pub forecast: Forecast,
    /// What it took; `None` in reports of an older h2k.
    #[serde(default)]
    pub used: Option<Used>,
    /// The target's disks.
    pub disks: Vec<ConvertedDisk>,
    /// The links of the boot chain, looked at without a boot.
    #[serde(default)]
    pub readiness: Option<Readiness>,
    /// Mount points whose free space was copied too, with the reason.
    #[serde(default)]
    pub untrimmed: Vec<(String, String)>,
    /// Root device of the system that was migrated, where the user chose it among several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<String>,
    /// Boot verdict; `None` if no boot was wanted.
    pub verdict: Option<Verdict>,
    /// This host.
    pub host: Host,
}

/// Time of a stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StageTiming {
    /// Stage.
    pub stage: Stage,
    /// When it began; `None` in reports of an older h2k.
    #[serde(default)]
    pub started: Option<Timestamp>,
    /// Seconds; whole ones where an earlier run did it.
    pub seconds: f64,
    /// What came of it.
    pub summary: String,
    /// An earlier run did it, and this one took it over.
    #[serde(default)]
    pub resumed: bool,
}

/// An edit that was taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undone {
    /// Its number in [`Report::edits`], from 1.
    pub edit: usize,
    /// When.
    pub at: Timestamp,
}

/// The host that it was done on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Host {
    /// Whether KVM was proven and used.
    pub kvm: bool,
    /// h2k's own peak memory in bytes (`VmHWM` of proc(5)); the appliance and QEMU are processes of their own.
    pub peak_memory_bytes: Option<u64>,
}

impl Host {
    /// The host that h2k runs on.
    pub fn this() -> Self {
        Self { kvm: crate::validate::kvm::proven(), peak_memory_bytes: peak_memory() }
    }
}

impl Report {
    /// The report of a run that came to its end.
    pub fn of(cx: &Context<'_>, validated: &Validated) -> Self {
        let converted = &validated.converted;
        let plan = &converted.fixed.planned.plan;
        Self {
            version: VERSION,
            h2k: env!("CARGO_PKG_VERSION").to_owned(),
            name: plan.name.clone(),
            source: plan.source.path.clone(),
            source_digest: plan.source_digest.clone(),
            dir: converted.dir.clone(),
            finished: Timestamp::now().to_string(),
            stages: cx.timings.clone(),
            edits: plan.edits.clone(),
            edit_seconds: converted.fixed.edit_seconds.clone(),
            traces: converted.fixed.traces.clone(),
            undone: Vec::new(),
            refixed: Vec::new(),
            accepted: None,
            concerns: plan.concerns.clone(),
            forecast: plan.forecast.clone(),
            used: Some(Used::of(&converted.disks, converted.fixed.overlay_bytes)),
            disks: converted.disks.clone(),
            readiness: converted.fixed.readiness.clone(),
            untrimmed: converted.fixed.untrimmed.clone(),
            root: cx.job.policy.root.clone(),
            verdict: validated.verdict.clone(),
            host: Host::this(),
        }
    }

    /// Writes `report.json`, `report.md` and `report.html` into a result's directory and has them on disk.
    ///
    /// # Errors
    /// What the file system reports.
    pub fn write(&self, dir: &Path) -> Result<(), Failure> {
        write(&dir.join("report.json"), &serde_json::to_vec_pretty(self)?)?;
        write(&dir.join("report.md"), self.markdown().as_bytes())?;
        write(&dir.join("report.html"), self.html(dir).as_bytes())
    }

    /// The report in a result's directory.
    ///
    /// # Errors
    /// It is not there, cannot be read, or is of a newer h2k.
    pub fn load(dir: &Path) -> Result<Self, Failure> {
        let file = dir.join("report.json");
        let report: Self =
            serde_json::from_str(&read(&file)?).doing(format!("reading {}", file.display()))?;
        known(report.version, VERSION, &file).map(|()| report)
    }

    /// The report as Markdown.
    pub fn markdown(&self) -> String {
        markdown::vm(self)
    }

    /// The report as an HTML page that needs no other file. The screenshots are taken from the result's directory.
    pub fn html(&self, dir: &Path) -> String {
        vm_page::page(self, dir)
    }

    /// Whether its repairs can be made anew: each disk still is an overlay over its base.
    pub fn keeps_base(&self) -> bool {
        self.disks.iter().any(|disk| disk.base.is_some())
    }

    /// What became of it since it was migrated, a sentence each; edits that were taken back are told with the edits.
    pub fn since(&self) -> Vec<String> {
        let refixed = self.refixed.iter().map(|at| format!("the repairs were made anew at {at}"));
        let kept = self.keeps_base().then(|| {
            "its base is kept: h2k refix makes the repairs anew without copying, h2k accept ends that"
                .to_owned()
        });
        let accepted = self.accepted.iter().map(|at| format!("it was accepted at {at}"));
        refixed.chain(kept).chain(accepted).collect()
    }

    /// When an edit was taken back, by its index.
    pub fn undone_at(&self, index: usize) -> Option<Timestamp> {
        self.undone.iter().find(|undone| undone.edit == index + 1).map(|undone| undone.at)
    }

    /// Seconds that all stages took.
    pub fn seconds(&self) -> f64 {
        self.stages.iter().map(|stage| stage.seconds).sum()
    }
}

/// A report's text.
///
/// # Errors
/// It cannot be read, or is too long for one.
pub fn read(file: &Path) -> Result<String, Failure> {
    let doing = || format!("reading {}", file.display());
    let mut text = String::new();
    File::open(file).doing(doing())?.take(MAX_REPORT + 1).read_to_string(&mut text).doing(doing())?;
    if text.len() as u64 > MAX_REPORT {
        let message = format!("{} has more than {} MiB: it is no report", file.display(), MAX_REPORT >> 20);
        return Err(Failure::message(FailureKind::Failed, message));
    }
    Ok(text)
}

/// Refuses what a newer h2k wrote.
fn known(found: u32, known: u32, file: &Path) -> Result<(), Failure> {
    if found <= known {
        return Ok(());
    }
    let message = format!("{} has version {found}; this h2k reads up to {known}", file.display());
    Err(Failure::message(FailureKind::Failed, message).hint("use the h2k that wrote it"))
}

/// `VmHWM` of this process, proc_pid_status(5), in bytes.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests;
