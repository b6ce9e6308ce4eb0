//! Carries out a batch and tells what came of it: `h2k migrate -f`, `h2k resume`.

use std::cell::RefCell;
use std::path::PathBuf;

use crate::batch::Batch;
use crate::batch::runner::{self, Means, Outcome};
use crate::batch::summary::{self, Kinds};
use crate::batch::wire::{Done, Told};
use crate::error::{Failure, FailureKind};
use crate::event::{Event, Reporter};
use crate::metrics::{self, Growing};
use crate::report::{self, BatchReport};
use crate::state::{BatchId, BatchState, Store, VmRecord, VmState};
use crate::ui::Ui;

use super::Settled;

/// Begins a batch, or goes on with the unfinished one of the same file and content.
///
/// # Errors
/// [`FailureKind::Partial`] if a VM did not end well or the batch is paused; else as the store and the runner say.
pub fn begin(batch: &Batch, settled: &Settled, ui: &Ui, json: bool) -> Result<(), Failure> {
    let store = settled.store()?;
    let id = store.begin_batch(batch)?;
    carry_out(id, settled, &store, ui, json)
}

/// Goes on with a batch that nobody works on.
///
/// # Errors
/// As [`begin`].
pub fn go_on(id: BatchId, settled: &Settled, store: &Store, ui: &Ui) -> Result<(), Failure> {
    store.adopt_batch(id)?;
    carry_out(id, settled, store, ui, false)
}

/// In JSON the answer is the batch's report alone.
fn carry_out(id: BatchId, settled: &Settled, store: &Store, ui: &Ui, json: bool) -> Result<(), Failure> {
    let batch = store.batch(id)?;
    let kinds = RefCell::new(Kinds::new());
    let metrics = RefCell::new(Growing::new(settled.resolved.metrics.clone(), &batch.name));
    let ended = |record: &VmRecord, result: Result<&Done, &Told>| {
        match result {
            // stdout takes no more: the report lies in the result's directory all the same.
            Ok(done) => drop((!json).then(|| ui.answer(&done.summary))),
            Err(told) => {
                kinds.borrow_mut().insert(record.place, told.kind);
                ui.failure(&told.failure());
            }
        }
        let kind = kinds.borrow().get(&record.place).copied();
        // A batch does not fail because it cannot be counted.
        if let Err(failure) = metrics.borrow_mut().note(summary::vm(&batch, record, kind)) {
            ui.event(&Event::Warning { vm: record.name.clone(), message: failure.chain() });
        }
    };
    let result = runner::run(id, &Means { store, state: settled.state()?, ui, ended: &ended });
    match result {
        Ok(outcome) => {
            let report = store
                .batch_record(id)
                .map(|record| summary::report(&batch, &record, &outcome.vms, &kinds.borrow()));
            let shown = report
                .map_err(Failure::from)
                .and_then(|report| show(&batch, &report, &outcome, settled, ui, json));
            // What the batch came to counts for more than whether somebody could be told.
            told(&batch.name, &outcome).and(shown)
        }
        Err(failure) => {
            store.finish_batch(id, BatchState::Interrupted, Some(&failure.chain()))?;
            Err(failure)
        }
    }
}

/// Writes the report and tells what came of the batch; in JSON the report is the answer. A target that is full has no room
/// for it, which fails nothing.
fn show(
    batch: &Batch,
    report: &BatchReport,
    outcome: &Outcome,
    settled: &Settled,
    ui: &Ui,
    json: bool,
) -> Result<(), Failure> {
    let written = write_report(batch, report, settled);
    if let Err(failure) = &written {
        ui.event(&Event::Warning { vm: batch.name.clone(), message: failure.chain() });
    }
    if json {
        return ui.answer_json(report);
    }
    ui.answer(&format!("{}: {}: {}\n", batch.name, outcome.state.name(), counts(&outcome.vms)))?;
    match written {
        Ok(Some(page)) => ui.answer(&format!("  report    {}\n", page.display())),
        Ok(None) | Err(_) => Ok(()),
    }
}

/// Writes the batch's report beside the results of its first VM, and its metrics. The page of it.
fn write_report(batch: &Batch, report: &BatchReport, settled: &Settled) -> Result<Option<PathBuf>, Failure> {
    if let Some(path) = &settled.resolved.metrics {
        metrics::write(path, report)?;
    }
    let Some(first) = batch.vms.first() else { return Ok(None) };
    let dir = report::batch::home(first.job.output()?, &batch.name);
    report::batch::write(&dir, report)?;
    Ok(Some(dir.join("batch.html")))
}

fn told(name: &str, outcome: &Outcome) -> Result<(), Failure> {
    let kind = match outcome.state {
        BatchState::Done => return Ok(()),
        BatchState::Interrupted => FailureKind::Interrupted,
        _ => FailureKind::Partial,
    };
    let done = outcome.vms.iter().filter(|v| v.state == VmState::Done).count();
    let message = match &outcome.reason {
        Some(why) => format!("the batch {name:?} is paused: {why}"),
        None => format!(
            "{} of {} VMs of the batch {name:?} are not done",
            outcome.vms.len() - done,
            outcome.vms.len()
        ),
    };
    Err(Failure::message(kind, message)
        .hint(format!("h2k resume {name} goes on with those that are not done")))
}

/// How many VMs are in each state: `3 done, 1 failed`.
pub fn counts(vms: &[VmRecord]) -> String {
    let count = |state: VmState| vms.iter().filter(|v| v.state == state).count();
    let parts: Vec<String> = VmState::ALL
        .into_iter()
        .filter(|s| count(*s) > 0)
        .map(|s| format!("{} {}", count(s), s.name()))
        .collect();
    if parts.is_empty() { "no VMs".to_owned() } else { parts.join(", ") }
}
