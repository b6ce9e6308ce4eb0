//! One VM through the stages. It calls them in their order and keeps what they leave; it decides nothing.

use std::path::PathBuf;
use std::time::Instant;

use jiff::Timestamp;

use crate::error::{Failure, FailureKind};
use crate::event::{Event, Reporter};
use crate::job::Job;
use crate::report::{Report, StageTiming};
use crate::stage::{Stage, StageRun};
use crate::stages::convert::{Convert, Converted};
use crate::stages::fetch::{Fetch, Fetched};
use crate::stages::fix::{Fix, Fixed};
use crate::stages::flatten::{Flatten, Flattened};
use crate::stages::inspect::{Appliance, Inspect, Inspected};
use crate::stages::plan::{PlanStage, Planned};
use crate::stages::validate::{Validate, Validated};
use crate::state::{RunId, Store};
use crate::warden::Warden;

/// What the stages of one VM share.
pub struct Context<'a> {
    /// Takes events.
    pub ui: &'a dyn Reporter,
    /// What was asked for.
    pub job: &'a Job,
    /// Name of the VM on the target; known after FETCH.
    pub vm: String,
    /// Directory for everything unfinished.
    pub work: PathBuf,
    /// Whether the run goes on to FIX: then the appliance that INSPECT starts has writable overlays.
    pub to_be_fixed: bool,
    /// The appliance, from INSPECT until FIX is done with it.
    pub appliance: Option<Appliance>,
    /// Says when a stage may begin.
    pub warden: &'a dyn Warden,
    /// Time that each stage took, those of an earlier run that this one goes on with among them.
    pub timings: Vec<StageTiming>,
    /// Seconds of earlier boot tests on this host, for the forecast.
    pub past: Vec<f64>,
}

impl Context<'_> {
    /// Tells something for the log.
    pub fn note(&self, message: impl Into<String>) {
        self.ui.event(&Event::Note { vm: self.vm.clone(), message: message.into() });
    }

    /// Tells something that the user should read.
    pub fn warn(&self, message: impl Into<String>) {
        self.ui.event(&Event::Warning { vm: self.vm.clone(), message: message.into() });
    }

    /// Tells how far a stage is.
    pub fn progress(&self, stage: Stage, done: u64, total: u64, message: &str) {
        self.ui.event(&Event::Progress {
            vm: self.vm.clone(),
            stage,
            done,
            total,
            message: message.to_owned(),
        });
    }
}

/// Where the stages' outputs are kept, and which run they belong to.
#[derive(Clone, Copy)]
pub struct Record<'a> {
    /// The store.
    pub store: &'a Store,
    /// The run.
    pub run: RunId,
}

/// Runs one stage, or takes what it left in an earlier run.
fn step<S: StageRun>(
    stage: &S,
    cx: &mut Context<'_>,
    record: Option<Record<'_>>,
    input: S::In,
    summary: impl Fn(&S::Out) -> String,
) -> Result<S::Out, Failure> {
    if let Some(output) = kept::<S>(record)? {
        cx.ui.event(&Event::StageResumed { vm: cx.vm.clone(), stage: S::STAGE });
        cx.timings.extend(earlier(record, S::STAGE, summary(&output))?);
        return Ok(output);
    }
    crate::exec::check_cancelled().map_err(|e| stopped(e.into()))?;
    cx.warden.before(&cx.vm, S::STAGE, stage.need(cx, &input))?;
    cx.ui.event(&Event::StageStarted { vm: cx.vm.clone(), stage: S::STAGE });
    if let Some(r) = record {
        r.store.stage_started(r.run, S::STAGE)?;
    }
    let (began, started) = (Timestamp::now(), Instant::now());
    let result = stage.run(cx, input).map_err(|f| stopped(f).context(S::STAGE));
    let seconds = started.elapsed().as_secs_f64();
    match result {
        Ok(output) => {
            if let Some(r) = record {
                r.store.stage_done(r.run, S::STAGE, &output)?;
            }
            let summary = summary(&output);
            cx.timings.push(StageTiming {
                stage: S::STAGE,
                started: Some(began),
                seconds,
                summary: summary.clone(),
                resumed: false,
            });
            cx.ui.event(&Event::StageDone { vm: cx.vm.clone(), stage: S::STAGE, seconds, summary });
            cx.warden.after(&cx.vm, S::STAGE)?;
            Ok(output)
        }
        Err(failure) => {
            if let Some(r) = record {
                r.store.stage_failed(r.run, S::STAGE, &failure.chain())?;
            }
            Err(failure)
        }
    }
}

