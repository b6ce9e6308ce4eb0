//! FIX: the plan's edits and no others, in the overlays. What was fixed is looked at again before it counts.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::Instant;

use h2k_config::Policy;
use h2k_fixers::offline::Session;
use h2k_fixers::readiness::{self, Readiness};
use h2k_fixers::undo::Trace;
use h2k_fixers::{Change, Edit, GuestFacts, GuestMut};
use serde::{Deserialize, Serialize};

use crate::error::{Doing, Failure, FailureKind};
use crate::pipeline::Context;
use crate::plan::decide::propose;
use crate::plan::diff::headline;
use crate::serial_console;
use crate::stage::{Stage, StageRun};
use crate::stages::inspect::{self, Appliance};
use crate::stages::plan::Planned;
use crate::validate;
use crate::warden::Need;

/// The stage.
pub struct Fix;

/// What FIX leaves.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Fixed {
    /// What PLAN left.
    pub planned: Planned,
    /// Per disk: the overlay that holds the edits.
    pub overlays: Vec<PathBuf>,
    /// Per disk, where the result keeps its base: the overlay as it was before the edits, with nothing but the free
    /// space discarded. Empty otherwise.
    #[serde(default)]
    pub trimmed: Vec<PathBuf>,
    /// Mount points whose free space could not be discarded, with the reason.
    pub untrimmed: Vec<(String, String)>,
    /// The links of the fixed guest's boot chain; CONVERT's digests prove that the result holds the same. `None` where
    /// there is no system, and in runs of an older h2k.
    #[serde(default)]
    pub readiness: Option<Readiness>,
    /// Whether a boot test has to add a serial console to see the guest come up; `None` where that was not found out, and
    /// in runs of an older h2k.
    #[serde(default)]
    pub wants_console: Option<bool>,
    /// Seconds that each edit took, in the order of the plan; empty where that was not measured.
    #[serde(default)]
    pub edit_seconds: Vec<f64>,
    /// What taking each edit back needs, in the order of the plan; empty in runs of an older h2k.
    #[serde(default)]
    pub traces: Vec<Trace>,
    /// Bytes that the overlays take; `None` where that was not measured.
    #[serde(default)]
    pub overlay_bytes: Option<u64>,
}

impl Fixed {
    /// One line for the log.
    pub fn summary(&self) -> String {
        let edits = format!("{} edits made and looked at again", self.planned.plan.edits.len());
        match &self.readiness {
            None => edits,
            Some(found) => format!("{edits}; boot chain: {}", found.summary()),
        }
    }
}

impl StageRun for Fix {
    type In = Planned;
    type Out = Fixed;
    const STAGE: Stage = Stage::Fix;

    fn need(&self, cx: &Context<'_>, _: &Planned) -> Need {
        inspect::appliance_need(cx)
    }

    fn run(&self, cx: &mut Context<'_>, planned: Planned) -> Result<Fixed, Failure> {
        let Appliance { mut session, server } = match cx.appliance.take() {
            Some(appliance) => appliance,
            // A run that is resumed here: fresh overlays, since the old ones may hold half of the edits.
            None => inspect::reopen(cx, &planned.inspected)?,
        };
        let flattened = &planned.inspected.flattened;
        let trimmed = if cx.job.policy.keep_base {
            trimmed(cx, &mut session, &inspect::overlays(cx, flattened)).map_err(|f| server.explain(f))?
        } else {
            Vec::new()
        };
        let Looked { made, readiness, wants_console } =
            fix(cx, &mut session, &planned).map_err(|f| server.explain(f))?;
        let (edit_seconds, traces) = made.into_iter().unzip();
        let untrimmed = session.trim();
        for (point, why) in &untrimmed {
            cx.note(format!("the free space of {point} is copied: {why}"));
        }
        session.shutdown().map_err(|e| server.explain(e.into()))?;
        let overlays = inspect::overlays(cx, &planned.inspected.flattened);
        let mut overlay_bytes = 0;
        for overlay in &overlays {
            let flushed = File::open(overlay).and_then(|f| f.sync_all().and_then(|()| f.metadata()));
            let meta = flushed.doing(format!("flushing {}", overlay.display()))?;
            // stat(2): st_blocks counts units of 512 bytes.
            overlay_bytes += meta.blocks().saturating_mul(512);
        }
        Ok(Fixed {
            planned,
            overlays,
            trimmed,
            untrimmed,
            readiness,
            wants_console,
            edit_seconds,
            traces,
            overlay_bytes: Some(overlay_bytes),
        })
    }
}

