//! What a driver is for, told by the hardware ids in its INF file.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::windows::inf::Device;

/// What a driver is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// virtio-blk disks (viostor).
    Blk,
    /// virtio-scsi controllers (vioscsi).
    Scsi,
    /// virtio-net (NetKVM).
    Network,
    /// Memory balloon.
    Balloon,
    /// virtio-serial, which carries the guest agent's channel.
    Serial,
    /// Random numbers.
    Rng,
    /// virtio-gpu.
    Gpu,
    /// virtio-input.
    Input,
    /// pvpanic on the ISA bus, as libvirt's `<panic model='isa'/>` makes it.
    Panic,
    /// pvpanic on the PCI bus.
    PanicPci,
    /// QEMU's firmware configuration device.
    FwCfg,
    /// virtio-fs.
    Fs,
    /// virtio-vsock.
    Sock,
}

/// Every role.
pub const ROLES: [Role; 13] = [
    Role::Blk,
    Role::Scsi,
    Role::Network,
    Role::Balloon,
    Role::Serial,
    Role::Rng,
    Role::Gpu,
    Role::Input,
    Role::Panic,
    Role::PanicPci,
    Role::FwCfg,
    Role::Fs,
    Role::Sock,
];

impl Role {
    /// Ids that its devices have without subsystem and revision (virtio 1.2, section 4.1.2; QEMU's
    /// docs/specs/pci-ids.rst): the transitional ones first.
    pub fn ids(self) -> &'static [&'static str] {
        match self {
            Self::Blk => &[r"PCI\VEN_1AF4&DEV_1001", r"PCI\VEN_1AF4&DEV_1042"],
            Self::Scsi => &[r"PCI\VEN_1AF4&DEV_1004", r"PCI\VEN_1AF4&DEV_1048"],
            Self::Network => &[r"PCI\VEN_1AF4&DEV_1000", r"PCI\VEN_1AF4&DEV_1041"],
            Self::Balloon => &[r"PCI\VEN_1AF4&DEV_1002", r"PCI\VEN_1AF4&DEV_1045"],
            Self::Serial => &[r"PCI\VEN_1AF4&DEV_1003", r"PCI\VEN_1AF4&DEV_1043"],
            Self::Rng => &[r"PCI\VEN_1AF4&DEV_1005", r"PCI\VEN_1AF4&DEV_1044"],
            Self::Gpu => &[r"PCI\VEN_1AF4&DEV_1050"],
            Self::Input => &[r"PCI\VEN_1AF4&DEV_1052"],
            Self::Panic => &[r"ACPI\QEMU0001", r"ACPI\VEN_QEMU&DEV_0001"],
            Self::PanicPci => &[r"PCI\VEN_1B36&DEV_0011"],
            Self::FwCfg => &[r"ACPI\QEMU0002", r"ACPI\VEN_QEMU&DEV_0002"],
            Self::Fs => &[r"PCI\VEN_1AF4&DEV_105A"],
            Self::Sock => &[r"PCI\VEN_1AF4&DEV_1012", r"PCI\VEN_1AF4&DEV_1053"],
        }
    }

    /// Those of the devices that a target has: of PCI devices of both kinds the modern one, as a driver that only knows
    /// the old one does not fit it. A device of ACPI has all of its ids at once.
    pub fn modern_ids(self) -> &'static [&'static str] {
        let ids = self.ids();
        match ids.split_last() {
            Some((last, _)) if last.starts_with("PCI") => std::slice::from_ref(last),
            _ => ids,
        }
    }

    /// Ids of the devices that QEMU makes, the most specific form. Subsystem ids of transitional devices are the virtio
    /// device type below Red Hat's vendor id, those of modern ones 0x1100 (hw/virtio/virtio-pci.c).
    pub fn qemu_ids(self) -> &'static [&'static str] {
        match self {
            Self::Blk => &[
                r"PCI\VEN_1AF4&DEV_1001&SUBSYS_00021AF4&REV_00",
                r"PCI\VEN_1AF4&DEV_1042&SUBSYS_11001AF4&REV_01",
            ],
            Self::Scsi => &[
                r"PCI\VEN_1AF4&DEV_1004&SUBSYS_00081AF4&REV_00",
                r"PCI\VEN_1AF4&DEV_1048&SUBSYS_11001AF4&REV_01",
            ],
            Self::Network => &[
                r"PCI\VEN_1AF4&DEV_1000&SUBSYS_00011AF4&REV_00",
                r"PCI\VEN_1AF4&DEV_1041&SUBSYS_11001AF4&REV_01",
            ],
            Self::Balloon => &[
                r"PCI\VEN_1AF4&DEV_1002&SUBSYS_00051AF4&REV_00",
                r"PCI\VEN_1AF4&DEV_1045&SUBSYS_11001AF4&REV_01",
            ],
            Self::Serial => &[
                r"PCI\VEN_1AF4&DEV_1003&SUBSYS_00031AF4&REV_00",
                r"PCI\VEN_1AF4&DEV_1043&SUBSYS_11001AF4&REV_01",
            ],
            Self::Rng => &[
                r"PCI\VEN_1AF4&DEV_1005&SUBSYS_00041AF4&REV_00",
                r"PCI\VEN_1AF4&DEV_1044&SUBSYS_11001AF4&REV_01",
            ],
            Self::Gpu => &[r"PCI\VEN_1AF4&DEV_1050&SUBSYS_11001AF4&REV_01"],
            Self::Input => &[r"PCI\VEN_1AF4&DEV_1052&SUBSYS_11001AF4&REV_01"],
            Self::Panic => &[r"ACPI\QEMU0001"],
            Self::PanicPci => &[r"PCI\VEN_1B36&DEV_0011&SUBSYS_11001AF4&REV_01"],
            Self::FwCfg => &[r"ACPI\QEMU0002"],
            Self::Fs => &[r"PCI\VEN_1AF4&DEV_105A&SUBSYS_11001AF4&REV_01"],
            Self::Sock => &[
                r"PCI\VEN_1AF4&DEV_1012&SUBSYS_00131AF4&REV_00",
                r"PCI\VEN_1AF4&DEV_1053&SUBSYS_11001AF4&REV_01",
            ],
        }
    }

    /// Whether a device of an INF file is one of this role.
    pub fn serves(self, device: &Device) -> bool {
        device.ids().any(|id| self.names(id))
    }

    /// Whether an id is one of this role's, with or without subsystem and revision.
    pub fn names(self, id: &str) -> bool {
        self.ids().iter().any(|known| {
            let Some((start, rest)) = id.split_at_checked(known.len()) else { return false };
            start.eq_ignore_ascii_case(known) && (rest.is_empty() || rest.starts_with('&'))
        })
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Blk => "virtio-blk",
            Self::Scsi => "virtio-scsi",
            Self::Network => "virtio-net",
            Self::Balloon => "virtio-balloon",
            Self::Serial => "virtio-serial",
            Self::Rng => "virtio-rng",
            Self::Gpu => "virtio-gpu",
            Self::Input => "virtio-input",
            Self::Panic => "pvpanic",
            Self::PanicPci => "pvpanic-pci",
            Self::FwCfg => "fw_cfg",
            Self::Fs => "virtio-fs",
            Self::Sock => "virtio-vsock",
        })
    }
}
