//! The nouns of FETCH: what the hypervisor says of a VM. Data only; unknown is a variant, never a default.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::features::{DiskTraits, Features};

/// What a description leaves open stays open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
pub enum Tristate {
    /// The source says yes.
    Yes,
    /// The source says no.
    No,
    /// The source does not say.
    #[default]
    Unknown,
}

/// Firmware that the source VM boots with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
pub enum Firmware {
    /// PC BIOS.
    Bios,
    /// UEFI.
    Uefi,
    /// The source does not say.
    #[default]
    Unknown,
}

/// What the source said of the VM's power.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
pub enum PowerState {
    /// Powered off: nothing speaks against it.
    Off,
    /// A suspend image lies beside it.
    Suspended,
    /// A lock file says that a hypervisor has it open.
    Locked,
    /// The source cannot tell (an OVA, a plain disk).
    #[default]
    Unknown,
}

/// Kind of the file that described the VM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceKind {
    /// A VMware .vmx file.
    Vmx,
    /// An OVF descriptor in a directory.
    Ovf,
    /// An OVA archive.
    Ova,
    /// Disk files without a description.
    Disks,
}

/// A virtual machine as its hypervisor describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceVm {
    /// Display name, or the file's stem where there is no description.
    pub name: String,
    /// What described it.
    pub kind: SourceKind,
    /// The file that was given.
    pub path: PathBuf,
    /// Power state.
    pub power: PowerState,
    /// SMBIOS UUID, canonical lower-case form with dashes (`uuid.bios` of a VMX).
    pub uuid: Option<String>,
    /// VM generation id, canonical form (`vm.genid` and `vm.genidX` of a VMX).
    pub genid: Option<String>,
    /// Firmware.
    pub firmware: Firmware,
    /// Secure Boot.
    pub secure_boot: Tristate,
    /// A virtual TPM.
    pub tpm: Tristate,
    /// Virtual CPUs.
    pub vcpus: Option<u32>,
    /// Cores per socket.
    pub cores_per_socket: Option<u32>,
    /// Memory in bytes.
    pub memory_bytes: Option<u64>,
    /// The declared guest system, in the hypervisor's own word (`debian12-64`).
    pub guest_os: Option<String>,
    /// Disks in slot order: the order in which the source's firmware sees them.
    pub disks: Vec<SourceDisk>,
    /// Index in `disks` of the disk that the source's BIOS tries first; `None` if the source does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot_disk: Option<usize>,
    /// Network interfaces in slot order.
    pub nics: Vec<SourceNic>,
    /// CD-ROM drives.
    pub cdroms: Vec<SourceCdrom>,
    /// Floppy drives.
    #[serde(default)]
    pub floppies: Vec<SourceFloppy>,
    /// The file that holds the firmware's variables (`nvram` of a VMX), as the source names it; never opened.
    #[serde(default)]
    pub nvram: Option<String>,
    /// Names of snapshots that exist besides the current state.
    pub snapshots: Vec<String>,
    /// `disk.EnableUUID`: the guest sees disk serials.
    pub disk_uuids_visible: Tristate,
    /// What is set besides the plain hardware.
    #[serde(default)]
    pub features: Features,
    /// What reading the description noticed and the user should know (manifest lines, devices left out).
    pub warnings: Vec<String>,
}

impl SourceVm {
    /// A VM of which nothing is known but its name and where its description is.
    pub fn new(name: impl Into<String>, kind: SourceKind, path: impl Into<PathBuf>) -> Self {
        Self {
            name: name.into(),
            kind,
            path: path.into(),
            power: PowerState::Unknown,
            uuid: None,
            genid: None,
            firmware: Firmware::Unknown,
            secure_boot: Tristate::Unknown,
            tpm: Tristate::Unknown,
            vcpus: None,
            cores_per_socket: None,
            memory_bytes: None,
            guest_os: None,
            disks: Vec::new(),
            boot_disk: None,
            nics: Vec::new(),
            cdroms: Vec::new(),
            floppies: Vec::new(),
            nvram: None,
            snapshots: Vec::new(),
            disk_uuids_visible: Tristate::Unknown,
            features: Features::default(),
            warnings: Vec::new(),
        }
    }
}

