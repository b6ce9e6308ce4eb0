//! Rules about what the disks say.

use h2k_config::VolumeSelector;
use h2k_fixers::Severity;
use h2k_fixers::facts::{BlockDevice, Unmounted};
use h2k_fixers::offline::selects;

use super::{Finding, Rule, Seen};

/// Free space that a repair needs on the guest's root file system, in bytes (virt-v2v asks for the same).
const ROOT_FREE: u64 = 100 << 20;
/// Free space that a rebuilt initramfs needs in /boot, in bytes.
const BOOT_FREE: u64 = 50 << 20;

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
        summary: "the disks are blank",
        advice: "check that these are the VM's disks; use h2k convert to copy disks without a system",
        check: |s| {
            let blank = !s.facts.disks.is_empty() && s.facts.disks.iter().all(|d| d.blank);
            if blank { all_disks("a blank disk: no partition table, no file system") } else { Vec::new() }
        },
    },
    Rule {
        id: "guest.no-system",
        severity: Severity::Critical,
        summary: "there is no operating system on the disks",
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
        summary: "there is more than one operating system on the disks",
        advice: "migrate the VM without the disks of the other system",
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
        id: "guest.unsupported",
        severity: Severity::Critical,
        summary: "h2k has no repairs for this kind of system: it would not find its disk on virtio",
        advice: "use h2k convert for the disks, and give the target hardware that the guest knows",
        check: |s| match s.facts.system() {
            Some(system) if system.kind != "linux" => {
                vec![Finding::new(&system.product, format!("a {} system", system.kind))]
            }
            _ => Vec::new(),
        },
    },
    Rule {
        id: "guest.distro-unknown",
        severity: Severity::Warning,
        summary: "the distribution is not one that h2k knows; what inspection proves is used",
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
    Rule {
        id: "guest.encrypted-system",
        severity: Severity::Critical,
        summary: "the system, or a part of it, is on an encrypted volume that was not opened",
        advice: "open it: --key UUID=…:file:PATH with its passphrase, or :key-file:PATH, :env:NAME, :-",
        check: |s| if system_is_missing(s) { closed(s) } else { Vec::new() },
    },
    Rule {
        id: "guest.encrypted",
        severity: Severity::Warning,
        summary: "a volume is encrypted; what is on it was not seen",
        advice: "open it with --key UUID=…:file:PATH if the guest's files name what is on it by the old hardware",
        check: |s| if system_is_missing(s) { Vec::new() } else { closed(s) },
    },
    Rule {
        id: "guest.key-unused",
        severity: Severity::Warning,
        summary: "a key was given for a volume that is none of the guest's encrypted ones",
        advice: "name the volume by its UUID, as h2k inspect --json shows it, or take all",
        check: |s| {
            let containers = || s.facts.block.iter().filter(|b| b.fstype == "crypto_LUKS");
            let named = s.policy.keys.iter().filter(|key| key.volume != VolumeSelector::All);
            let unused = named.filter(|key| !containers().any(|c| selects(s.facts, &key.volume, c)));
            unused.map(|key| Finding::new(key.volume.to_string(), "no LUKS volume is meant by it")).collect()
        },
    },
    Rule {
        id: "guest.system-unmounted",
        severity: Severity::Critical,
        summary: "a file system that holds kernels, bootloaders or programs could not be mounted",
        advice: "let the guest check its file systems on its hypervisor, name all disks of the VM, and plan again",
        check: |s| unmounted(s, true),
    },
    Rule {
        id: "guest.data-unmounted",
        severity: Severity::Warning,
        summary: "a file system that fstab names could not be mounted; what is on it was not seen",
        advice: "check that all disks of the VM are there and that the file system is whole",
        check: |s| unmounted(s, false),
    },
    Rule {
        id: "guest.free-space",
        severity: Severity::Critical,
        summary: "a file system of the guest has too little room for the repairs",
        advice: "make room in the guest on its hypervisor, and plan again",
        check: free_space,
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

/// Encrypted volumes that are closed. Of the others everything was seen.
fn closed(seen: &Seen<'_>) -> Vec<Finding> {
    let encrypted = |b: &&BlockDevice| matches!(b.fstype.as_str(), "crypto_LUKS" | "BitLocker");
    let closed = seen.facts.block.iter().filter(encrypted).filter(|b| seen.facts.opened(b).is_none());
    closed
        .map(|b| {
            let uuid = if b.uuid.is_empty() { String::new() } else { format!(", UUID={}", b.uuid) };
            Finding::new(place(b), format!("holds {}{uuid}", b.fstype))
        })
        .collect()
}

/// Whether what was not seen may be the system: there is none, or a file system of it is nowhere.
fn system_is_missing(seen: &Seen<'_>) -> bool {
    seen.facts.systems.is_empty() || seen.facts.unmounted.iter().any(Unmounted::is_system)
}

fn unmounted(seen: &Seen<'_>, system: bool) -> Vec<Finding> {
    let those = seen.facts.unmounted.iter().filter(|u| u.is_system() == system);
    those.map(|u| Finding::new(&u.mountpoint, format!("{} is not mounted: {}", u.spec, u.reason))).collect()
}

fn place(device: &BlockDevice) -> String {
    match (device.disk, device.partition, &device.lv) {
        (Some(disk), Some(part), _) => format!("disk {disk} partition {part}"),
        (Some(disk), None, _) => format!("disk {disk}"),
        (_, _, Some((vg, lv))) => format!("volume {vg}/{lv}"),
        _ => device.name.clone(),
    }
}

fn free_space(seen: &Seen<'_>) -> Vec<Finding> {
    if !seen.runs_in_guest {
        return Vec::new();
    }
    let separate_boot = seen.facts.mounts.iter().any(|m| m.mountpoint == "/boot");
    let needed = |point: &str| match point {
        "/" if separate_boot => ROOT_FREE,
        "/" => ROOT_FREE + BOOT_FREE,
        "/boot" => BOOT_FREE,
        _ => 0,
    };
    let short = seen.facts.mounts.iter().filter(|m| m.free < needed(&m.mountpoint));
    short
        .map(|m| {
            let message = format!("{} MiB free, {} MiB needed", m.free >> 20, needed(&m.mountpoint) >> 20);
            Finding::new(&m.mountpoint, message)
        })
        .collect()
}
