//! Rules about what the hypervisor says.

use h2k_fixers::Severity;
use h2k_fixers::facts::FirmwareOnDisk;
use h2k_transports::{Firmware, PowerState, Tristate};

use super::{Finding, Rule, Seen};
use crate::plan::target::{DEFAULT_MEMORY, DEFAULT_NETWORK, DEFAULT_VCPUS};

pub(super) static RULES: &[Rule] = &[
    Rule {
        id: "source.suspended",
        severity: Severity::Critical,
        summary: "the VM is suspended: its memory holds changes that its disks do not",
        advice: "resume the VM on its hypervisor, shut the guest down, and plan again",
        check: |s| power(s, PowerState::Suspended, "a suspend image lies beside it"),
    },
    Rule {
        id: "source.locked",
        severity: Severity::Critical,
        summary: "a hypervisor holds the VM open",
        advice: "shut the VM down on its hypervisor; if it is off and the lock is a left-over, remove the .lck entry",
        check: |s| power(s, PowerState::Locked, "a lock file lies beside it"),
    },
    Rule {
        id: "source.no-disks",
        severity: Severity::Critical,
        summary: "the VM has no disks",
        advice: "name the disk files themselves, or mend the description",
        check: |s| {
            found(s.source.disks.is_empty(), &s.source.name, "its description names no disk that is present")
        },
    },
    Rule {
        id: "source.notice",
        severity: Severity::Warning,
        summary: "reading the VM's description left something out or noticed something odd",
        advice: "check that nothing which the guest needs is missing",
        check: |s| s.source.warnings.iter().map(|w| Finding::new(&s.source.name, w)).collect(),
    },
    Rule {
        id: "source.snapshots",
        severity: Severity::Information,
        summary: "the VM has snapshots; the current state is migrated, the snapshots are not",
        advice: "nothing, unless you need an older state: then revert to it on the hypervisor first",
        check: |s| {
            s.source
                .snapshots
                .iter()
                .map(|n| Finding::new(&s.source.name, format!("snapshot '{n}'")))
                .collect()
        },
    },
    Rule {
        id: "source.firmware-mismatch",
        severity: Severity::Warning,
        summary: "the description and the disks disagree about the firmware; the disks are believed",
        advice: "check that the guest boots with the firmware that the plan names",
        check: firmware_mismatch,
    },
    Rule {
        id: "source.firmware-unknown",
        severity: Severity::Warning,
        summary: "neither the description nor the disks tell the firmware; BIOS is assumed",
        advice: "check how the guest boots on its hypervisor",
        check: |s| {
            let unknown =
                s.source.firmware == Firmware::Unknown && s.facts.firmware == FirmwareOnDisk::Unknown;
            found(
                unknown,
                &s.source.name,
                "no firmware is named, and no boot code or EFI system partition was found",
            )
        },
    },
    Rule {
        id: "source.tpm",
        severity: Severity::Warning,
        summary: "the VM has a virtual TPM, whose contents cannot be moved",
        advice: "have recovery keys ready for everything that is sealed to the TPM; the target gets an empty one",
        check: |s| found(s.source.tpm == Tristate::Yes, &s.source.name, "a virtual TPM is attached"),
    },
    Rule {
        id: "source.memory-unknown",
        severity: Severity::Warning,
        summary: "the source does not tell the VM's memory",
        advice: "set the memory in the libvirt XML",
        check: |s| {
            let message = format!("{} MiB are assumed", DEFAULT_MEMORY >> 20);
            found(s.source.memory_bytes.is_none(), &s.source.name, &message)
        },
    },
    Rule {
        id: "source.cpus-unknown",
        severity: Severity::Warning,
        summary: "the source does not tell the VM's CPUs",
        advice: "set the CPUs in the libvirt XML",
        check: |s| {
            let message = format!("{DEFAULT_VCPUS} virtual CPUs are assumed");
            found(s.source.vcpus.is_none(), &s.source.name, &message)
        },
    },
    Rule {
        id: "disk.independent",
        severity: Severity::Warning,
        summary: "a disk is independent of snapshots",
        advice: "shut the guest down before the migration: a snapshot does not freeze this disk",
        check: independent,
    },
    Rule {
        id: "nic.mac-unknown",
        severity: Severity::Warning,
        summary: "the source does not tell a NIC's MAC address; one is made up",
        advice: "give --mac with the address that is used and the one that the network expects, or tell the network the new one",
        check: |s| {
            let unknown = s.source.nics.iter().enumerate().filter(|(_, n)| n.mac.is_none());
            let made_up = |i: usize| s.target.nics.get(i).map(|n| n.mac.clone()).unwrap_or_default();
            unknown
                .map(|(i, _)| Finding::new(format!("nic {i}"), format!("{} is used", made_up(i))))
                .collect()
        },
    },
    Rule {
        id: "nic.network-unmapped",
        severity: Severity::Information,
        summary: "no mapping names the network of a NIC",
        advice: "give --network SOURCE=network:NAME or SOURCE=bridge:NAME",
        check: unmapped,
    },
];

fn found(yes: bool, subject: &str, message: &str) -> Vec<Finding> {
    if yes { vec![Finding::new(subject, message)] } else { Vec::new() }
}

fn power(seen: &Seen<'_>, state: PowerState, message: &str) -> Vec<Finding> {
    found(seen.source.power == state, &seen.source.name, message)
}

fn firmware_mismatch(seen: &Seen<'_>) -> Vec<Finding> {
    let message = match (seen.source.firmware, seen.facts.firmware) {
        (Firmware::Bios, FirmwareOnDisk::Uefi) => {
            "described as BIOS, but the disks have an EFI system partition and no boot code: UEFI is used"
        }
        (Firmware::Uefi, FirmwareOnDisk::Bios) => {
            "described as UEFI, but the disks have boot code and no EFI system partition: BIOS is used"
        }
        _ => return Vec::new(),
    };
    vec![Finding::new(&seen.source.name, message)]
}

fn independent(seen: &Seen<'_>) -> Vec<Finding> {
    let disks = seen.source.disks.iter().enumerate();
    disks
        .filter_map(|(i, d)| d.mode.as_deref().filter(|m| m.starts_with("independent")).map(|m| (i, m)))
        .map(|(i, mode)| Finding::new(format!("disk {i}"), format!("its mode is {mode}")))
        .collect()
}

fn unmapped(seen: &Seen<'_>) -> Vec<Finding> {
    if seen.policy.networks.contains_key("*") {
        return Vec::new();
    }
    let nics = seen.source.nics.iter().enumerate();
    nics.filter(|(_, n)| n.network.as_ref().is_none_or(|name| !seen.policy.networks.contains_key(name)))
        .map(|(i, n)| {
            let name = n.network.as_deref().unwrap_or("(unnamed)");
            let message = format!("its network '{name}' becomes the libvirt network '{DEFAULT_NETWORK}'");
            Finding::new(format!("nic {i}"), message)
        })
        .collect()
}
