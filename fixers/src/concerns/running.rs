//! Concerns that repairs raise about the running guest: network, tools, and what the user wants changed.

use crate::concern::{Explained, Severity};

pub(super) static CONCERNS: &[Explained] = &[
    Explained {
        id: "guest.network.unpinned",
        severity: Severity::Warning,
        acceptable: true,
        summary: "a NIC may have another name on the target",
        explanation: "Names such as ens192 come from the slot of the old board. h2k ties the name to the NIC's MAC \
                      address where that can be written; here it cannot.",
        advice: "look at the network after the first boot, or tie the configuration to the MAC address in the \
                 guest",
    },
    Explained {
        id: "guest.network.kernel-name",
        severity: Severity::Warning,
        acceptable: true,
        summary: "a NIC has a name that the kernel gives itself (eth0)",
        explanation: "Kernel and udev may give the name to two NICs at once; whoever is first has it.",
        advice: "look at the network after the first boot; names that do not begin with eth avoid it",
    },
    Explained {
        id: "guest.network.unmatched",
        severity: Severity::Warning,
        acceptable: true,
        summary: "a configuration belongs to a NIC that h2k could not tell",
        explanation: "Neither its name nor an address in it leads to one NIC of the VM, so it is left alone.",
        advice: "tie the configuration to the NIC's MAC address in the guest before the migration",
    },
    Explained {
        id: "guest.network.other-hardware",
        severity: Severity::Warning,
        acceptable: true,
        summary: "a configuration is for NICs of the old hardware",
        explanation: "It matches by driver (vmxnet3) or by the place on the bus, which the target's NIC does not \
                      have.",
        advice: "let it match by the NIC's MAC address in the guest before the migration",
    },
    Explained {
        id: "guest.network.unparsed",
        severity: Severity::Warning,
        acceptable: true,
        summary: "a file of the network's configuration could not be understood",
        explanation: "h2k leaves it as it is. What it says of names and addresses is not in the plan.",
        advice: "look at the network after the first boot: h2k leaves what it does not understand",
    },
    Explained {
        id: "guest.network.stale-mac",
        severity: Severity::Warning,
        acceptable: true,
        summary: "a configuration is tied to a MAC address that no NIC of the VM has",
        explanation: "It did not apply on the old hypervisor either, or it is remembered by an address that --mac \
                      replaces.",
        advice: "tie it to the MAC of the NIC that it is for, or to none, in the guest before the migration",
    },
    Explained {
        id: "guest.network.not-written",
        severity: Severity::Critical,
        acceptable: false,
        summary: "the addresses that are wanted cannot be written",
        explanation: "The guest's configuration has a form that h2k does not write for this NIC, so the target \
                      would have other addresses than wanted.",
        advice: "leave the option for this NIC out, and configure it in the guest",
    },
    Explained {
        id: "guest.cloud-init",
        severity: Severity::Warning,
        acceptable: true,
        summary: "cloud-init ran with a datasource that the target does not have",
        explanation: "Without its datasource cloud-init may take the guest for a new instance, make new SSH host \
                      keys and configure the network anew. h2k keeps it from the network unless --cloud-init says \
                      otherwise.",
        advice: "give the target such a datasource, or use --cloud-init no-network or disable",
    },
    Explained {
        id: "guest.agent.absent",
        severity: Severity::Information,
        acceptable: true,
        summary: "the guest has no QEMU guest agent",
        explanation: "The guest runs without; the host cannot freeze its file systems for a backup, or ask for its \
                      addresses.",
        advice: "give its package with --agent-packages DIR, or install qemu-guest-agent in the guest before \
                 or after the migration",
    },
    Explained {
        id: "guest.agent.masked",
        severity: Severity::Information,
        acceptable: true,
        summary: "the guest agent's unit is masked",
        explanation: "Somebody decided so in the guest, and h2k leaves it.",
        advice: "systemctl unmask it in the guest if the host shall use it",
    },
    Explained {
        id: "guest.agent.no-package",
        severity: Severity::Warning,
        acceptable: true,
        summary: "no package of the directory fits the guest",
        explanation: "The agent's package must be of the guest's distribution and release, with what it depends \
                      on.",
        advice: "put the agent's package for this distribution and release, and those that it needs, into the \
                 directory",
    },
    Explained {
        id: "guest.tools.azure",
        severity: Severity::Warning,
        acceptable: true,
        summary: "the agent of Azure is installed",
        explanation: "Outside of Azure it waits for a host that does not answer, and it may be what sets up \
                      network, users and swap.",
        advice: "see whether the guest depends on it (/etc/waagent.conf), and remove it after the migration",
    },
    Explained {
        id: "guest.tools.not-removed",
        severity: Severity::Information,
        acceptable: true,
        summary: "the old tools are masked, not removed",
        explanation: "Their packages cannot be removed without running the package manager in a way that h2k does \
                      not. Masked, they do nothing.",
        advice: "remove it in the guest after the migration (VMware's tarball: vmware-uninstall-tools.pl)",
    },
    Explained {
        id: "guest.clock.no-source",
        severity: Severity::Warning,
        acceptable: true,
        summary: "the guest's only source of time was the old hypervisor",
        explanation: "chrony has no other server, so that the clock drifts. h2k takes the old hypervisor's clock \
                      out.",
        advice: "add a server or a pool, or load ptp_kvm in the guest and add: refclock PHC /dev/ptp0 poll 2",
    },
    Explained {
        id: "guest.identity.ssh-keys",
        severity: Severity::Warning,
        acceptable: true,
        summary: "the SSH host keys stay those of the original",
        explanation: "Nothing in the guest would make new ones at its next boot, so that h2k leaves them: a guest \
                      without keys is not reached.",
        advice: "run in the guest: rm /etc/ssh/ssh_host_*; ssh-keygen -A; and restart sshd",
    },
    Explained {
        id: "customize.impossible",
        severity: Severity::Critical,
        acceptable: false,
        summary: "something of the section customize cannot be done in this guest",
        explanation: "The result would not be what was wanted.",
        advice: "leave it out of the section customize, and do it in the guest",
    },
];
