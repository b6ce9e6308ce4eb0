//! What was done to many VMs, as data.

use std::fmt;
use std::path::{Path, PathBuf};

use h2k_fixers::{Concern, Severity};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Host, Report, StageTiming, Used, batch_page, markdown};
use crate::error::{Doing, Failure, FailureKind};
use crate::job::safe_name;
use crate::plan::Forecast;
use crate::plan::text::{bytes, measured};
use crate::stages::convert::write as write_file;
use crate::validate::Outcome;

/// Version of the batch report's JSON.
pub const VERSION: u32 = 1;

/// The report of a batch. VMs stand in the order of the batch.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BatchReport {
    /// [`VERSION`].
    pub version: u32,
    /// h2k's version.
    pub h2k: String,
    /// Name of the batch.
    pub name: String,
    /// Its file; `None` where there is none.
    pub file: Option<PathBuf>,
    /// When it began.
    pub started: Timestamp,
    /// When it ended; `None` while it runs.
    pub ended: Option<Timestamp>,
    /// This host.
    pub host: Host,
    /// What came of each VM.
    pub vms: Vec<VmSummary>,
}

/// One VM of a batch.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct VmSummary {
    /// Name on the target, as far as it is known.
    pub name: String,
    /// How it stands.
    pub state: VmStanding,
    /// Name of its wave.
    pub wave: Option<String>,
    /// Tries that were made.
    pub tries: u32,
    /// When its first try began.
    pub started: Option<Timestamp>,
    /// When its last try ended.
    pub ended: Option<Timestamp>,
    /// Time of its stages.
    pub stages: Vec<StageTiming>,
    /// Why it failed, as one line.
    pub error: Option<String>,
    /// What its boot test said: outcome and reason.
    pub verdict: Option<(Outcome, String)>,
    /// Concerns of its plan.
    pub concerns: Vec<Concern>,
    /// Edits that were made in the guest.
    pub edits: Option<usize>,
    /// What its plan expected.
    pub forecast: Option<Forecast>,
    /// What it took.
    pub used: Option<Used>,
    /// Directory of its result, with its own report.
    pub dir: Option<PathBuf>,
}

/// How a VM of a batch stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VmStanding {
    /// It failed.
    Failed,
    /// Its result is there, and did not prove that it boots.
    NotValidated,
    /// Its plan has critical concerns.
    NotReady,
    /// It was stopped by the user.
    Interrupted,
    /// The user cancelled it.
    Cancelled,
    /// It was not begun, and will not be: a wave before it failed, or its time was over.
    Skipped,
    /// It is being done.
    Running,
    /// Its turn has not come.
    Waiting,
    /// It is done.
    Done,
}

impl VmStanding {
    /// All states, those that need a look first.
    pub const ALL: [VmStanding; 9] = [
        VmStanding::Failed,
        VmStanding::NotValidated,
        VmStanding::NotReady,
        VmStanding::Interrupted,
        VmStanding::Cancelled,
        VmStanding::Skipped,
        VmStanding::Running,
        VmStanding::Waiting,
        VmStanding::Done,
    ];

    /// Name as users read it.
    pub fn name(self) -> &'static str {
        match self {
            VmStanding::Failed => "failed",
            VmStanding::NotValidated => "not-validated",
            VmStanding::NotReady => "not-ready",
            VmStanding::Interrupted => "interrupted",
            VmStanding::Cancelled => "cancelled",
            VmStanding::Skipped => "skipped",
            VmStanding::Running => "running",
            VmStanding::Waiting => "waiting",
            VmStanding::Done => "done",
        }
    }

    /// Whether it came to an end that nobody wanted.
    pub fn is_failure(self) -> bool {
        matches!(self, VmStanding::Failed | VmStanding::NotValidated | VmStanding::NotReady)
    }
}

impl fmt::Display for VmStanding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl VmSummary {
    /// A VM of which nothing is known but its name and how it stands.
    pub fn new(name: impl Into<String>, state: VmStanding) -> Self {
        Self {
            name: name.into(),
            state,
            wave: None,
            tries: 0,
            started: None,
            ended: None,
            stages: Vec::new(),
            error: None,
            verdict: None,
            concerns: Vec::new(),
            edits: None,
            forecast: None,
            used: None,
            dir: None,
        }
    }

    /// A VM that came to a result, from its own report.
    pub fn of(report: &Report) -> Self {
        let broken = report.readiness.as_ref().is_some_and(|chain| chain.broken().is_some());
        let proven = report.verdict.as_ref().map_or(!broken, |verdict| verdict.proven());
        let state = if proven { VmStanding::Done } else { VmStanding::NotValidated };
        Self {
            tries: 1,
            started: report.stages.iter().filter_map(|stage| stage.started).min(),
            ended: report.finished.parse().ok(),
            stages: report.stages.clone(),
            verdict: report.verdict.as_ref().map(|v| (v.outcome, v.reason.clone())),
            concerns: report.concerns.clone(),
            edits: Some(report.edits.len()),
            forecast: Some(report.forecast.clone()),
            used: report.used,
            dir: Some(report.dir.clone()),
            ..Self::new(report.name.clone(), state)
        }
    }

