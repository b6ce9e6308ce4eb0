//! `linux.mac-pins`: configuration that is tied to MAC addresses which no NIC of the VM has.

use std::collections::BTreeSet;

use h2k_config::Policy;

use super::netnames::existing::{RULES, parse_rule};
use super::netnames::matching::{Matching, matching};
use super::text::{TextFile, files_in, lines};
use crate::error::Result;
use crate::facts::{InterfaceFacts, NicHardware};
use crate::{Concern, Edit, Fixer, Guest, GuestFacts, Proposal, Severity};

mod pins;

#[cfg(test)]
mod tests;

const ID: &str = "linux.mac-pins";
/// In the names of files that old udev writes itself: Debian's and Red Hat's, SUSE's.
const GENERATED: [&str; 2] = ["persistent-net", "net_persistent"];

/// Clears away pins to MACs that are gone.
pub struct MacPins;

impl Fixer for MacPins {
    fn id(&self) -> &'static str {
        ID
    }

    fn summary(&self) -> &'static str {
        "clears away what ties interface names to MAC addresses that the VM does not have"
    }

    fn explanation(&self) -> &'static str {
        "The target's NICs have the MAC addresses of the source's, so configuration that is tied to them keeps working \
         and stays. Rules that old udev wrote for NICs that are gone may hold a name that a present NIC needs, which \
         would then be called eth1; those lines are removed. Where the source does not say a MAC (many OVA files), h2k \
         makes one up, and a configuration with the old MAC would not apply: if there is exactly one NIC and exactly \
         one configuration, the MAC in it is replaced by the new one. The line is not removed: an emptied match would \
         match every NIC in systemd-networkd, and netplan refuses set-name without one. In all other cases a pin to a \
         MAC that is gone is reported and left: it did not apply on the source either, or h2k cannot tell which NIC it \
         is for."
    }

    fn plan(&self, facts: &GuestFacts, guest: &dyn Guest, _: &Policy) -> Result<Proposal> {
        let mut proposal = Proposal::default();
        if !facts.is_linux() || facts.hardware.nics.is_empty() {
            return Ok(proposal);
        }
        let found = matching(facts, guest)?;
        for path in files_in(guest, RULES, ".rules")? {
            if GENERATED.iter().any(|part| path.contains(part))
                && let Some(file) = TextFile::read(guest, &path)?
            {
                proposal.edits.extend(without_stale_rules(&file, facts, &found));
            }
        }
        let stale: Vec<&InterfaceFacts> =
            facts.network.interfaces.iter().filter(|i| is_stale(i, facts)).collect();
        match (stale.as_slice(), facts.network.interfaces.as_slice(), facts.hardware.nics.as_slice()) {
            ([one], [_], [nic]) if !nic.mac_from_source => match repin(guest, one, nic)? {
                Repinned::Edit(edit) => proposal.edits.push(edit),
                Repinned::Already => {}
                Repinned::NotFound => proposal.concerns.push(concern(one)),
            },
            _ => proposal.concerns.extend(stale.iter().map(|i| concern(i))),
        }
        Ok(proposal)
    }
}

fn is_stale(interface: &InterfaceFacts, facts: &GuestFacts) -> bool {
    interface.mac.as_ref().is_some_and(|mac| facts.hardware.nics.iter().all(|nic| nic.mac != *mac))
}

/// The rules without those for MACs that are gone and names that are needed.
fn without_stale_rules(file: &TextFile, facts: &GuestFacts, found: &Matching) -> Option<Edit> {
    let needed: BTreeSet<&str> = found.pairs.iter().map(|pair| pair.name.as_str()).collect();
    let present = |mac: &str| facts.hardware.nics.iter().any(|nic| nic.mac == mac);
    let mut kept = String::with_capacity(file.text.len());
    let mut gone = Vec::new();
    // The comment above a rule says which NIC it was for, and goes with it.
    let mut comment = "";
    for (_, line) in lines(&file.text) {
        let stale =
            parse_rule(line).filter(|rule| !present(&rule.mac) && needed.contains(rule.name.as_str()));
        match stale {
            Some(rule) => {
                gone.push(format!("{} for {}", rule.name, rule.mac));
                comment = "";
            }
            None if line.starts_with('#') => {
                kept.push_str(comment);
                comment = line;
            }
            None => {
                kept.push_str(comment);
                kept.push_str(line);
                comment = "";
            }
        }
    }
    kept.push_str(comment);
    let reason = format!("the VM has no such NIC, and another one needs the name: {}", gone.join(", "));
    file.edit(ID, &kept, reason)
}

enum Repinned {
    Edit(Edit),
    Already,
    NotFound,
}

/// Ties the configuration to the MAC that the NIC has.
fn repin(guest: &dyn Guest, interface: &InterfaceFacts, nic: &NicHardware) -> Result<Repinned> {
    let (Some(old), Some(file)) = (&interface.mac, TextFile::read(guest, &interface.file)?) else {
        return Ok(Repinned::NotFound);
    };
    let reason = format!(
        "it is tied to {old}; the source does not say its NIC's MAC, and the target's NIC has {}",
        nic.mac
    );
    if let Some(new) = pins::replace_mac(&file.path, &file.text, old, &nic.mac) {
        return Ok(file.edit(ID, &new, reason).map_or(Repinned::NotFound, Repinned::Edit));
    }
    let already = pins::replace_mac(&file.path, &file.text, &nic.mac, &nic.mac).is_some();
    Ok(if already { Repinned::Already } else { Repinned::NotFound })
}

fn concern(interface: &InterfaceFacts) -> Concern {
    let mac = interface.mac.as_deref().unwrap_or_default();
    let name = if interface.name.is_empty() { "an interface" } else { &interface.name };
    Concern::new(
        "guest.network.stale-mac",
        Severity::Warning,
        &interface.file,
        format!("the configuration of {name} is tied to {mac}, a MAC address that no NIC of the VM has"),
        "tie it to the MAC of the NIC that it is for, or to none, in the guest before the migration",
    )
}
