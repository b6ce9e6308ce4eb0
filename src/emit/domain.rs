//! The target VM as data. PLAN decides it; the XML, the boot test and the report read it.

use std::path::{Path, PathBuf};

use h2k_config::{NetworkTarget, TargetFormat};
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
    /// What KVM offers of Hyper-V's interface to the guest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hyperv: Vec<Enlightenment>,
    /// The small devices.
    #[serde(default)]
    pub helpers: Helpers,
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

/// Bus of a target disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TargetBus {
    /// virtio-blk.
    VirtioBlk,
    /// virtio-scsi.
    VirtioScsi,
    /// AHCI: part of q35.
    Sata,
    /// The two channels of i440fx.
    Ide,
}

impl TargetBus {
    /// How names of its disks begin, for libvirt.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::VirtioBlk => "vd",
            Self::VirtioScsi | Self::Sata => "sd",
            Self::Ide => "hd",
        }
    }

    /// Name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::VirtioBlk => "virtio-blk",
            Self::VirtioScsi => "virtio-scsi",
            Self::Sata => "SATA",
            Self::Ide => "IDE",
        }
    }

    /// Whether the guest needs a virtio driver for it.
    pub fn is_virtio(self) -> bool {
        matches!(self, Self::VirtioBlk | Self::VirtioScsi)
    }
}

/// A part of Hyper-V's interface that KVM offers to guests (QEMU, docs/system/i386/hyperv.rst).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Enlightenment {
    /// No watchdog over missed ticks.
    Relaxed,
    /// Registers of the interrupt controller as MSRs.
    Vapic,
    /// Long spins are told to the hypervisor.
    Spinlocks,
    /// Index of each virtual CPU.
    Vpindex,
    /// Time that a virtual CPU has run.
    Runtime,
    /// Synthetic interrupt controller.
    Synic,
    /// Synthetic timers.
    Stimer,
    /// Synthetic timers that interrupt directly.
    StimerDirect,
    /// Reset by an MSR.
    Reset,
    /// Frequencies of TSC and APIC as MSRs.
    Frequencies,
    /// Notice of a changed TSC after a move to another host.
    Reenlightenment,
    /// TLBs of other virtual CPUs are flushed by the hypervisor.
    Tlbflush,
    /// Interrupts between virtual CPUs by hypercall.
    Ipi,
    /// The reference time as a clock (libvirt's timer `hypervclock`).
    Clock,
}

/// The small devices of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Helpers {
    /// virtio-balloon.
    pub balloon: bool,
    /// virtio-rng.
    pub rng: bool,
    /// The guest agent's channel, over virtio-serial.
    pub channel: bool,
    /// How the guest tells of a panic.
    pub panic: Panic,
    /// USB 2.0 controllers rather than what libvirt takes by itself, which is xHCI on q35.
    pub usb2: bool,
    /// virtio devices have the ids of virtio 0.9, which drivers of any age know.
    pub transitional: bool,
}

impl Default for Helpers {
    /// What every Linux guest gets.
    fn default() -> Self {
        Self { balloon: true, rng: true, channel: true, panic: Panic::Isa, usb2: false, transitional: false }
    }
}

/// How a guest tells of a panic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Panic {
    /// It cannot.
    None,
    /// pvpanic on the ISA bus.
    Isa,
    /// The crash MSRs of Hyper-V, which Windows writes without a driver.
    Hyperv,
}

/// A target disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainDisk {
    /// File, relative to the result directory (`disk0.qcow2`) unless absolute.
    pub file: PathBuf,
    /// Format.
    pub format: TargetFormat,
    /// Bus.
    pub bus: TargetBus,
    /// Device name on the target (`vda`, `sda`, `hda`).
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
    /// Model (`virtio`, `virtio-transitional`, `e1000e`, `e1000`, `rtl8139`).
    pub model: String,
    /// Link up at start.
    pub connected: bool,
}
