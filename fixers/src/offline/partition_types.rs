//! What the types of partitions say: of the firmware that the disks are made for, and of dynamic disks.

use crate::facts::FirmwareOnDisk;

/// Partition type of an EFI system partition (UEFI 2.10, table 5-7).
const ESP_GUID: &str = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B";
/// Partition type of a BIOS boot partition (GRUB manual, "BIOS installation").
const BIOS_BOOT_GUID: &str = "21686148-6449-6E6F-744E-656564454649";
/// MBR partition type of an EFI system partition.
const ESP_MBR_TYPE: &str = "0xef";
/// MBR partition types of an extended partition, which is not a device of its own use.
const EXTENDED_MBR_TYPES: [&str; 3] = ["0x5", "0xf", "0x85"];
/// Partition types of the Logical Disk Manager: its data and its metadata ("PARTITION_LDM_…_GUID").
const LDM_GUIDS: [&str; 2] = ["AF9B60A0-1431-4F62-BC68-3311714A69AD", "5808C8AA-7E8F-42E0-85D2-E1E90434CFB3"];
/// MBR partition type of the Logical Disk Manager.
const LDM_MBR_TYPE: &str = "0x42";

/// Traces of a firmware and of dynamic disks.
#[derive(Debug, Default)]
pub struct Traces {
    esp: bool,
    bios_boot: bool,
    /// Of any disk with an MBR.
    pub boot_code: bool,
    /// Of the disk that is looked at.
    pub dynamic: bool,
}

impl Traces {
    /// Notes what a partition's type says of the firmware, as blkid tells it: a GUID, or a number in hexadecimal.
    /// Whether it is an extended partition.
    pub fn note(&mut self, table: &str, kind: &str) -> bool {
        let is = |guid: &&str| kind.eq_ignore_ascii_case(guid);
        match table {
            "gpt" => {
                self.esp |= is(&ESP_GUID);
                self.bios_boot |= is(&BIOS_BOOT_GUID);
                self.dynamic |= LDM_GUIDS.iter().any(is);
                false
            }
            "msdos" => {
                self.esp |= kind == ESP_MBR_TYPE;
                self.dynamic |= kind == LDM_MBR_TYPE;
                EXTENDED_MBR_TYPES.contains(&kind)
            }
            _ => false,
        }
    }

    /// What the disks are made for.
    pub fn firmware(&self) -> FirmwareOnDisk {
        match (self.esp, self.bios_boot || self.boot_code) {
            (true, true) => FirmwareOnDisk::Either,
            (true, false) => FirmwareOnDisk::Uefi,
            (false, true) => FirmwareOnDisk::Bios,
            (false, false) => FirmwareOnDisk::Unknown,
        }
    }
}
