//! What a description sets besides the plain hardware: facts that rules look at. Data, and how VMware's keys become it.
//!
//! A `.vmx` and the extra configuration of an OVF use the same keys; an OVF has names of its own for some of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::source::Tristate;

/// Most names that are kept of a kind; a VM has a few of each.
const MAX_NAMES: usize = 100;

/// Keys that cloud-init's VMware datasource reads (cloud-init's `DataSourceVMware`), and the OVF environment.
const GUEST_DATA: [&str; 4] =
    ["guestinfo.metadata", "guestinfo.userdata", "guestinfo.vendordata", "guestinfo.ovfenv"];

/// Keys of limits and reservations, with the value at which each of them is none.
const SHARES: [(&str, &str); 5] = [
    ("sched.cpu.min", "0"),
    ("sched.cpu.max", "unlimited"),
    ("sched.mem.min", "0"),
    ("sched.mem.max", "unlimited"),
    ("sched.mem.pin", "false"),
];

/// Settings of a VM that its target may not have.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Features {
    /// Changed block tracking.
    pub change_tracking: Tristate,
    /// CPUs can be added while it runs.
    pub cpu_hotplug: Tristate,
    /// Memory can be added while it runs.
    pub memory_hotplug: Tristate,
    /// The guest may run virtual machines of its own.
    pub nested_virtualization: Tristate,
    /// A virtual IOMMU.
    pub iommu: Tristate,
    /// Virtual performance counters.
    pub performance_counters: Tristate,
    /// The tools keep the guest's clock at the host's.
    pub time_sync: Tristate,
    /// The guest sees the old host's vendor data (`SMBIOS.reflectHost`).
    pub host_smbios: Tristate,
    /// Accelerated 3D graphics.
    pub graphics_3d: Tristate,
    /// A sound card.
    pub sound: Tristate,
    /// The hypervisor saw it go down.
    pub clean_shutdown: Tristate,
    /// The description is encrypted in part.
    pub encrypted: Tristate,
    /// Host CPUs that it is bound to, as written.
    pub cpu_affinity: Option<String>,
    /// NUMA nodes that it is bound to, as written.
    pub numa_affinity: Option<String>,
    /// Latency sensitivity other than normal, as written.
    pub latency_sensitivity: Option<String>,
    /// Reservations and limits of CPU and memory, `key = value`.
    pub shares: Vec<String>,
    /// Keys that change what the CPU tells of itself.
    pub cpu_masks: Vec<String>,
    /// Keys that shut the guest off from its host.
    pub isolation: Vec<String>,
    /// Keys with data for cloud-init or of the OVF environment. Never their values.
    pub guest_data: Vec<String>,
    /// PCI devices of the host.
    pub host_devices: Vec<HostDevice>,
    /// USB devices of the host that are attached, as written.
    pub usb_devices: Vec<String>,
    /// USB controllers.
    pub usb_controllers: Vec<String>,
    /// Serial and parallel ports.
    pub ports: Vec<String>,
}

/// A PCI device of the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostDevice {
    /// Name in the description.
    pub name: String,
    /// What it is.
    pub kind: HostDeviceKind,
}

/// Kind of a PCI device of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HostDeviceKind {
    /// A device that is passed through.
    Pci,
    /// A virtual GPU.
    Vgpu,
    /// A virtual function of a NIC (SR-IOV).
    Sriov,
}

/// What a disk is besides its bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DiskTraits {
    /// How it is shared with other VMs, in the source's word (`multi-writer`, `physical`), if it is.
    pub shared: Option<String>,
    /// It maps a device of the host, in the source's word (`rawDisk`).
    pub raw_mapping: Option<String>,
    /// A limit of its throughput, as written.
    pub io_limit: Option<String>,
}

/// VMware's settings by lower-case key.
pub(crate) struct Settings<'a> {
    /// The settings.
    pub keys: &'a BTreeMap<String, String>,
    /// What a switch means that is not mentioned: a `.vmx` leaves out what is off, an OVF what it does not carry.
    pub absent: Tristate,
}

