//! `linux.mac-pins`: configuration that is tied to MAC addresses which no NIC of the VM has.

use std::collections::BTreeSet;

use h2k_config::Policy;

use super::netnames::existing::{RULES, parse_rule};
use super::netnames::matching::{Matching, matching};
use super::text::{TextFile, files_in, lines};
use crate::error::Result;
use crate::facts::{InterfaceFacts, NicHardware};
use crate::{Change, Concern, Edit, Fixer, Guest, GuestFacts, Proposal, Severity};

mod follow;
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
         would then be called eth1; those lines are removed. Where --mac gives a NIC another MAC, everything in the \
         network configuration that names the old one names the new one. Where the source does not say a MAC (many OVA \
         files), h2k \
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
        let changed = follow::changed(facts);
        let pinned = Pinned { facts, found: &found, changed: &changed };
        proposal.edits.extend(pinned.rules(guest)?);
        proposal.edits.extend(pinned.others(guest)?);
        proposal.concerns.extend(facts.network.interfaces.iter().filter_map(|i| remembered(i, &changed)));
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
    interface.mac.as_ref().is_some_and(|mac| !facts.hardware.nics.iter().any(|nic| nic.has_mac(mac)))
}

/// Files that are tied to MACs, and what they are to be tied to.
struct Pinned<'a> {
    facts: &'a GuestFacts,
    found: &'a Matching,
    changed: &'a [(&'a str, &'a str)],
}

impl Pinned<'_> {
    /// Rules that udev wrote itself: they follow a NIC to its new MAC, and go with one that is gone.
    fn rules(&self, guest: &dyn Guest) -> Result<Vec<Edit>> {
        let mut edits = Vec::new();
        for path in files_in(guest, RULES, ".rules")? {
            if GENERATED.iter().any(|part| path.contains(part))
                && let Some(file) = TextFile::read(guest, &path)?
            {
                let followed = follow::follow(&file.text, self.changed);
                let (kept, gone) = without_stale_rules(&followed, self.facts, self.found);
                let mut reasons = Vec::new();
                if followed != file.text {
                    reasons.push(self.reason());
                }
                if !gone.is_empty() {
                    reasons.push(format!(
                        "the VM has no such NIC, and another one needs the name: {}",
                        gone.join(", ")
                    ));
                }
                edits.extend(file.edit(ID, &kept, reasons.join("; ")));
            }
        }
        Ok(edits)
    }

    /// Every other file that names the old MAC of a NIC that is given another.
    fn others(&self, guest: &dyn Guest) -> Result<Vec<Edit>> {
        let mut edits = Vec::new();
        if self.changed.is_empty() {
            return Ok(edits);
        }
        let mut seen = BTreeSet::new();
        for path in follow::files(guest, self.facts)? {
            if path.starts_with(RULES) && GENERATED.iter().any(|part| path.contains(part)) {
                continue;
            }
            if let Some((file, after)) = follow::file(guest, &path, self.changed)?
                && seen.insert(file.path.clone())
            {
                edits.extend(file.edit(ID, &after, self.reason()));
            }
            if let Some(to) = follow::renamed(&path, self.changed)
                && guest.exists(&path)?
                && !guest.exists(&to)?
            {
                edits.push(Edit {
                    fixer: ID.to_owned(),
                    reason: self.reason(),
                    change: Change::Rename { path, to },
                });
            }
        }
        Ok(edits)
    }

    fn reason(&self) -> String {
        let pairs: Vec<String> =
            self.changed.iter().map(|(old, new)| format!("{old} becomes {new}")).collect();
        format!("the target's NIC is given another MAC address: {}", pairs.join(", "))
    }
}

/// The rules without those for MACs that are gone and names that are needed; and what is gone.
fn without_stale_rules(text: &str, facts: &GuestFacts, found: &Matching) -> (String, Vec<String>) {
    let needed: BTreeSet<&str> = found.pairs.iter().map(|pair| pair.name.as_str()).collect();
    let present = |mac: &str| facts.hardware.nics.iter().any(|nic| nic.has_mac(mac));
    let mut kept = String::with_capacity(text.len());
    let mut gone = Vec::new();
    // The comment above a rule says which NIC it was for, and goes with it.
    let mut comment = "";
    for (_, line) in lines(text) {
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
    (kept, gone)
}

/// ConnMan remembers services in directories named after MACs, and writes them anew whenever it runs.
fn remembered(interface: &InterfaceFacts, changed: &[(&str, &str)]) -> Option<Concern> {
    let (_, new) = changed.iter().find(|(old, _)| interface.mac.as_deref() == Some(*old))?;
    interface.file.contains("/connman/ethernet_").then(|| {
        Concern::new(
            "guest.network.stale-mac",
            Severity::Warning,
            &interface.file,
            format!("ConnMan remembers this by the old MAC address, and will know nothing of {new}"),
            "give the NIC its configuration with --ip or --dhcp",
        )
    })
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