fn mount(session: &mut Session) -> Result<(), Failure> {
    session.mount_writable().map_err(|e| {
        Failure::from(e)
            .hint("start the guest on its hypervisor, let it check its file systems, shut it down")
    })
}

/// Discards the free space before any edit and copies the overlays as they are then: with them over the source, the
/// guest is unchanged, and its free space need not be copied. What an edit frees is another thing: the unchanged guest
/// still needs it, and only the final overlays mark it as zeros.
fn trimmed(cx: &Context<'_>, session: &mut Session, overlays: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    mount(session)?;
    // What could not be trimmed is told when it is trimmed again after the edits.
    let _untrimmed = session.trim();
    session.settle()?;
    let copy = |(index, overlay): (usize, &PathBuf)| {
        let to = cx.work.join(format!("trimmed{index}.qcow2"));
        let copied = fs::copy(overlay, &to).and_then(|_| File::open(&to)?.sync_all());
        copied.doing(format!("copying {}", overlay.display())).map(|()| to)
    };
    overlays.iter().enumerate().map(copy).collect()
}

/// The seconds that an edit took, and what taking it back needs.
type Made = (f64, Trace);

/// What was done, and what the fixed guest looks like.
#[derive(Default)]
struct Looked {
    made: Vec<Made>,
    readiness: Option<Readiness>,
    wants_console: Option<bool>,
}

/// Makes the edits and looks at the guest again.
fn fix(cx: &Context<'_>, session: &mut Session, planned: &Planned) -> Result<Looked, Failure> {
    let facts = &planned.plan.facts;
    if facts.system().is_none() {
        return Ok(Looked::default());
    }
    mount(session)?;
    let edits = &planned.plan.edits;
    let made = apply(cx, session, edits)?;
    cx.progress(Stage::Fix, edits.len() as u64, edits.len() as u64, "looking at the fixed guest");
    let facts = verify(session, facts, &cx.job.policy)?;
    let readiness = readiness::check(&facts, session, &validate::target(&planned.plan.target));
    // Where it cannot be told now, the boot test looks itself.
    let wants_console = serial_console::wanted(session, &facts).ok();
    Ok(Looked { made, readiness: Some(readiness), wants_console })
}

fn apply(cx: &Context<'_>, session: &mut Session, edits: &[Edit]) -> Result<Vec<Made>, Failure> {
    let total = edits.len() as u64;
    let mut made = Vec::new();
    for (done, edit) in edits.iter().enumerate() {
        crate::exec::check_cancelled()?;
        let line = headline(edit);
        cx.progress(Stage::Fix, done as u64, total, &line);
        let doing = || format!("edit {} of {total}: {line}", done + 1);
        let trace = Trace::before(session, edit).doing(doing())?;
        let started = Instant::now();
        session.apply(edit).map_err(|e| {
            let failure = Failure::from(e).context(doing());
            match edit.change {
                Change::Run { .. } => {
                    failure.hint(format!("--skip-fixer {} leaves this repair out", edit.fixer))
                }
                _ => failure,
            }
        })?;
        let seconds = started.elapsed().as_secs_f64();
        made.push((seconds, trace.after(session, edit).doing(doing())?));
    }
    Ok(made)
}

/// Gathers the guest's facts anew and asks every fixer again: a fixed guest yields no edits. The facts.
fn verify(session: &Session, before: &GuestFacts, policy: &Policy) -> Result<GuestFacts, Failure> {
    let mut facts = before.clone();
    h2k_fixers::inspect::gather(session, &mut facts).doing("looking at the fixed guest")?;
    let left = propose(&facts, session, policy).doing("looking at the fixed guest")?.edits;
    if left.is_empty() {
        return Ok(facts);
    }
    let lines: Vec<String> = left.iter().map(headline).collect();
    Err(Failure::message(
        FailureKind::Failed,
        format!("the repairs did not hold, these edits would still be needed: {}", lines.join("; ")),
    ))
}
