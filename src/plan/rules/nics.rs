//! Rules about what the user wants of NICs.

use std::collections::BTreeSet;

use h2k_fixers::Severity;

use super::{Finding, Rule, Seen};

/// The rules.
pub(super) static RULES: &[Rule] = &[
    Rule {
        id: "policy.nic-unknown",
        severity: Severity::Critical,
        summary: "--mac, --ip or --dhcp names a MAC address that no NIC of the VM has",
        advice: "h2k inspect shows the VM's MAC addresses",
        check: unknown,
    },
    Rule {
        id: "policy.mac-taken",
        severity: Severity::Critical,
        summary: "--mac gives a NIC the MAC address of another NIC of the VM",
        advice: "give an address that no NIC of the VM has; two NICs cannot change addresses",
        check: taken,
    },
    Rule {
        id: "policy.nic-twice",
        severity: Severity::Critical,
        summary: "--ip or --dhcp is given for a NIC by its old MAC address and by its new one",
        advice: "name the NIC by one of its MAC addresses in all options",
        check: twice,
    },
    Rule {
        id: "policy.no-linux",
        severity: Severity::Critical,
        summary: "--ip or --dhcp is given, and the guest is no Linux whose network h2k could configure",
        advice: "leave the option out, and configure the network in the guest",
        check: |s| {
            let wanted = !s.policy.addressing.is_empty() && !s.facts.is_linux();
            let message = "addresses are wanted, and h2k configures the network of Linux guests only";
            if wanted { vec![Finding::new(&s.source.name, message)] } else { Vec::new() }
        },
    },
];

fn unknown(seen: &Seen<'_>) -> Vec<Finding> {
    let nics = &seen.facts.hardware.nics;
    let had: Vec<&str> = nics.iter().map(|n| n.mac.as_str()).collect();
    let had = if had.is_empty() { "no NIC".to_owned() } else { had.join(", ") };
    let wanted: BTreeSet<&String> = seen.policy.macs.keys().chain(seen.policy.addressing.keys()).collect();
    let absent = wanted.into_iter().filter(|mac| !nics.iter().any(|nic| nic.has_mac(mac)));
    absent
        .map(|mac| Finding::new(mac, format!("no NIC of the VM has this MAC address; it has {had}")))
        .collect()
}

fn twice(seen: &Seen<'_>) -> Vec<Finding> {
    let keys = |old: &String, new: &String| {
        seen.policy.addressing.contains_key(old) && seen.policy.addressing.contains_key(new)
    };
    let nics = seen.facts.hardware.nics.iter().enumerate();
    let both = nics.filter_map(|(i, nic)| Some((i, nic.source_mac.as_ref()?, &nic.mac)));
    both.filter(|(_, old, new)| keys(old, new))
        .map(|(i, old, new)| Finding::new(format!("nic {i}"), format!("it is named by {old} and by {new}")))
        .collect()
}

fn taken(seen: &Seen<'_>) -> Vec<Finding> {
    let nics = &seen.facts.hardware.nics;
    let mut found = Vec::new();
    for (index, nic) in nics.iter().enumerate().filter(|(_, nic)| nic.source_mac.is_some()) {
        let other = nics.iter().enumerate().find(|(i, other)| *i != index && other.has_mac(&nic.mac));
        if let Some((other, _)) = other {
            found.push(Finding::new(
                format!("nic {index}"),
                format!("{} is the address of nic {other}", nic.mac),
            ));
        }
    }
    found
}
