//! The tools there are, under the names of all distributions: from the packages' file lists, and from what the
//! vendors' installers write.

/// What a tool is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Talks to the hypervisor that the guest comes from.
    OldHypervisor,
    /// Talks to a cloud's hosts and configures the guest as they say.
    Cloud,
    /// Talks to QEMU.
    Agent,
}

/// How a tool is recognised.
pub struct Tool {
    /// Its name in facts.
    pub name: &'static str,
    /// Whose it is.
    pub vendor: &'static str,
    /// What it is for.
    pub purpose: Purpose,
    /// Packages that bring it, the main one first.
    pub packages: &'static [&'static str],
    /// Files that tell where the package database does not.
    pub files: &'static [&'static str],
    /// systemd units of it, aliases included.
    pub units: &'static [&'static str],
    /// Init scripts of it: System V's, OpenRC's; upstart's jobs have the same names.
    pub scripts: &'static [&'static str],
}

impl Tool {
    /// The tool of this name.
    pub fn find(name: &str) -> Option<&'static Tool> {
        TOOLS.iter().find(|tool| tool.name == name)
    }
}

/// The agent of QEMU.
pub const AGENT: &str = "qemu-guest-agent";

/// Known tools. VMware's own come before the packaged ones: both have `vmtoolsd`.
pub static TOOLS: &[Tool] = &[
    Tool {
        name: "vmware-tools",
        vendor: "VMware",
        purpose: Purpose::OldHypervisor,
        packages: &[
            "vmware-tools-esx-nox",
            "vmware-tools-esx",
            "vmware-tools-core",
            "vmware-tools-services",
            "VMwareTools",
        ],
        // The tarball's database; the packages have no such file.
        files: &["/etc/vmware-tools/locations", "/usr/bin/vmware-uninstall-tools.pl"],
        units: &["vmware-tools.service", "vmware-tools-thinprint.service", "vmware-tools-services.service"],
        scripts: &["vmware-tools", "vmware-tools-thinprint", "vmware-tools-services"],
    },
    Tool {
        name: "open-vm-tools",
        vendor: "VMware",
        purpose: Purpose::OldHypervisor,
        packages: &["open-vm-tools", "open-vm-tools-desktop", "open-vm-tools-dkms", "open-vm-tools-openrc"],
        files: &["/usr/bin/vmtoolsd"],
        units: &[
            "open-vm-tools.service",
            "run-vmblock\\x2dfuse.mount",
            "vgauth.service",
            "vgauthd.service",
            "vmtoolsd.service",
            "vmblock-fuse.service",
            "vmware-vmblock-fuse.service",
        ],
        scripts: &["open-vm-tools", "vmtoolsd", "vgauthd"],
    },
    Tool {
        name: AGENT,
        vendor: "QEMU",
        purpose: Purpose::Agent,
        packages: &["qemu-guest-agent"],
        files: &["/usr/bin/qemu-ga", "/usr/sbin/qemu-ga"],
        units: &["qemu-ga.service", "qemu-guest-agent.service"],
        scripts: &["qemu-guest-agent", "qemu-ga"],
    },
    Tool {
        name: "hyperv-daemons",
        vendor: "Hyper-V",
        purpose: Purpose::OldHypervisor,
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
        scripts: &[
            "hv-fcopy-daemon",
            "hv-kvp-daemon",
            "hv-vss-daemon",
            "hv_fcopy_daemon",
            "hv_kvp_daemon",
            "hv_vss_daemon",
            "hypervfcopyd",
            "hypervkvpd",
            "hypervvssd",
        ],
    },
    Tool {
        name: "azure-agent",
        vendor: "Azure",
        purpose: Purpose::Cloud,
        packages: &["walinuxagent", "WALinuxAgent", "waagent"],
        files: &["/usr/sbin/waagent", "/usr/bin/waagent"],
        units: &["waagent.service", "walinuxagent.service"],
        scripts: &["waagent", "walinuxagent"],
    },
    Tool {
        name: "virtualbox-guest-additions",
        vendor: "VirtualBox",
        purpose: Purpose::OldHypervisor,
        packages: &[
            "virtualbox-guest-utils",
            "virtualbox-guest-additions",
            "virtualbox-guest-tools",
            "virtualbox-guest-x11",
            "virtualbox-guest-dkms",
        ],
        files: &["/usr/sbin/VBoxService", "/usr/bin/VBoxService", "/var/lib/VBoxGuestAdditions/config"],
        units: &[
            "vboxadd-service.service",
            "vboxadd-x11.service",
            "vboxadd.service",
            "vboxclient.service",
            "vboxservice.service",
            "virtualbox-guest-utils.service",
        ],
        scripts: &[
            "vboxadd",
            "vboxadd-service",
            "vboxadd-x11",
            "virtualbox-guest-utils",
            "virtualbox-guest-additions",
        ],
    },
    Tool {
        name: "xe-guest-utilities",
        vendor: "Citrix Hypervisor",
        purpose: Purpose::OldHypervisor,
        packages: &["xe-guest-utilities", "xe-guest-utilities-xenstore", "xe-guest-utilities-latest"],
        files: &["/usr/sbin/xe-daemon", "/usr/sbin/xe-linux-distribution"],
        units: &["xe-daemon.service", "xe-linux-distribution.service", "xen-guest-agent.service"],
        scripts: &["xe-daemon", "xe-linux-distribution", "xe-guest-utilities"],
    },
    Tool {
        name: "parallels-tools",
        vendor: "Parallels",
        purpose: Purpose::OldHypervisor,
        packages: &["parallels-tools"],
        files: &["/usr/bin/prltoolsd", "/usr/lib/parallels-tools/version"],
        units: &["prltoolsd.service", "prltools_updater.service", "prl-x11.service"],
        scripts: &["prltoolsd", "prltools_updater.sh", "prl-x11"],
    },
    Tool {
        name: "nutanix-guest-tools",
        vendor: "Nutanix",
        purpose: Purpose::OldHypervisor,
        packages: &["nutanix-guest-agent", "nutanix-guest-tools"],
        files: &["/usr/local/nutanix/ngt"],
        units: &["ngt_guest_agent.service", "ngt_self_service_restore.service"],
        scripts: &["ngt_guest_agent", "ngt_self_service_restore"],
    },
];
