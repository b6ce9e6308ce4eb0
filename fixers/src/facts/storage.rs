//! Disks, volumes and file systems of the guest.

use serde::{Deserialize, Serialize};

use super::windows::BitLockerFacts;

/// What holds a LUKS container, in libblkid's words.
pub const LUKS: &str = "crypto_LUKS";
/// What holds a BitLocker volume, in libblkid's words.
pub const BITLOCKER: &str = "BitLocker";

/// A partition, logical volume, md device or whole disk.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockDevice {
    /// Name in the appliance (`/dev/sda1`, `/dev/vg0/root`); never to be written into a guest.
    pub name: String,
    /// Index of the disk in the VM, for partitions and whole disks.
    pub disk: Option<usize>,
    /// Partition number, counted from 1; `None` for a whole disk or a volume.
    pub partition: Option<u32>,
    /// `ext4`, `vfat`, `swap`, `LVM2_member`, [`LUKS`], [`BITLOCKER`] … or empty.
    pub fstype: String,
    /// File system UUID or empty.
    pub uuid: String,
    /// File system label or empty.
    pub label: String,
    /// Name of the partition in a GPT, or empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub partlabel: String,
    /// Partition UUID: GPT's unique GUID, or `DISKID-NN` for MBR. Empty for volumes.
    pub partuuid: String,
    /// For a logical volume: volume group and logical volume.
    pub lv: Option<(String, String)>,
    /// For a logical volume: its UUID, as LVM writes it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub lv_uuid: String,
    /// Size in bytes.
    pub size: u64,
    /// For what is made of other devices, their names: a volume's physical volumes (all of its group), an array's
    /// members, the container of an open encrypted volume.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inside: Vec<String>,
    /// For an md array: its name and UUID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub array: Option<ArrayFacts>,
    /// For a BitLocker volume: what its headers say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bitlocker: Option<BitLockerFacts>,
}

impl BlockDevice {
    /// Whether it is a container of encrypted data: what it holds is another device, once it is opened.
    pub fn is_encrypted(&self) -> bool {
        matches!(self.fstype.as_str(), LUKS | BITLOCKER)
    }

    /// Whether both are the same file system: the members of a btrfs share one.
    pub fn same_filesystem(&self, other: &BlockDevice) -> bool {
        let btrfs = self.fstype == "btrfs" && other.fstype == "btrfs" && !self.uuid.is_empty();
        self.name == other.name || (btrfs && self.uuid == other.uuid)
    }
}

/// An md array.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArrayFacts {
    /// Name in its metadata, without the home host (`0`, `root`); of metadata 0.90, which has none, its preferred minor
    /// number.
    pub name: String,
    /// UUID as mdadm writes it, four groups with colons.
    pub uuid: String,
    /// `raid1`, `raid5` …
    pub level: String,
}

/// An ARRAY line of `mdadm.conf`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArrayLine {
    /// Name that the guest gives the array.
    pub device: String,
    /// UUID of the array, as [`ArrayFacts::uuid`].
    pub uuid: String,
}

/// A line of `/etc/crypttab`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CryptVolume {
    /// Name under `/dev/mapper`.
    pub name: String,
    /// Device, as written.
    pub device: String,
}

/// A disk of the VM.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskFacts {
    /// Name in the appliance (`/dev/sda`).
    pub name: String,
    /// Size in bytes.
    pub size: u64,
    /// It belongs to Windows' Logical Disk Manager (a dynamic disk).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dynamic: bool,
    /// `gpt`, `msdos`, or empty for none.
    pub table: String,
    /// Boot code in the first sector that has something to start.
    pub boot_code: bool,
    /// Nothing on it at all: no table, no file system, no volume.
    pub blank: bool,
}

/// A mounted file system.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    /// Mount point in the guest.
    pub mountpoint: String,
    /// Device in the appliance.
    pub device: String,
    /// libguestfs' name of the file system: the device, or a btrfs subvolume on it.
    pub mountable: String,
    /// Bytes in all.
    pub size: u64,
    /// Free bytes.
    pub free: u64,
    /// Files that can still be made; `None` where their number has no limit of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub free_files: Option<u64>,
}

/// A file system that fstab names and that could not be mounted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unmounted {
    /// Mount point in the guest.
    pub mountpoint: String,
    /// Its first field in fstab.
    pub spec: String,
    /// Why not.
    pub reason: String,
}

impl Unmounted {
    /// Whether the guest keeps kernels, bootloaders or programs there: without it, a repair may be left out.
    pub fn is_system(&self) -> bool {
        matches!(
            self.mountpoint.as_str(),
            "/boot" | "/boot/efi" | "/boot/firmware" | "/efi" | "/usr" | "/var"
        )
    }
}

/// A line of `/etc/fstab`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FstabEntry {
    /// First field, as written.
    pub spec: String,
    /// Mount point.
    pub mountpoint: String,
    /// File system type.
    pub fstype: String,
    /// Mount options.
    pub options: String,
}

impl FstabEntry {
    /// Whether `name` is one of its mount options.
    pub fn has_option(&self, name: &str) -> bool {
        self.options.split(',').any(|o| o == name)
    }
}
