//! The rules that look for what the user should know. One static registry feeds PLAN, `h2k rules`, the manual and
//! the test that walks all entries. Fixers add concerns of their own about what they could not settle, and users
//! rules of their own ([`user`]); what becomes of a concern's weight is decided in [`weigh`].

mod bitlocker;
mod chain;
mod devices;
mod disk;
mod guest;
mod host;
mod machine;
mod nics;
mod options;
pub mod others;
mod source;
mod storage;
mod system;
pub mod user;
pub mod weigh;
mod windows;
mod windows_target;

use std::path::PathBuf;

use h2k_config::Policy;
use h2k_fixers::{Concern, Edit, Explained, GuestFacts, Severity};
use h2k_transports::SourceVm;

use super::forecast::Forecast;
use super::host::HostFacts;
use super::target::Drivers;
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
    /// The host that the result is made on.
    pub host: &'a HostFacts,
    /// The drivers that a Windows guest has after the edits; `None` for others, and where nobody looked.
    pub drivers: Option<&'a Drivers>,
    /// Every change inside of the guest, in order.
    pub edits: &'a [Edit],
}

/// Free space of a file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Space {
    /// A directory on it.
    pub path: PathBuf,
    /// Free bytes.
    pub free: u64,
    /// Bytes in all.
    pub size: u64,
    /// Bytes that a file may have there at most, where that is known.
    pub largest_file: Option<u64>,
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
    /// Whether the user may accept what it finds: not where the result would be wrong by construction.
    pub acceptable: bool,
    /// What it looks for, one line.
    pub summary: &'static str,
    /// Why it matters, and what h2k does about it; a few sentences.
    pub explanation: &'static str,
    /// What to do about a finding.
    pub advice: &'static str,
    /// Looks.
    pub check: fn(&Seen<'_>) -> Vec<Finding>,
}

impl Rule {
    fn explained(&self) -> Explained {
        let Self { id, severity, acceptable, summary, explanation, advice, .. } = *self;
        Explained { id, severity, summary, explanation, advice, acceptable }
    }
}

/// Every rule.
pub static RULES: &[&[Rule]] = &[
    source::RULES,
    machine::RULES,
    devices::RULES,
    disk::RULES,
    chain::RULES,
    guest::RULES,
    system::RULES,
    windows::RULES,
    bitlocker::RULES,
    windows_target::RULES,
    storage::RULES,
    nics::RULES,
    options::RULES,
    host::RULES,
];

/// All rules in order.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    RULES.iter().copied().flatten()
}

/// Every id that a plan can show, besides those of the user's own rules: of rules, of what PLAN finds by itself, and
/// of repairs.
pub fn explained() -> Vec<Explained> {
    let repairs = h2k_fixers::concerns::all().copied();
    all().map(Rule::explained).chain(others::OTHERS.iter().copied()).chain(repairs).collect()
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

/// A finding, if `yes`.
fn found(yes: bool, subject: &str, message: &str) -> Vec<Finding> {
    if yes { vec![Finding::new(subject, message)] } else { Vec::new() }
}

#[cfg(test)]
pub(super) mod tests;
