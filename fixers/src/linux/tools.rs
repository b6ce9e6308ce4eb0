//! `linux.guest-tools`: services of the old hypervisor's tools, which have nothing to talk to on KVM.

use h2k_config::{Policy, Tools};

use crate::inspect::tools::known::{Purpose, Tool};
use crate::{Concern, Edit, Fixer, Guest, GuestFacts, Proposal, Severity, error::Result, guest};

use super::units::Units;

mod others;
mod sysv;

#[cfg(test)]
mod tests;

const ID: &str = "linux.guest-tools";
/// Units that are masked of one guest: the tools have a handful, and their names come from the guest.
const MAX_UNITS: usize = 64;

/// Turns off the services of the old hypervisor's tools.
pub struct GuestTools;

impl Fixer for GuestTools {
    fn id(&self) -> &'static str {
        ID
    }

    fn summary(&self) -> &'static str {
        "masks the services of the old hypervisor's guest tools"
    }

    fn explanation(&self) -> &'static str {
        "The guest tools of VMware, Hyper-V, VirtualBox, Citrix, Parallels and Nutanix find nothing to talk to on KVM; \
         their services fail or wait at each boot. h2k masks the units that are enabled, by a link to /dev/null in \
         /etc/systemd/system, as systemctl mask does. Packages and files stay, so the package database stays true, and \
         systemctl unmask undoes it. A unit whose file itself lies in /etc/systemd/system is taken out of the boot by \
         removing the links that start it. Without systemd the start links of the runlevels become stop links, links \
         of OpenRC's runlevels are removed, and jobs of upstart get an override with manual. --tools keep leaves all \
         of it out. The agent of Azure is only reported: it may be what sets the guest's network up."
    }

    fn plan(&self, facts: &GuestFacts, guest: &dyn Guest, policy: &Policy) -> Result<Proposal> {
        let mut proposal = Proposal::default();
        if !facts.is_linux() {
            return Ok(proposal);
        }
        if policy.tools != Tools::Keep {
            proposal.edits = edits(facts, guest)?;
        }
        if facts.tools.iter().any(|tool| tool.name == "azure-agent") {
            proposal.concerns.push(azure());
        }
        Ok(proposal)
    }
}

fn edits(facts: &GuestFacts, guest: &dyn Guest) -> Result<Vec<Edit>> {
    let scripts = sysv::start_links(guest)?;
    if !facts.init.systemd {
        let mut edits = sysv::stop(guest, &scripts)?;
        edits.extend(others::openrc(guest)?);
        edits.extend(others::upstart(guest)?);
        return Ok(edits);
    }
    let mut units: Vec<(String, &Tool)> = Vec::new();
    for tool in &facts.tools {
        let Some(known) = Tool::find(&tool.name).filter(|k| k.purpose == Purpose::OldHypervisor) else {
            continue;
        };
        units.extend(tool.enabled_units.iter().map(|unit| (unit.clone(), known)));
    }
    // systemd makes units of start links (systemd-sysv-generator(8)).
    units.extend(scripts.iter().map(|link| (format!("{}.service", link.script), link.tool)));
    units.sort_by(|a, b| a.0.cmp(&b.0));
    units.dedup_by(|a, b| a.0 == b.0);
    let mut edits = Vec::new();
    for (unit, tool) in units.iter().filter(|(unit, _)| !goes(guest, unit)).take(MAX_UNITS) {
        let reason = reason(unit, tool);
        edits.extend(Units { guest, fixer: ID, reason: &reason }.mask(unit)?);
    }
    Ok(edits)
}

/// Whether the unit goes with its package, whose scripts disable it: they would not disable one that is masked.
fn goes(guest: &dyn Guest, unit: &str) -> bool {
    ["/usr/lib/systemd/system", "/lib/systemd/system"]
        .into_iter()
        .any(|dir| guest.programs_change(&guest::join(dir, unit)))
}

fn reason(what: &str, tool: &Tool) -> String {
    format!("{what} belongs to the guest tools of {}, which find nothing to talk to on KVM", tool.vendor)
}

fn azure() -> Concern {
    Concern::new(
        "guest.tools.azure",
        Severity::Warning,
        "azure-agent",
        "the agent of Azure (waagent) is installed: outside of Azure it waits for a host that does not answer, and it \
         may be what sets up network, users and swap",
        "see whether the guest depends on it (/etc/waagent.conf), and remove it after the migration",
    )
}
