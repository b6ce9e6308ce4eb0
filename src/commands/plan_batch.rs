//! `h2k plan -f`: the plans for all VMs of a batch file, side by side.

use std::fs;
use std::path::Path;

use h2k_config::nearest::nearest;
use serde::Serialize;

use crate::batch::budget::Budget;
use crate::batch::expand::Expanded;
use crate::batch::forecast::{self, Course};
use crate::cli::PlanArgs;
use crate::error::{Doing, Failure, FailureKind};
use crate::event::Reporter;
use crate::job::{Job, safe_name};
use crate::plan::time::Range;
use crate::plan::{Plan, PlanDocument, VERSION, markdown, text};
use crate::run;
use crate::stages::convert::write;
use crate::ui::Ui;

use super::Settled;

mod rows;

pub use rows::{Outcome, Planned, Row};
use rows::{failure, markdown_table, planned, text_table, verdict};

/// What `--json` prints: the plans, and what could not be planned.
#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    plans: PlanDocument,
    batch: &'a str,
    rows: &'a [Row],
}

/// Runs `h2k plan -f`.
///
/// # Errors
/// Mistakes in the file; [`FailureKind::Partial`] if a VM cannot be planned; [`FailureKind::NotReady`] if a plan has
/// critical concerns. Both after everything is printed.
pub fn run(args: &PlanArgs, settled: &Settled, ui: &Ui) -> Result<(), Failure> {
    let Some(expanded) = settled.expanded()? else { return Ok(()) };
    let chosen = chosen(&expanded, &args.vm)?;
    if let Some(dir) = &args.output {
        fs::create_dir_all(dir).doing(format!("making {}", dir.display()))?;
    }
    // The whole plans of a thousand VMs are only kept where they are printed.
    let past = settled.past();
    let budget = Budget::of(expanded.batch.concurrency.memory, expanded.batch.concurrency.cores);
    let keep = args.json || args.markdown || !args.vm.is_empty();
    let (mut rows, mut places) = (Vec::new(), Vec::new());
    let mut kept = PlanDocument { version: VERSION, vms: Vec::new(), jobs: Vec::new() };
    for index in chosen {
        let Some(vm) = expanded.batch.vms.get(index) else { continue };
        let temp = Some(settled.resolved.temp_dir.as_path());
        let (row, plan) = one(&vm.job, expanded.label(index), temp, (&past, budget), ui)?;
        places.push(index);
        rows.push(row);
        let Some(plan) = plan else { continue };
        if let Some(dir) = &args.output {
            save(dir, &vm.job, &plan)?;
        }
        if keep {
            kept.jobs.push(vm.job.clone());
            kept.vms.push(plan);
        }
    }
    print(args, &expanded, (&rows, together(&expanded, &places, &rows, budget).as_ref()), kept, ui)?;
    verdict(&rows)
}

/// The time of all VMs together, as the batch would carry them out. `None` where a VM's time is not known.
fn together(expanded: &Expanded, places: &[usize], rows: &[Row], budget: Budget) -> Option<Range> {
    let vms = places
        .iter()
        .zip(rows)
        .filter_map(|(place, row)| Some((expanded.batch.vms.get(*place)?, planned(row)?.course.as_ref())));
    let vms = vms.map(|(vm, course)| Some((vm, course?))).collect::<Option<Vec<_>>>()?;
    (!vms.is_empty()).then(|| forecast::together(&expanded.batch, &vms, budget))
}

/// Plans one VM. `past` are seconds of earlier boot tests, and `budget` what the VMs share. A failure is its row's;
/// only an interruption is one of all.
///
/// # Errors
/// The user stops it.
pub fn one(
    job: &Job,
    label: String,
    temp: Option<&Path>,
    (past, budget): (&[f64], Budget),
    ui: &dyn Reporter,
) -> Result<(Row, Option<Plan>), Failure> {
    match run::plan(job, temp, past, ui) {
        Ok(plan) => Ok((Row::of(&plan, Course::of(job, &plan, budget)), Some(plan))),
        Err(failure) if failure.kind == FailureKind::Interrupted => Err(failure),
        Err(failure) => Ok((Row { name: label, outcome: Outcome::Failed { error: failure.chain() } }, None)),
    }
}

/// The VMs that `--vm` names; all if it names none.
fn chosen(expanded: &Expanded, names: &[String]) -> Result<Vec<usize>, Failure> {
    let labels: Vec<String> = (0..expanded.batch.vms.len()).map(|index| expanded.label(index)).collect();
    if names.is_empty() {
        return Ok((0..labels.len()).collect());
    }
    let find = |name: &String| {
        labels.iter().position(|label| label == name).ok_or_else(|| {
            let failure = Failure::message(FailureKind::Usage, format!("the batch has no VM {name:?}"));
            match nearest(name, labels.iter().map(String::as_str)) {
                Some(meant) => failure.hint(format!("did you mean {meant}?")),
                None => failure.hint("h2k batch check lists them"),
            }
        })
    };
    names.iter().map(find).collect()
}

/// A VM's plan as `migrate --plan` takes it. It appears under its name when it is complete.
fn save(dir: &Path, job: &Job, plan: &Plan) -> Result<(), Failure> {
    let document = PlanDocument { version: VERSION, vms: vec![plan.clone()], jobs: vec![job.clone()] };
    let file = dir.join(format!("{}.plan.json", safe_name(&plan.name)));
    write(&file, &serde_json::to_vec_pretty(&document)?)
}

fn print(
    args: &PlanArgs,
    expanded: &Expanded,
    (rows, together): (&[Row], Option<&Range>),
    plans: PlanDocument,
    ui: &Ui,
) -> Result<(), Failure> {
    if args.json {
        return ui.answer_json(&Document { plans, batch: &expanded.batch.name, rows });
    }
    if args.markdown {
        let pages: Vec<String> = plans.vms.iter().map(markdown::markdown).collect();
        return ui.answer(&format!(
            "{}\n{}",
            markdown_table(&expanded.batch.name, rows, together),
            pages.join("\n")
        ));
    }
    if !args.vm.is_empty() {
        let pages: Vec<String> = plans.vms.iter().map(text::text).collect();
        let failed: String = rows.iter().filter_map(failure).map(|line| format!("{line}\n")).collect();
        return ui.answer(&format!("{}{failed}", pages.join("\n")));
    }
    ui.answer(&text_table(rows, together))
}
