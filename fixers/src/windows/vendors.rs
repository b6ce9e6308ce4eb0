//! Tools that hypervisors put into their Windows guests, and what tells that a driver or program is theirs.
//!
//! A name alone decides nothing: Windows ships drivers whose names begin alike (`vmbus`, `vmgid`, `vmic…`), and
//! vendors sell other software too. A service is a tool's where its name is one that the vendor uses **and** its owner
//! (the provider of the INF files that own it, or the company in the version resource of its file) is the vendor.

/// A hypervisor's tools.
pub(super) struct Vendor {
    /// Name as facts have it.
    pub name: &'static str,
    /// What the provider's or company's name begins with, lower-case.
    pub companies: &'static [&'static str],
    /// Services and drivers, lower-case.
    pub services: &'static [&'static str],
    /// What the display names of its uninstall entries begin with, lower-case.
    pub products: &'static [&'static str],
    /// Values below `Run` by which its programs are started at login, lower-case.
    pub run: &'static [&'static str],
}

/// All vendors.
pub(super) const VENDORS: &[Vendor] = &[
    Vendor {
        name: "vmware-tools",
        // Broadcom has bought it, and signs its newer tools.
        companies: &["vmware", "broadcom"],
        services: &[
            "giappdef",
            "glxgi",
            "pvscsi",
            "vgauthservice",
            "vm3dmp",
            "vm3dmp-debug",
            "vm3dmp-stats",
            "vm3dmp_loader",
            "vm3dservice",
            "vmaudio",
            "vmci",
            "vmdebug",
            "vmhgfs",
            "vmmemctl",
            "vmmouse",
            "vmrawdsk",
            "vmsrvc",
            "vmtools",
            "vmupgradehelper",
            "vmusbmouse",
            "vmvss",
            "vmware physical disk helper service",
            "vmwarecafcommamqplistener",
            "vmwarecafmanagementagenthost",
            "vmwefifw",
            "vmx_svga",
            "vmxnet",
            "vmxnet2",
            "vmxnet3",
            "vmxnet3ndis6",
            "vnetflt",
            "vnetwfp",
            "vsepflt",
            "vsock",
            "vsocklib",
        ],
        products: &["vmware tools"],
        run: &["vmware user process", "vmware vm3dservice process", "vmware tools"],
    },
    Vendor {
        name: "virtualbox",
        companies: &["oracle", "sun microsystems", "innotek"],
        services: &[
            "vboxguest",
            "vboxmouse",
            "vboxservice",
            "vboxsf",
            "vboxvideo",
            "vboxvideow8",
            "vboxvideowddm",
            "vboxwddm",
        ],
        products: &["oracle vm virtualbox guest additions", "oracle virtualbox guest additions"],
        run: &["vboxtray"],
    },
    Vendor {
        name: "xen",
        companies: &["citrix", "xen project", "xenserver", "cloud software", "xen.org", "amazon", "xcp-ng"],
        services: &[
            "rhelfltr",
            "rhelnet",
            "rhelscsi",
            "xenagent",
            "xenbus",
            "xenbus_monitor",
            "xendisk",
            "xenevtchn",
            "xenfilt",
            "xenguestagent",
            "xenhid",
            "xeniface",
            "xeninstall",
            "xenlite",
            "xennet",
            "xennet6",
            "xensvc",
            "xenvbd",
            "xenvif",
            "xenvkbd",
        ],
        products: &["citrix tools for virtual machines", "citrix hypervisor", "xenserver vm tools", "xen pv"],
        run: &[],
    },
    Vendor {
        name: "parallels",
        companies: &["parallels"],
        services: &[
            "prl_boot",
            "prl_dd",
            "prl_eth5",
            "prl_fs",
            "prl_kmdd",
            "prl_memdev",
            "prl_mouf",
            "prl_mtd",
            "prl_pv32",
            "prl_pv64",
            "prl_scsi",
            "prl_sound",
            "prl_strg",
            "prl_tg",
            "prl_time",
            "prl_uprof",
            "prl_vid",
            "parallels coherence service",
            "parallels tools service",
        ],
        products: &["parallels tools"],
        run: &["prl_cc.exe", "shared internet applications"],
    },
    // Its drivers are virtio, which the target needs: only the agents are its own.
    Vendor {
        name: "nutanix",
        companies: &["nutanix"],
        services: &["nutanix guest agent", "nutanix self service restore gateway", "nutanixguestagent"],
        products: &["nutanix guest tools", "nutanix guest agent"],
        run: &[],
    },
];

/// Hyper-V's integration services. Since Windows 7 they are Windows' own and stay; where an INF of another origin owns
/// them, or before it a program that can be uninstalled brought them (vmguest.iso), somebody installed them.
pub(super) const HYPERV: Vendor = Vendor {
    name: "hyperv-integration",
    companies: &["microsoft"],
    services: &[
        "hyperkbd",
        "hypervideo",
        "netvsc",
        "s3cap",
        "storflt",
        "storvsc",
        "vmbus",
        "vmbushid",
        "vmicheartbeat",
        "vmickvpexchange",
        "vmicshutdown",
        "vmicsvc",
        "vmictimesync",
        "vmicvss",
    ],
    products: &[
        "hyper-v guest components",
        "hyper-v integration services",
        "microsoft hyper-v guest components",
        "microsoft hyper-v integration services",
    ],
    run: &[],
};

/// Whether a name of a company is one of the vendor's.
pub(super) fn is_company(vendor: &Vendor, company: &str) -> bool {
    let company = company.trim().to_lowercase();
    vendor.companies.iter().any(|name| company.starts_with(name))
}
