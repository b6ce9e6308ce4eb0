//! Rules about the migrated system: its age, its name, its network, and software that takes notice of the move.

use h2k_fixers::Severity;
use h2k_fixers::facts::SystemFacts;

use super::{Finding, Rule, Seen};

/// Distributions and the last major version whose public updates have ended (the vendors' life cycle pages, November
/// 2026: CentOS 8 2021, Debian 11 2026, Fedora 41 2025, Oracle 7 2024, RHEL 7 2024, Scientific 7 2024, SLES 12 2024,
/// Ubuntu 20.04 2025).
const ENDED: &[(&str, i32)] = &[
    ("centos", 8),
    ("debian", 11),
    ("fedora", 41),
    ("oraclelinux", 7),
    ("rhel", 7),
    ("scientificlinux", 7),
    ("sles", 12),
    ("ubuntu", 20),
];

pub(super) static RULES: &[Rule] = &[
    Rule {
        id: "guest.architecture",
        severity: Severity::Critical,
        acceptable: false,
        summary: "the system is for another processor than x86",
        explanation: "The target is an x86-64 machine, on which such a system does not start.",
        advice: "use h2k convert for the disks, and a machine of that architecture",
        check: |s| {
            let x86 = ["x86_64", "i386", "i486", "i586", "i686", "unknown", ""];
            system(s, |system| {
                (!x86.contains(&system.arch.as_str())).then(|| format!("it is for {}", system.arch))
            })
        },
    },
    Rule {
        id: "guest.32-bit",
        severity: Severity::Information,
        acceptable: true,
        summary: "the system is a 32-bit one",
        explanation: "It runs on KVM as it did before. Distributions have given 32-bit systems up, so drivers and guest \
                      agents of today may not exist for it.",
        advice: "nothing for the migration",
        check: |s| {
            let old = ["i386", "i486", "i586", "i686"];
            system(s, |system| {
                old.contains(&system.arch.as_str()).then(|| format!("it is for {}", system.arch))
            })
        },
    },
    Rule {
        id: "guest.end-of-life",
        severity: Severity::Information,
        acceptable: true,
        summary: "the vendor's public updates for this system have ended",
        explanation: "h2k repairs old systems like new ones. Packages that are missing on KVM (the guest agent, a kernel) \
                      come from the vendor's archive, if anywhere.",
        advice: "plan its upgrade; a migration is a good moment to note it",
        check: |s| {
            system(s, |system| {
                let (_, last) = ENDED.iter().find(|(distro, _)| *distro == system.distro)?;
                (1..=*last).contains(&system.major).then(|| "its public updates have ended".to_owned())
            })
        },
    },
    Rule {
        id: "guest.hostname-empty",
        severity: Severity::Warning,
        acceptable: true,
        summary: "the guest has no host name of its own",
        explanation: "A guest without a name takes one from DHCP, from DNS or from cloud-init, and may have another one on \
                      its new network: certificates, monitoring and licences go by it.",
        advice: "set it with customize.hostname",
        check: |s| {
            if s.policy.customize.hostname.is_some() || !s.facts.is_linux() {
                return Vec::new();
            }
            system(s, |system| system.hostname.is_empty().then(|| "no host name was found".to_owned()))
        },
    },
    Rule {
        id: "guest.hostname-default",
        severity: Severity::Information,
        acceptable: true,
        summary: "the guest's host name is localhost",
        explanation: "Nobody named the guest, or it takes its name from the network at each boot.",
        advice: "set it with customize.hostname if it shall have one",
        check: |s| {
            if s.policy.customize.hostname.is_some() {
                return Vec::new();
            }
            let default = |name: &str| name == "localhost" || name.starts_with("localhost.");
            system(s, |system| default(&system.hostname).then(|| format!("it is {}", system.hostname)))
        },
    },
    Rule {
        id: "guest.no-network",
        severity: Severity::Warning,
        acceptable: true,
        summary: "no configuration of the guest's network was found",
        explanation: "The VM has NICs, and no file that h2k knows configures one. NetworkManager takes DHCP on every NIC by \
                      itself; another guest may be configured by a program of its own, by the name that NICs had.",
        advice: "look at the network after the first boot, or give --ip or --dhcp",
        check: |s| {
            let network = &s.facts.network;
            let nothing = network.interfaces.is_empty() && network.unparsed.is_empty();
            let wanted = !s.source.nics.is_empty() && s.policy.addressing.is_empty() && s.facts.is_linux();
            system(s, |_| {
                (nothing && wanted).then(|| format!("{} NICs, none configured", s.source.nics.len()))
            })
        },
    },
    Rule {
        id: "guest.network-mounts",
        severity: Severity::Information,
        acceptable: true,
        summary: "the guest mounts file systems of other machines",
        explanation: "NFS and CIFS servers, and the rules of firewalls in between, know the guest by its address. Where it \
                      cannot reach them, its boot may wait for a minute and a half.",
        advice: "check that the new network leads to the servers",
        check: |s| {
            let remote = ["nfs", "nfs4", "cifs", "smb3", "ceph", "glusterfs", "fuse.glusterfs", "fuse.sshfs"];
            let mounts = s.facts.fstab.iter().filter(|e| remote.contains(&e.fstype.as_str()));
            mounts.map(|e| Finding::new(&e.mountpoint, format!("{} from {}", e.fstype, e.spec))).collect()
        },
    },
    Rule {
        id: "guest.iscsi",
        severity: Severity::Warning,
        acceptable: true,
        summary: "the guest has disks of its own over iSCSI",
        explanation: "Those disks are not in the VM: they stay where they are, and the target needs the same way to them. \
                      The initiator's name comes along; two guests with one name damage what they write.",
        advice: "check that the new network leads to the iSCSI portals, and never start the source again",
        check: |s| software(s, "iscsi"),
    },
    Rule {
        id: "guest.multipath",
        severity: Severity::Warning,
        acceptable: true,
        summary: "the guest has several paths to a disk, by identities that the target's disks do not have",
        explanation: "multipathd knows disks by their WWIDs. A virtio disk has another identity, or none: what is mounted \
                      as /dev/mapper/mpath… is not found by that name.",
        advice: "mount by UUID, and take the disks out of /etc/multipath/wwids in the guest",
        check: |s| software(s, "multipath"),
    },
    Rule {
        id: "guest.cluster",
        severity: Severity::Warning,
        acceptable: true,
        summary: "the guest is a node of a cluster or shares an address with others",
        explanation: "While it is away the other nodes take over, and may fence it. Fence agents for VMware reach a VM that \
                      is no longer there. Shared addresses need multicast, or a network that lets them pass.",
        advice: "put the node into standby first, and change its fence agent (fence_virsh, fence_xvm)",
        check: |s| software(s, "cluster"),
    },
    Rule {
        id: "guest.kubernetes",
        severity: Severity::Information,
        acceptable: true,
        summary: "the guest is a node of Kubernetes",
        explanation: "The cluster moves its pods away after some minutes, and takes it back when it returns with the same \
                      name and address. Volumes of vSphere's CSI driver cannot be attached on KVM.",
        advice: "drain the node first; see whether pods use volumes of the old platform",
        check: |s| software(s, "kubernetes"),
    },
    Rule {
        id: "guest.guard",
        severity: Severity::Information,
        acceptable: true,
        summary: "the guest has a security agent that may take the move for an attack",
        explanation: "Such agents know their machine by its hardware, watch boot files and load modules into the kernel. \
                      After the move one may register anew, or report the files that h2k changed.",
        advice: "tell those who run it, with the list of edits in the plan",
        check: |s| software(s, "guard"),
    },
];

fn system(seen: &Seen<'_>, found: impl Fn(&SystemFacts) -> Option<String>) -> Vec<Finding> {
    let system = seen.facts.system();
    system.and_then(|s| Some(Finding::new(&s.product, found(s)?))).into_iter().collect()
}

fn software(seen: &Seen<'_>, kind: &str) -> Vec<Finding> {
    let found = seen.facts.software.iter().filter(|s| s.kind == kind);
    found.map(|s| Finding::new(&s.name, format!("{} is there", s.file))).collect()
}
