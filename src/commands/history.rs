//! `h2k history`: what was done when, and how long it took.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::Settled;
use crate::cli::HistoryArgs;
use crate::error::{Failure, FailureKind};
use crate::state::{Run, StageCount, Store};
use crate::ui::table::table;
use crate::ui::{Ui, escape};

/// What `--json` prints.
#[derive(Serialize)]
struct Document {
    version: u32,
    runs: Vec<Told>,
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
/// No run has a name that was asked for; the state file cannot be read.
pub fn run(args: &HistoryArgs, settled: &Settled, ui: &Ui) -> Result<(), Failure> {
    let store = settled.store()?;
    let mut runs = store.list_runs()?;
    if let Some(missing) = args.names.iter().find(|n| !runs.iter().any(|r| r.name == **n)) {
        return Err(Failure::message(FailureKind::Usage, format!("there is no run of {missing:?}")));
    }
    runs.retain(|r| args.names.is_empty() || args.names.contains(&r.name));
    let told: Vec<Told> = runs.into_iter().map(|run| tell(&store, run)).collect::<Result<_, _>>()?;
    if args.json {
        return ui.answer_json(&Document { version: 1, runs: told });
    }
    ui.answer(&text(&told))
}

fn tell(store: &Store, run: Run) -> Result<Told, Failure> {
    let seconds = run.ended.map(|end| end.duration_since(run.started).as_secs());
    Ok(Told { seconds, stages: store.stage_counts(run.id)?, run })
}

fn text(runs: &[Told]) -> String {
    if runs.is_empty() {
        return "no runs\n".to_owned();
    }
    let head = ["RUN", "VM", "STATE", "BEGAN", "TOOK", "STAGES", "ERROR"].map(str::to_owned).to_vec();
    table(&std::iter::once(head).chain(runs.iter().map(row)).collect::<Vec<_>>())
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

/// How long something took: `1 h 02 min`, `3 min 05 s`, `7 s`.
pub fn duration(from: Timestamp, to: Timestamp) -> String {
    spelled(to.duration_since(from))
}

/// A duration for people.
pub fn spelled(duration: SignedDuration) -> String {
    let seconds = duration.as_secs().max(0);
    match (seconds / 3600, seconds % 3600 / 60, seconds % 60) {
        (0, 0, s) => format!("{s} s"),
        (0, m, s) => format!("{m} min {s:02} s"),
        (h, m, _) => format!("{h} h {m:02} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_short() {
        for (seconds, text) in
            [(0, "0 s"), (59, "59 s"), (185, "3 min 05 s"), (3725, "1 h 02 min"), (-4, "0 s")]
        {
            assert_eq!(spelled(SignedDuration::from_secs(seconds)), text);
        }
    }
}
