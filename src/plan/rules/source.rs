//! Rules about what the hypervisor says of the VM as a whole: its state, and what is known of it.

use h2k_fixers::Severity;
use h2k_fixers::facts::FirmwareOnDisk;
use h2k_transports::{Firmware, PowerState, Tristate};

use super::{Finding, Rule, Seen, found};
use crate::plan::target::{DEFAULT_MEMORY, DEFAULT_VCPUS};

pub(super) static RULES: &[Rule] = &[
    Rule {
        id: "source.suspended",
        severity: Severity::Critical,
        acceptable: true,
        summary: "the VM is suspended: its memory holds changes that its disks do not",
        explanation: "A suspended guest has open files and changes that are not on its disks yet. Copied as they are, the \
                      disks are those of a machine whose power failed: file systems replay their journals, and what was \
                      only in memory is lost.",
        advice: "resume the VM on its hypervisor, shut the guest down, and plan again",
        check: |s| power(s, PowerState::Suspended, "a suspend image lies beside it"),
    },
    Rule {
        id: "source.locked",
        severity: Severity::Critical,
        acceptable: true,
        summary: "a hypervisor holds the VM open",
        explanation: "A lock lies beside the VM, so it may be running: its disks would change while they are copied. h2k \
                      compares the source before and after the copy, but not what changes within a file system in between. \
                      A copy of a storage snapshot may hold a lock although nothing runs.",
        advice: "shut the VM down on its hypervisor; if it is off and the lock is a left-over, remove the .lck entry",
        check: |s| power(s, PowerState::Locked, "a lock file lies beside it"),
    },
    Rule {
        id: "source.no-disks",
        severity: Severity::Critical,
        acceptable: false,
        summary: "the VM has no disks",
        explanation: "There is nothing to copy and nothing to boot from. Either the description names no disk, or all of \
                      them are left out because they are not present.",
        advice: "name the disk files themselves, or mend the description",
        check: |s| {
            found(s.source.disks.is_empty(), &s.source.name, "its description names no disk that is present")
        },
    },
    Rule {
        id: "source.notice",
        severity: Severity::Warning,
        acceptable: true,
        summary: "reading the VM's description left something out or noticed something odd",
        explanation: "A description may name devices that are not there, files outside of its directory, or lines that \
                      make no sense. h2k goes on with what it understands and tells what it left.",
        advice: "check that nothing which the guest needs is missing",
        check: |s| s.source.warnings.iter().map(|w| Finding::new(&s.source.name, w)).collect(),
    },
    Rule {
        id: "source.snapshots",
        severity: Severity::Information,
        acceptable: true,
        summary: "the VM has snapshots; the current state is migrated, the snapshots are not",
        explanation: "h2k copies each disk as the guest sees it now. Older states stay on the source, which is never \
                      written.",
        advice: "nothing, unless you need an older state: then revert to it on the hypervisor first",
        check: |s| {
            let names = s.source.snapshots.iter();
            names.map(|n| Finding::new(&s.source.name, format!("snapshot '{n}'"))).collect()
        },
    },
    Rule {
        id: "source.unclean-shutdown",
        severity: Severity::Warning,
        acceptable: true,
        summary: "the hypervisor did not see the VM go down",
        explanation: "The description says cleanShutdown = FALSE: the VM runs, or its host failed under it. The disks may \
                      be those of a machine whose power failed.",
        advice: "start the VM on its hypervisor once more, and shut the guest down",
        check: |s| {
            let unclean = s.source.features.clean_shutdown == Tristate::No;
            found(unclean, &s.source.name, "cleanShutdown is FALSE")
        },
    },
    Rule {
        id: "source.encrypted",
        severity: Severity::Warning,
        acceptable: true,
        summary: "the description is encrypted in part; what it hides was not seen",
        explanation: "VMware encrypts a part of the description of a VM with a TPM, with the content of the TPM in it. \
                      The devices stand in the clear and were read; settings in the hidden part cannot come along.",
        advice: "check the target's hardware against the VM's settings in VMware",
        check: |s| {
            let encrypted = s.source.features.encrypted == Tristate::Yes;
            found(encrypted, &s.source.name, "a part of the description is encrypted")
        },
    },
    Rule {
        id: "source.firmware-mismatch",
        severity: Severity::Warning,
        acceptable: true,
        summary: "the description and the disks disagree about the firmware; the disks are believed",
        explanation: "A disk without an EFI system partition cannot boot on UEFI, and one without boot code cannot boot \
                      on a BIOS, whatever the description says. The boot test shows whether it was right.",
        advice: "check that the guest boots with the firmware that the plan names",
        check: firmware_mismatch,
    },
    Rule {
        id: "source.firmware-unknown",
        severity: Severity::Warning,
        acceptable: true,
        summary: "neither the description nor the disks tell the firmware; BIOS is assumed",
        explanation: "Plain disks have no description. With neither boot code nor an EFI system partition they will probably \
                      not boot on the BIOS that the target gets; with both, as many images of clouds, they probably boot on \
                      either.",
        advice: "check how the guest boots on its hypervisor",
        check: |s| {
            let message = match s.facts.firmware {
                FirmwareOnDisk::Unknown => {
                    "no firmware is named, and no boot code or EFI system partition was found"
                }
                FirmwareOnDisk::Either => "no firmware is named, and the disks are made for either",
                FirmwareOnDisk::Bios | FirmwareOnDisk::Uefi => return Vec::new(),
            };
            found(s.source.firmware == Firmware::Unknown, &s.source.name, message)
        },
    },
    Rule {
        id: "source.memory-unknown",
        severity: Severity::Warning,
        acceptable: true,
        summary: "the source does not tell the VM's memory",
        explanation: "Plain disks and some descriptions do not say how much memory the VM has. The target gets a size \
                      that a server boots with, which says nothing of what it needs.",
        advice: "set the memory in the libvirt XML",
        check: |s| {
            let message = format!("{} MiB are assumed", DEFAULT_MEMORY >> 20);
            found(s.source.memory_bytes.is_none(), &s.source.name, &message)
        },
    },
    Rule {
        id: "source.cpus-unknown",
        severity: Severity::Warning,
        acceptable: true,
        summary: "the source does not tell the VM's CPUs",
        explanation: "Plain disks and some descriptions do not say how many CPUs the VM has. The target gets a few.",
        advice: "set the CPUs in the libvirt XML",
        check: |s| {
            let message = format!("{DEFAULT_VCPUS} virtual CPUs are assumed");
            found(s.source.vcpus.is_none(), &s.source.name, &message)
        },
    },
    Rule {
        id: "source.name-odd",
        severity: Severity::Warning,
        acceptable: true,
        summary: "the VM's name is no host name: other tools may not take it",
        explanation: "libvirt takes nearly any name, and h2k keeps it. Platforms above libvirt (KubeVirt, OpenStack \
                      tools) take labels of small letters, digits and dashes, of 63 characters at most.",
        advice: "give --name if another tool is to manage the VM",
        check: |s| {
            let message = "it is no label of small letters, digits and dashes with 63 characters at most";
            found(!is_label(&s.target.name), &s.target.name, message)
        },
    },
];

fn power(seen: &Seen<'_>, state: PowerState, message: &str) -> Vec<Finding> {
    found(seen.source.power == state, &seen.source.name, message)
}

/// RFC 1123, section 2.1, in small letters: what Kubernetes calls a DNS label.
fn is_label(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    name.len() <= 63
        && name.bytes().all(|b| plain(b) || b == b'-')
        && name.bytes().next().is_some_and(plain)
        && name.bytes().last().is_some_and(plain)
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
