//! `linux.guest-tools`: services of VMware's tools, which have nothing to talk to on KVM (systemctl(1), `mask`).

use h2k_config::Policy;

use crate::{Concern, Fixer, Guest, GuestFacts, Proposal, Severity, error::Result};

mod systemd;
mod sysv;

#[cfg(test)]
mod tests;

const ID: &str = "linux.guest-tools";
/// Tools whose services are turned off, as INSPECT names them.
const TOOLS: [&str; 2] = ["open-vm-tools", "vmware-tools"];
const AGENT: &str = "qemu-guest-agent";

/// Turns off the services of the old hypervisor's tools.
pub struct GuestTools;

impl Fixer for GuestTools {
    fn id(&self) -> &'static str {
        ID
    }

    fn summary(&self) -> &'static str {
        "masks the services of VMware's guest tools"
    }

    fn explanation(&self) -> &'static str {
        "VMware's guest tools and open-vm-tools find no VMware on KVM; their services fail or wait at each boot. h2k \
         masks the units that are enabled, by a link to /dev/null in /etc/systemd/system, as systemctl mask does. \
         Packages and files stay, so the package database stays true, and systemctl unmask undoes it. A unit whose \
         file itself lies in /etc/systemd/system is taken out of the boot by removing the links that start it. Without \
         systemd the start links of the runlevels become stop links. Whether the QEMU guest agent is there is \
         reported; h2k does not install it."
    }

    fn plan(&self, facts: &GuestFacts, guest: &dyn Guest, _: &Policy) -> Result<Proposal> {
        let mut proposal = Proposal::default();
        if !facts.is_linux() {
            return Ok(proposal);
        }
        let tools = facts.tools.iter().filter(|tool| TOOLS.contains(&tool.name.as_str()));
        let mut units: Vec<String> = tools.flat_map(|tool| tool.enabled_units.clone()).collect();
        let scripts = sysv::start_links(guest)?;
        if facts.init.systemd {
            // systemd makes units of start links (systemd-sysv-generator(8)).
            units.extend(scripts.iter().map(|link| format!("{}.service", link.script)));
            units.sort();
            units.dedup();
            proposal.edits = systemd::mask(guest, &units)?;
        } else {
            proposal.edits = sysv::stop(guest, &scripts)?;
        }
        if !facts.tools.iter().any(|tool| tool.name == AGENT) {
            proposal.concerns.push(no_agent());
        }
        Ok(proposal)
    }
}

fn no_agent() -> Concern {
    Concern::new(
        "guest.agent.absent",
        Severity::Information,
        AGENT,
        "the guest has no QEMU guest agent: the host cannot freeze its file systems or ask for its addresses",
        "install qemu-guest-agent in the guest, before or after the migration",
    )
}
