//! `h2k cancel`: stops batches and VMs that another process works on. What is finished stays; `h2k resume` goes on.

use rustix::process::{Pid, Signal, kill_process};

use crate::cli::CancelArgs;
use crate::error::{Doing, Failure, FailureKind};
use crate::state::{BatchState, RunState, Store};
use crate::ui::Ui;

use super::Settled;

/// Runs the subcommand.
///
/// # Errors
/// A name is that of nothing that runs; the process belongs to another user.
pub fn run(args: &CancelArgs, settled: &Settled, ui: &Ui) -> Result<(), Failure> {
    let store = settled.store()?;
    for name in &args.names {
        let told = one(&store, name)?;
        ui.answer(&format!("{name}: {told}\n"))?;
    }
    Ok(())
}

fn one(store: &Store, name: &str) -> Result<&'static str, Failure> {
    let running = store.list_batches()?.into_iter().filter(|b| b.state == BatchState::Running && b.alive);
    for batch in running {
        if batch.name == name {
            store.cancel_batch(batch.id, None)?;
            return Ok("the batch stops; its VMs that run are stopped, finished ones stay");
        }
        if let Some(vm) = store.batch_vms(batch.id)?.iter().find(|v| v.name == name && !v.state.ended()) {
            store.cancel_batch(batch.id, Some(vm.place))?;
            return Ok("it stops, the batch goes on");
        }
    }
    let mut runs = store.list_runs()?.into_iter().filter(|r| r.state == RunState::Running && r.alive);
    let Some(run) = runs.find(|r| r.name == name) else {
        return Err(Failure::message(FailureKind::Usage, format!("nothing that runs is called {name:?}"))
            .hint("h2k status shows what runs; h2k clean removes what was left unfinished"));
    };
    let pid = i32::try_from(run.owner.pid).ok().and_then(Pid::from_raw);
    let pid = pid.ok_or_else(|| Failure::message(FailureKind::Failed, "its process id makes no sense"))?;
    kill_process(pid, Signal::TERM)
        .map_err(std::io::Error::from)
        .doing(format!("stopping process {}", run.owner.pid))?;
    Ok("it stops, as on Ctrl-C")
}
