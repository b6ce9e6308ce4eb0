//! `h2k clean`: removes what unfinished runs left, and forgets them. Results and sources are never touched.

use std::fs;
use std::path::PathBuf;

use crate::cli::CleanArgs;
use crate::error::{Doing, Failure, FailureKind};
use crate::job::work_root;
use crate::state::{BatchState, OutputLock, Run, RunState, Store};
use crate::ui::Ui;
use crate::ui::escape;

use super::Settled;

/// Runs the subcommand.
///
/// # Errors
/// A name is that of nothing; something that runs was named; a directory cannot be removed.
pub fn run(args: &CleanArgs, settled: &Settled, ui: &Ui) -> Result<(), Failure> {
    let store = settled.store()?;
    let wanted = |name: &String| args.all || args.finished || args.names.contains(name);
    let mut found: Vec<String> = Vec::new();
    for run in store.list_runs()?.into_iter().filter(|r| wanted(&r.name)) {
        let named = args.names.contains(&run.name);
        if run.state == RunState::Running && run.alive {
            refuse(named, &run.name)?;
            continue;
        }
        found.push(run.name.clone());
        let done = run.state == RunState::Done;
        if done == args.finished {
            clean(&store, &run, args.dry_run, ui)?;
        }
    }
    for batch in store.list_batches()?.into_iter().filter(|b| wanted(&b.name)) {
        if batch.state == BatchState::Running && batch.alive {
            refuse(args.names.contains(&batch.name), &batch.name)?;
            continue;
        }
        found.push(batch.name.clone());
        let done = matches!(batch.state, BatchState::Done | BatchState::Replaced);
        if done == args.finished {
            told(args.dry_run, &format!("the record of the batch {}", batch.name), ui)?;
            if !args.dry_run {
                store.forget_batch(batch.id)?;
            }
        }
    }
    match args.names.iter().find(|n| !found.contains(n)) {
        Some(missing) => {
            Err(Failure::message(FailureKind::Usage, format!("nothing that ended is called {missing:?}"))
                .hint("h2k status and h2k history list what there is"))
        }
        None => Ok(()),
    }
}

fn refuse(named: bool, name: &str) -> Result<(), Failure> {
    if !named {
        return Ok(());
    }
    Err(Failure::message(FailureKind::Usage, format!("{name:?} is being worked on"))
        .hint(format!("h2k cancel {name} stops it")))
}

/// Removes a run's unfinished work, then its record.
fn clean(store: &Store, run: &Run, dry_run: bool, ui: &Ui) -> Result<(), Failure> {
    for dir in work(run)? {
        told(dry_run, &dir.display().to_string(), ui)?;
        if !dry_run {
            // Whoever works there, with another state file maybe, is left alone.
            let lock = OutputLock::acquire(&dir)?;
            fs::remove_dir_all(&dir).doing(format!("removing {}", dir.display()))?;
            drop(lock);
        }
    }
    told(dry_run, &format!("the record of {} of {}", run.name, run.started), ui)?;
    if !dry_run {
        store.forget_run(run.id)?;
    }
    Ok(())
}

/// Directories of a run's unfinished work that are there.
fn work(run: &Run) -> Result<Vec<PathBuf>, Failure> {
    if run.state == RunState::Done {
        return Ok(Vec::new());
    }
    let root = work_root(run.job.output()?);
    let dirs = [root.join(format!("fetch-{}", run.job.key()?)), root.join(&run.name)];
    Ok(dirs.into_iter().filter(|dir| dir.is_dir()).collect())
}

fn told(dry_run: bool, what: &str, ui: &Ui) -> Result<(), Failure> {
    let verb = if dry_run { "would remove" } else { "removed" };
    ui.answer(&format!("{verb} {}\n", escape::line(what)))
}
