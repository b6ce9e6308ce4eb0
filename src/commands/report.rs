//! `h2k report`: the report of a finished migration, as it lies in its result's directory.

use std::path::{Path, PathBuf};

use super::Settled;
use crate::batch::summary::{self, Kinds};
use crate::cli::ReportArgs;
use crate::error::{Doing, Failure, FailureKind};
use crate::report::{self, BatchReport, Report, read};
use crate::state::RunState;
use crate::ui::Ui;

/// Runs the subcommand.
///
/// # Errors
/// There is no such result, or it has no report.
pub fn run(args: &ReportArgs, settled: &Settled, ui: &Ui) -> Result<(), Failure> {
    if let Some(which) = &args.batch {
        let (report, home) = batch(which, settled)?;
        return match (args.json, args.html) {
            (true, _) => ui.answer_json(&report),
            (_, true) => ui.answer(&report.html(&home)),
            _ => ui.answer(&report.markdown()),
        };
    }
    let dir = match &args.which {
        Some(which) => find(which, settled)?,
        None => last(settled)?,
    };
    if args.html {
        return ui.answer(&Report::load(&dir)?.html(&dir));
    }
    let file = dir.join(if args.json { "report.json" } else { "report.md" });
    ui.answer(&read(&file)?)
}

/// A batch's report: that of a directory, or of the last batch of a name as it stands now.
fn batch(which: &Path, settled: &Settled) -> Result<(BatchReport, PathBuf), Failure> {
    let given = std::path::absolute(which).doing("finding the current directory")?;
    let file = given.join("batch.json");
    if file.is_file() {
        return Ok((BatchReport::load(&file)?, given));
    }
    let store = settled.store()?;
    let named = store.list_batches()?.into_iter().find(|batch| which.as_os_str() == batch.name.as_str());
    let record = named.ok_or_else(|| {
        let message = format!("there is no batch {}", which.display());
        Failure::message(FailureKind::Usage, message)
            .hint("h2k status lists all; the directory that batch.json lies in will do too")
    })?;
    let batch = store.batch(record.id)?;
    let output = batch.vms.first().and_then(|vm| vm.job.output.as_deref());
    let home = output.map_or(given, |output| report::batch::home(output, &batch.name));
    let written = home.join("batch.json");
    if record.ended.is_some() && written.is_file() {
        return Ok((BatchReport::load(&written)?, home));
    }
    Ok((summary::report(&batch, &record, &store.batch_vms(record.id)?, &Kinds::new()), home))
}

/// A directory with a report; else a name: in the output directory that is set, or of a run that is done.
///
/// # Errors
/// There is none.
pub(super) fn find(which: &Path, settled: &Settled) -> Result<PathBuf, Failure> {
    if has_report(which) {
        return Ok(which.to_owned());
    }
    let missing = || {
        let message = format!("there is no report of {}", which.display());
        Failure::message(FailureKind::Usage, message).hint("h2k status lists all runs")
    };
    // A name is one component: it does not lead out of the output directory.
    let mut parts = which.components();
    let (Some(std::path::Component::Normal(name)), None) = (parts.next(), parts.next()) else {
        return Err(missing());
    };
    let set = settled.resolved.output.as_ref().map(|output| output.join(name));
    if let Some(dir) = set.filter(|dir| has_report(dir)) {
        return Ok(dir);
    }
    results(settled)?.into_iter().find(|dir| dir.file_name() == Some(name)).ok_or_else(missing)
}

fn last(settled: &Settled) -> Result<PathBuf, Failure> {
    results(settled)?.into_iter().next().ok_or_else(|| {
        Failure::message(FailureKind::Usage, "no run is done yet").hint("h2k status lists all runs")
    })
}

/// Directories of the runs that are done and still there, the last first.
fn results(settled: &Settled) -> Result<Vec<PathBuf>, Failure> {
    let runs = settled.store()?.list_runs()?;
    let done = runs.into_iter().filter(|run| run.state == RunState::Done);
    Ok(done.filter_map(|run| Some(run.job.output?.join(run.name))).filter(|dir| has_report(dir)).collect())
}

fn has_report(dir: &Path) -> bool {
    dir.join("report.md").is_file()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use h2k_config::{Settings, Surroundings};
    use serde_json::json;

    use super::*;
    use crate::state::NewRun;
    use crate::ui::Mode;
    use crate::ui::testing::captured;

    fn printed(which: Option<&str>, json: bool, settled: &Settled) -> Result<String, Failure> {
        let (ui, out, _) = captured(Mode::default());
        let args = ReportArgs { which: which.map(PathBuf::from), json, ..ReportArgs::default() };
        run(&args, settled, &ui).map(|()| out.text())
    }

    #[test]
    fn a_report_is_found_by_directory_by_name_and_as_the_last() {
        let temp = tempfile::tempdir().unwrap();
        let output = temp.path().join("vms");
        let around = Surroundings {
            directory: temp.path().to_owned(),
            variables: [("HOME".into(), temp.path().into())].into(),
            etc: temp.path().to_owned(),
        };
        let settled = Settled::without(Settings::default(), around);
        assert_eq!(printed(None, false, &settled).unwrap_err().chain(), "no run is done yet");

        let store = settled.store().unwrap();
        for name in ["db01", "web01"] {
            fs::create_dir_all(output.join(name)).unwrap();
            fs::write(output.join(name).join("report.md"), format!("# {name}\n")).unwrap();
            fs::write(output.join(name).join("report.json"), "{}\n").unwrap();
            let job = json!({ "sources": [format!("/{name}.vmx")], "output": output, "name": null, "policy": {},
                "boot": true, "boot_timeout": null });
            let job = serde_json::from_value(job).unwrap();
            let run = store.begin_run(&NewRun::of(&job).unwrap()).unwrap();
            store.finish_run(run, RunState::Done, None).unwrap();
        }
        assert_eq!(printed(None, false, &settled).unwrap(), "# web01\n");
        assert_eq!(printed(Some("db01"), false, &settled).unwrap(), "# db01\n");
        assert_eq!(printed(output.join("db01").to_str(), true, &settled).unwrap(), "{}\n");
        for none in ["app01", "../vms/db02", "/nowhere", "."] {
            assert_eq!(printed(Some(none), false, &settled).unwrap_err().kind.exit_code(), 2, "{none}");
        }
    }
}
