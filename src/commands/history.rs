//! `h2k history`: what was done when, and how long it took.

use jiff::Timestamp;
use serde::Serialize;

use super::Settled;
use crate::cli::HistoryArgs;
use crate::error::{Failure, FailureKind};
use crate::plan::text;
use crate::state::{Act, Run, StageCount, Store};
use crate::ui::table::table;
use crate::ui::{Ui, escape};

/// What `--json` prints.
#[derive(Serialize)]
struct Document {
    version: u32,
    runs: Vec<Told>,
    /// What was done to results afterwards.
    acts: Vec<Act>,
}

/// A run as it is told.
#[derive(Serialize)]
struct Told {
    #[serde(flatten)]
    run: Run,
    seconds: Option<i64>,
    /// How often each stage began and was done, in all tries.
    stages: Vec<StageCount>,
}

/// Runs the subcommand.
///
/// # Errors
/// Nothing was done to a name that was asked for; the state file cannot be read.
pub fn run(args: &HistoryArgs, settled: &Settled, ui: &Ui) -> Result<(), Failure> {
    let store = settled.store()?;
    let (mut runs, mut acts) = (store.list_runs()?, store.list_acts()?);
    let known = |name: &String| runs.iter().any(|r| r.name == *name) || acts.iter().any(|a| a.name == *name);
    if let Some(missing) = args.names.iter().find(|name| !known(name)) {
        return Err(Failure::message(FailureKind::Usage, format!("there is no run of {missing:?}")));
    }
    let wanted = |name: &String| args.names.is_empty() || args.names.contains(name);
    runs.retain(|r| wanted(&r.name));
    acts.retain(|a| wanted(&a.name));
    let runs: Vec<Told> = runs.into_iter().map(|run| tell(&store, run)).collect::<Result<_, _>>()?;
    if args.json {
        return ui.answer_json(&Document { version: 1, runs, acts });
    }
    ui.answer(&page(&runs, &acts))
}

fn tell(store: &Store, run: Run) -> Result<Told, Failure> {
    let seconds = run.ended.map(|end| end.duration_since(run.started).as_secs());
    Ok(Told { seconds, stages: store.stage_counts(run.id)?, run })
}

/// Runs and what was done to their results, the last first.
fn page(runs: &[Told], acts: &[Act]) -> String {
    if runs.is_empty() && acts.is_empty() {
        return "no runs\n".to_owned();
    }
    let of_runs = runs.iter().map(|told| (told.run.started, row(told)));
    let mut rows: Vec<_> = of_runs.chain(acts.iter().map(|act| (act.started, act_row(act)))).collect();
    rows.sort_by_key(|(began, _)| std::cmp::Reverse(*began));
    let head = ["RUN", "VM", "STATE", "BEGAN", "TOOK", "STAGES", "ERROR"].map(str::to_owned).to_vec();
    table(&std::iter::once(head).chain(rows.into_iter().map(|(_, row)| row)).collect::<Vec<_>>())
}

/// What was done to a result stands where a run has its stages.
fn act_row(act: &Act) -> Vec<String> {
    let state = match (act.ended, &act.error) {
        (None, _) => "begun",
        (Some(_), None) => "done",
        (Some(_), Some(_)) => "failed",
    };
    vec![
        "-".to_owned(),
        escape::line(&act.name).into_owned(),
        state.to_owned(),
        act.started.to_string(),
        act.ended.map(|end| duration(act.started, end)).unwrap_or_default(),
        act.act.name().to_owned(),
        act.error.as_deref().map(|e| escape::line(e).into_owned()).unwrap_or_default(),
    ]
}

fn row(told: &Told) -> Vec<String> {
    let run = &told.run;
    let state = if run.killed() { "killed" } else { run.state.name() };
    let stages = told.stages.iter().filter(|s| s.started > 0).map(|s| match s.started {
        1 => s.stage.name().to_owned(),
        n => format!("{}×{n}", s.stage.name()),
    });
    vec![
        run.id.to_string(),
        escape::line(&run.name).into_owned(),
        state.to_owned(),
        run.started.to_string(),
        run.ended.map(|end| duration(run.started, end)).unwrap_or_default(),
        stages.collect::<Vec<_>>().join(" "),
        run.error.as_deref().map(|e| escape::line(e).into_owned()).unwrap_or_default(),
    ]
}

/// How long something took.
pub fn duration(from: Timestamp, to: Timestamp) -> String {
    text::duration(u64::try_from(to.duration_since(from).as_secs()).unwrap_or_default())
}
