//! Printing a registry: a line for each entry, or all that is known of some.

use h2k_config::nearest::nearest;
use serde::Serialize;

use crate::cli::ListArgs;
use crate::error::{Failure, FailureKind};
use crate::ui::{Ui, table::table};

/// An entry of a registry.
pub(super) trait Entry: Serialize {
    /// Stable id.
    fn id(&self) -> &str;
    /// Cells of its line.
    fn cells(&self) -> Vec<String>;
    /// All that is known of it.
    fn page(&self) -> String;
}

/// What `--json` prints.
#[derive(Serialize)]
struct Document<'a, T> {
    version: u32,
    entries: Vec<&'a T>,
}

/// Prints the entries that the arguments ask for; all of them if none is named.
///
/// # Errors
/// There is no such entry.
pub(super) fn print<T: Entry>(args: &ListArgs, entries: &[T], ui: &Ui) -> Result<(), Failure> {
    let wanted = if args.ids.is_empty() { entries.iter().collect() } else { named(args, entries)? };
    if args.json {
        return ui.answer_json(&Document { version: 1, entries: wanted });
    }
    if args.ids.is_empty() {
        let rows: Vec<Vec<String>> = wanted.iter().map(|entry| entry.cells()).collect();
        return ui.answer(&table(&rows));
    }
    ui.answer(&wanted.iter().map(|entry| entry.page()).collect::<Vec<_>>().join("\n"))
}

fn named<'a, T: Entry>(args: &ListArgs, entries: &'a [T]) -> Result<Vec<&'a T>, Failure> {
    let find = |id: &String| {
        entries.iter().find(|entry| entry.id() == id).ok_or_else(|| {
            let failure = Failure::message(FailureKind::Usage, format!("there is no {id:?}"));
            match nearest(id, entries.iter().map(Entry::id)) {
                Some(meant) => failure.hint(format!("did you mean {meant}?")),
                None => failure.hint("without an id, all are listed"),
            }
        })
    };
    args.ids.iter().map(find).collect()
}
