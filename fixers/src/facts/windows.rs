//! A Windows guest, as far as its registry and its disks tell.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A Windows system.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowsFacts {
    /// Its directory in the guest (`/c/Windows`, `/c/WINNT`), in the case that the disk has.
    pub system_root: String,
    /// Letter of the drive that it calls its own (`C`).
    #[serde(default)]
    pub drive: String,
    /// Version.
    pub version: WindowsVersion,
    /// Registry hives.
    pub hives: WindowsHives,
    /// Control sets of the SYSTEM hive (`ControlSet001`), the one in use first.
    pub control_sets: Vec<String>,
    /// The file with `DriverDatabase` (Windows 8 and newer); `None` for systems before it.
    pub driver_database: Option<String>,
    /// Whether the disks may be written.
    pub shutdown: Shutdown,
    /// Mount points of the other volumes that Windows boots from which say that they were not unmounted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub in_use: Vec<String>,
    /// Network adapters of the source's hardware that are set up.
    pub adapters: Vec<WindowsAdapter>,
    /// Tools of hypervisors.
    pub tools: Vec<WindowsTool>,
    /// Drive letter (`C:`) → what it is tied to, as `MountedDevices` has it, in hexadecimal digits.
    pub drive_letters: BTreeMap<String, String>,
    /// The hardware clock runs in UTC (`RealTimeIsUniversal`).
    pub clock_utc: bool,
    /// Paging files, as the registry names them.
    pub pagefiles: Vec<String>,
    /// System files are compressed (`compact.exe /CompactOS`), which shows only in reparse points.
    pub compact_os: bool,
    /// Group policies that forbid or limit the installation of devices, by the names of their values.
    pub device_policies: Vec<String>,
    /// Antivirus and other products whose drivers watch the boot.
    pub guards: Vec<String>,
    /// Boot configuration stores (`BCD`), as paths in the guest.
    pub boot_stores: Vec<String>,
}

/// What `winver` and the registry say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowsVersion {
    /// Product name (`Windows Server 2022 Standard`). Windows 11 says `Windows 10` here.
    pub product: String,
    /// Major version (10).
    pub major: u32,
    /// Minor version (0).
    pub minor: u32,
    /// Build (20348).
    pub build: u32,
    /// Edition (`ServerStandard`), empty before Vista.
    pub edition: String,
    /// `Client`, `Server`, `Server Core`; empty before Vista.
    pub installation: String,
    /// `WinNT`, `ServerNT` or `LanmanNT` (a domain controller).
    pub product_type: String,
    /// Suites (`Terminal Server`, `Enterprise`).
    pub suites: Vec<String>,
    /// Service pack, 0 for none.
    pub service_pack: u32,
    /// `x86_64`, `i386` or `aarch64`.
    pub arch: String,
}

impl WindowsVersion {
    /// A server, whatever its role.
    pub fn is_server(&self) -> bool {
        matches!(self.product_type.as_str(), "ServerNT" | "LanmanNT")
    }

    /// Major, minor and build, to compare with.
    pub fn number(&self) -> (u32, u32, u32) {
        (self.major, self.minor, self.build)
    }

    /// Short name of the release, as `virtio-win` calls its directories (`w10`, `2k22`); empty for unknown ones.
    pub fn release(&self) -> &'static str {
        match (self.major, self.minor, self.is_server()) {
            (5, 1, _) => "xp",
            (5, 2, false) => "xp",
            (5, 2, true) => "2k3",
            (6, 0, _) => "2k8",
            (6, 1, false) => "w7",
            (6, 1, true) => "2k8R2",
            (6, 2, false) => "w8",
            (6, 2, true) => "2k12",
            (6, 3, false) => "w8.1",
            (6, 3, true) => "2k12R2",
            (10, _, false) if self.build >= 22_000 => "w11",
            (10, _, false) => "w10",
            (10, _, true) if self.build >= 26_000 => "2k25",
            (10, _, true) if self.build >= 20_000 => "2k22",
            (10, _, true) if self.build >= 17_000 => "2k19",
            (10, _, true) => "2k16",
            _ => "",
        }
    }
}

/// Files of the registry.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowsHives {
    /// `SYSTEM`.
    pub system: String,
    /// `SOFTWARE`.
    pub software: String,
    /// Names of those that had to be made whole by their transaction logs.
    pub replayed: Vec<String>,
}

