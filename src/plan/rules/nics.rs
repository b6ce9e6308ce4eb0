//! Rules about the NICs.

use h2k_config::{Attachment, nic};
use h2k_fixers::Severity;
use h2k_transports::Tristate;

use super::{Finding, Rule, Seen, found};
use crate::plan::target::{DEFAULT_NETWORK, mapping};

pub(super) static RULES: &[Rule] = &[
    Rule {
        id: "nic.none",
        severity: Severity::Information,
        acceptable: true,
        summary: "the VM has no NIC",
        explanation: "Plain disks have no description, so their NICs are not known; some VMs have none. The target has none \
                      either.",
        advice: "add an <interface> in the libvirt XML if the guest is to be reached",
        check: |s| found(s.source.nics.is_empty(), &s.source.name, "the target has no NIC either"),
    },
    Rule {
        id: "nic.mac-unknown",
        severity: Severity::Warning,
        acceptable: true,
        summary: "the source does not tell a NIC's MAC address; one is made up",
        explanation: "An OVF carries no MAC addresses unless they were fixed. The new one is derived from the VM, so that it \
                      is the same each time. Configuration of the guest, DHCP and licences may be tied to the old one.",
        advice: "give --mac with the address that is used and the one that the network expects, or tell the network the \
                 new one",
        check: |s| {
            let unknown = s.source.nics.iter().enumerate().filter(|(_, n)| n.mac.is_none());
            let made_up = |i: usize| s.target.nics.get(i).map(|n| n.mac.clone()).unwrap_or_default();
            unknown
                .map(|(i, _)| Finding::new(format!("nic {i}"), format!("{} is used", made_up(i))))
                .collect()
        },
    },
    Rule {
        id: "nic.mac-twice",
        severity: Severity::Critical,
        acceptable: true,
        summary: "two NICs of the VM have one MAC address",
        explanation: "Switches send the frames of one to the other, in turns. In a bond inside of the guest that may be \
                      meant; h2k cannot tell which configuration belongs to which NIC.",
        advice: "give the NICs addresses of their own on the hypervisor; --mac changes both alike",
        check: mac_twice,
    },
    Rule {
        id: "nic.mac-reserved",
        severity: Severity::Critical,
        acceptable: false,
        summary: "a MAC address begins with fe, which libvirt refuses",
        explanation: "libvirt gives the host's end of a NIC the same address with fe in front, and refuses to start a VM \
                      whose own address begins so.",
        advice: "give another address with --mac",
        check: |s| {
            let nics = s.target.nics.iter().enumerate();
            let reserved =
                nics.filter(|(_, n)| n.mac.get(..3).is_some_and(|p| p.eq_ignore_ascii_case("fe:")));
            reserved.map(|(i, n)| Finding::new(format!("nic {i}"), n.mac.clone())).collect()
        },
    },
    Rule {
        id: "nic.mac-generated",
        severity: Severity::Information,
        acceptable: true,
        summary: "a MAC address is one that the old platform generated and may give away again",
        explanation: "VMware makes addresses in 00:0c:29 and 00:50:56:80 to bf. The target keeps the address; once the VM \
                      is deleted there, the old platform may give it to another VM on the same network.",
        advice: "keep the old VM's entry until its network is separate, or give a new address with --mac",
        check: |s| {
            let nics = s.source.nics.iter().enumerate().filter(|(_, nic)| !nic.mac_static);
            let generated =
                nics.filter_map(|(i, nic)| Some((i, nic.mac.as_deref().filter(|m| is_generated(m))?)));
            let kept = generated.filter(|(_, mac)| !s.policy.macs.contains_key(*mac));
            kept.map(|(i, mac)| Finding::new(format!("nic {i}"), mac)).collect()
        },
    },
    Rule {
        id: "nic.disconnected",
        severity: Severity::Information,
        acceptable: true,
        summary: "a NIC is not connected when the VM starts",
        explanation: "The target's NIC has its link down as well.",
        advice: "virsh domif-setlink DOMAIN MAC up, when it is to be connected",
        check: |s| {
            let nics = s.source.nics.iter().enumerate();
            let off = nics.filter(|(_, nic)| nic.start_connected == Tristate::No);
            off.map(|(i, _)| Finding::new(format!("nic {i}"), "its link is down on the target too")).collect()
        },
    },
    Rule {
        id: "nic.network-unmapped",
        severity: Severity::Information,
        acceptable: true,
        summary: "no mapping names the network of a NIC, or the NIC by its MAC address",
        explanation: "h2k cannot know which of the host's networks stands for a port group. Without a mapping a NIC is on \
                      libvirt's network 'default', which reaches out through NAT and is not reached from outside.",
        advice: "give --network SOURCE=network:NAME or SOURCE=bridge:NAME",
        check: unmapped,
    },
    Rule {
        id: "nic.mapping-unused",
        severity: Severity::Information,
        acceptable: true,
        summary: "a MAC address that is mapped to a network is that of no NIC of the VM",
        explanation: "A batch file may map NICs of all its VMs in one place. For a single VM the address is probably misspelt, \
                      and the NIC that was meant is where the name of its network leads.",
        advice: "h2k inspect shows the VM's MAC addresses",
        check: mapping_unused,
    },
    Rule {
        id: "nic.bridge-missing",
        severity: Severity::Warning,
        acceptable: true,
        summary: "this host has no bridge of the name that a NIC is attached to",
        explanation: "libvirt does not start a VM whose bridge is not there. h2k only sees the host that it runs on; the \
                      target may be for another one.",
        advice: "make the bridge on the host that the VM is to run on, or give another name with --network",
        check: bridge_missing,
    },
    Rule {
        id: "nic.vlan",
        severity: Severity::Warning,
        acceptable: true,
        summary: "a NIC is to be in a VLAN, and the bridge of this host does not tell VLANs apart",
        explanation: "A Linux bridge looks at VLAN tags only where its vlan_filtering is on, and libvirt sets tags on such a \
                      bridge since version 11; Open vSwitch always can. Otherwise the NIC is outside of its VLAN, or does \
                      not start. h2k only sees the host that it runs on.",
        advice: "switch vlan_filtering on (ip link set BRIDGE type bridge vlan_filtering 1), or use a bridge on the VLAN",
        check: bridge_without_vlans,
    },
];