/// When an earlier run did a stage, and how long it took.
fn earlier(
    record: Option<Record<'_>>,
    stage: Stage,
    summary: String,
) -> Result<Option<StageTiming>, Failure> {
    let Some(r) = record else { return Ok(None) };
    let times = r.store.stage_times(r.run, stage)?;
    Ok(times.map(|(began, ended)| StageTiming {
        stage,
        started: Some(began),
        seconds: ended.duration_since(began).as_secs_f64(),
        summary,
        resumed: true,
    }))
}

/// A stage that fails after Ctrl-C fails because of it: the terminal sends the signal to the appliance too.
fn stopped(failure: Failure) -> Failure {
    match crate::exec::check_cancelled() {
        Err(_) => Failure { kind: FailureKind::Interrupted, ..failure },
        Ok(()) => failure,
    }
}

fn kept<S: StageRun>(record: Option<Record<'_>>) -> Result<Option<S::Out>, Failure> {
    match record {
        Some(r) => Ok(r.store.stage_output(r.run, S::STAGE)?),
        None => Ok(None),
    }
}

/// FETCH alone: it names the VM.
///
/// # Errors
/// As the stage says.
pub fn fetch(cx: &mut Context<'_>, record: Option<Record<'_>>) -> Result<Fetched, Failure> {
    let fetched = step(&Fetch, cx, record, (), Fetched::summary)?;
    cx.vm.clone_from(&fetched.name);
    Ok(fetched)
}

/// FLATTEN alone.
///
/// # Errors
/// As the stage says.
pub fn flatten(
    cx: &mut Context<'_>,
    record: Option<Record<'_>>,
    fetched: Fetched,
) -> Result<Flattened, Failure> {
    step(&Flatten, cx, record, fetched, |f| f.summary())
}

/// FLATTEN and INSPECT.
///
/// # Errors
/// As the stages say.
pub fn inspect(
    cx: &mut Context<'_>,
    record: Option<Record<'_>>,
    fetched: Fetched,
) -> Result<Inspected, Failure> {
    let flattened = flatten(cx, record, fetched)?;
    step(&Inspect, cx, record, flattened, Inspected::summary)
}

/// FLATTEN to PLAN.
///
/// # Errors
/// As the stages say. A plan that is not ready is no error here.
pub fn plan(cx: &mut Context<'_>, record: Option<Record<'_>>, fetched: Fetched) -> Result<Planned, Failure> {
    let inspected = inspect(cx, record, fetched)?;
    step(&PlanStage, cx, record, inspected, Planned::summary)
}

/// INSPECT and PLAN once more, of disks that are there already; nothing is kept.
///
/// # Errors
/// As the stages say. A plan that is not ready is no error here.
pub fn plan_anew(cx: &mut Context<'_>, flattened: Flattened) -> Result<Planned, Failure> {
    let inspected = step(&Inspect, cx, None, flattened, Inspected::summary)?;
    step(&PlanStage, cx, None, inspected, Planned::summary)
}

/// FIX alone, from a plan that is ready; nothing is kept.
///
/// # Errors
/// As the stage says.
pub fn fix(cx: &mut Context<'_>, planned: Planned) -> Result<Fixed, Failure> {
    step(&Fix, cx, None, planned, |f| f.summary())
}

/// VALIDATE alone; nothing is kept.
///
/// # Errors
/// As the stage says. A result that is not proven is no error here.
pub fn validate(cx: &mut Context<'_>, converted: Converted) -> Result<Validated, Failure> {
    step(&Validate, cx, None, converted, Validated::summary)
}

/// All stages, from a plan that is ready.
///
/// # Errors
/// As the stages say.
pub fn carry_out(cx: &mut Context<'_>, record: Record<'_>, planned: Planned) -> Result<Report, Failure> {
    let record = Some(record);
    let fixed = step(&Fix, cx, record, planned, |f| f.summary())?;
    let converted = step(&Convert, cx, record, fixed, Converted::summary)?;
    let validated = step(&Validate, cx, record, converted, Validated::summary)?;
    Ok(Report::of(cx, &validated))
}
