//! Names of network interfaces: whether the target's NICs get those that the configuration is for.

use crate::error::Result;
use crate::linux::netnames::matching::{By, matching};
use crate::readiness::{Link, LinkKind, LinkState, Sender};

use super::Seen;

/// What the names that udev makes from a NIC's place begin with (systemd.net-naming-scheme(7)).
const BY_PLACE: [&str; 3] = ["eno", "ens", "enp"];
/// Slots of a target's NIC are below: PCI has 32 of them on a bus.
const MAX_SLOT: u32 = 32;
/// Indexes of onboard devices are small; VMware's, that Red Hat 7 took for names, are not (`eno16777736`).
const MAX_ONBOARD: u32 = 0xffff;

/// A link for each name that the configuration uses.
pub(super) fn check(seen: &Seen<'_>) -> Result<Vec<Link>> {
    let nics = &seen.facts.hardware.nics;
    if nics.is_empty() {
        return Ok(Vec::new());
    }
    let found = matching(seen.facts, seen.guest)?;
    // With one NIC that is configured the others may be leftovers, and the guest is reached.
    let by_mac = |mac: &String| nics.iter().any(|nic| nic.mac == *mac);
    let reached = found.pairs.iter().any(|p| matches!(p.by, By::Guest | By::Mac))
        || seen.facts.network.interfaces.iter().any(|i| i.mac.as_ref().is_some_and(by_mac));
    let mut links = Vec::new();
    for pair in &found.pairs {
        let nic = format!("NIC {} ({})", pair.nic, nics.get(pair.nic).map_or("", |n| n.mac.as_str()));
        let (state, detail) = match pair.by {
            By::Guest => (LinkState::Ok, format!("{nic} has this name")),
            // Some stacks rename a NIC by the MAC in its configuration, others only match it.
            By::Mac => {
                (LinkState::Unknown, format!("the configuration is for {nic}, which may be called otherwise"))
            }
            By::Address | By::Lease | By::Slot | By::Rest => {
                let (state, why) = unpinned(&pair.name, nics.len(), reached);
                (state, format!("{nic}: {why}"))
            }
        };
        let sender = nics.get(pair.nic).and_then(|nic| sender(seen, &pair.name, &nic.mac));
        links.push(Link { sender, ..Link::new(LinkKind::Network, state, &pair.name, detail) });
    }
    for name in &found.names {
        let (state, why) = if found.nics.is_empty() {
            // A leftover: it did not apply on the source either.
            (LinkState::Unknown, "the VM has no NIC that could have this name".to_owned())
        } else {
            unpinned(name, nics.len(), reached)
        };
        links.push(Link::new(LinkKind::Network, state, name, why));
    }
    Ok(links)
}

/// The NIC as one that has to send something: a static address is asked for on the network before it is used, or used
/// to find the gateway. A port of a bond or a bridge has none of its own.
fn sender(seen: &Seen<'_>, name: &str, mac: &str) -> Option<Sender> {
    let mut all = seen.facts.network.interfaces.iter().filter(|i| i.name == name && !i.port);
    let address = all.find_map(|i| i.addresses.first())?;
    Some(Sender { mac: mac.to_owned(), address: address.clone() })
}

/// A name that nothing in the guest ties to a NIC.
fn unpinned(name: &str, nics: usize, reached: bool) -> (LinkState, String) {
    let slot = name.strip_prefix("ens").and_then(|n| n.parse::<u32>().ok());
    let onboard = name.strip_prefix("eno").and_then(|n| n.parse::<u32>().ok());
    if slot.is_some_and(|n| n >= MAX_SLOT) || onboard.is_some_and(|n| n > MAX_ONBOARD) {
        let state = if reached { LinkState::Unknown } else { LinkState::Broken };
        return (state, "on the target it has another name, and nothing ties this one to it".to_owned());
    }
    let number = name.strip_prefix("eth").and_then(|n| n.parse::<usize>().ok());
    if number.is_some_and(|n| n >= nics) {
        return (LinkState::Unknown, format!("the target has {nics} NICs"));
    }
    let by_place = BY_PLACE.iter().any(|start| name.starts_with(start));
    let why = if by_place {
        "whether it has this name depends on its place on the target"
    } else {
        "nothing in the guest ties the name to it"
    };
    (LinkState::Unknown, why.to_owned())
}
