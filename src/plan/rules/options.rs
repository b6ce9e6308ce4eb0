//! Rules about what the user wants of NICs with options.

use std::collections::BTreeSet;

use h2k_config::{Policy, TargetFormat};
use h2k_fixers::Severity;
use h2k_fixers::facts::NicHardware;

use super::{Finding, Rule, found};

/// The rules.
pub(super) static RULES: &[Rule] = &[
    Rule {
        id: "policy.nic-unknown",
        severity: Severity::Critical,
        acceptable: false,
        summary: "--mac, --ip or --dhcp names a MAC address that no NIC of the VM has",
        explanation: "What is wanted of a NIC that the VM does not have cannot be done, and is probably meant for another one or misspelt. Nothing is guessed.",
        advice: "h2k inspect shows the VM's MAC addresses",
        check: |s| unknown(&s.facts.hardware.nics, s.policy),
    },
    Rule {
        id: "policy.mac-taken",
        severity: Severity::Critical,
        acceptable: false,
        summary: "--mac gives a NIC the MAC address of another NIC of the VM",
        explanation: "Two NICs with one address cannot both be reached, and configuration in the guest that is tied to the address would fit both.",
        advice: "give an address that no NIC of the VM has; two NICs cannot change addresses",
        check: |s| taken(&s.facts.hardware.nics),
    },
    Rule {
        id: "policy.nic-twice",
        severity: Severity::Critical,
        acceptable: false,
        summary: "--ip or --dhcp is given for a NIC by its old MAC address and by its new one",
        explanation: "With --mac a NIC has an old and a new address. --ip and --dhcp take either, but two that mean one NIC may contradict each other.",
        advice: "name the NIC by one of its MAC addresses in all options",
        check: |s| twice(&s.facts.hardware.nics, s.policy),
    },
    Rule {
        id: "policy.keep-base-raw",
        severity: Severity::Critical,
        acceptable: false,
        summary: "--keep-base is given with raw disks",
        explanation: "Repairs that can be made anew lie in a qcow2 overlay over the copy of the source; a raw file has none.",
        advice: "leave out --format raw, or --keep-base",
        check: |s| {
            let wanted = s.policy.keep_base && s.policy.format != TargetFormat::Qcow2;
            found(wanted, &s.source.name, "only qcow2 disks can keep their base, and raw disks are wanted")
        },
    },
    Rule {
        id: "policy.no-linux",
        severity: Severity::Critical,
        acceptable: false,
        summary: "--ip or --dhcp is given, and the guest is no Linux whose network h2k could configure",
        explanation: "Addresses are written into the guest's own configuration, and h2k writes that of Linux only. The target would have other addresses than wanted.",
        advice: "leave the option out, and configure the network in the guest",
        check: |s| {
            let wanted = !s.policy.addressing.is_empty() && !s.facts.is_linux();
            let message = "addresses are wanted, and h2k configures the network of Linux guests only";
            if wanted { vec![Finding::new(&s.source.name, message)] } else { Vec::new() }
        },
    },
];

fn unknown(nics: &[NicHardware], policy: &Policy) -> Vec<Finding> {
    let had: Vec<&str> = nics.iter().map(|n| n.mac.as_str()).collect();
    let had = if had.is_empty() { "no NIC".to_owned() } else { had.join(", ") };
    let wanted: BTreeSet<&String> = policy.macs.keys().chain(policy.addressing.keys()).collect();
    let absent = wanted.into_iter().filter(|mac| !nics.iter().any(|nic| nic.has_mac(mac)));
    absent
        .map(|mac| Finding::new(mac, format!("no NIC of the VM has this MAC address; it has {had}")))
        .collect()
}

fn twice(nics: &[NicHardware], policy: &Policy) -> Vec<Finding> {
    let keys = |old: &String, new: &String| {
        policy.addressing.contains_key(old) && policy.addressing.contains_key(new)
    };
    let both = nics.iter().enumerate().filter_map(|(i, nic)| Some((i, nic.source_mac.as_ref()?, &nic.mac)));
    both.filter(|(_, old, new)| keys(old, new))
        .map(|(i, old, new)| Finding::new(format!("nic {i}"), format!("it is named by {old} and by {new}")))
        .collect()
}

fn taken(nics: &[NicHardware]) -> Vec<Finding> {
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

#[cfg(test)]
mod tests {
    use h2k_config::Addressing;
    use h2k_fixers::GuestFacts;

    use super::*;
    use crate::plan::target::with_macs;

    const A: &str = "00:50:56:aa:00:01";
    const B: &str = "00:50:56:aa:00:02";
    const NEW: &str = "52:54:00:00:00:01";

    fn nics(policy: &Policy) -> Vec<NicHardware> {
        let mut facts = GuestFacts::default();
        let nic = |mac: &str| NicHardware { mac: mac.to_owned(), ..NicHardware::default() };
        facts.hardware.nics = vec![nic(A), nic(B)];
        let after = with_macs(&facts, policy);
        assert_eq!(with_macs(&after, policy), after, "a second time nothing changes");
        after.hardware.nics
    }

    fn policy(macs: &[(&str, &str)], dhcp: &[&str]) -> Policy {
        Policy {
            macs: macs.iter().map(|(old, new)| ((*old).to_owned(), (*new).to_owned())).collect(),
            addressing: dhcp.iter().map(|mac| ((*mac).to_owned(), Addressing::Dhcp)).collect(),
            ..Policy::default()
        }
    }

    fn subjects(findings: Vec<Finding>) -> Vec<String> {
        findings.into_iter().map(|f| f.subject).collect()
    }

    #[test]
    fn a_nic_is_known_by_both_of_its_macs() {
        let fine = policy(&[(A, NEW)], &[A, B]);
        let nics = nics(&fine);
        assert_eq!((nics[0].mac.as_str(), nics[0].source_mac.as_deref()), (NEW, Some(A)));
        assert!(
            unknown(&nics, &fine).is_empty() && twice(&nics, &fine).is_empty() && taken(&nics).is_empty()
        );
        assert_eq!(subjects(twice(&nics, &policy(&[(A, NEW)], &[A, NEW]))), ["nic 0"]);
        let absent = policy(&[("00:50:56:aa:00:09", NEW)], &["00:50:56:aa:00:08"]);
        assert_eq!(subjects(unknown(&nics, &absent)), ["00:50:56:aa:00:08", "00:50:56:aa:00:09"]);
    }

    #[test]
    fn no_nic_gets_the_mac_of_another() {
        assert_eq!(subjects(taken(&nics(&policy(&[(A, B)], &[])))), ["nic 0"]);
        assert_eq!(subjects(taken(&nics(&policy(&[(A, B), (B, A)], &[])))), ["nic 0", "nic 1"]);
    }
}
