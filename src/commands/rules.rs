//! `h2k rules`: every concern that a plan can show, explained.

use h2k_fixers::{Explained, Severity};
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
    explanation: &'static str,
    advice: &'static str,
    /// Whether the user may accept it.
    acceptable: bool,
}

impl From<Explained> for Told {
    fn from(known: Explained) -> Self {
        let Explained { id, severity, summary, explanation, advice, acceptable } = known;
        Self { id, severity, summary, explanation, advice, acceptable }
    }
}

impl Entry for Told {
    fn id(&self) -> &str {
        self.id
    }

    fn cells(&self) -> Vec<String> {
        vec![self.id.to_owned(), severity(self.severity).to_owned(), self.summary.to_owned()]
    }

    fn page(&self) -> String {
        let may = if self.acceptable {
            format!("accept it with its reason in the settings: accept: {{{}: …}}", self.id)
        } else {
            "it cannot be accepted, and stays critical: the result would be wrong".to_owned()
        };
        format!(
            "{} ({}): {}\n  {}\n  What to do: {}\n  {may}\n",
            self.id,
            severity(self.severity),
            self.summary,
            self.explanation,
            self.advice
        )
    }
}

/// Runs the subcommand.
///
/// # Errors
/// There is no rule of a name.
pub fn run(args: &ListArgs, ui: &Ui) -> Result<(), Failure> {
    let told: Vec<Told> = rules::explained().into_iter().map(Told::from).collect();
    listing::print(args, &told, ui)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::Mode;
    use crate::ui::testing::captured;

    fn printed(ids: &[&str], json: bool) -> Result<String, Failure> {
        let (ui, out, _) = captured(Mode::default());
        let ids = ids.iter().map(|id| (*id).to_owned()).collect();
        run(&ListArgs { ids, json }, &ui).map(|()| out.text())
    }

    #[test]
    fn all_are_listed() {
        insta::assert_snapshot!("rules", printed(&[], false).unwrap());
        let json: serde_json::Value = serde_json::from_str(&printed(&[], true).unwrap()).unwrap();
        assert_eq!(json["entries"].as_array().unwrap().len(), rules::explained().len());
    }

    #[test]
    fn one_is_explained() {
        insta::assert_snapshot!(printed(&["disk.independent", "target.unfit"], false).unwrap());
    }

    #[test]
    fn a_misspelt_id_is_told_with_the_one_that_is_meant() {
        let failure = printed(&["source.snapshot"], false).unwrap_err();
        assert_eq!(failure.hints, ["did you mean source.snapshots?"]);
    }
}
