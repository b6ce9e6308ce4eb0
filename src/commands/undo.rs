//! `h2k undo`: edits of a finished migration are listed and taken back.

use std::fmt::Write;

use jiff::Timestamp;
use serde::Serialize;

use super::acts::noted;
use super::{Settled, report};
use crate::cli::UndoArgs;
use crate::error::{Doing, Failure};
use crate::plan::diff::headline;
use crate::report::Report;
use crate::state::ActKind;
use crate::ui::{Ui, escape};
use crate::undo::{State, Undo, Which, states};

/// What `--json` prints.
#[derive(Serialize)]
struct Document {
    version: u32,
    edits: Vec<Told>,
}

/// An edit as it is told.
#[derive(Serialize)]
struct Told {
    number: usize,
    edit: String,
    fixer: String,
    /// It can be taken back.
    reversible: bool,
    /// Why not.
    reason: Option<&'static str>,
    /// When it was.
    undone: Option<Timestamp>,
}

/// Runs the subcommand.
///
/// # Errors
/// There is no such result; an edit cannot be taken back, or the guest is not as it left it.
pub fn run(args: &UndoArgs, settled: &Settled, ui: &Ui) -> Result<(), Failure> {
    let found = report::find(&args.which, settled)?;
    let dir = std::path::absolute(&found).doing(format!("finding {}", found.display()))?;
    let which = match args.numbers.as_slice() {
        _ if args.list => None,
        _ if args.all => Some(Which::All),
        [] => None,
        numbers => Some(Which::Numbers(numbers.to_vec())),
    };
    let shown = match which {
        None => Report::load(&dir)?,
        Some(which) => {
            let undo = Undo { dir: &dir, keys: &settled.resolved.policy.keys, ui };
            noted(settled, ActKind::Undo, &dir, || undo.run(&which))?
        }
    };
    if args.json {
        return ui.answer_json(&Document { version: 1, edits: told(&shown) });
    }
    ui.answer(&text(&shown))
}

fn told(report: &Report) -> Vec<Told> {
    let one = |(index, state): (usize, State)| {
        let edit = report.edits.get(index)?;
        Some(Told {
            number: index + 1,
            edit: headline(edit),
            fixer: edit.fixer.clone(),
            reversible: state == State::Kept,
            reason: if let State::Lost(why) = state { Some(why) } else { None },
            undone: if let State::Undone(at) = state { Some(at) } else { None },
        })
    };
    states(report).into_iter().enumerate().filter_map(one).collect()
}

fn text(report: &Report) -> String {
    if report.edits.is_empty() {
        return "no edits were made\n".to_owned();
    }
    let mut out = String::new();
    for edit in told(report) {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{:>4}  {} [{}]", edit.number, escape::line(&edit.edit), edit.fixer);
        let _ = match (edit.undone, edit.reason) {
            (Some(at), _) => writeln!(out, "      taken back {at}"),
            (None, Some(why)) => writeln!(out, "      cannot be taken back: {why}"),
            (None, None) => Ok(()),
        };
    }
    out
}
