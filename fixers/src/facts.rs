//! What the disks say of a guest. Data only, gathered by [`crate::inspect`]; stored with the plan.

mod boot;
mod storage;
pub mod windows;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use boot::{BootloaderFacts, CmdlinePlace, UkiFacts};
pub use storage::{
    ArrayFacts, ArrayLine, BITLOCKER, BlockDevice, CryptVolume, DiskFacts, FstabEntry, LUKS, Mount, Unmounted,
};
pub use windows::WindowsFacts;

/// Everything that INSPECT found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestFacts {
    /// Every operating system on the disks, or the one that the user chose; PLAN decides what more than one, or none, means.
    pub systems: Vec<SystemFacts>,
    /// Systems that are left as they are: the user chose the one that [`GuestFacts::systems`] has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<SystemFacts>,
    /// Partitions, logical volumes and whole disks that hold something, by what they are.
    pub block: Vec<BlockDevice>,
    /// Per disk: partition table, firmware traces.
    pub disks: Vec<DiskFacts>,
    /// Mounted file systems of the chosen system, root first.
    pub mounts: Vec<Mount>,
    /// File systems that its fstab names and that could not be mounted: what is on them was not seen.
    #[serde(default)]
    pub unmounted: Vec<Unmounted>,
    /// Firmware that the disks are made for.
    pub firmware: FirmwareOnDisk,
    /// Bootloaders and their files.
    pub bootloader: BootloaderFacts,
    /// Installed kernels, oldest first.
    pub kernels: Vec<KernelFacts>,
    /// `/etc/fstab`, parsed.
    pub fstab: Vec<FstabEntry>,
    /// `/etc/crypttab`, parsed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub crypttab: Vec<CryptVolume>,
    /// ARRAY lines of `mdadm.conf`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub arrays: Vec<ArrayLine>,
    /// Network configuration.
    pub network: NetworkFacts,
    /// Tools of the hypervisor it comes from, and the guest agent.
    pub tools: Vec<GuestTool>,
    /// Software that takes notice when its machine moves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub software: Vec<SoftwareFacts>,
    /// What the registry of a Windows system says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub windows: Option<WindowsFacts>,
    /// systemd's presence, init and udev: what new configuration may be written for.
    pub init: InitFacts,
    /// What the source's hardware looks like to the guest; filled from the hypervisor's description.
    pub hardware: SourceHardware,
}

impl GuestFacts {
    /// The system that is migrated: the only one, or none.
    pub fn system(&self) -> Option<&SystemFacts> {
        match self.systems.as_slice() {
            [one] => Some(one),
            _ => None,
        }
    }

    /// Whether the target starts with Secure Boot.
    pub fn secure_boot(&self) -> bool {
        self.hardware.secure_boot && self.firmware != FirmwareOnDisk::Bios
    }

    /// Whether the migrated system is Linux.
    pub fn is_linux(&self) -> bool {
        self.system().is_some_and(|s| s.kind == "linux")
    }

    /// What the registry of the migrated Windows system says.
    pub fn windows(&self) -> Option<&WindowsFacts> {
        self.system().filter(|s| s.kind == "windows").and(self.windows.as_ref())
    }

    /// The block device that is mounted at `mountpoint` in the migrated system.
    pub fn mounted_at(&self, mountpoint: &str) -> Option<&BlockDevice> {
        let mount = self.mounts.iter().find(|m| m.mountpoint == mountpoint)?;
        self.block.iter().find(|b| b.name == mount.device)
    }

    /// The device of this name in the appliance.
    pub fn device(&self, name: &str) -> Option<&BlockDevice> {
        self.block.iter().find(|b| b.name == name)
    }

    /// What an opened container holds: the device that it was opened as.
    pub fn opened(&self, container: &BlockDevice) -> Option<&BlockDevice> {
        let encrypted = container.is_encrypted();
        self.block.iter().find(|b| encrypted && b.inside.contains(&container.name))
    }

    /// Every device that `device` is made of, directly or not, itself first.
    pub fn below<'a>(&'a self, device: &'a BlockDevice) -> Vec<&'a BlockDevice> {
        let mut found = vec![device];
        let mut next = 0;
        while let Some(one) = found.get(next).copied() {
            for below in one.inside.iter().filter_map(|name| self.device(name)) {
                if !found.iter().any(|f| f.name == below.name) {
                    found.push(below);
                }
            }
            next += 1;
        }
        found
    }

