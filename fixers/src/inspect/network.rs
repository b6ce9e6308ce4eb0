//! Network configuration: which stacks have files, and which physical interfaces they configure.

mod connman;
mod ifcfg;
mod ifupdown;
mod ini;
mod keyfile;
mod leases;
pub(crate) mod names;
pub(crate) mod netplan;
mod networkd;
mod wicked;

use std::collections::BTreeSet;

use crate::error::Result;
use crate::facts::{ConditionFacts, InterfaceFacts, NetworkFacts};
use crate::guest::Guest;

use super::text;

/// Interfaces that are kept of one stack. A VM has ten NICs at most on VMware; the rest is room for leftovers of
/// former ones.
const MAX_INTERFACES: usize = 256;

/// Addresses that are kept of one interface; web servers have had a few dozen.
const MAX_ADDRESSES: usize = 256;

/// What one stack's files say.
#[derive(Debug, Default)]
struct Stack {
    /// Whether it has files.
    present: bool,
    interfaces: Vec<InterfaceFacts>,
    /// Names of what bonds, bridges and VLANs sit upon, with the file that says so.
    below: Vec<(String, String)>,
    /// Names of ports of bonds and bridges.
    ports: BTreeSet<String>,
    /// What files ask of a NIC besides its name and MAC.
    conditions: Vec<ConditionFacts>,
    /// Files that could not be understood, with the reason.
    unparsed: Vec<String>,
}

impl Stack {
    /// Tells more of the interface `name`, a new one of `file` if the stack has none of that name yet: files add to
    /// each other. An empty name is a new one each time.
    fn add(&mut self, name: &str, file: &str, tell: impl FnOnce(&mut InterfaceFacts)) {
        let known = self.interfaces.iter_mut().find(|i| i.name == name && !name.is_empty());
        if let Some(interface) = known {
            tell(interface);
            interface.addresses.truncate(MAX_ADDRESSES);
        } else if self.interfaces.len() < MAX_INTERFACES {
            let (name, file) = (name.to_owned(), file.to_owned());
            let mut interface = InterfaceFacts { name, file, ..InterfaceFacts::default() };
            tell(&mut interface);
            interface.addresses.truncate(MAX_ADDRESSES);
            self.interfaces.push(interface);
        }
    }

    /// Tells that something sits upon these interfaces.
    fn below<'a>(&mut self, names: impl IntoIterator<Item = &'a str>, file: &str) {
        for name in names {
            if names::is_physical(name) && self.below.len() < MAX_INTERFACES {
                self.below.push((name.to_owned(), file.to_owned()));
            }
        }
    }

    /// Tells that these interfaces are ports of a bond or a bridge.
    fn ports<'a>(&mut self, names: impl IntoIterator<Item = &'a str>, file: &str) {
        for name in names {
            if names::is_physical(name) && self.ports.len() < MAX_INTERFACES {
                self.ports.insert(name.to_owned());
                self.below([name], file);
            }
        }
    }

    /// Tells that a file asks for something; an empty value asks for nothing.
    fn condition(&mut self, kind: &str, value: &str, file: &str) {
        if !value.is_empty() && self.conditions.len() < MAX_INTERFACES {
            self.conditions.push(ConditionFacts {
                kind: kind.to_owned(),
                value: value.to_owned(),
                file: file.to_owned(),
            });
        }
    }
}

/// Reads the configuration of every stack.
///
/// # Errors
/// The guest could not be read.
pub(super) fn network(guest: &dyn Guest) -> Result<NetworkFacts> {
    let suse = ifcfg::read(guest, ifcfg::SUSE_DIR)?;
    let mut wicked = wicked::read(guest)?;
    wicked.present |= suse.present && guest.exists("/etc/wicked")?;
    let mut redhat = ifcfg::read(guest, ifcfg::REDHAT_DIR)?;
    redhat.present |= suse.present;
    redhat.interfaces.extend(suse.interfaces);
    redhat.ports.extend(suse.ports);
    redhat.below.extend(suse.below);
    let mut facts = NetworkFacts::default();
    let (mut below, mut ports) = (Vec::new(), BTreeSet::new());
    for (name, stack) in [
        ("ifupdown", ifupdown::read(guest)?),
        ("networkd", networkd::read(guest)?),
        ("netplan", netplan::read(guest)?),
        ("networkmanager", keyfile::read(guest)?),
        ("ifcfg", redhat),
        ("wicked", wicked),
        ("connman", connman::read(guest)?),
    ] {
        if stack.present {
            facts.stacks.push(name.to_owned());
        }
        facts.interfaces.extend(stack.interfaces);
        facts.conditions.extend(stack.conditions);
        facts.unparsed.extend(stack.unparsed);
        below.extend(stack.below);
        ports.extend(stack.ports);
    }
    add_below(&mut facts, below);
    for interface in &mut facts.interfaces {
        interface.port = ports.contains(&interface.name);
    }
    facts.leases = leases::read(guest)?;
    Ok(facts)
}

/// What a bond, a bridge or a VLAN sits upon needs its name, with a configuration of its own or without.
fn add_below(facts: &mut NetworkFacts, below: Vec<(String, String)>) {
    let mut known: BTreeSet<String> = facts.interfaces.iter().map(|i| i.name.clone()).collect();
    for (name, file) in below {
        if known.insert(name.clone()) {
            facts.interfaces.push(InterfaceFacts { name, file, ..InterfaceFacts::default() });
        }
    }
}
