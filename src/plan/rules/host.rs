//! Rules about this host and the place where the result goes.

use h2k_config::TargetFormat;
use h2k_fixers::Severity;

use super::{Finding, Rule, Seen, Space, found};
use crate::emit::domain::TargetFirmware;
use crate::plan::text::bytes;

/// Part of a file system that is to stay free: one in twenty.
const SPARE: u64 = 20;

pub(super) static RULES: &[Rule] = &[
    Rule {
        id: "target.space",
        severity: Severity::Critical,
        acceptable: true,
        summary: "the target file system has too little room",
        explanation: "The forecast counts the data of the disks without the free space of file systems that were seen, and \
                      what the repairs take. Compression (--compress) may need less; a copy that fills the file system \
                      stops, and nothing appears under the result's name.",
        advice: "make room there or name another directory with -o",
        check: |s| match s.output.as_ref().filter(|space| space.free < needed(s)) {
            Some(space) => {
                let message = format!("{} MiB free, {} MiB needed", space.free >> 20, needed(s) >> 20);
                vec![Finding::new(space.path.display().to_string(), message)]
            }
            None => Vec::new(),
        },
    },
    Rule {
        id: "target.space-tight",
        severity: Severity::Warning,
        acceptable: true,
        summary: "the target file system will be nearly full",
        explanation: "The result fits, and less than a twentieth of the file system is left. A qcow2 file grows as the guest \
                      writes, up to the size of its disk; a VM stops where its host has no room left.",
        advice: "make room there or name another directory with -o",
        check: |s| match s.output.as_ref().filter(|space| space.free >= needed(s)) {
            Some(space) if (space.free - needed(s)) < space.size / SPARE => {
                let left = space.free - needed(s);
                let message = format!("{} of {} will be left", bytes(left), bytes(space.size));
                vec![Finding::new(space.path.display().to_string(), message)]
            }
            _ => Vec::new(),
        },
    },
    Rule {
        id: "target.file-size",
        severity: Severity::Critical,
        acceptable: false,
        summary: "a raw disk is larger than a file may be on the target file system",
        explanation: "ext4 takes files of 16 TiB less a block, FAT of 4 GiB. A raw file is as long as its disk, even where \
                      it has holes.",
        advice: "name a directory on XFS with -o, or use --format qcow2",
        check: |s| match s.output.as_ref().and_then(|space: &Space| space.largest_file) {
            Some(most) => {
                let raw = s.target.disks.iter().filter(|d| d.format == TargetFormat::Raw && d.size > most);
                raw.map(|d| {
                    let message = format!("{}, and a file has {} at most", bytes(d.size), bytes(most));
                    Finding::new(d.file.display().to_string(), message)
                })
                .collect()
            }
            None => Vec::new(),
        },
    },
    Rule {
        id: "host.memory",
        severity: Severity::Warning,
        acceptable: true,
        summary: "the VM has more memory than this host",
        explanation: "On this host the VM would be swapped out or killed, and the boot test gets less memory than the VM. \
                      h2k only sees the host that it runs on; the target may be for another one.",
        advice: "choose a host with more memory, or lower the memory in the libvirt XML",
        check: |s| match s.host.memory.filter(|memory| s.target.memory_bytes > *memory) {
            Some(memory) => {
                let message = format!("{} of {}", bytes(s.target.memory_bytes), bytes(memory));
                vec![Finding::new(&s.target.name, message)]
            }
            None => Vec::new(),
        },
    },
    Rule {
        id: "host.cpus",
        severity: Severity::Warning,
        acceptable: true,
        summary: "the VM has more CPUs than this host",
        explanation: "A VM whose CPUs wait for each other is slower than one with fewer. h2k only sees the host that it runs \
                      on; the target may be for another one.",
        advice: "choose a host with more processors, or lower the number in the libvirt XML",
        check: |s| match s.host.cpus.filter(|cpus| s.target.cpu.vcpus() > *cpus) {
            Some(cpus) => {
                vec![Finding::new(&s.target.name, format!("{} CPUs on {cpus}", s.target.cpu.vcpus()))]
            }
            None => Vec::new(),
        },
    },
    Rule {
        id: "host.no-ovmf",
        severity: Severity::Warning,
        acceptable: true,
        summary: "the VM boots with UEFI, and this host has no firmware for that",
        explanation: "OVMF is a package of its own (ovmf, edk2-ovmf), and Secure Boot needs the build with keys. Without it \
                      the result cannot be booted here, neither for the test nor by libvirt.",
        advice: "install OVMF (h2k doctor names the package)",
        check: |s| match s.target.firmware {
            TargetFirmware::Uefi { secure_boot: false } => {
                found(!s.host.ovmf.0, &s.target.name, "OVMF is not installed here")
            }
            TargetFirmware::Uefi { secure_boot: true } => {
                found(!s.host.ovmf.1, &s.target.name, "OVMF with Secure Boot is not installed here")
            }
            TargetFirmware::Bios => Vec::new(),
        },
    },
    Rule {
        id: "host.no-swtpm",
        severity: Severity::Warning,
        acceptable: true,
        summary: "the VM has a TPM, and this host has no emulator for it",
        explanation: "libvirt starts swtpm beside a VM with a TPM, and refuses to start the VM without it. The boot test \
                      goes on without a TPM and says so.",
        advice: "install swtpm and swtpm-tools on the host",
        check: |s| found(s.target.tpm && !s.host.swtpm, &s.target.name, "swtpm is not installed here"),
    },
];

/// Bytes that are written to the target file system.
fn needed(seen: &Seen<'_>) -> u64 {
    seen.forecast.target_bytes.saturating_add(seen.forecast.overlay_bytes)
}