impl Settings<'_> {
    fn text(&self, key: &str) -> Option<&str> {
        self.keys.get(key).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    fn stated(&self, key: &str) -> Option<Tristate> {
        match self.text(key)?.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "1" => Some(Tristate::Yes),
            "false" | "no" | "off" | "0" => Some(Tristate::No),
            _ => Some(Tristate::Unknown),
        }
    }

    /// The first of the keys that is there.
    fn switch(&self, keys: &[&str]) -> Tristate {
        keys.iter().find_map(|key| self.stated(key)).unwrap_or(self.absent)
    }

    fn on(&self, key: &str) -> bool {
        self.stated(key) == Some(Tristate::Yes)
    }

    /// Keys between `prefix` and `suffix` that are on, without the suffix.
    fn devices(&self, prefix: &str, suffix: &str) -> Vec<String> {
        let named = self.starting_with(prefix).filter(|key| self.on(key));
        named.filter_map(|key| key.strip_suffix(suffix)).map(str::to_owned).take(MAX_NAMES).collect()
    }

    fn starting_with<'k>(&'k self, prefix: &'k str) -> impl Iterator<Item = &'k str> {
        self.keys
            .range(prefix.to_owned()..)
            .map(|(key, _)| key.as_str())
            .take_while(move |k| k.starts_with(prefix))
    }

    /// The features that these settings tell.
    pub(crate) fn features(&self) -> Features {
        let other_than = |key: &str, none: &str| {
            self.text(key).filter(|value| !value.eq_ignore_ascii_case(none)).map(str::to_owned)
        };
        let shares =
            SHARES.iter().filter_map(|(key, none)| Some(format!("{key} = {}", other_than(key, none)?)));
        Features {
            change_tracking: self.switch(&["ctkenabled"]),
            cpu_hotplug: self.switch(&["vcpu.hotadd", "cpuhotaddenabled"]),
            memory_hotplug: self.switch(&["mem.hotadd", "memoryhotaddenabled"]),
            nested_virtualization: self.switch(&["vhv.enable", "nestedhvenabled"]),
            iommu: self.switch(&["vvtd.enable", "flags.vvtdenabled"]),
            performance_counters: self.switch(&["vpmc.enable", "vpmcenabled"]),
            time_sync: self.switch(&["tools.synctime", "tools.synctimewithhost"]),
            host_smbios: self.switch(&["smbios.reflecthost"]),
            graphics_3d: self.switch(&["mks.enable3d"]),
            sound: self.switch(&["sound.present"]),
            // Not mentioned is not known, also in a `.vmx`.
            clean_shutdown: self.stated("cleanshutdown").unwrap_or_default(),
            encrypted: Tristate::Unknown,
            cpu_affinity: other_than("sched.cpu.affinity", "all"),
            numa_affinity: other_than("numa.nodeaffinity", ""),
            latency_sensitivity: other_than("sched.cpu.latencysensitivity", "normal"),
            shares: shares.collect(),
            cpu_masks: self.cpu_masks(),
            isolation: self.starting_with("isolation.").map(str::to_owned).take(MAX_NAMES).collect(),
            guest_data: GUEST_DATA
                .iter()
                .filter(|k| self.text(k).is_some())
                .map(|k| (*k).to_owned())
                .collect(),
            host_devices: self.host_devices(),
            usb_devices: self
                .starting_with("usb.autoconnect.device")
                .filter_map(|key| self.text(key).map(str::to_owned))
                .take(MAX_NAMES)
                .collect(),
            usb_controllers: ["usb", "ehci", "usb_xhci"]
                .iter()
                .filter(|name| self.on(&format!("{name}.present")))
                .map(|name| (*name).to_owned())
                .collect(),
            ports: ["serial", "parallel"].iter().flat_map(|p| self.devices(p, ".present")).collect(),
        }
    }

    /// `cpuid.1.ecx`, and `cpuid.80000001.edx.amd`: a leaf and a register.
    fn cpu_masks(&self) -> Vec<String> {
        let is_mask = |key: &&str| {
            let mut parts = key.split('.').skip(1);
            let leaf =
                parts.next().is_some_and(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_hexdigit()));
            leaf && parts.next().is_some_and(|register| matches!(register, "eax" | "ebx" | "ecx" | "edx"))
        };
        self.starting_with("cpuid.").filter(is_mask).map(str::to_owned).take(MAX_NAMES).collect()
    }

    /// `pciPassthruN.present`. A virtual GPU names its profile in `.vgpu`, a virtual function its physical one in
    /// `.pfId`.
    fn host_devices(&self) -> Vec<HostDevice> {
        let kind = |name: &str| match (self.text(&format!("{name}.vgpu")), self.text(&format!("{name}.pfid")))
        {
            (Some(_), _) => HostDeviceKind::Vgpu,
            (None, Some(_)) => HostDeviceKind::Sriov,
            (None, None) => HostDeviceKind::Pci,
        };
        let names = self.devices("pcipassthru", ".present").into_iter();
        names.map(|name| HostDevice { kind: kind(&name), name }).collect()
    }

    /// What is set of the disk `device` (`scsi0:1`) on `controller` (`scsi0`).
    pub(crate) fn disk_traits(
        &self,
        controller: &str,
        device: &str,
        raw_mapping: Option<String>,
    ) -> DiskTraits {
        let set = |key: String, none: &str| {
            self.text(&key).filter(|value| !value.eq_ignore_ascii_case(none)).map(str::to_owned)
        };
        DiskTraits {
            shared: set(format!("{device}.sharing"), "none")
                .or_else(|| set(format!("{controller}.sharedbus"), "none")),
            raw_mapping,
            io_limit: set(format!("sched.{device}.throughputcap"), "off"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(lines: &[(&str, &str)], absent: Tristate) -> Features {
        let keys = lines.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Settings { keys: &keys, absent }.features()
    }

    #[test]
    fn what_is_not_mentioned_is_off_in_a_vmx_and_unknown_in_an_ovf() {
        assert_eq!(of(&[], Tristate::Unknown), Features::default());
        let vmx = of(&[], Tristate::No);
        assert_eq!((vmx.cpu_hotplug, vmx.sound), (Tristate::No, Tristate::No));
        assert_eq!(vmx.clean_shutdown, Tristate::Unknown);
        assert_eq!(of(&[("vcpu.hotadd", "maybe")], Tristate::No).cpu_hotplug, Tristate::Unknown);
    }

    #[test]
    fn each_key_sets_its_feature_in_both_spellings() {
        for (key, feature) in [
            ("ctkenabled", (|f| f.change_tracking) as fn(&Features) -> Tristate),
            ("vcpu.hotadd", |f| f.cpu_hotplug),
            ("cpuhotaddenabled", |f| f.cpu_hotplug),
            ("mem.hotadd", |f| f.memory_hotplug),
            ("memoryhotaddenabled", |f| f.memory_hotplug),
            ("vhv.enable", |f| f.nested_virtualization),
            ("nestedhvenabled", |f| f.nested_virtualization),
            ("vvtd.enable", |f| f.iommu),
            ("vpmc.enable", |f| f.performance_counters),
            ("tools.synctime", |f| f.time_sync),
            ("smbios.reflecthost", |f| f.host_smbios),
            ("mks.enable3d", |f| f.graphics_3d),
            ("sound.present", |f| f.sound),
            ("cleanshutdown", |f| f.clean_shutdown),
        ] {
            assert_eq!(feature(&of(&[(key, "TRUE")], Tristate::No)), Tristate::Yes, "{key}");
            assert_eq!(feature(&of(&[(key, "FALSE")], Tristate::Unknown)), Tristate::No, "{key}");
        }
    }

    #[test]
    fn devices_of_the_host_are_told_apart() {
        let found = of(
            &[
                ("pcipassthru0.present", "TRUE"),
                ("pcipassthru1.present", "TRUE"),
                ("pcipassthru1.vgpu", "grid_t4-2q"),
                ("pcipassthru2.present", "TRUE"),
                ("pcipassthru2.pfid", "1024"),
                ("pcipassthru3.present", "FALSE"),
                ("usb.autoconnect.device0", "path:1/2 vid:0529"),
                ("usb.autoconnect.device1", ""),
                ("usb.present", "TRUE"),
                ("serial0.present", "TRUE"),
                ("serial1.present", "FALSE"),
            ],
            Tristate::No,
        );
        let kinds: Vec<HostDeviceKind> = found.host_devices.iter().map(|d| d.kind).collect();
        assert_eq!(kinds, [HostDeviceKind::Pci, HostDeviceKind::Vgpu, HostDeviceKind::Sriov]);
        assert_eq!(
            (found.usb_devices.len(), found.usb_controllers, found.ports),
            (1, vec!["usb".to_owned()], vec!["serial0".to_owned()])
        );
    }

    #[test]
    fn values_that_mean_nothing_are_nothing() {
        let none = of(
            &[
                ("sched.cpu.affinity", "all"),
                ("sched.cpu.latencysensitivity", "normal"),
                ("sched.cpu.min", "0"),
                ("sched.mem.pin", "FALSE"),
                ("cpuid.corespersocket", "2"),
                ("guestinfo.userdata", ""),
                ("guestinfo.detailed.data", "x"),
            ],
            Tristate::Unknown,
        );
        assert_eq!(none, Features::default());
        let some = of(
            &[
                ("sched.cpu.affinity", "0,1"),
                ("sched.cpu.latencysensitivity", "high"),
                ("sched.cpu.min", "2000"),
                ("cpuid.1.ecx", "----"),
                ("guestinfo.userdata", "x"),
                ("isolation.tools.copy.disable", "TRUE"),
            ],
            Tristate::Unknown,
        );
        assert_eq!(some.cpu_affinity.as_deref(), Some("0,1"));
        assert_eq!(some.shares, ["sched.cpu.min = 2000"]);
        assert_eq!(some.cpu_masks, ["cpuid.1.ecx"]);
        assert_eq!((some.guest_data.len(), some.isolation.len()), (1, 1));
    }

    #[test]
    fn a_shared_disk_says_how() {
        let keys: BTreeMap<String, String> = [
            ("scsi0:0.sharing", "multi-writer"),
            ("scsi1.sharedbus", "physical"),
            ("scsi2.sharedbus", "none"),
            ("sched.scsi2:0.throughputcap", "500"),
        ]
        .map(|(k, v)| (k.to_owned(), v.to_owned()))
        .into();
        let settings = Settings { keys: &keys, absent: Tristate::No };
        let shared = |c: &str, d: &str| settings.disk_traits(c, d, None).shared;
        assert_eq!(shared("scsi0", "scsi0:0").as_deref(), Some("multi-writer"));
        assert_eq!(shared("scsi1", "scsi1:0").as_deref(), Some("physical"));
        assert_eq!(shared("scsi2", "scsi2:0"), None);
        assert_eq!(settings.disk_traits("scsi2", "scsi2:0", None).io_limit.as_deref(), Some("500"));
    }
}
