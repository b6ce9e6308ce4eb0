//! The chain of a Linux guest from firmware to root, looked at without being booted.
//!
//! ```text
//!  firmware ─▶ loader it starts ─▶ configuration ─▶ default entry ─┬─▶ kernel ─▶ initramfs (drivers)
//!                                  grub2 grub1 bls extlinux        └─▶ root=, resume=
//!  then: crypttab, fstab, network
//! ```
//!
//! Only what is started by default is followed: an old kernel that lacks something is a concern of the plan, and stops
//! nobody.

mod bls;
mod crypttab;
mod devices;
mod efi;
mod entry;
mod extlinux;
mod firmware;
mod fstab;
mod grub1;
mod grub2;
mod kernel;
mod network;
mod paths;
mod root;
mod script;

#[cfg(test)]
mod tests;

use crate::error::{GuestError, Result};
use crate::facts::GuestFacts;
use crate::guest::Guest;
use crate::readiness::{Link, LinkKind, LinkState, Target};

use entry::Loaded;

/// What the links are looked for in.
pub(super) struct Seen<'a> {
    facts: &'a GuestFacts,
    guest: &'a dyn Guest,
    target: &'a Target,
}

/// Looks at every link.
pub(crate) fn check(facts: &GuestFacts, guest: &dyn Guest, target: &Target) -> Vec<Link> {
    let seen = Seen { facts, guest, target };
    let mut links = boot(&seen);
    for (kind, found) in [
        (LinkKind::Crypttab, crypttab::check(&seen)),
        (LinkKind::Fstab, fstab::check(&seen)),
        (LinkKind::Network, network::check(&seen)),
    ] {
        links.extend(found.unwrap_or_else(|e| vec![unread(kind, &e)]));
    }
    links
}

fn unread(kind: LinkKind, error: &GuestError) -> Link {
    Link::new(kind, LinkState::Unknown, "guest", format!("it could not be looked at: {error}"))
}

/// From the firmware to the root file system.
fn boot(seen: &Seen<'_>) -> Vec<Link> {
    let started = match firmware::started(seen) {
        Ok(started) => started,
        Err(e) => return vec![unread(LinkKind::Firmware, &e)],
    };
    let mut links = vec![started.link];
    let chains: Vec<Vec<Link>> = started.loaders.iter().map(|l| chain(seen, l.load(seen))).collect();
    let good = |chain: &Vec<Link>| chain.iter().all(|l| l.state != LinkState::Broken);
    let several = chains.len() > 1;
    match chains.iter().position(good).or((!chains.is_empty()).then_some(0)) {
        // What starts the guest, and what only lies there, cannot be told apart: one that is whole is enough.
        Some(best) => links.extend(chains.into_iter().nth(best).unwrap_or_default()),
        None if links.iter().any(|l| l.state == LinkState::Broken) => {}
        None => links.push(Link::new(
            LinkKind::BootLoader,
            LinkState::Unknown,
            "boot loader",
            "no configuration of a boot loader that h2k knows was found",
        )),
    }
    if several {
        let names: Vec<&str> = started.loaders.iter().map(|l| l.config()).collect();
        links.push(Link::new(
            LinkKind::BootLoader,
            LinkState::Unknown,
            names.join(", "),
            "which of these configurations is used is not known; the first that resolves was followed",
        ));
    }
    links
}

fn chain(seen: &Seen<'_>, loaded: Result<Loaded>) -> Vec<Link> {
    let entry = match loaded {
        Ok(Loaded::Entry(entry)) => entry,
        Ok(Loaded::Broken { subject, why }) => {
            return vec![Link::new(LinkKind::BootLoader, LinkState::Broken, subject, why)];
        }
        Ok(Loaded::Unknown { subject, why }) => {
            return vec![Link::new(LinkKind::BootLoader, LinkState::Unknown, subject, why)];
        }
        Err(e) => return vec![unread(LinkKind::BootLoader, &e)],
    };
    let started = format!("starts {:?} by default", entry.title);
    let mut links = vec![Link::new(LinkKind::BootLoader, LinkState::Ok, &entry.config, started)];
    for (kind, found) in
        [(LinkKind::Kernel, kernel::check(seen, &entry)), (LinkKind::Root, root::check(seen, &entry))]
    {
        links.extend(found.unwrap_or_else(|e| vec![unread(kind, &e)]));
    }
    links
}
