//! What the user makes of concerns: another weight, or an acceptance with its reason.

use h2k_config::nearest::nearest;
use h2k_config::{Policy, Weight, concern_ids};
use h2k_fixers::{Concern, Severity};

use super::others;

/// The weight as concerns have it.
pub fn severity(weight: Weight) -> Severity {
    match weight {
        Weight::Information => Severity::Information,
        Weight::Warning => Severity::Warning,
        Weight::Critical => Severity::Critical,
    }
}

/// Gives the concerns the weights that the user wants, and marks those that are accepted; an accepted critical concern
/// is a warning. What would make the result wrong stays as it is, whatever the policy says. Ids that there are not are
/// concerns themselves.
pub fn weigh(concerns: &mut Vec<Concern>, policy: &Policy) {
    for concern in concerns.iter_mut().filter(|c| concern_ids::find(&c.id) != Some(false)) {
        if let Some(weight) = policy.severity.get(&concern.id) {
            concern.severity = severity(*weight);
        }
        if let Some(reason) = policy.accept.get(&concern.id) {
            concern.severity = concern.severity.min(Severity::Warning);
            concern.accepted = Some(reason.clone());
        }
    }
    concerns.extend(unknown(policy));
}

/// Ids of rules of the user's own that no rule has. Ids of h2k's own were looked at when the settings were read.
fn unknown(policy: &Policy) -> Vec<Concern> {
    let own = || policy.rules.iter().map(|rule| rule.id.as_str());
    let known = |id: &str| concern_ids::find(id).is_some() || own().any(|rule| rule == id);
    let ids = policy.severity.keys().chain(policy.accept.keys()).filter(|id| !known(id));
    let mut ids: Vec<&String> = ids.collect();
    ids.sort();
    ids.dedup();
    ids.into_iter()
        .map(|id| {
            let all = concern_ids::CONCERNS.iter().map(|(id, _)| *id).chain(own());
            let message = match nearest(id, all) {
                Some(meant) => format!("there is no such concern; did you mean {meant}?"),
                None => "there is no such concern".to_owned(),
            };
            others::concern("policy.unknown-rule", id, message)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(severity: &[(&str, Weight)], accept: &[(&str, &str)]) -> Policy {
        Policy {
            severity: severity.iter().map(|(id, weight)| ((*id).to_owned(), *weight)).collect(),
            accept: accept.iter().map(|(id, why)| ((*id).to_owned(), (*why).to_owned())).collect(),
            ..Policy::default()
        }
    }

    fn weighed(id: &str, was: Severity, policy: &Policy) -> (Severity, Option<String>, usize) {
        let mut concerns = vec![Concern::new(id, was, "s", "m", "a")];
        weigh(&mut concerns, policy);
        (concerns[0].severity, concerns[0].accepted.clone(), concerns.len())
    }

    #[test]
    fn what_is_accepted_keeps_its_reason_and_is_not_critical() {
        let accept = policy(&[], &[("source.locked", "a snapshot of the storage")]);
        let reason = Some("a snapshot of the storage".to_owned());
        assert_eq!(
            weighed("source.locked", Severity::Critical, &accept),
            (Severity::Warning, reason.clone(), 1)
        );
        assert_eq!(
            weighed("source.locked", Severity::Information, &accept),
            (Severity::Information, reason, 1)
        );
        assert_eq!(weighed("source.tpm", Severity::Warning, &accept), (Severity::Warning, None, 1));
    }

    #[test]
    fn weights_go_both_ways() {
        let heavier = policy(&[("source.snapshots", Weight::Critical)], &[]);
        assert_eq!(weighed("source.snapshots", Severity::Information, &heavier).0, Severity::Critical);
        let lighter = policy(&[("source.locked", Weight::Information)], &[]);
        assert_eq!(weighed("source.locked", Severity::Critical, &lighter).0, Severity::Information);
    }

    /// Settings refuse it; a policy from elsewhere changes nothing either.
    #[test]
    fn what_would_be_wrong_stays_critical() {
        let both = policy(&[("target.unfit", Weight::Information)], &[("target.unfit", "x")]);
        assert_eq!(weighed("target.unfit", Severity::Critical, &both), (Severity::Critical, None, 1));
    }

    #[test]
    fn an_id_that_no_rule_has_is_told() {
        let odd = policy(&[("site.a", Weight::Warning)], &[("site.a", "x"), ("site.b", "x")]);
        let mut concerns = Vec::new();
        weigh(&mut concerns, &odd);
        let subjects: Vec<&str> = concerns.iter().map(|c| c.subject.as_str()).collect();
        assert_eq!(subjects, ["site.a", "site.b"]);
        assert!(concerns.iter().all(|c| c.id == "policy.unknown-rule" && c.severity == Severity::Critical));
    }
}
