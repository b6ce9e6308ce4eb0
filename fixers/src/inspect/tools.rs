//! Tools of the hypervisor that the guest comes from, and the guest agent.

use crate::error::Result;
use crate::facts::GuestTool;
use crate::guest::Guest;

use super::{packages, text, units};

pub mod known;

use known::TOOLS;

/// The tools that are installed, in the order of [`TOOLS`].
///
/// # Errors
/// The guest could not be read.
pub(super) fn tools(guest: &dyn Guest) -> Result<Vec<GuestTool>> {
    let packages = packages::installed(guest, &|name| TOOLS.iter().any(|t| t.packages.contains(&name)))?;
    let enabled = units::enabled(guest)?;
    let mut found: Vec<GuestTool> = Vec::new();
    for tool in TOOLS {
        let names = || tool.packages.iter().filter(|p| packages.contains_key(**p));
        let package = names().next().and_then(|p| packages.get(*p));
        // /usr/bin/vmtoolsd is the tarball's where that is installed.
        let owned = tool.name == "open-vm-tools" && found.iter().any(|t| t.name == "vmware-tools");
        let by_file = package.is_none() && !owned && text::first_there(guest, tool.files)?.is_some();
        if package.is_none() && !by_file {
            continue;
        }
        found.push(GuestTool {
            name: tool.name.to_owned(),
            version: package.cloned().unwrap_or_default(),
            packages: names().map(|p| (*p).to_owned()).collect(),
            enabled_units: enabled.iter().filter(|u| tool.units.contains(&u.as_str())).cloned().collect(),
        });
    }
    Ok(found)
}
