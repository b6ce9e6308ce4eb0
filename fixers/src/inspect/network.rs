//! Network configuration: which stacks have files, and which physical interfaces they configure.

mod ifcfg;
mod ifupdown;
mod ini;
mod keyfile;
mod names;
mod netplan;
mod networkd;

use crate::error::Result;
use crate::facts::{InterfaceFacts, NetworkFacts};
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
}

/// Reads the configuration of every stack.
///
/// # Errors
/// The guest could not be read.
pub(super) fn network(guest: &dyn Guest) -> Result<NetworkFacts> {
    let suse = ifcfg::read(guest, ifcfg::SUSE_DIR)?;
    let wicked = Stack { present: suse.present && guest.exists("/etc/wicked")?, ..Stack::default() };
    let mut redhat = ifcfg::read(guest, ifcfg::REDHAT_DIR)?;
    redhat.present |= suse.present;
    redhat.interfaces.extend(suse.interfaces);
    let mut facts = NetworkFacts::default();
    for (name, stack) in [
        ("ifupdown", ifupdown::read(guest)?),
        ("networkd", networkd::read(guest)?),
        ("netplan", netplan::read(guest)?),
        ("networkmanager", keyfile::read(guest)?),
        ("ifcfg", redhat),
        ("wicked", wicked),
    ] {
        if stack.present {
            facts.stacks.push(name.to_owned());
        }
        facts.interfaces.extend(stack.interfaces);
        facts.unparsed.extend(stack.unparsed);
    }
    Ok(facts)
}
