//! Boot loaders of the guest.

use serde::{Deserialize, Serialize};

/// Bootloaders' files, each list in path order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BootloaderFacts {
    /// GRUB 2 configuration files (`grub.cfg`), stubs on the ESP and what they lead on to included.
    pub grub_cfg: Vec<String>,
    /// GRUB environment blocks (`grubenv`), and other files of variables that a `grub.cfg` loads (`photon.cfg`).
    pub grubenv: Vec<String>,
    /// `/etc/default/grub` and `/etc/default/grub.d/*.cfg`.
    pub grub_defaults: Vec<String>,
    /// Boot Loader Specification entries, GRUB's and systemd-boot's.
    pub bls_entries: Vec<String>,
    /// `/etc/kernel/cmdline`, `/usr/lib/kernel/cmdline`.
    pub kernel_cmdline: Vec<String>,
    /// extlinux or syslinux configuration.
    pub extlinux: Vec<String>,
    /// GRUB legacy's configuration (`menu.lst`, `grub.conf`).
    #[serde(default)]
    pub grub_legacy: Vec<String>,
    /// GRUB's maps of BIOS disks to Linux' names (`device.map`).
    #[serde(default)]
    pub device_maps: Vec<String>,
    /// Configuration of boot loaders that h2k does not edit (`/etc/lilo.conf`).
    #[serde(default)]
    pub others: Vec<String>,
    /// Unified kernel images on the EFI system partition.
    #[serde(default)]
    pub ukis: Vec<UkiFacts>,
    /// Files `*.efi` on the EFI system partition, by their path in the guest.
    pub efi_binaries: Vec<String>,
    /// Mount point of the EFI system partition in the guest, if it is mounted.
    pub esp: Option<String>,
}

/// A unified kernel image: kernel, initramfs and command line in one file that the firmware starts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UkiFacts {
    /// Path in the guest.
    pub path: String,
    /// The command line that is built in; `None` if there is none.
    pub cmdline: Option<String>,
    /// Names of the kernel modules in its initramfs, as in [`super::InitramfsFacts`]; `None` if it has no initramfs or
    /// that could not be listed.
    pub modules: Option<Vec<String>>,
    /// Why the file could not be read as one, if so.
    pub unreadable: Option<String>,
    /// Where the command line can be changed in place; `None` if it cannot, which [`UkiFacts::sealed`] explains.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<CmdlinePlace>,
    /// Why the command line cannot be changed in place, in words that follow "it".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed: Option<String>,
}

/// Where the command line lies in a unified kernel image. All numbers are bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CmdlinePlace {
    /// The section's text, without the zero bytes that it ends in.
    pub text: String,
    /// Offset of the text in the file.
    pub offset: u64,
    /// Size of the section in memory, and what of it is in the file.
    pub size: u32,
    /// Size that it may grow to: what is behind it in the file is zero, and nobody's in memory.
    pub room: u32,
    /// Offset in the file of the header's field that tells the size.
    pub size_field: u64,
    /// Size of the file.
    pub file: u64,
}
