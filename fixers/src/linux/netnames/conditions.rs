//! What would keep a configuration from the target's NICs besides a name: patterns, drivers, places on the bus; and
//! files that could not be understood.

use super::matching::{Matching, ON_KVM, name_patterns};
use crate::facts::GuestFacts;
use crate::inspect::network::names::fits_glob;
use crate::{Concern, Severity};

/// Driver of the target's NICs.
const DRIVER: &str = "virtio_net";

/// What may keep the configuration from applying.
pub(super) fn concerns(facts: &GuestFacts, found: &Matching) -> Vec<Concern> {
    if facts.hardware.nics.is_empty() {
        return Vec::new();
    }
    let mut concerns: Vec<Concern> = facts.network.unparsed.iter().map(|what| unparsed(what)).collect();
    for condition in &facts.network.conditions {
        let values = || condition.value.split_whitespace();
        let fits = match condition.kind.as_str() {
            "driver" => values().any(|driver| fits_glob(DRIVER, driver)),
            // A place on the bus of the source; `pci-*` is any.
            "path" => values().any(|path| path == "*" || path == "pci-*" || path == "*pci-*"),
            _ => continue,
        };
        if !fits {
            concerns.push(other_hardware(&condition.file, &condition.kind, &condition.value));
        }
    }
    concerns.extend(patterns(facts, found));
    concerns
}

/// A NIC that has no name yet, and that no pattern will fit.
fn patterns(facts: &GuestFacts, found: &Matching) -> Option<Concern> {
    let mut patterns = name_patterns(facts).peekable();
    patterns.peek()?;
    if found.nics.is_empty() || patterns.any(|pattern| fits_glob(ON_KVM, pattern)) {
        return None;
    }
    let condition = facts.network.conditions.iter().find(|c| c.kind == "name")?;
    Some(other_hardware(&condition.file, "name", &condition.value))
}

fn other_hardware(file: &str, kind: &str, value: &str) -> Concern {
    let what = match kind {
        "driver" => "driver",
        "path" => "place on the bus",
        _ => "name",
    };
    Concern::new(
        "guest.network.other-hardware",
        Severity::Warning,
        file,
        format!("it is for NICs with the {what} {value}, and the target's NIC may have another one"),
        "let it match by the NIC's MAC address in the guest before the migration",
    )
}

fn unparsed(what: &str) -> Concern {
    let (file, why) = what.split_once(": ").unwrap_or((what, "it could not be understood"));
    Concern::new(
        "guest.network.unparsed",
        Severity::Warning,
        file,
        format!("the network configuration could not be understood: {why}"),
        "look at the network after the first boot: h2k leaves what it does not understand",
    )
}