/// How Windows was left.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shutdown {
    /// Shut down as a whole.
    Clean,
    /// Hibernated: memory lies on the disk and will be loaded again.
    Hibernated,
    /// Shut down by "fast startup": the kernel is hibernated.
    FastStartup,
    /// The file system says that it was not unmounted.
    Dirty,
    /// Could not be looked at.
    #[default]
    Unknown,
}

/// A network adapter that Windows knows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowsAdapter {
    /// Interface GUID with braces, in upper case (`{C43669B3-…}`).
    pub guid: String,
    /// Name of the connection (`Ethernet0`).
    pub name: String,
    /// Description of the hardware.
    pub description: String,
    /// Device instance (`PCI\VEN_15AD&DEV_07B0…\…`).
    pub instance: String,
    /// MAC address, lower-case with colons, where something tells it.
    pub mac: Option<String>,
    /// Number of the slot, as the firmware told it (192: Linux would say `ens192`).
    pub slot: Option<u32>,
    /// Index of the NIC of the VM that it is, where MAC or slot tell or one of each is left; of the target's NICs as well.
    pub nic: Option<usize>,
    /// IPv4 by DHCP.
    pub dhcp: bool,
    /// Static addresses with prefix length, IPv4 and IPv6.
    pub addresses: Vec<String>,
    /// Default gateways, of IPv4 and IPv6.
    pub gateways: Vec<String>,
    /// Metrics of the gateways of IPv4 in their order, 0 for automatic ones; may be fewer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gateway_metrics: Vec<u32>,
    /// Other static routes of IPv6. Those of IPv4 are kept apart from adapters, and stay.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<WindowsRoute>,
    /// It has static routes of IPv6 that are not understood, maybe a gateway among them.
    #[serde(default)]
    pub ipv6_routes: bool,
    /// Name servers that were given by hand, of IPv4 and IPv6.
    pub dns: Vec<String>,
    /// DNS suffix of the connection, or empty.
    pub domain: String,
    /// WINS servers that were given by hand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wins: Vec<String>,
    /// NetBIOS over TCP/IP, where it was switched by hand; else DHCP tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub netbios: Option<bool>,
    /// Which names are registered in DNS.
    #[serde(default, skip_serializing_if = "DnsRegistration::is_usual")]
    pub dns_registration: DnsRegistration,
    /// Metric of the interface for IPv4, where it is not the automatic one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<u32>,
}

/// Which names of a computer a connection registers in DNS.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DnsRegistration {
    /// None: as on networks for storage or backup.
    None,
    /// The one with the computer's own suffix.
    #[default]
    Primary,
    /// That and the one with the connection's suffix.
    Both,
}

impl DnsRegistration {
    fn is_usual(&self) -> bool {
        *self == Self::Primary
    }
}

/// A hypervisor's tools.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowsTool {
    /// `vmware-tools`, `virtualbox`, `xen`, `parallels`, `nutanix`, `hyperv-integration`.
    pub name: String,
    /// Version, where an uninstall entry tells it.
    pub version: String,
    /// Its services and drivers (names of keys below `Services`) that are not disabled.
    pub services: Vec<String>,
    /// Its filters of device classes: class GUID, `UpperFilters` or `LowerFilters`, name.
    pub filters: Vec<ClassFilter>,
    /// Its entries below `Uninstall`, by the names of their keys.
    pub uninstall: Vec<String>,
}

/// A filter driver of a device class.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassFilter {
    /// Class GUID with braces, as the registry writes it.
    pub class: String,
    /// `UpperFilters` or `LowerFilters`.
    pub list: String,
    /// Service.
    pub service: String,
}

/// A static route.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowsRoute {
    /// Where it leads to, with the prefix' length (`2001:db8:9::/48`).
    pub destination: String,
    /// By which router.
    pub gateway: String,
}

/// What the headers of a BitLocker volume say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BitLockerFacts {
    /// How much of it is encrypted.
    pub state: BitLockerState,
    /// The protection is suspended: a key lies on the volume in the clear, and whoever has the disk can read it.
    pub suspended: bool,
    /// What opens it: `tpm`, `password`, `recovery-password`, `clear-key` …
    pub protectors: Vec<String>,
}

/// How much of a BitLocker volume is encrypted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BitLockerState {
    /// All of it, or all that is in use.
    Encrypted,
    /// Some of it: it is being encrypted or decrypted.
    Converting,
    /// Nothing of it.
    Decrypted,
    /// Its headers could not be read.
    #[default]
    Unknown,
}
