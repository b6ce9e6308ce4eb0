//! `h2k rules`: the rules that look for concerns.

use h2k_fixers::Severity;
use serde::Serialize;

use super::listing::{self, Entry};
use crate::cli::ListArgs;
use crate::error::Failure;
use crate::plan::rules;
use crate::plan::text::severity;
use crate::ui::Ui;

/// A rule as it is told.
#[derive(Serialize)]
struct Told {
    id: &'static str,
    severity: Severity,
    summary: &'static str,
    advice: &'static str,
}

impl Entry for Told {
    fn id(&self) -> &str {
        self.id
    }

    fn cells(&self) -> Vec<String> {
        vec![self.id.to_owned(), severity(self.severity).to_owned(), self.summary.to_owned()]
    }

    fn page(&self) -> String {
        format!("{} ({}): {}\n  {}\n", self.id, severity(self.severity), self.summary, self.advice)
    }
}

/// Runs the subcommand.
///
/// # Errors
/// There is no rule of a name.
pub fn run(args: &ListArgs, ui: &Ui) -> Result<(), Failure> {
    let told: Vec<Told> = rules::all()
        .map(|r| Told { id: r.id, severity: r.severity, summary: r.summary, advice: r.advice })
        .collect();
    listing::print(args, &told, ui)
}
