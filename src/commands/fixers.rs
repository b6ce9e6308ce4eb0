//! `h2k fixers`: the repairs that h2k knows.

use h2k_fixers::registry::FIXERS;
use serde::Serialize;

use super::listing::{self, Entry};
use crate::cli::ListArgs;
use crate::error::Failure;
use crate::ui::Ui;

/// A fixer as it is told.
#[derive(Serialize)]
struct Told {
    id: &'static str,
    summary: &'static str,
    explanation: &'static str,
}

impl Entry for Told {
    fn id(&self) -> &str {
        self.id
    }

    fn cells(&self) -> Vec<String> {
        vec![self.id.to_owned(), self.summary.to_owned()]
    }

    fn page(&self) -> String {
        format!("{}: {}\n  {}\n", self.id, self.summary, self.explanation)
    }
}

/// Runs the subcommand.
///
/// # Errors
/// There is no fixer of a name.
pub fn run(args: &ListArgs, ui: &Ui) -> Result<(), Failure> {
    let told: Vec<Told> = FIXERS
        .iter()
        .map(|f| Told { id: f.id(), summary: f.summary(), explanation: f.explanation() })
        .collect();
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
    fn all_are_listed_and_one_is_explained() {
        let list = printed(&[], false).unwrap();
        assert_eq!(list.lines().count(), FIXERS.len());
        for (line, fixer) in list.lines().zip(FIXERS) {
            assert!(line.starts_with(fixer.id()) && line.ends_with(fixer.summary()), "{line}");
        }
        let page = printed(&["linux.fstab"], false).unwrap();
        let fstab = FIXERS.iter().find(|f| f.id() == "linux.fstab").unwrap();
        assert!(page.contains(fstab.explanation()));
        let json: serde_json::Value = serde_json::from_str(&printed(&[], true).unwrap()).unwrap();
        assert_eq!(json["entries"].as_array().unwrap().len(), FIXERS.len());
    }

    /// Examples that users copy name fixers that there are.
    #[test]
    fn examples_name_fixers_that_there_are() {
        let examples = include_str!("../../config/example.yaml");
        let help = crate::cli::help::example_list("plan").iter().map(|(line, _)| *line);
        let words = std::iter::once(examples).chain(help).flat_map(|text| text.split([' ', '\n', ',', '=']));
        let named: Vec<&str> = words.filter(|word| word.starts_with("linux.")).collect();
        assert!(named.len() >= 3, "{named:?}");
        for id in named {
            assert!(FIXERS.iter().any(|f| f.id() == id), "{id}");
        }
    }

    #[test]
    fn a_misspelt_id_is_told_with_the_one_that_is_meant() {
        let failure = printed(&["linux.fstb"], false).unwrap_err();
        assert_eq!(failure.chain(), "there is no \"linux.fstb\"");
        assert_eq!(failure.hints, ["did you mean linux.fstab?"]);
        assert_eq!(failure.kind.exit_code(), 2);
    }
}
