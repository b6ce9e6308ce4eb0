//! `linux.addresses`: addresses that the user wants, written for the guest's own network configuration.

use h2k_config::Policy;

use super::netnames::matching::{Matching, matching};
use crate::error::Result;
use crate::facts::GuestFacts;
use crate::{Concern, Edit, Fixer, Guest, GuestMut, Proposal, Recorder, Severity};

mod connman;
mod ifcfg;
mod ifupdown;
mod ini;
mod keyfile;
mod netplan;
mod networkd;
mod suse;
mod wanted;

#[cfg(test)]
mod tests;

use wanted::Wanted;

const ID: &str = "linux.addresses";

/// Writes the addresses of `--ip` and `--dhcp`.
pub struct Addresses;

impl Fixer for Addresses {
    fn id(&self) -> &'static str {
        ID
    }

    fn summary(&self) -> &'static str {
        "gives network interfaces the addresses of --ip and --dhcp"
    }

    fn explanation(&self) -> &'static str {
        "Without --ip and --dhcp nothing is done: the guest keeps its addresses. With them h2k finds the files that \
         configure the NIC, in every stack that has one for it (netplan, NetworkManager keyfiles, ifcfg of Red Hat and \
         SUSE, systemd-networkd, ifupdown), and changes the lines of the addresses, gateway and name servers, and no \
         others: bonds, routes to other networks, MTUs and comments stay. A file of systemd-networkd that is for \
         several NICs is left, and a copy for the one goes before it. A NIC without a file gets one for the stack that \
         the guest has. IPv4 and IPv6 are apart: a family without an address in --ip stays as it was. Where h2k cannot \
         write what is wanted (a port of a bond, wicked's XML, a guest whose network it does not know), the plan is \
         not ready."
    }

    fn plan(&self, facts: &GuestFacts, guest: &dyn Guest, policy: &Policy) -> Result<Proposal> {
        let mut proposal = Proposal::default();
        if !facts.is_linux() || policy.addressing.is_empty() {
            return Ok(proposal);
        }
        let found = matching(facts, guest)?;
        // Two NICs may be configured in one file: the second edit is made to what the first one leaves.
        let mut after = Recorder::new(guest);
        for (mac, addressing) in &policy.addressing {
            let Some(index) = facts.hardware.nics.iter().position(|nic| nic.has_mac(mac)) else { continue };
            let outcome = match wanted(facts, &found, index) {
                Ok((name, mac)) => write(facts, &after, &Wanted::new(&mac, name, addressing))?,
                Err(why) => Outcome::Refused(why),
            };
            match outcome {
                Outcome::Edits(edits) => {
                    for edit in &edits {
                        after.apply(edit)?;
                    }
                }
                Outcome::Refused(why) => proposal.concerns.push(refused(mac, why)),
            }
        }
        proposal.edits = after.into_edits();
        Ok(proposal)
    }
}

/// What came of writing.
#[derive(Debug)]
enum Outcome {
    /// Edits, none if all is as wanted.
    Edits(Vec<Edit>),
    /// Why it cannot be written.
    Refused(String),
}

fn refused(mac: &str, why: String) -> Concern {
    Concern::new(
        "guest.network.not-written",
        Severity::Critical,
        mac,
        format!("its addresses cannot be written: {why}"),
        "leave the option for this NIC out, and configure it in the guest",
    )
}

/// Name, if the configuration knows one, and MAC of a NIC.
fn wanted(
    facts: &GuestFacts,
    found: &Matching,
    index: usize,
) -> std::result::Result<(Option<String>, String), String> {
    let name = found.pairs.iter().find(|pair| pair.nic == index).map(|pair| pair.name.clone());
    if name.is_none() && !found.names.is_empty() {
        let names = found.names.join(", ");
        return Err(format!(
            "the guest configures {names}, and h2k cannot tell whether this NIC is one of them"
        ));
    }
    let mac = facts.hardware.nics.get(index).map(|nic| nic.mac.clone()).unwrap_or_default();
    let port = |i: &crate::facts::InterfaceFacts| i.port && Some(&i.name) == name.as_ref();
    match facts.network.interfaces.iter().find(|i| port(i)) {
        Some(port) => {
            Err(format!("{} is a port of a bond or a bridge, and that has the addresses", port.name))
        }
        None => Ok((name, mac)),
    }
}

type Writer = fn(&dyn Guest, &Wanted) -> Result<Option<Outcome>>;

/// Stacks by what changes a NIC's files, `None` if it has none.
const WRITERS: [Writer; 6] =
    [netplan::change, keyfile::change, ifcfg::change, suse::change, networkd::change, ifupdown::change];

fn write(facts: &GuestFacts, guest: &dyn Guest, wanted: &Wanted) -> Result<Outcome> {
    let mut edits = Vec::new();
    let mut known = false;
    for change in WRITERS {
        match change(guest, wanted)? {
            None => {}
            Some(Outcome::Edits(found)) => {
                known = true;
                edits.extend(found);
            }
            Some(refused) => return Ok(refused),
        }
    }
    if known {
        return Ok(Outcome::Edits(edits));
    }
    create(facts, guest, wanted)
}

/// Where enabling systemd-networkd puts a link.
const NETWORKD: &str = "/etc/systemd/system/multi-user.target.wants/systemd-networkd.service";

/// A new file for the stack that the guest has.
fn create(facts: &GuestFacts, guest: &dyn Guest, wanted: &Wanted) -> Result<Outcome> {
    let has = |stack: &str| facts.network.stacks.iter().any(|s| s == stack);
    let any = |paths: &[&str]| -> Result<bool> {
        for path in paths {
            if guest.exists(path)? {
                return Ok(true);
            }
        }
        Ok(false)
    };
    if has("wicked") && any(&["/etc/wicked/ifconfig"])? && !has("ifcfg") {
        return Ok(Outcome::Refused("h2k does not write wicked's XML".to_owned()));
    }
    if has("connman") {
        return connman::create(guest, wanted);
    }
    if any(&["/usr/sbin/netplan", "/usr/bin/netplan"])? {
        return netplan::create(guest, wanted);
    }
    if has("ifupdown") {
        return ifupdown::create(guest, wanted);
    }
    if any(&["/usr/sbin/NetworkManager", "/usr/bin/NetworkManager"])? {
        return keyfile::create(guest, wanted);
    }
    if any(&[ifcfg::DIR])? {
        return ifcfg::create(guest, wanted);
    }
    if any(&[suse::DIR])? {
        return suse::create(guest, wanted);
    }
    if has("networkd") || any(&[NETWORKD])? {
        return networkd::create(guest, wanted);
    }
    Ok(Outcome::Refused("the guest has no network configuration that h2k knows".to_owned()))
}
