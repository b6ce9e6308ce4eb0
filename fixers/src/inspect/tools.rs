//! Tools of the hypervisor that the guest comes from, and the guest agent.

use crate::error::Result;
use crate::facts::GuestTool;
use crate::guest::Guest;

use super::{packages, text, units};

/// How a tool is recognised.
struct Tool {
    name: &'static str,
    /// Packages that bring it.
    packages: &'static [&'static str],
    /// Files that tell where the package database does not.
    files: &'static [&'static str],
    /// systemd units of it, aliases included, under the names of all distributions.
    units: &'static [&'static str],
}

/// Known tools. VMware's own come before the packaged ones: both have `vmtoolsd`.
const TOOLS: &[Tool] = &[
    Tool {
        name: "vmware-tools",
        packages: &["vmware-tools-esx-nox", "vmware-tools-esx"],
        // The tarball's database; the packages have no such file.
        files: &["/etc/vmware-tools/locations"],
        units: &["vmware-tools.service", "vmware-tools-thinprint.service"],
    },
    Tool {
        name: "open-vm-tools",
        packages: &["open-vm-tools"],
        files: &["/usr/bin/vmtoolsd"],
        units: &[
            "open-vm-tools.service",
            "run-vmblock\\x2dfuse.mount",
            "vgauth.service",
            "vgauthd.service",
            "vmtoolsd.service",
        ],
    },
    Tool {
        name: "qemu-guest-agent",
        packages: &["qemu-guest-agent"],
        files: &["/usr/bin/qemu-ga", "/usr/sbin/qemu-ga"],
        units: &["qemu-ga.service", "qemu-guest-agent.service"],
    },
    Tool {
        name: "hyperv-daemons",
        packages: &["hyperv-daemons", "linux-cloud-tools-common", "hvtools"],
        files: &["/usr/sbin/hypervkvpd", "/usr/sbin/hv_kvp_daemon", "/usr/bin/hv_kvp_daemon"],
        units: &[
            "hv-fcopy-daemon.service",
            "hv-kvp-daemon.service",
            "hv-vss-daemon.service",
            "hv_fcopy_daemon.service",
            "hv_kvp_daemon.service",
            "hv_vss_daemon.service",
            "hyperv-daemons.hv-fcopy-daemon.service",
            "hyperv-daemons.hv-kvp-daemon.service",
            "hyperv-daemons.hv-vss-daemon.service",
            "hypervfcopyd.service",
            "hypervkvpd.service",
            "hypervvssd.service",
        ],
    },
    Tool {
        name: "virtualbox-guest-additions",
        packages: &["virtualbox-guest-utils", "virtualbox-guest-additions", "virtualbox-guest-tools"],
        files: &["/usr/sbin/VBoxService", "/usr/bin/VBoxService", "/var/lib/VBoxGuestAdditions/config"],
        units: &[
            "vboxadd-service.service",
            "vboxadd.service",
            "vboxservice.service",
            "virtualbox-guest-utils.service",
        ],
    },
];

/// The tools that are installed, in the order of [`TOOLS`].
///
/// # Errors
/// The guest could not be read.
pub(super) fn tools(guest: &dyn Guest) -> Result<Vec<GuestTool>> {
    let packages = packages::installed(guest, &|name| TOOLS.iter().any(|t| t.packages.contains(&name)))?;
    let enabled = units::enabled(guest)?;
    let mut found: Vec<GuestTool> = Vec::new();
    for tool in TOOLS {
        let package = tool.packages.iter().find_map(|p| packages.get(*p));
        // /usr/bin/vmtoolsd is the tarball's where that is installed.
        let owned = tool.name == "open-vm-tools" && found.iter().any(|t| t.name == "vmware-tools");
        let by_file = package.is_none() && !owned && text::first_there(guest, tool.files)?.is_some();
        if package.is_none() && !by_file {
            continue;
        }
        found.push(GuestTool {
            name: tool.name.to_owned(),
            version: package.cloned().unwrap_or_default(),
            enabled_units: enabled.iter().filter(|u| tool.units.contains(&u.as_str())).cloned().collect(),
        });
    }
    Ok(found)
}
