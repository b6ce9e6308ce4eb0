//! `h2k status`: the runs that the state file remembers.

use serde::Serialize;

use super::Settled;
use crate::cli::JsonArgs;
use crate::error::Failure;
use crate::state::{Run, RunState};
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
    /// Its process is gone, and it had not ended.
    killed: bool,
}

/// Runs the subcommand.
///
/// # Errors
/// The state file cannot be opened or read.
pub fn run(args: JsonArgs, settled: &Settled, ui: &Ui) -> Result<(), Failure> {
    let runs = settled.store()?.list_runs()?;
    if args.json {
        let runs = runs.into_iter().map(|run| Told { killed: run.killed(), run }).collect();
        return ui.answer_json(&Document { version: 1, runs });
    }
    ui.answer(&text(&runs))
}

fn text(runs: &[Run]) -> String {
    if runs.is_empty() {
        return "no runs\n".to_owned();
    }
    let head = ["VM", "STATE", "STAGE", "BEGAN", "RESULT"].map(str::to_owned).to_vec();
    let rows: Vec<Vec<String>> = std::iter::once(head).chain(runs.iter().map(row)).collect();
    table(&rows)
}

fn row(run: &Run) -> Vec<String> {
    let state = if run.killed() { "killed" } else { run.state.name() };
    let stage = run.stage.map_or("", |(stage, _)| stage.name());
    let result = match (&run.error, run.state, &run.job.output) {
        (Some(error), ..) => escape::line(error).into_owned(),
        (None, RunState::Done, Some(output)) => output.join(&run.name).display().to_string(),
        _ if run.resumable() => format!("h2k resume {} goes on", run.name),
        _ => String::new(),
    };
    vec![
        escape::line(&run.name).into_owned(),
        state.to_owned(),
        stage.to_owned(),
        run.started.to_string(),
        result,
    ]
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use serde_json::json;

    use super::*;
    use crate::job::Job;
    use crate::state::{NewRun, Store};

    #[test]
    fn runs_in_each_state() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("h2k.db")).unwrap();
        assert_eq!(text(&store.list_runs().unwrap()), "no runs\n");
        let begin = |name: &str| {
            let job: Job = serde_json::from_value(json!({
                "sources": [format!("/vms/{name}.vmx")], "output": "/srv/vms", "name": null, "policy": {},
                "boot": true, "boot_timeout": null,
            }))
            .unwrap();
            store.begin_run(&NewRun::of(&job).unwrap()).unwrap()
        };
        store.finish_run(begin("db01"), RunState::Done, None).unwrap();
        let failed = begin("web01");
        store.stage_started(failed, crate::stage::Stage::Plan).unwrap();
        store.finish_run(failed, RunState::Failed, Some("plan: no\nroom")).unwrap();
        store.finish_run(begin("app01"), RunState::Interrupted, None).unwrap();
        begin("now");
        let mut runs = store.list_runs().unwrap();
        for run in &mut runs {
            run.started = jiff::Timestamp::UNIX_EPOCH;
        }
        assert_snapshot!(text(&runs), @r"
        VM     STATE        STAGE  BEGAN                 RESULT
        now    running             1970-01-01T00:00:00Z
        app01  interrupted         1970-01-01T00:00:00Z  h2k resume app01 goes on
        web01  failed       plan   1970-01-01T00:00:00Z  plan: no\nroom
        db01   done                1970-01-01T00:00:00Z  /srv/vms/db01
        ");
        runs[0].alive = false;
        assert!(text(&runs).contains("killed"));
    }
}
