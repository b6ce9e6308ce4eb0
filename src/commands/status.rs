//! `h2k status`: batches with their VMs, and runs of VMs alone, as the state file remembers them.

use std::thread;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::Settled;
use super::history::duration;
use super::run_batch::counts;
use crate::cli::StatusArgs;
use crate::error::Failure;
use crate::exec::check_cancelled;
use crate::stages::convert::kept;
use crate::state::{BatchRecord, BatchState, Run, RunState, Store, VmRecord, VmState};
use crate::ui::table::table;
use crate::ui::{Ui, escape};

/// How often it is shown again.
const AGAIN: Duration = Duration::from_secs(2);

/// What `--json` prints.
#[derive(Serialize)]
struct Document {
    version: u32,
    batches: Vec<Standing>,
    runs: Vec<Told>,
}

/// A batch as it is told.
#[derive(Serialize)]
struct Standing {
    #[serde(flatten)]
    batch: BatchRecord,
    /// Its process is gone, and it had not ended.
    killed: bool,
    vms: Vec<VmRecord>,
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
pub fn run(args: StatusArgs, settled: &Settled, ui: &Ui) -> Result<(), Failure> {
    let store = settled.store()?;
    loop {
        let document = look(&store)?;
        if args.json {
            return ui.answer_json(&document);
        }
        if !args.watch {
            return ui.answer(&text(&document));
        }
        ui.screen(&text(&document))?;
        let batches = document.batches.iter().any(|b| b.batch.state == BatchState::Running && !b.killed);
        let runs = document.runs.iter().any(|r| r.run.state == RunState::Running && !r.killed);
        if !batches && !runs {
            return Ok(());
        }
        thread::sleep(AGAIN);
        check_cancelled()?;
    }
}

fn look(store: &Store) -> Result<Document, Failure> {
    let mut batches = Vec::new();
    for batch in store.list_batches()?.into_iter().filter(|b| b.state != BatchState::Replaced) {
        batches.push(Standing { killed: batch.killed(), vms: store.batch_vms(batch.id)?, batch });
    }
    let runs = store.list_runs()?.into_iter().map(|run| Told { killed: run.killed(), run }).collect();
    Ok(Document { version: 1, batches, runs })
}

fn text(document: &Document) -> String {
    let mut out = String::new();
    for standing in &document.batches {
        out.push_str(&batch(standing));
        out.push('\n');
    }
    let runs: Vec<&Run> = document.runs.iter().map(|t| &t.run).collect();
    if runs.is_empty() {
        if out.is_empty() {
            out.push_str("no runs\n");
        }
        return out;
    }
    let head = ["VM", "STATE", "STAGE", "BEGAN", "RESULT"].map(str::to_owned).to_vec();
    let rows: Vec<Vec<String>> = std::iter::once(head).chain(runs.into_iter().map(row)).collect();
    out.push_str(&table(&rows));
    out
}

/// A batch: a line, and the VMs that are not done below it.
fn batch(standing: &Standing) -> String {
    let of = &standing.batch;
    let state = if standing.killed { "killed" } else { of.state.name() };
    let took = duration(of.started, of.ended.unwrap_or_else(Timestamp::now));
    let mut out = format!("batch {}: {state}: {} ({took})\n", escape::line(&of.name), counts(&standing.vms));
    if let Some(why) = &of.reason {
        out.push_str(&format!("  {}\n", escape::line(why)));
    }
    if standing.killed || of.resumable() {
        out.push_str(&format!("  h2k resume {} goes on\n", escape::line(&of.name)));
    }
    let open = standing.vms.iter().filter(|v| v.state != VmState::Done).map(vm);
    out.push_str(&table(&open.collect::<Vec<_>>()));
    out
}

fn vm(vm: &VmRecord) -> Vec<String> {
    let what = match (&vm.progress, vm.retry_at, &vm.error) {
        (Some(progress), ..) => progress.clone(),
        (None, Some(at), _) => format!("again at {at}"),
        (None, None, Some(error)) => escape::line(error).into_owned(),
        _ => String::new(),
    };
    let name = format!("  {}", escape::line(&vm.name));
    let tries = if vm.tries > 1 { format!("try {}", vm.tries) } else { String::new() };
    vec![name, vm.state.name().to_owned(), tries, what]
}

fn row(run: &Run) -> Vec<String> {
    let state = if run.killed() { "killed" } else { run.state.name() };
    let stage = run.stage.map_or("", |(stage, _)| stage.name());
    let result = match (&run.error, run.state, &run.job.output) {
        (Some(error), ..) => escape::line(error).into_owned(),
        (None, RunState::Done, Some(output)) => {
            let dir = output.join(&run.name);
            let kept = run.job.policy.keep_base && dir.join(kept::Document::FILE).exists();
            format!("{}{}", dir.display(), if kept { " (not accepted yet)" } else { "" })
        }
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
        assert_eq!(text(&look(&store).unwrap()), "no runs\n");
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
        let mut found = look(&store).unwrap();
        for told in &mut found.runs {
            told.run.started = jiff::Timestamp::UNIX_EPOCH;
        }
        assert_snapshot!(text(&found), @r"
        VM     STATE        STAGE  BEGAN                 RESULT
        now    running             1970-01-01T00:00:00Z
        app01  interrupted         1970-01-01T00:00:00Z  h2k resume app01 goes on
        web01  failed       plan   1970-01-01T00:00:00Z  plan: no\nroom
        db01   done                1970-01-01T00:00:00Z  /srv/vms/db01
        ");
        found.runs[0].run.alive = false;
        assert!(text(&found).contains("killed"));
    }
}