    /// The encrypted containers that `device` lies in.
    pub fn containers<'a>(&'a self, device: &'a BlockDevice) -> Vec<&'a BlockDevice> {
        self.below(device).into_iter().filter(|b| b.is_encrypted()).collect()
    }
}

/// One operating system.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SystemFacts {
    /// Root device as the appliance names it.
    pub root: String,
    /// `linux`, `windows`, `freebsd` …
    pub kind: String,
    /// `debian`, `rhel`, `unknown` …
    pub distro: String,
    /// Name for people (`Debian GNU/Linux 12 (bookworm)`).
    pub product: String,
    /// Major version.
    pub major: i32,
    /// Minor version.
    pub minor: i32,
    /// `x86_64`, `i386`, `aarch64` …
    pub arch: String,
    /// Host name.
    pub hostname: String,
    /// `deb`, `rpm` …
    pub package_format: String,
    /// libosinfo short id (`debian12`).
    pub osinfo: String,
}

/// Firmware that the disks are made for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FirmwareOnDisk {
    /// Boot code in the MBR or a BIOS boot partition, no EFI system partition.
    Bios,
    /// An EFI system partition, no BIOS boot code.
    Uefi,
    /// Both.
    Either,
    /// Neither was found.
    #[default]
    Unknown,
}

/// An installed kernel.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KernelFacts {
    /// Version, the name of its directory in /lib/modules.
    pub version: String,
    /// Its image in /boot, if there is one.
    pub image: Option<String>,
    /// Module names (`virtio_blk`) under /lib/modules/VERSION, of those that h2k cares for.
    pub modules: Vec<String>,
    /// Names of `modules.builtin`, of those that h2k cares for.
    pub builtin: Vec<String>,
    /// Its initramfs, if there is one.
    pub initramfs: Option<InitramfsFacts>,
}

/// An initramfs as its archive lists it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InitramfsFacts {
    /// Path in the guest.
    pub path: String,
    /// Size in bytes.
    pub size: u64,
    /// Compression of each segment (`none`, `gzip`, `xz`, `zstd`, `lz4`, `bzip2`, `lzma`).
    pub segments: Vec<String>,
    /// Number of entries.
    pub entries: u64,
    /// Names of all kernel modules in it, underscores for dashes, without ending, sorted.
    pub modules: Vec<String>,
    /// Why it could not be listed, if so.
    pub unreadable: Option<String>,
    /// What has to be known before an archive is appended to it; `None` where it was not listed.
    #[serde(default)]
    pub layout: Option<InitramfsLayout>,
}

/// What has to be known of an initramfs before an archive is appended to it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InitramfsLayout {
    /// What made it, by the files in it (`initramfs-tools`, `dracut` …); empty where they do not tell.
    pub generator: String,
    /// Directories of this kernel's modules, as the image names them, with the endings that modules have there.
    pub modules: BTreeMap<String, Vec<String>>,
    /// Files that may be replaced, with their sizes in bytes: indexes of modules, lists of modules, settings.
    pub files: BTreeMap<String, u64>,
    /// Paths at which something else is than an archive would make there.
    pub obstacles: Vec<String>,
    /// Settings that the generator copied into it: those of their lines that name devices.
    pub settings: BTreeMap<String, String>,
    /// Bytes behind its last segment that the kernel would stumble over.
    pub trailing: bool,
    /// Digest of its last bytes, BLAKE3.
    pub tail: String,
}

/// Network configuration of the guest.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkFacts {
    /// Configuration stacks that have files (`ifupdown`, `networkd`, `netplan`, `networkmanager`, `ifcfg`, `wicked`,
    /// `connman`).
    pub stacks: Vec<String>,
    /// Configured physical interfaces.
    pub interfaces: Vec<InterfaceFacts>,
    /// Files that could not be understood, each with the reason (`/etc/netplan/50.yaml: …`).
    pub unparsed: Vec<String>,
    /// DHCP leases that clients left, older ones before newer ones of the same client.
    #[serde(default)]
    pub leases: Vec<LeaseFacts>,
    /// What configuration asks of a NIC besides its name and MAC.
    #[serde(default)]
    pub conditions: Vec<ConditionFacts>,
}

