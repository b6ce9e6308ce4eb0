//! What was done to one VM, as data and as a page.

use std::fmt::Write;
use std::path::PathBuf;

use h2k_fixers::readiness::Readiness;
use h2k_fixers::{Concern, Edit};
use serde::{Deserialize, Serialize};

use crate::pipeline::Context;
use crate::plan::markdown::inline;
use crate::plan::text::{bytes, severity};
use crate::plan::{Forecast, diff};
use crate::stage::Stage;
use crate::stages::convert::ConvertedDisk;
use crate::stages::validate::Validated;
use crate::transfer::Transferred;
use crate::validate::Verdict;

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
    /// Time that the stages of this run took; those of an earlier run that was resumed are not in it.
    pub stages: Vec<StageTiming>,
    /// The edits that were made.
    pub edits: Vec<Edit>,
    /// Seconds that each of them took; empty where that was not measured.
    #[serde(default)]
    pub edit_seconds: Vec<f64>,
    /// Concerns of the plan.
    pub concerns: Vec<Concern>,
    /// What the plan expected.
    pub forecast: Forecast,
    /// The target's disks.
    pub disks: Vec<ConvertedDisk>,
    /// The links of the boot chain, looked at without a boot.
    #[serde(default)]
    pub readiness: Option<Readiness>,
    /// Mount points whose free space was copied too, with the reason.
    #[serde(default)]
    pub untrimmed: Vec<(String, String)>,
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
    /// Seconds.
    pub seconds: f64,
    /// What came of it.
    pub summary: String,
}

/// The host that it was done on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Host {
    /// Whether KVM was proven and used.
    pub kvm: bool,
    /// h2k's own peak memory in bytes (`VmHWM` of proc(5)); the appliance and QEMU are processes of their own.
    pub peak_memory_bytes: Option<u64>,
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
            finished: jiff::Timestamp::now().to_string(),
            stages: cx.timings.clone(),
            edits: plan.edits.clone(),
            edit_seconds: converted.fixed.edit_seconds.clone(),
            concerns: plan.concerns.clone(),
            forecast: plan.forecast,
            disks: converted.disks.clone(),
            readiness: converted.fixed.readiness.clone(),
            untrimmed: converted.fixed.untrimmed.clone(),
            verdict: validated.verdict.clone(),
            host: Host { kvm: crate::validate::kvm::proven(), peak_memory_bytes: peak_memory() },
        }
    }

    /// The report as Markdown.
    pub fn markdown(&self) -> String {
        let mut out = String::new();
        // Writing to a String cannot fail.
        let _ = self.write_markdown(&mut out);
        out
    }

    fn write_markdown(&self, out: &mut String) -> std::fmt::Result {
        writeln!(out, "# {}\n", inline(&self.name))?;
        let verdict = match &self.verdict {
            None => "not booted, as asked".to_owned(),
            Some(v) => format!("{}: {}", v.outcome, inline(&v.reason)),
        };
        writeln!(out, "- verdict: **{verdict}**")?;
        writeln!(
            out,
            "- source: {} (digest `{}`)",
            inline(&self.source.display().to_string()),
            self.source_digest
        )?;
        writeln!(out, "- result: {}", inline(&self.dir.display().to_string()))?;
        writeln!(out, "- finished: {} by h2k {}\n", self.finished, self.h2k)?;
        writeln!(out, "## Stages\n\n| stage | seconds | |\n|---|---|---|")?;
        for s in &self.stages {
            writeln!(out, "| {} | {:.1} | {} |", s.stage, s.seconds, inline(&s.summary))?;
        }
        writeln!(out, "\n## Disks\n\n| file | virtual | on the host | how |\n|---|---|---|---|")?;
        for d in &self.disks {
            let file = inline(&d.file.display().to_string());
            let how = d.transfer.as_ref().map_or_else(String::new, Transferred::summary);
            writeln!(out, "| {file} | {} | {} | {how} |", bytes(d.size), bytes(d.allocated))?;
        }
        if let Some(readiness) = &self.readiness {
            writeln!(out, "\n## Boot chain\n\n| link | state | of what | |\n|---|---|---|---|")?;
            for l in &readiness.links {
                let (subject, detail) = (inline(&l.subject), inline(&l.detail));
                writeln!(out, "| {} | {} | {subject} | {detail} |", l.link, l.state)?;
            }
        }
        if !self.untrimmed.is_empty() {
            writeln!(out, "\nThe free space of these was copied too:\n")?;
        }
        for (point, why) in &self.untrimmed {
            writeln!(out, "- {}: {}", inline(point), inline(why))?;
        }
        writeln!(out, "\n## Edits\n")?;
        for e in &self.edits {
            writeln!(out, "- {} (`{}`): {}", inline(&diff::headline(e)), e.fixer, inline(&e.reason))?;
        }
        writeln!(out, "\n## Concerns\n")?;
        for c in &self.concerns {
            let weight = severity(c.severity);
            writeln!(out, "- **{weight}** `{}` {}: {}", c.id, inline(&c.subject), inline(&c.message))?;
        }
        Ok(())
    }
}

/// `VmHWM` of this process, proc_pid_status(5), in bytes.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
}