fn mac_twice(seen: &Seen<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    // One that --mac made so is a mistake of the command line, and told as that.
    let plain = |mac: &str| !seen.policy.macs.values().any(|new| new == mac);
    for (index, nic) in seen.target.nics.iter().enumerate() {
        let earlier = seen.target.nics.iter().take(index).position(|other| other.mac == nic.mac);
        if let Some(other) = earlier.filter(|_| plain(&nic.mac)) {
            found.push(Finding::new(format!("nic {index}"), format!("{} is that of nic {other}", nic.mac)));
        }
    }
    found
}

/// VMware's ranges for addresses that ESXi and vCenter make (vSphere Networking, "MAC Address Assignment").
fn is_generated(mac: &str) -> bool {
    let pair = |at: usize| mac.get(at..at + 2).and_then(|p| u8::from_str_radix(p, 16).ok());
    match (pair(0), pair(3), pair(6), pair(9)) {
        (Some(0x00), Some(0x0c), Some(0x29), _) => true,
        (Some(0x00), Some(0x50), Some(0x56), Some(fourth)) => (0x80..=0xbf).contains(&fourth),
        _ => false,
    }
}

fn unmapped(seen: &Seen<'_>) -> Vec<Finding> {
    let nics = seen.source.nics.iter().enumerate();
    nics.filter(|(i, n)| mapping(macs(seen, *i), n.network.as_deref(), seen.policy).is_none())
        .map(|(i, n)| {
            let name = n.network.as_deref().unwrap_or("(unnamed)");
            let message = format!("its network '{name}' becomes the libvirt network '{DEFAULT_NETWORK}'");
            Finding::new(format!("nic {i}"), message)
        })
        .collect()
}

/// The MAC addresses that a NIC has on the target and, where that is another one, on the source.
fn macs<'a>(seen: &'a Seen<'_>, index: usize) -> impl Iterator<Item = &'a str> {
    let nic = seen.facts.hardware.nics.get(index);
    nic.into_iter().flat_map(|nic| std::iter::once(nic.mac.as_str()).chain(nic.source_mac.as_deref()))
}

fn mapping_unused(seen: &Seen<'_>) -> Vec<Finding> {
    let is_had = |mac: &str| seen.facts.hardware.nics.iter().any(|nic| nic.has_mac(mac));
    let mapped = seen.policy.networks.iter().filter(|(source, _)| nic::mac(source).is_ok());
    let unused = mapped.filter(|(mac, _)| !is_had(mac));
    unused
        .map(|(mac, target)| Finding::new(mac, format!("no NIC of the VM goes to {target} by it")))
        .collect()
}

fn bridge_missing(seen: &Seen<'_>) -> Vec<Finding> {
    let Some(bridges) = &seen.host.bridges else { return Vec::new() };
    let nics = seen.target.nics.iter().enumerate();
    let missing = nics.filter_map(|(i, nic)| match &nic.target.to {
        Attachment::Bridge(name) if !bridges.contains_key(name) => Some((i, name)),
        _ => None,
    });
    missing.map(|(i, name)| Finding::new(format!("nic {i}"), format!("there is no bridge {name}"))).collect()
}

fn bridge_without_vlans(seen: &Seen<'_>) -> Vec<Finding> {
    let Some(bridges) = &seen.host.bridges else { return Vec::new() };
    let nics = seen.target.nics.iter().enumerate().filter(|(_, nic)| !nic.target.vlans.is_empty());
    let plain = nics.filter_map(|(i, nic)| match &nic.target.to {
        Attachment::Bridge(name) if bridges.get(name) == Some(&false) => Some((i, name)),
        _ => None,
    });
    plain
        .map(|(i, name)| Finding::new(format!("nic {i}"), format!("vlan_filtering of {name} is off")))
        .collect()
}
