//! `linux.tool-packages` and `linux.remove-packages`: packages that the guest's own package manager removes, offline.

use h2k_config::customize::Package;
use h2k_config::{Policy, Tools};

use super::manager::Manager;
use super::tools;
use crate::inspect::tools::known::{Purpose, Tool};
use crate::{Concern, Fixer, Guest, GuestFacts, Proposal, Severity, error::Result};

#[cfg(test)]
mod tests;

const TOOLS: &str = "linux.tool-packages";
const WANTED: &str = "linux.remove-packages";

/// Removes the old hypervisor's tools.
pub struct ToolPackages;

impl Fixer for ToolPackages {
    fn id(&self) -> &'static str {
        TOOLS
    }

    fn summary(&self) -> &'static str {
        "with --tools remove: removes the packages of the old hypervisor's guest tools"
    }

    fn explanation(&self) -> &'static str {
        "With --tools remove the packages of the guest tools are removed by the guest's own dpkg or rpm, inside the \
         appliance and without network; configuration files stay (dpkg --remove), with rpm those that somebody changed \
         (as .rpmsave). The plan lists every file that this may change. Packages that another installed package needs \
         stay, masked like without the option, which is reported. So do tools that no package brought (VMware's tarball: \
         its uninstaller in the guest removes them) and those of other package managers."
    }

    fn plan(&self, facts: &GuestFacts, guest: &dyn Guest, policy: &Policy) -> Result<Proposal> {
        let mut proposal = Proposal::default();
        if !facts.is_linux() || policy.tools != Tools::Remove {
            return Ok(proposal);
        }
        let old = |name: &str| Tool::find(name).filter(|known| known.purpose == Purpose::OldHypervisor);
        let tools: Vec<&Tool> = facts.tools.iter().filter_map(|tool| old(&tool.name)).collect();
        if tools.is_empty() {
            return Ok(proposal);
        }
        let manager = match Manager::read(guest)? {
            Ok(manager) => manager,
            Err(why) => {
                proposal.concerns.extend(tools.iter().map(|tool| not_removed(tool.name, &why)));
                return Ok(proposal);
            }
        };
        let mut packages: Vec<String> = Vec::new();
        for tool in tools {
            let there = tool.packages.iter().filter(|p| manager.has(p)).map(|p| (*p).to_owned());
            let before = packages.len();
            packages.extend(there);
            if packages.len() == before {
                proposal.concerns.push(not_removed(tool.name, "no package brought it"));
            }
        }
        if packages.is_empty() {
            return Ok(proposal);
        }
        let dependents = manager.dependents(&packages)?;
        if !dependents.is_empty() {
            let why = format!("other packages need it: {}", listed(&dependents));
            proposal.concerns.push(not_removed(&packages.join(", "), &why));
            return Ok(proposal);
        }
        let reason = "the old hypervisor's guest tools find nothing to talk to on KVM (--tools remove)";
        if matches!(manager, Manager::Dpkg(_)) {
            // dpkg keeps what starts a service until the package is purged, and so its init script would be run.
            proposal.edits = tools::stop(facts, guest, TOOLS, policy)?;
        }
        proposal.edits.extend(manager.remove(guest, TOOLS, reason, &packages)?);
        Ok(proposal)
    }
}

/// Removes what the settings name.
pub struct RemovePackages;

impl Fixer for RemovePackages {
    fn id(&self) -> &'static str {
        WANTED
    }

    fn summary(&self) -> &'static str {
        "removes the packages that customize names"
    }

    fn explanation(&self) -> &'static str {
        "The packages of customize.remove-packages that are installed are removed by the guest's own dpkg or rpm, inside \
         the appliance and without network; configuration files stay (with rpm those that somebody changed, as .rpmsave). \
         The plan lists every file that this may change. A package that another one needs, and a guest with neither dpkg \
         nor rpm, are critical concerns: nothing is removed then."
    }

    fn plan(&self, facts: &GuestFacts, guest: &dyn Guest, policy: &Policy) -> Result<Proposal> {
        let mut proposal = Proposal::default();
        let names = &policy.customize.remove_packages;
        if !facts.is_linux() || names.is_empty() {
            return Ok(proposal);
        }
        let manager = match Manager::read(guest)? {
            Ok(manager) => manager,
            Err(why) => {
                let message = format!("{why}: h2k cannot remove packages offline");
                proposal.concerns.push(impossible("customize.remove-packages", &message));
                return Ok(proposal);
            }
        };
        let packages: Vec<String> =
            names.iter().map(Package::as_str).filter(|name| manager.has(name)).map(str::to_owned).collect();
        if packages.is_empty() {
            return Ok(proposal);
        }
        let dependents = manager.dependents(&packages)?;
        if dependents.is_empty() {
            proposal.edits = manager.remove(guest, WANTED, "customize.remove-packages", &packages)?;
        } else {
            let message = format!("other packages need it: {}", listed(&dependents));
            proposal.concerns.push(impossible(&packages.join(", "), &message));
        }
        Ok(proposal)
    }
}

/// `ubuntu-server (open-vm-tools)`, the first few.
fn listed(dependents: &[(String, String)]) -> String {
    let shown: Vec<String> = dependents.iter().take(4).map(|(who, what)| format!("{who} ({what})")).collect();
    let more = dependents.len().saturating_sub(shown.len());
    if more == 0 { shown.join(", ") } else { format!("{} and {more} more", shown.join(", ")) }
}

fn not_removed(tool: &str, why: &str) -> Concern {
    Concern::new(
        "guest.tools.not-removed",
        Severity::Information,
        tool,
        format!("it is not removed but masked: {why}"),
        "remove it in the guest after the migration (VMware's tarball: vmware-uninstall-tools.pl)",
    )
}

fn impossible(subject: &str, message: &str) -> Concern {
    Concern::new(
        "customize.impossible",
        Severity::Critical,
        subject,
        message,
        "leave it out of customize.remove-packages, and remove it in the guest",
    )
}