/// A DHCP lease.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseFacts {
    /// Name of the interface that had it.
    pub interface: String,
    /// The address, without a prefix length.
    pub address: String,
    /// MAC of the interface, lower-case, where the client told the server.
    pub mac: Option<String>,
    /// The file.
    pub file: String,
}

/// A condition that a NIC must meet for a file of the configuration to apply to it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConditionFacts {
    /// `name` (a pattern such as `ens*`), `driver` or `path` (the place on the bus).
    pub kind: String,
    /// What it must be; alternatives are separated by blanks.
    pub value: String,
    /// The file.
    pub file: String,
}

/// One configured physical interface.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterfaceFacts {
    /// Name in the guest (`ens192`); empty where the configuration matches by MAC only.
    pub name: String,
    /// MAC that the configuration ties it to, lower-case, if any.
    pub mac: Option<String>,
    /// Static addresses with prefix length, as far as written in plain form.
    pub addresses: Vec<String>,
    /// Addresses by DHCP.
    pub dhcp: bool,
    /// The file that configures it.
    pub file: String,
    /// It is a port of a bond or a bridge, which has the addresses.
    #[serde(default)]
    pub port: bool,
}

/// A hypervisor's tools in the guest, or the guest agent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestTool {
    /// `open-vm-tools`, `vmware-tools`, `qemu-guest-agent` …
    pub name: String,
    /// Version, if the package database says.
    pub version: String,
    /// Installed packages that bring it, as far as the package database can be read.
    #[serde(default)]
    pub packages: Vec<String>,
    /// systemd units of it that are enabled.
    pub enabled_units: Vec<String>,
}

/// Software that is set up in the guest.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SoftwareFacts {
    /// `kubernetes`, `cluster`, `multipath`, `iscsi` or `guard`.
    pub kind: String,
    /// Name for people.
    pub name: String,
    /// The file or directory that tells.
    pub file: String,
}

/// Init system and device naming.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InitFacts {
    /// systemd is the init.
    pub systemd: bool,
    /// udev understands `.link` files (systemd-udevd is installed).
    pub link_files: bool,
    /// The hardware clock runs in local time (hwclock(8)).
    #[serde(default)]
    pub clock_local: bool,
    /// initramfs generator: `initramfs-tools`, `dracut`, `mkinitcpio` … or empty.
    pub initramfs_generator: String,
    /// There is no udev of any kind: nothing renames NICs.
    #[serde(default)]
    pub no_udev: bool,
}

/// The source's hardware as the guest saw it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceHardware {
    /// Disks, in the VM's order; the index is the one of [`BlockDevice::disk`].
    pub disks: Vec<DiskHardware>,
    /// NICs, in the VM's order, with the MAC that the target will have.
    pub nics: Vec<NicHardware>,
    /// The firmware starts only what is signed; the target's too, unless it is a BIOS.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub secure_boot: bool,
}

/// Where a disk sat.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskHardware {
    /// `scsi`, `sata`, `ide`, `nvme` or `unknown`.
    pub bus: String,
    /// Controller number.
    pub controller: u32,
    /// Unit on the controller (the SCSI target on VMware).
    pub unit: u32,
    /// World-wide name of 16 bytes that a guest which is shown any sees, as lower-case hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wwn: Option<String>,
}

/// A NIC.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NicHardware {
    /// MAC address that the target's NIC has, lower-case.
    pub mac: String,
    /// Whether that MAC is the source's own (else h2k made it up and no guest file can know it).
    pub mac_from_source: bool,
    /// PCI hotplug slot number of the source (192 → `ens192`).
    pub pci_slot: Option<u32>,
    /// MAC address that it has on the source, lower-case, where the user gave the target another one.
    #[serde(default)]
    pub source_mac: Option<String>,
    /// Addresses without prefix length that the hypervisor saw at this NIC.
    #[serde(default)]
    pub addresses: Vec<String>,
}

impl NicHardware {
    /// Whether the NIC has this MAC, on the source or on the target.
    pub fn has_mac(&self, mac: &str) -> bool {
        self.mac == mac || self.source_mac.as_deref() == Some(mac)
    }
}
