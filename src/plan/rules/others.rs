//! Concerns that no rule looks for: PLAN meets them while it decides.

use h2k_fixers::{Concern, Explained, Severity};

/// What PLAN finds by itself.
pub static OTHERS: &[Explained] = &[
    Explained {
        id: "target.unfit",
        severity: Severity::Critical,
        acceptable: false,
        summary: "libvirt would refuse the target",
        explanation: "A name, a number or an address that libvirt or XML cannot carry is found before anything is copied. \
                      Nothing is replaced silently: another name would be another VM.",
        advice: "give another --name, or mend the VM's description on its hypervisor",
    },
    Explained {
        id: "policy.unknown-fixer",
        severity: Severity::Critical,
        acceptable: false,
        summary: "--skip-fixer names a repair that there is not",
        explanation: "The repair that was meant would be made after all.",
        advice: "see h2k fixers for the names",
    },
    Explained {
        id: "policy.unknown-rule",
        severity: Severity::Critical,
        acceptable: false,
        summary: "severity or accept names a concern that neither h2k nor a rule of yours raises",
        explanation: "What was to be changed or accepted would stay as it is. The id is in an area of your own, and no rule \
                      in the settings has it.",
        advice: "mend the id, or give the rule in the section rules",
    },
    Explained {
        id: "rules.failed",
        severity: Severity::Critical,
        acceptable: false,
        summary: "a rule of your own could not look",
        explanation: "Its condition names a field that is not there, compares what cannot be compared, or takes too long. A \
                      rule that could not look has not looked: that nothing was found says nothing.",
        advice: "mend the rule; h2k plan --json shows the fields, and has(x.y) asks whether one is there",
    },
];

/// A concern of one of these ids.
pub fn concern(id: &str, subject: impl Into<String>, message: impl Into<String>) -> Concern {
    let known = OTHERS.iter().find(|o| o.id == id);
    let advice = known.map_or("", |o| o.advice);
    Concern::new(id, known.map_or(Severity::Critical, |o| o.severity), subject, message, advice)
}