/// Bus that a disk or drive is attached to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bus {
    /// SCSI of any model.
    Scsi,
    /// NVMe.
    Nvme,
    /// SATA (AHCI).
    Sata,
    /// Parallel ATA.
    Ide,
    /// Floppy.
    Floppy,
    /// The source does not say.
    Unknown,
}

impl fmt::Display for Bus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Bus::Scsi => "scsi",
            Bus::Nvme => "nvme",
            Bus::Sata => "sata",
            Bus::Ide => "ide",
            Bus::Floppy => "floppy",
            Bus::Unknown => "unknown",
        })
    }
}

/// Where a device sits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    /// Bus.
    pub bus: Bus,
    /// Controller model in the source's word (`pvscsi`, `lsilogic`, `VirtualSCSI`), if it says.
    pub model: Option<String>,
    /// Controller number on its bus.
    pub controller: u32,
    /// Unit on the controller.
    pub unit: u32,
}

/// Format that a description declares or a name's ending suggests; what it really is, is found by looking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DiskFormat {
    /// VMware VMDK, any subformat.
    Vmdk,
    /// Virtual PC VHD.
    Vhd,
    /// Hyper-V VHDX.
    Vhdx,
    /// QEMU qcow2.
    Qcow2,
    /// Raw bytes.
    Raw,
    /// VirtualBox VDI.
    Vdi,
    /// Parallels.
    Parallels,
    /// QED, QEMU's enhanced disk.
    Qed,
    /// The first qcow, before qcow2.
    Qcow,
    /// Apple DMG.
    Dmg,
}

/// Where a disk's bytes are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DiskLocation {
    /// A file of its own.
    File {
        /// Absolute path.
        path: PathBuf,
    },
    /// A part of a file: a member of an uncompressed tar, read in place.
    Range {
        /// Absolute path of the archive.
        path: PathBuf,
        /// First byte.
        offset: u64,
        /// Length in bytes.
        length: u64,
    },
    /// An export of an NBD server: a raw disk.
    Nbd {
        /// URI in its normal form, without user or password (see `NbdUri`).
        uri: String,
    },
}

impl DiskLocation {
    /// The local file that the bytes are in; `None` if they are on a server.
    pub fn file(&self) -> Option<&Path> {
        match self {
            DiskLocation::File { path } | DiskLocation::Range { path, .. } => Some(path),
            DiskLocation::Nbd { .. } => None,
        }
    }
}

/// A virtual disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceDisk {
    /// Where the disk sits.
    pub slot: Slot,
    /// Where its bytes are: the active image (the newest snapshot delta where there are snapshots).
    pub location: DiskLocation,
    /// Format as declared; `None` if nothing declares it.
    pub format: Option<DiskFormat>,
    /// Capacity in bytes as declared.
    pub capacity_bytes: Option<u64>,
    /// Disk mode in the source's word (`persistent`, `independent-persistent` …).
    pub mode: Option<String>,
    /// Serial that the guest may see.
    pub serial: Option<String>,
    /// What it is besides its bytes.
    #[serde(default)]
    pub traits: DiskTraits,
}

/// A network interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceNic {
    /// MAC address, lower-case with colons; `None` if the source does not say.
    pub mac: Option<String>,
    /// Whether the MAC was set by hand rather than generated.
    pub mac_static: bool,
    /// Model in the source's word (`vmxnet3`, `e1000`), if it says.
    pub model: Option<String>,
    /// Name of the network or port group it is attached to.
    pub network: Option<String>,
    /// VMware connection type (`bridged`, `nat`, `hostonly`, `custom`), if it says.
    pub connection: Option<String>,
    /// PCI slot number (`ethernetN.pciSlotNumber`), which Linux guests name the interface by (192 → ens192).
    pub pci_slot: Option<u32>,
    /// Connected when the VM starts.
    pub start_connected: Tristate,
}

/// A CD-ROM drive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceCdrom {
    /// Where the drive sits.
    pub slot: Slot,
    /// The image file in it, as the source names it; never opened.
    pub image: Option<String>,
}

/// A floppy drive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceFloppy {
    /// Where the drive sits: [`Bus::Floppy`], controller 0.
    pub slot: Slot,
    /// The image file in it, as the source names it; never opened.
    pub image: Option<String>,
}
