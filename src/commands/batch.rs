//! `h2k batch`: batch files themselves.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::batch::example::example;
use crate::batch::expand::Expanded;
use crate::batch::init;
use crate::batch::schema::schema;
use crate::cli::{BatchArgs, BatchCommand};
use crate::error::{Doing, Failure, FailureKind};
use crate::ui::escape;
use crate::ui::{Ui, table::table};

use super::Settled;
use super::jobs::absolute;

/// What `check --json` prints.
#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    name: &'a str,
    waves: Vec<&'a str>,
    vms: Vec<Checked<'a>>,
}

#[derive(Serialize)]
struct Checked<'a> {
    name: String,
    wave: &'a str,
    priority: i32,
    not_before: Option<String>,
    deadline: Option<String>,
    sources: Vec<String>,
}

/// Runs the subcommand.
///
/// # Errors
/// Mistakes in the file, all at once; as `init` says.
pub fn run(args: &BatchArgs, settled: &Settled, ui: &Ui) -> Result<(), Failure> {
    match &args.command {
        BatchCommand::Check { json, .. } => check(*json, settled, ui),
        BatchCommand::Schema => ui.answer_json(&schema()),
        BatchCommand::Example => ui.answer(&example()),
        BatchCommand::Init { sources, output } => begin(sources, output.as_deref(), settled, ui),
    }
}

/// Writes a batch file with what is found.
///
/// # Errors
/// Nothing is found; the file is there already; [`FailureKind::Partial`] if something is no VM that can be read, after
/// the others are written.
fn begin(sources: &[PathBuf], output: Option<&Path>, settled: &Settled, ui: &Ui) -> Result<(), Failure> {
    let sources = sources.iter().map(|source| absolute(source)).collect::<Result<Vec<_>, _>>()?;
    let output = output.map(absolute).transpose()?;
    if let Some(path) = output.as_deref().filter(|path| path.exists()) {
        let message = format!("{} is there already", path.display());
        return Err(Failure::message(FailureKind::Usage, message).hint("name another file with -o"));
    }
    let found = init::find(&sources, &settled.resolved.temp_dir)?;
    let failed: Vec<&Failure> = found.iter().filter_map(|found| found.vm.as_ref().err()).collect();
    if failed.len() == found.len() {
        let failure = Failure::message(FailureKind::Usage, "no VM is found");
        return Err(failed.iter().fold(failure, |all, one| all.hint(one.chain())));
    }
    let here = settled.directory();
    let base = output.as_deref().and_then(Path::parent).unwrap_or(here);
    let text = init::text(&found, base);
    match &output {
        Some(path) => {
            let writing = || format!("writing {}", path.display());
            let mut file = File::create_new(path).doing(writing())?;
            file.write_all(text.as_bytes()).doing(writing())?;
        }
        None => ui.answer(&text)?,
    }
    if failed.is_empty() {
        return Ok(());
    }
    let message = format!("{} of {} sources are no VM that can be read", failed.len(), found.len());
    let failure = Failure::message(FailureKind::Partial, message);
    Err(failed.iter().fold(failure, |all, one| all.hint(one.chain())))
}

fn check(json: bool, settled: &Settled, ui: &Ui) -> Result<(), Failure> {
    let Some(expanded) = settled.expanded()? else { return Ok(()) };
    let document = document(&expanded);
    if json {
        return ui.answer_json(&document);
    }
    ui.answer(&text(&document))
}

fn document(expanded: &Expanded) -> Document<'_> {
    let batch = &expanded.batch;
    let wave = |index: usize| batch.waves.get(index).map_or("", |wave| wave.name.as_str());
    let vms = batch.vms.iter().enumerate().map(|(index, vm)| Checked {
        name: expanded.label(index),
        wave: wave(vm.wave),
        priority: vm.priority,
        not_before: vm.not_before.map(|time| time.to_string()),
        deadline: vm.deadline.map(|time| time.to_string()),
        sources: vm.job.sources.iter().map(|path| path.display().to_string()).collect(),
    });
    Document {
        version: 1,
        name: &batch.name,
        waves: batch.waves.iter().map(|wave| wave.name.as_str()).filter(|name| !name.is_empty()).collect(),
        vms: vms.collect(),
    }
}

/// A line for each VM in the order in which they are begun, columns that say nothing left out.
fn text(document: &Document<'_>) -> String {
    let mut rows =
        vec![["VM", "WAVE", "PRIORITY", "NOT BEFORE", "DEADLINE", "SOURCE"].map(str::to_owned).to_vec()];
    for vm in &document.vms {
        let priority = if vm.priority == 0 { String::new() } else { vm.priority.to_string() };
        let time = |time: &Option<String>| time.clone().unwrap_or_default();
        let cells = [
            vm.name.clone(),
            vm.wave.to_owned(),
            priority,
            time(&vm.not_before),
            time(&vm.deadline),
            vm.sources.join(" "),
        ];
        rows.push(cells.iter().map(|cell| escape::line(cell).into_owned()).collect());
    }
    let used: Vec<bool> = (0..6)
        .map(|column| rows.iter().skip(1).any(|row| row.get(column).is_some_and(|c| !c.is_empty())))
        .collect();
    for row in &mut rows {
        let mut keep = used.iter();
        row.retain(|_| keep.next().copied().unwrap_or(true));
    }
    let vms = match document.vms.len() {
        1 => "1 VM".to_owned(),
        n => format!("{n} VMs"),
    };
    let waves = match document.waves.as_slice() {
        [] => String::new(),
        waves => format!(" in the waves {}", waves.join(", ")),
    };
    format!("batch {}: {vms}{waves}\n{}", escape::line(document.name), table(&rows))
}
