//! The rules that look for what the user should know. One static registry feeds PLAN, `h2k rules`, the manual and
//! the test that walks all entries. Fixers add concerns of their own about what they could not settle.

mod disk;
mod guest;
mod host;
mod nics;
mod source;

use std::path::PathBuf;

use h2k_config::Policy;
use h2k_fixers::{Concern, GuestFacts, Severity};
use h2k_transports::SourceVm;

use super::forecast::Forecast;
use crate::emit::domain::Domain;
use crate::stages::flatten::FlatDisk;

/// Everything that a rule may look at.
pub struct Seen<'a> {
    /// What the hypervisor says.
    pub source: &'a SourceVm,
    /// The disks' images.
    pub disks: &'a [FlatDisk],
    /// What the disks say.
    pub facts: &'a GuestFacts,
    /// What the user wants.
    pub policy: &'a Policy,
    /// What was decided.
    pub target: &'a Domain,
    /// Space that it takes.
    pub forecast: &'a Forecast,
    /// Where the result is to go and what is free there; `None` where no place was named.
    pub output: Option<Space>,
    /// Whether an edit runs a program in the guest.
    pub runs_in_guest: bool,
}

/// Free space of a file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Space {
    /// A directory on it.
    pub path: PathBuf,
    /// Free bytes.
    pub free: u64,
}

/// What a rule found: subject and message.
pub struct Finding {
    /// What it is about.
    pub subject: String,
    /// What was found.
    pub message: String,
}

impl Finding {
    /// A finding about `subject`.
    pub fn new(subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self { subject: subject.into(), message: message.into() }
    }
}

/// A rule: what it looks for, how much it weighs, and what to do.
pub struct Rule {
    /// Stable id, the concern's id.
    pub id: &'static str,
    /// Weight of what it finds.
    pub severity: Severity,
    /// What it looks for, one line.
    pub summary: &'static str,
    /// What to do about a finding.
    pub advice: &'static str,
    /// Looks.
    pub check: fn(&Seen<'_>) -> Vec<Finding>,
}

/// Every rule.
pub static RULES: &[&[Rule]] = &[source::RULES, disk::RULES, guest::RULES, nics::RULES, host::RULES];

/// All rules in order.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    RULES.iter().copied().flatten()
}

/// What all rules find.
pub fn check(seen: &Seen<'_>) -> Vec<Concern> {
    all()
        .flat_map(|rule| {
            (rule.check)(seen)
                .into_iter()
                .map(|f| Concern::new(rule.id, rule.severity, f.subject, f.message, rule.advice))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_rule_has_an_id_of_its_own_and_says_what_to_do() {
        let mut ids = BTreeSet::new();
        for rule in all() {
            assert!(ids.insert(rule.id), "{} stands twice", rule.id);
            assert!(rule.id.split('.').count() == 2, "{}: ids are area.finding", rule.id);
            assert!(!rule.summary.is_empty() && !rule.advice.is_empty(), "{}: texts", rule.id);
        }
    }
}
