//! One VM's run: what is locked, where the work lies, what a killed run left, and what remains after a failure.

use std::fs;
use std::path::{Path, PathBuf};

use h2k_fixers::readiness::Readiness;

use crate::error::{Doing, Failure, FailureKind};
use crate::event::{Event, Reporter};
use crate::fault::{self, Fault};
use crate::image::SourceIdentity;
use crate::job::{Job, work_root};
use crate::pipeline::{self, Context, Record};
use crate::plan::{Plan, PlanDocument};
use crate::report::Report;
use crate::stage::Stage;
use crate::stages::fetch::Fetched;
use crate::stages::flatten::Flattened;
use crate::stages::inspect::Inspected;
use crate::stages::plan::Planned;
use crate::state::{NewRun, OutputLock, RunState, Store};
use crate::temporary::{Purpose, Temporary};
use crate::warden::{Alone, Warden};

/// Inspects a VM; nothing is kept.
///
/// # Errors
/// As the stages say.
pub fn inspect(job: &Job, temp: Option<&Path>, ui: &dyn Reporter) -> Result<Inspected, Failure> {
    let work = temporary(temp)?;
    let mut cx = context(job, work.path(), ui);
    let fetched = pipeline::fetch(&mut cx, None)?;
    pipeline::inspect(&mut cx, None, fetched)
}

/// A VM's disks, and what FETCH had to unpack for them, which goes with it.
pub struct Located {
    /// What FLATTEN left.
    pub flattened: Flattened,
    _work: Temporary,
}

/// Finds a VM's disks; nothing on them is looked at.
///
/// # Errors
/// As the stages say.
pub fn locate(job: &Job, temp: Option<&Path>, ui: &dyn Reporter) -> Result<Located, Failure> {
    let work = temporary(temp)?;
    let mut cx = context(job, work.path(), ui);
    let fetched = pipeline::fetch(&mut cx, None)?;
    Ok(Located { flattened: pipeline::flatten(&mut cx, None, fetched)?, _work: work })
}

/// Plans a VM; nothing is kept. `past` are seconds of earlier boot tests on this host, for the forecast.
///
/// # Errors
/// As the stages say. A plan that is not ready is no error here.
pub fn plan(job: &Job, temp: Option<&Path>, past: &[f64], ui: &dyn Reporter) -> Result<Plan, Failure> {
    let work = temporary(temp)?;
    let mut cx = context(job, work.path(), ui);
    cx.past = past.to_vec();
    let fetched = pipeline::fetch(&mut cx, None)?;
    Ok(pipeline::plan(&mut cx, None, fetched)?.plan)
}

fn temporary(parent: Option<&Path>) -> Result<Temporary, Failure> {
    Temporary::new(&parent.map_or_else(std::env::temp_dir, Path::to_owned), Purpose::Work)
}

/// What the stages of a VM share at their begin, where only this h2k decides when they may.
pub(crate) fn context<'a>(job: &'a Job, work: &Path, ui: &'a dyn Reporter) -> Context<'a> {
    Context {
        ui,
        job,
        vm: job.provisional_name(),
        work: work.to_owned(),
        to_be_fixed: false,
        appliance: None,
        warden: &Alone,
        timings: Vec::new(),
        past: Vec::new(),
    }
}

/// Migrates a VM, or goes on with a run that was killed.
///
/// # Errors
/// As the stages say; a plan with critical concerns; another h2k at the same output; a result that did not boot.
pub fn migrate(job: &Job, store: &Store, ui: &dyn Reporter, warden: &dyn Warden) -> Result<Report, Failure> {
    let output = job.output()?;
    let root = work_root(output);
    fs::create_dir_all(&root).doing(format!("making {}", root.display()))?;
    // The VM's name is known only after FETCH; until then its sources name the work.
    let fetch_dir = root.join(format!("fetch-{}", job.key()?));
    let fetch_lock = OutputLock::acquire(&fetch_dir)?;
    let record = begin(job, store, ui)?;
    let mut cx = context(job, &fetch_dir, ui);
    cx.to_be_fixed = true;
    cx.warden = warden;
    match store.past() {
        Ok(past) => cx.past = past,
        Err(e) => cx.note(format!("earlier boot tests are not looked at for the forecast: {e}")),
    }
    let result = named(&mut cx, &root, record);
    drop(cx.appliance.take());
    let interrupted = result.as_ref().is_err_and(|f| f.kind == FailureKind::Interrupted);
    let state = match &result {
        Ok(_) => RunState::Done,
        Err(_) if interrupted => RunState::Interrupted,
        // The copy is there and stays; only its proof failed.
        Err(f) if f.kind == FailureKind::NotValidated => RunState::Done,
        Err(_) => RunState::Failed,
    };
    store.finish_run(record.run, state, result.as_ref().err().map(Failure::chain).as_deref())?;
    let goes_on = match &result {
        Err(failure) if state != RunState::Done => is_kept(failure, record)?,
        _ => false,
    };
    if state != RunState::Done && !goes_on {
        // Nothing that was costly is lost, and what FETCH left points into the directory that goes.
        store.forget_stages(record.run)?;
    }
    if !goes_on {
        remove(&fetch_dir)?;
    }
    drop(fetch_lock);
    result.map_err(|f| if goes_on { f.hint(GO_ON) } else { f })
}

