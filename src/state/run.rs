//! A run as data.

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

use super::owner::Process;
use crate::error::{Doing, Failure};
use crate::job::Job;
use crate::stage::Stage;

/// A run's number in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct RunId(pub(super) i64);

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RunState {
    /// A process works on it, or was killed while it did.
    Running,
    /// It failed.
    Failed,
    /// The user stopped it.
    Interrupted,
    /// It is done.
    Done,
}

impl RunState {
    const ALL: [RunState; 4] = [RunState::Running, RunState::Failed, RunState::Interrupted, RunState::Done];

    /// Name as users read it.
    pub fn name(self) -> &'static str {
        match self {
            RunState::Running => "running",
            RunState::Failed => "failed",
            RunState::Interrupted => "interrupted",
            RunState::Done => "done",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == text)
    }
}

/// How a stage of a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StageState {
    /// It began.
    Running,
    /// It failed.
    Failed,
    /// It is done, and what it left is kept.
    Done,
}

impl StageState {
    const ALL: [StageState; 3] = [StageState::Running, StageState::Failed, StageState::Done];

    /// Name as users read it.
    pub fn name(self) -> &'static str {
        match self {
            StageState::Running => "running",
            StageState::Failed => "failed",
            StageState::Done => "done",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == text)
    }
}

/// A run that begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRun {
    /// Name of the VM, as far as it is known.
    pub vm: String,
    /// Directory that the result's directory is made in.
    pub output: String,
    /// What was given as SOURCE, as JSON.
    pub sources: String,
    /// The job as JSON. Equal jobs are equal texts: all its maps are ordered.
    pub job: String,
}

impl NewRun {
    /// The run of a job.
    ///
    /// # Errors
    /// The job has no output directory, or a path that is not UTF-8.
    pub fn of(job: &Job) -> Result<Self, Failure> {
        let json = || {
            let job_text = serde_json::to_string(job)?;
            serde_json::to_string(&job.sources).map(|sources| (job_text, sources))
        };
        let (job_text, sources) = json().doing("noting the run")?;
        let output = job.output()?.to_string_lossy().into_owned();
        Ok(Self { vm: job.provisional_name(), output, sources, job: job_text })
    }
}

/// A run that the store remembers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Run {
    /// Its number.
    pub id: RunId,
    /// Name of the VM.
    pub name: String,
    /// What was asked for.
    pub job: Job,
    /// How it stands, as it was noted last: see [`Run::killed`].
    pub state: RunState,
    /// Whether the process that was noted with it still lives.
    pub alive: bool,
    /// The stage that it came to, and how that stands.
    pub stage: Option<(Stage, StageState)>,
    /// The process that works or worked on it.
    #[serde(skip)]
    pub owner: Process,
    /// Version of the h2k that began it.
    pub h2k: String,
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// Why it failed, as one line.
    pub error: Option<String>,
}

impl Run {
    /// Whether it is marked as running while its process is gone.
    pub fn killed(&self) -> bool {
        self.state == RunState::Running && !self.alive
    }

    /// Whether there is something to go on with, and nobody does.
    pub fn resumable(&self) -> bool {
        match self.state {
            RunState::Running => self.killed(),
            RunState::Failed | RunState::Interrupted => true,
            RunState::Done => false,
        }
    }
}
