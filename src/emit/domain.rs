//! The target VM as data. PLAN decides it; the XML, the boot test and the report read it.

use std::path::{Path, PathBuf};

use h2k_config::{DiskBus, NetworkTarget, TargetFormat};
use serde::{Deserialize, Serialize};

/// A libvirt domain, as far as h2k decides it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Domain {
    /// Domain name.
    pub name: String,
    /// SMBIOS and domain UUID.
    pub uuid: Option<String>,
    /// VM generation id.
    pub genid: Option<String>,
    /// libosinfo short id (`debian12`), empty if unknown.
    pub osinfo: String,
    /// Memory in bytes.
    pub memory_bytes: u64,
    /// CPU topology.
    pub cpu: CpuTopology,
    /// Machine type.
    pub machine: Machine,
    /// Firmware.
    pub firmware: TargetFirmware,
    /// An emulated TPM 2.0.
    pub tpm: bool,
    /// Hardware clock.
    pub clock: Clock,
    /// Disks in order; the first with `boot` is booted.
    pub disks: Vec<DomainDisk>,
    /// NICs in order.
    pub nics: Vec<DomainNic>,
    /// Empty CD-ROM drives.
    pub cdroms: u32,
}

/// CPUs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CpuTopology {
    /// Sockets.
    pub sockets: u32,
    /// Cores per socket.
    pub cores: u32,
    /// Threads per core.
    pub threads: u32,
}

impl CpuTopology {
    /// Virtual CPUs in all.
    pub fn vcpus(self) -> u32 {
        self.sockets.saturating_mul(self.cores).saturating_mul(self.threads)
    }
}

/// Machine type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Machine {
    /// PCI Express chipset.
    Q35,
    /// PCI chipset, for systems older than virtio 1.0 or PCI Express.
    I440fx,
}

/// Firmware of the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum TargetFirmware {
    /// SeaBIOS.
    Bios,
    /// OVMF.
    Uefi {
        /// With Secure Boot and Microsoft's keys enrolled.
        secure_boot: bool,
    },
}

/// Hardware clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Clock {
    /// UTC.
    Utc,
    /// Local time (Windows).
    Localtime,
}

/// A target disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainDisk {
    /// File, relative to the result directory (`disk0.qcow2`) unless absolute.
    pub file: PathBuf,
    /// Format.
    pub format: TargetFormat,
    /// Bus.
    pub bus: DiskBus,
    /// Device name on the target (`vda`, `sda`).
    pub target: String,
    /// Serial that the guest sees.
    pub serial: Option<String>,
    /// Place in the boot order, from 1.
    pub boot_order: Option<u32>,
    /// Virtual size in bytes.
    pub size: u64,
}

impl DomainDisk {
    /// Its file's absolute path when the result lies in `dir`.
    pub fn path_in(&self, dir: &Path) -> PathBuf {
        dir.join(&self.file)
    }
}

/// A target NIC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainNic {
    /// MAC address.
    pub mac: String,
    /// What it is attached to.
    pub target: NetworkTarget,
    /// Model (`virtio`, `e1000e`).
    pub model: String,
    /// Link up at start.
    pub connected: bool,
}