/// Whether the finished stages of a run that failed are kept, for another try to go on after them: FIX had begun, or
/// FETCH was done and the failure is one that another try may not meet.
fn is_kept(failure: &Failure, record: Record<'_>) -> Result<bool, Failure> {
    if record.store.reached(record.run, Stage::Fix)? {
        return Ok(true);
    }
    let passes_by = fault::of(failure) != Fault::Own;
    Ok(passes_by && record.store.stage_output::<Fetched>(record.run, Stage::Fetch)?.is_some())
}

const GO_ON: &str = "the source is as it was; the finished stages are kept in the output's .h2k directory: \
                     the same command, or h2k resume, goes on after them";

/// What is left once FETCH has told the name.
fn named(cx: &mut Context<'_>, root: &Path, record: Record<'_>) -> Result<Report, Failure> {
    let fetched = pipeline::fetch(cx, Some(record))?;
    let dir = cx.job.result_dir(&cx.vm)?;
    cx.work = root.join(&cx.vm);
    let _lock = OutputLock::acquire(&cx.work)?;
    record.store.name_run(record.run, &cx.vm)?;
    if dir.exists() && !published(&record, &dir)? {
        return Err(Failure::message(FailureKind::Usage, format!("{} is there already", dir.display()))
            .hint("remove it, or give the VM another --name"));
    }
    let result = stages(cx, record, fetched);
    let goes_on = match &result {
        Err(failure) if failure.kind != FailureKind::NotValidated => is_kept(failure, record)?,
        _ => false,
    };
    if !goes_on {
        drop(cx.appliance.take());
        remove(&cx.work)?;
    }
    result
}

/// Whether the result that lies under the final name is this run's: it was killed after CONVERT had named it.
fn published(record: &Record<'_>, dir: &Path) -> Result<bool, Failure> {
    let Some(planned) = record.store.stage_output::<Planned>(record.run, Stage::Plan)? else {
        return Ok(false);
    };
    let Ok(text) = fs::read(dir.join("plan.json")) else { return Ok(false) };
    let there: Option<PlanDocument> = serde_json::from_slice(&text).ok();
    Ok(there.is_some_and(|document| document.vms == [planned.plan]))
}

fn stages(cx: &mut Context<'_>, record: Record<'_>, fetched: Fetched) -> Result<Report, Failure> {
    let planned = pipeline::plan(cx, Some(record), fetched)?;
    if let Some(pinned) = &cx.job.plan {
        pinned.check(&planned.plan)?;
    }
    if !planned.plan.ready() {
        return Err(not_ready(&planned.plan));
    }
    let report = pipeline::carry_out(cx, record, planned)?;
    report.write(&report.dir)?;
    proven(report)
}

/// The report of a result that may be used: it booted, or nobody wanted that and nothing says that it would not.
///
/// # Errors
/// [`FailureKind::NotValidated`], with where the evidence is.
pub fn proven(report: Report) -> Result<Report, Failure> {
    match &report.verdict {
        Some(v) if !v.proven() => {
            let evidence = report.dir.join("boot");
            let message = format!("the result did not prove that it boots: {}: {}", v.outcome, v.reason);
            Err(Failure::message(FailureKind::NotValidated, message)
                .hint(format!("the evidence is in {}", evidence.display())))
        }
        Some(_) => Ok(report),
        None => match report.readiness.as_ref().and_then(Readiness::broken) {
            None => Ok(report),
            Some(link) => {
                let message = format!("the result would not boot, the boot chain is broken: {link}");
                let page = report.dir.join("report.md");
                Err(Failure::message(FailureKind::NotValidated, message)
                    .hint(format!("every link is in {}", page.display())))
            }
        },
    }
}

/// The failure of a plan with critical concerns, each of them a hint.
pub fn not_ready(plan: &Plan) -> Failure {
    let mut failure =
        Failure::message(FailureKind::NotReady, format!("the plan for {} has critical concerns", plan.name));
    for c in plan.critical() {
        failure = failure.hint(format!("{}: {}: {}: {}", c.id, c.subject, c.message, c.advice));
    }
    failure
}

/// The run that this job goes on with: an unfinished one of the same job whose source has not changed, or a new one.
fn begin<'a>(job: &Job, store: &'a Store, ui: &dyn Reporter) -> Result<Record<'a>, Failure> {
    if let Some(run) = store.unfinished(job)? {
        let record = Record { store, run };
        store.adopt(run)?;
        let changed = match store.stage_output::<Flattened>(run, Stage::Flatten)? {
            Some(flattened) => changed_since(&flattened.identity),
            None => match store.stage_output::<Fetched>(run, Stage::Fetch)?.and_then(|f| f.described_by) {
                Some(identity) => changed_since(&identity),
                None => Some("nothing was kept".to_owned()),
            },
        };
        let Some(what) = changed else { return Ok(record) };
        let message = format!("an earlier run is started over: {what}");
        ui.event(&Event::Note { vm: job.provisional_name(), message });
        store.forget_stages(run)?;
        return Ok(record);
    }
    let run = store.begin_run(&NewRun::of(job)?)?;
    Ok(Record { store, run })
}

/// What changed in the source since an earlier run looked at it.
fn changed_since(before: &SourceIdentity) -> Option<String> {
    match SourceIdentity::of(before.paths()) {
        Ok(now) => before.differs(&now),
        Err(e) => Some(format!("the source cannot be read as it was: {e}")),
    }
}

/// Removes a work directory; one that is not there is as good.
fn remove(dir: &PathBuf) -> Result<(), Failure> {
    match fs::remove_dir_all(dir) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            Err(Failure::from(e).context(format!("removing {}", dir.display())))
        }
        _ => Ok(()),
    }
}