    /// A VM whose run failed.
    pub fn failed(name: impl Into<String>, failure: &Failure) -> Self {
        let state = match failure.kind {
            FailureKind::NotReady => VmStanding::NotReady,
            FailureKind::NotValidated => VmStanding::NotValidated,
            FailureKind::Interrupted => VmStanding::Interrupted,
            FailureKind::Failed | FailureKind::Usage | FailureKind::Partial => VmStanding::Failed,
        };
        Self { tries: 1, error: Some(failure.chain()), ..Self::new(name, state) }
    }

    /// Seconds of its stages; `None` before the first ended.
    pub fn seconds(&self) -> Option<f64> {
        (!self.stages.is_empty()).then(|| self.stages.iter().map(|stage| stage.seconds).sum())
    }

    /// What is to be said of it in one line: why it failed, or what its boot test said.
    pub fn said(&self) -> &str {
        match (&self.error, &self.verdict) {
            (Some(error), _) => error,
            (None, Some((_, reason))) => reason,
            (None, None) => "",
        }
    }

    /// Concerns of a weight.
    pub fn concerns_of(&self, severity: Severity) -> usize {
        self.concerns.iter().filter(|concern| concern.severity == severity).count()
    }
}

impl BatchReport {
    /// A report of `vms`, in the order of the batch.
    pub fn new(
        name: impl Into<String>,
        file: Option<PathBuf>,
        (started, ended): (Timestamp, Option<Timestamp>),
        vms: Vec<VmSummary>,
    ) -> Self {
        Self {
            version: VERSION,
            h2k: env!("CARGO_PKG_VERSION").to_owned(),
            name: name.into(),
            file,
            started,
            ended,
            host: Host::this(),
            vms,
        }
    }

    /// A report from its file.
    ///
    /// # Errors
    /// It is not there, cannot be read, or is of a newer h2k.
    pub fn load(file: &Path) -> Result<Self, Failure> {
        let report: Self =
            serde_json::from_str(&super::read(file)?).doing(format!("reading {}", file.display()))?;
        super::known(report.version, VERSION, file).map(|()| report)
    }

    /// The report as Markdown.
    pub fn markdown(&self) -> String {
        markdown::batch(self)
    }

    /// The report as an HTML page that lies in `dir`.
    pub fn html(&self, dir: &Path) -> String {
        batch_page::page(self, dir)
    }

    /// How many VMs are in a state.
    pub fn count(&self, state: VmStanding) -> usize {
        self.vms.iter().filter(|vm| vm.state == state).count()
    }

    /// How many VMs came to which end, in words.
    pub fn counts(&self) -> String {
        let said = |state: &VmStanding| match self.count(*state) {
            0 => None,
            count => Some(format!("{count} {state}")),
        };
        let parts: Vec<String> = VmStanding::ALL.iter().rev().filter_map(said).collect();
        format!("{} VMs: {}", self.vms.len(), parts.join(", "))
    }

    /// Bytes and time of all VMs together, in words.
    pub fn amounts(&self) -> String {
        let (read, target) = (self.read_bytes(), self.target_bytes());
        let busy = measured(self.vms.iter().filter_map(VmSummary::seconds).sum());
        let wall = measured(self.wall_seconds());
        format!("{} read, {} on the target, {wall} ({busy} of work)", bytes(read), bytes(target))
    }

    /// Bytes that were read of all VMs, as far as they were measured.
    pub fn read_bytes(&self) -> u64 {
        self.vms.iter().filter_map(|vm| vm.used?.read_bytes).sum()
    }

    /// Bytes that all results take.
    pub fn target_bytes(&self) -> u64 {
        self.vms.iter().filter_map(|vm| Some(vm.used?.target_bytes)).sum()
    }

    /// Seconds from its begin to its end, or to what ended last while it runs.
    pub fn wall_seconds(&self) -> f64 {
        let last = self.ended.or_else(|| self.vms.iter().filter_map(|vm| vm.ended).max());
        last.map_or(0.0, |end| since(self.started, end))
    }

    /// The VMs, those that need a look first; within a state in the order of the batch.
    pub fn failed_first(&self) -> Vec<&VmSummary> {
        let mut vms: Vec<&VmSummary> = self.vms.iter().collect();
        vms.sort_by_key(|vm| vm.state);
        vms
    }
}

/// Where the report of a batch lies: beside the results, as `NAME.batch`.
pub fn home(output: &Path, name: &str) -> PathBuf {
    output.join(format!("{}.batch", safe_name(name)))
}

/// Writes `batch.json`, `batch.md` and `batch.html` into a directory, which is made where it is not.
///
/// # Errors
/// What the file system reports.
pub fn write(dir: &Path, report: &BatchReport) -> Result<(), Failure> {
    std::fs::create_dir_all(dir).doing(format!("making {}", dir.display()))?;
    write_file(&dir.join("batch.json"), &serde_json::to_vec_pretty(report)?)?;
    write_file(&dir.join("batch.md"), report.markdown().as_bytes())?;
    write_file(&dir.join("batch.html"), report.html(dir).as_bytes())
}

/// Seconds from one moment to another.
pub fn since(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64()
}
