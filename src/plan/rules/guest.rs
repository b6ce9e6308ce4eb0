//! Rules about the systems on the disks.

use h2k_fixers::Severity;

use super::{Finding, Rule, Seen};

/// Distributions, by libguestfs' names, whose files the fixers were written for.
const KNOWN_DISTROS: &[&str] = &[
    "almalinux",
    "alpinelinux",
    "alpine",
    "amzn",
    "archlinux",
    "centos",
    "debian",
    "fedora",
    "gentoo",
    "kalilinux",
    "linuxmint",
    "opensuse",
    "oraclelinux",
    "photon",
    "rhel",
    "rocky",
    "scientificlinux",
    "sles",
    "ubuntu",
];

pub(super) static RULES: &[Rule] = &[
    Rule {
        id: "guest.blank",
        severity: Severity::Critical,
        acceptable: false,
        summary: "the disks are blank",
        explanation: "No partition table, no file system, no volume: such disks cannot boot anywhere. They may be other disks than those that were meant, or encrypted as a whole by the storage.",
        advice: "check that these are the VM's disks; use h2k convert to copy disks without a system",
        check: |s| {
            let blank = !s.facts.disks.is_empty() && s.facts.disks.iter().all(|d| d.blank);
            if blank { all_disks("a blank disk: no partition table, no file system") } else { Vec::new() }
        },
    },
    Rule {
        id: "guest.no-system",
        severity: Severity::Critical,
        acceptable: false,
        summary: "there is no operating system on the disks",
        explanation: "Without a system there is nothing to repair and nothing to boot; h2k does not copy such disks as a VM. The system may be on a disk that was not named, or on an encrypted volume.",
        advice: "name all disks of the VM together; a system on an encrypted volume is seen with --key",
        check: |s| {
            let blank = s.facts.disks.iter().all(|d| d.blank);
            if s.facts.systems.is_empty() && !blank && !s.facts.disks.is_empty() {
                all_disks(&held(s))
            } else {
                Vec::new()
            }
        },
    },
    Rule {
        id: "guest.several-systems",
        severity: Severity::Critical,
        acceptable: false,
        summary: "there is more than one operating system on the disks",
        explanation: "h2k repairs one system. With several, on dual boot or on a disk that another VM lent, it cannot know which one is to boot, and would leave the others unrepaired.",
        advice: "choose the system with --root DEVICE, and the others are left as they are; or migrate the VM without the disks of the other system",
        check: |s| {
            if s.facts.systems.len() < 2 {
                return Vec::new();
            }
            let name = |x: &h2k_fixers::facts::SystemFacts| format!("{} on {}", x.product, x.root);
            let names: Vec<String> = s.facts.systems.iter().map(name).collect();
            all_disks(&names.join("; "))
        },
    },
    Rule {
        id: "guest.other-systems",
        severity: Severity::Information,
        acceptable: true,
        summary: "there are other operating systems on the disks: they are left as they are",
        explanation: "--root has chosen the system that h2k repairs. What the disks hold of others is copied unchanged: they have no drivers for virtio unless they had them before. Which system starts is up to the boot loader, whose menu stays as it was.",
        advice: "start the chosen system at the boot loader, if another is its default; repair the others by hand, or migrate the VM once more for each",
        check: |s| {
            let left = |x: &h2k_fixers::facts::SystemFacts| {
                Finding::new(&x.product, format!("the system on {} is left as it is", x.root))
            };
            s.facts.others.iter().map(left).collect()
        },
    },
    Rule {
        id: "guest.unsupported",
        severity: Severity::Critical,
        acceptable: false,
        summary: "h2k has no repairs for this kind of system: it would not find its disk on virtio",
        explanation: "A system that is not repaired finds neither its disk nor its network on virtio: the result would not boot. The disks alone can be copied, for hardware that the guest has drivers for.",
        advice: "use h2k convert for the disks, and give the target hardware that the guest knows",
        check: |s| match s.facts.system() {
            Some(system) if !matches!(system.kind.as_str(), "linux" | "windows") => {
                vec![Finding::new(&system.product, format!("a {} system", system.kind))]
            }
            _ => Vec::new(),
        },
    },
    Rule {
        id: "guest.distro-unknown",
        severity: Severity::Warning,
        acceptable: true,
        summary: "the distribution is not one that h2k knows; what inspection proves is used",
        explanation: "h2k goes by what it finds (files, modules, generators), not by the name, so much of an unknown distribution is repaired as well. What is unusual about it may be overlooked; the boot test shows it.",
        advice: "look at the edits with care, and at the boot evidence after the migration",
        check: |s| match s.facts.system() {
            Some(system) if system.kind == "linux" && !KNOWN_DISTROS.contains(&system.distro.as_str()) => {
                vec![Finding::new(
                    &system.product,
                    format!("the distribution '{}' is unknown", system.distro),
                )]
            }
            _ => Vec::new(),
        },
    },
];

fn all_disks(message: &str) -> Vec<Finding> {
    vec![Finding::new("disks", message)]
}

fn held(seen: &Seen<'_>) -> String {
    let mut kinds: Vec<&str> =
        seen.facts.block.iter().map(|b| b.fstype.as_str()).filter(|t| !t.is_empty()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    if kinds.is_empty() {
        return "no file system was found on them".to_owned();
    }
    format!("they hold {}, but no operating system", kinds.join(", "))
}
