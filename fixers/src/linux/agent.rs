//! `linux.guest-agent`: the agent by which the host freezes the guest's file systems and learns its addresses.

use h2k_config::Policy;

use super::units::Units;
use crate::inspect::tools::known::AGENT;
use crate::{Change, Concern, Edit, Fixer, Guest, GuestFacts, Proposal, Severity, error::Result};

mod install;

#[cfg(test)]
mod tests;

const ID: &str = "linux.guest-agent";
/// Its unit, Debian's and Red Hat's name and SUSE's.
const UNITS: [&str; 2] = ["qemu-guest-agent.service", "qemu-ga.service"];
/// Its script of OpenRC, and the runlevel that starts services.
const OPENRC_SCRIPT: &str = "/etc/init.d/qemu-guest-agent";
const OPENRC_LINK: &str = "/etc/runlevels/default/qemu-guest-agent";
const REASON: &str = "the QEMU guest agent is installed but is not started at boot";

/// Enables the guest agent.
pub struct GuestAgent;

impl Fixer for GuestAgent {
    fn id(&self) -> &'static str {
        ID
    }

    fn summary(&self) -> &'static str {
        "enables the QEMU guest agent, or installs it from --agent-packages"
    }

    fn explanation(&self) -> &'static str {
        "Through the QEMU guest agent the host freezes the guest's file systems for a consistent backup, shuts it down \
         cleanly and learns its addresses. Where it is installed but not started at boot, h2k enables it as systemctl \
         enable does, by the links that its unit asks for. A unit that somebody masked stays masked, which is reported. \
         Where it is not installed, --agent-packages names a directory of this host with packages: those that fit the \
         guest's distribution and architecture, and whose needs the guest and the directory meet, are put into the guest \
         and installed by its own dpkg or rpm inside the appliance, without network and without a service starting. The \
         plan lists every file that this may change. Without the option a missing agent is reported."
    }

    fn plan(&self, facts: &GuestFacts, guest: &dyn Guest, policy: &Policy) -> Result<Proposal> {
        let mut proposal = Proposal::default();
        if !facts.is_linux() {
            return Ok(proposal);
        }
        if !facts.tools.iter().any(|tool| tool.name == AGENT) {
            match &policy.agent_packages {
                None => proposal.concerns.push(absent()),
                Some(dir) => return install::install(facts, guest, dir),
            }
        } else if facts.init.systemd {
            systemd(guest, &mut proposal)?;
        } else if guest.exists(OPENRC_SCRIPT)? && guest.list("/etc/runlevels/default")?.is_some() {
            openrc(guest, &mut proposal)?;
        }
        Ok(proposal)
    }
}

fn systemd(guest: &dyn Guest, proposal: &mut Proposal) -> Result<()> {
    let units = Units { guest, fixer: ID, reason: REASON };
    for unit in UNITS {
        if units.is_masked(unit)? {
            proposal.concerns.push(masked(unit));
        } else if let Some(edits) = units.enable(unit)? {
            proposal.edits.extend(edits);
        }
    }
    Ok(())
}

fn openrc(guest: &dyn Guest, proposal: &mut Proposal) -> Result<()> {
    if !guest.exists(OPENRC_LINK)? {
        let (path, target) = (OPENRC_LINK.to_owned(), OPENRC_SCRIPT.to_owned());
        proposal.edits.push(Edit::new(ID, REASON, Change::Symlink { path, before: None, target }));
    }
    Ok(())
}

fn absent() -> Concern {
    Concern::new(
        "guest.agent.absent",
        Severity::Information,
        AGENT,
        "the guest has no QEMU guest agent: the host cannot freeze its file systems or ask for its addresses",
        "give its package with --agent-packages DIR, or install qemu-guest-agent in the guest before or after the \
         migration",
    )
}

fn masked(unit: &str) -> Concern {
    Concern::new(
        "guest.agent.masked",
        Severity::Information,
        unit,
        "the QEMU guest agent is installed, but somebody masked its unit",
        "systemctl unmask it in the guest if the host shall use it",
    )
}
