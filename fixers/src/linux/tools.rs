//! `linux.guest-tools`: services of the old hypervisor's tools, which have nothing to talk to on KVM.

use h2k_config::{Policy, Tools};

use crate::inspect::tools::known::{Purpose, Tool};
use crate::{Concern, Edit, FileKind, Fixer, Guest, GuestFacts, Proposal, Severity, error::Result, guest};

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
            proposal.edits = stop(facts, guest, ID, policy)?;
        }
        if facts.tools.iter().any(|tool| tool.name == "azure-agent") {
            proposal.concerns.push(azure());
        }
        Ok(proposal)
    }
}

/// Edits of `fixer` that keep the services of the old hypervisor's tools from starting.
///
/// # Errors
/// The guest could not be read.
pub(super) fn stop(facts: &GuestFacts, guest: &dyn Guest, fixer: &str, policy: &Policy) -> Result<Vec<Edit>> {
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
        for unit in &tool.enabled_units {
            if policy.tools != Tools::Remove || starts(guest, unit)? {
                units.push((unit.clone(), known));
            }
        }
    }
    // systemd makes units of start links (systemd-sysv-generator(8)).
    units.extend(scripts.iter().map(|link| (format!("{}.service", link.script), link.tool)));
    units.sort_by(|a, b| a.0.cmp(&b.0));
    units.dedup_by(|a, b| a.0 == b.0);
    let mut edits = Vec::new();
    for (unit, tool) in units.iter().take(MAX_UNITS) {
        let reason = reason(unit, tool);
        edits.extend(Units { guest, fixer, reason: &reason }.mask(unit)?);
    }
    Ok(edits)
}

/// Where packages are removed, whether an enabled unit will be started: it has a file still, and that does not go with its
/// package, whose scripts disable it (they would not disable one that is masked).
fn starts(guest: &dyn Guest, unit: &str) -> Result<bool> {
    for dir in ["/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"] {
        let file = guest::join(dir, unit);
        if guest.programs_change(&file) {
            return Ok(false);
        }
        // An alias is a link to the file of the unit; one that is masked, to what is no file.
        let target = match guest.lstat(&file)? {
            Some(found) if found.kind == FileKind::Symlink => match guest.readlink(&file)? {
                target if target.starts_with('/') => target,
                target => guest::join(dir, &target),
            },
            _ => file,
        };
        if guest.exists(&target)? {
            return Ok(true);
        }
    }
    Ok(false)
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
