//! Every rule: a VM that no rule has anything to say about, one thing that changes, and exactly that finding.

use std::collections::BTreeSet;

use h2k_config::concern_ids::CONCERNS;

use super::*;

pub mod bench;
mod description;
mod guests;
mod users;
mod windows;

use bench::Vm;

/// A rule's id, and what makes it find something.
type Case = (&'static str, fn(&mut Vm));

#[test]
fn a_sound_vm_has_no_finding() {
    assert_eq!(Vm::sound().found(), Vec::<String>::new());
}

#[test]
fn every_rule_finds_what_it_is_for_and_no_other_does() {
    for (id, break_it) in description::CASES.iter().chain(guests::CASES) {
        let mut vm = Vm::sound();
        break_it(&mut vm);
        assert_eq!(vm.found(), [*id], "{id}");
    }
}

#[test]
fn every_rule_about_windows_finds_what_it_is_for_and_no_other_does() {
    assert_eq!(Vm::windows().found(), ["windows.activation"]);
    for (id, break_it) in windows::CASES {
        let mut vm = Vm::windows();
        break_it(&mut vm);
        let mut expected = vec!["windows.activation", *id];
        expected.sort_unstable();
        assert_eq!(vm.found(), expected, "{id}");
    }
}

#[test]
fn every_rule_has_a_case() {
    let mut tried: BTreeSet<&str> =
        description::CASES.iter().chain(guests::CASES).chain(windows::CASES).map(|(id, _)| *id).collect();
    // These come with another finding, and have tests of their own.
    tried.extend(["host.no-swtpm", "policy.no-linux", "windows.activation"]);
    let rules: BTreeSet<&str> = all().map(|rule| rule.id).collect();
    assert_eq!(tried, rules);
}

#[test]
fn every_id_stands_once_and_is_explained() {
    let mut ids = BTreeSet::new();
    for known in explained() {
        assert!(ids.insert(known.id), "{} stands twice", known.id);
        assert!((2..=3).contains(&known.id.split('.').count()), "{}: ids are area.finding", known.id);
        for text in [known.summary, known.explanation, known.advice] {
            assert!(
                !text.is_empty() && !text.contains("  ") && !text.contains('\n'),
                "{}: {text:?}",
                known.id
            );
        }
        assert!(known.explanation.ends_with('.'), "{}: {:?}", known.id, known.explanation);
        assert!(known.acceptable || known.severity == Severity::Critical, "{} cannot be accepted", known.id);
    }
}

/// The list that settings are compared with, as it has to be.
#[test]
fn the_settings_know_every_id() {
    let mut known: Vec<(&str, bool)> = explained().iter().map(|e| (e.id, e.acceptable)).collect();
    known.sort_unstable();
    let lines: String = known.iter().map(|(id, may)| format!("    ({id:?}, {may}),\n")).collect();
    assert_eq!(CONCERNS, known, "config/src/concern_ids.rs should have\n{lines}");
}
