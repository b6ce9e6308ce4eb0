//! Concerns that repairs of Windows raise.

use crate::concern::{Explained, Severity};

pub(super) static CONCERNS: &[Explained] = &[
    Explained {
        id: "windows.virtio-win.none",
        severity: Severity::Warning,
        acceptable: true,
        summary: "there are no virtio drivers for Windows on this host",
        explanation: "Without them the target's disks are on SATA (IDE for the oldest) and its NICs are of a model that Windows has a \
                      driver for. That works, and is slower.",
        advice: "give the ISO image or directory of virtio-win with --virtio-win",
    },
    Explained {
        id: "windows.virtio-win.unusable",
        severity: Severity::Critical,
        acceptable: false,
        summary: "the virtio drivers that were given cannot be read",
        explanation: "The path is wrong, or the image is damaged, or there is no driver in it.",
        advice: "give the ISO image or directory of virtio-win with --virtio-win",
    },
    Explained {
        id: "windows.virtio-win.lacks",
        severity: Severity::Critical,
        acceptable: true,
        summary: "virtio-win has no driver for this Windows",
        explanation: "Each release of virtio-win drops old systems. Accepted, the guest gets hardware that Windows has drivers for \
                      itself.",
        advice: "take a virtio-win that has drivers for this Windows; old systems need an old one",
    },
    Explained {
        id: "windows.virtio-win.broken",
        severity: Severity::Critical,
        acceptable: true,
        summary: "a driver in virtio-win is damaged or incomplete",
        explanation: "A file that the INF file copies is missing, or is for another processor, or the INF file itself cannot be \
                      understood.",
        advice: "take another virtio-win: this one is damaged or incomplete",
    },
    Explained {
        id: "windows.virtio-win.signature",
        severity: Severity::Critical,
        acceptable: true,
        summary: "something is to be known of a driver's signature",
        explanation: "64-bit Windows loads only drivers whose signature it knows. Of the disk's driver that is critical, of others a \
                      warning; a driver from the directory of an older Windows is information. Of a disk's driver that its \
                      vendor has signed and Microsoft has not, it is a warning: Windows takes some of those. With Secure Boot \
                      none since Windows 10 1607 and Server 2016, so that it is critical there.",
        advice: "take a virtio-win that is signed for this Windows, or install the update in the guest before the migration",
    },
    Explained {
        id: "windows.agent.absent",
        severity: Severity::Warning,
        acceptable: true,
        summary: "--agent-packages has no guest agent for this Windows",
        explanation: "The directory was given, and the installer for the guest's architecture is not in it.",
        advice: "take it out of virtio-win's guest-agent directory, or install it in the guest later",
    },
    Explained {
        id: "windows.network.odd",
        severity: Severity::Warning,
        acceptable: true,
        summary: "a network setting is no IP address, or no name of a domain",
        explanation: "It was set by a program, or is damaged. The others are restored.",
        advice: "look at the network settings of the guest after the migration",
    },
    Explained {
        id: "windows.network.name",
        severity: Severity::Information,
        acceptable: true,
        summary: "the name of a connection is not restored",
        explanation: "The script of the first boot takes names of plain letters, digits and marks only.",
        advice: "rename the connection in the guest after the migration",
    },
    Explained {
        id: "windows.network.lost",
        severity: Severity::Warning,
        acceptable: true,
        summary: "static addresses of an adapter that is none of the VM's NICs",
        explanation: "Often what hardware left that was removed long ago; they are not restored.",
        advice: "if they are in use, give them with --ip MAC=ADDRESS/LENGTH,GATEWAY,DNS",
    },
    Explained {
        id: "windows.network.software",
        severity: Severity::Warning,
        acceptable: true,
        summary: "static addresses of a team, bridge or virtual switch",
        explanation: "Such an adapter keeps its addresses, but its NICs are others on the target and do not become a part of \
                      it by themselves: the guest cannot be reached by these addresses. Adapters of VPN clients and \
                      containers may be among them, which need no NIC.",
        advice: "add the new NICs to it in the guest, from its console; or give a NIC its addresses with \
                 --ip MAC=ADDRESS/LENGTH,GATEWAY,DNS",
    },
    Explained {
        id: "windows.network.ipv6-routes",
        severity: Severity::Warning,
        acceptable: true,
        summary: "an adapter has static routes of IPv6 that are not understood",
        explanation: "Windows keeps them in a form that is not documented, tied to the adapter that goes. What has the form \
                      that is known is restored, gateways too; these have another.",
        advice: "where no router announces itself, give the addresses with --ip MAC=ADDRESS/LENGTH,GATEWAY,DNS",
    },
    Explained {
        id: "windows.boot.foreign-fallback",
        severity: Severity::Warning,
        acceptable: true,
        summary: "the fallback loader is not Microsoft's",
        explanation: "The target's firmware starts it, for it does not know the source's boot entries.",
        advice: "add a boot entry for \\EFI\\Microsoft\\Boot\\bootmgfw.efi in the target's firmware after the migration",
    },
];
