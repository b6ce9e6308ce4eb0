//! What the target's firmware starts. Its variables are new: they hold no boot entry of the source's.

use crate::error::Result;
use crate::facts::FirmwareOnDisk;
use crate::guest;
use crate::readiness::{Link, LinkKind, LinkState};

use super::entry::Loaded;
use super::{Seen, bls, efi, extlinux, grub1, grub2};

/// A boot loader by its configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Loader {
    /// GRUB 2: its `grub.cfg`.
    Grub2(String),
    /// GRUB legacy: its `grub.conf` or `menu.lst`.
    Grub1(String),
    /// systemd-boot: the mount point of the EFI system partition.
    SystemdBoot(String),
    /// extlinux or syslinux: its configuration.
    Extlinux(String),
}

impl Loader {
    /// What it reads.
    pub(super) fn config(&self) -> &str {
        match self {
            Loader::Grub2(path)
            | Loader::Grub1(path)
            | Loader::SystemdBoot(path)
            | Loader::Extlinux(path) => path,
        }
    }

    /// What it starts by default.
    pub(super) fn load(&self, seen: &Seen<'_>) -> Result<Loaded> {
        match self {
            Loader::Grub2(path) => grub2::load(seen, path),
            Loader::Grub1(path) => grub1::load(seen, path),
            Loader::SystemdBoot(esp) => bls::systemd_boot(seen, esp),
            Loader::Extlinux(path) => extlinux::load(seen, path),
        }
    }
}

/// What the firmware starts.
pub(super) struct Started {
    /// Whether it finds a boot loader.
    pub link: Link,
    /// What that boot loader reads; several, where it is not known which.
    pub loaders: Vec<Loader>,
}

impl Started {
    pub(super) fn new(
        state: LinkState,
        subject: impl Into<String>,
        detail: impl Into<String>,
        loaders: Vec<Loader>,
    ) -> Self {
        Self { link: Link::new(LinkKind::Firmware, state, subject, detail), loaders }
    }
}

/// Finds it.
pub(super) fn started(seen: &Seen<'_>) -> Result<Started> {
    if !seen.target.uefi {
        return Ok(bios(seen));
    }
    match (&seen.facts.bootloader.esp, seen.facts.firmware) {
        (Some(esp), _) => efi::started(seen, esp),
        (None, FirmwareOnDisk::Uefi | FirmwareOnDisk::Either) => Ok(Started::new(
            LinkState::Unknown,
            "UEFI",
            "the guest does not mount its EFI system partition, so what is on it was not seen",
            configured(seen),
        )),
        (None, FirmwareOnDisk::Unknown) => Ok(Started::new(
            LinkState::Unknown,
            "UEFI",
            "no EFI system partition was found; a file system of another type may hold a boot loader",
            configured(seen),
        )),
        (None, FirmwareOnDisk::Bios) => Ok(Started::new(
            LinkState::Broken,
            "UEFI",
            "no disk has an EFI system partition",
            configured(seen),
        )),
    }
}

/// A BIOS starts the first sector of the first disk that has boot code there.
fn bios(seen: &Seen<'_>) -> Started {
    let loaders = configured(seen);
    let disks = &seen.facts.disks;
    let mut tried = seen.target.boot_order.iter().filter_map(|i| Some((*i, disks.get(*i)?)));
    let Some((index, disk)) = tried.find(|(_, d)| d.boot_code) else {
        let (state, why) = if disks.is_empty() {
            (LinkState::Unknown, "no disk was looked at")
        } else {
            (LinkState::Broken, "no disk has boot code in its first sector")
        };
        return Started::new(state, "BIOS", why, loaders);
    };
    let subject = format!("BIOS, disk {index}");
    // GRUB's core does not fit between a GPT and the first partition.
    let embedded = matches!(seen.facts.firmware, FirmwareOnDisk::Bios | FirmwareOnDisk::Either);
    if disk.table == "gpt" && !embedded {
        let why = "there is boot code in the first sector, and no BIOS boot partition for what it loads";
        return Started::new(LinkState::Unknown, subject, why, loaders);
    }
    Started::new(LinkState::Ok, subject, "there is boot code in the first sector", loaders)
}

/// Configurations outside of the EFI system partition.
pub(super) fn configured(seen: &Seen<'_>) -> Vec<Loader> {
    let boot = &seen.facts.bootloader;
    let on_esp = |path: &&String| {
        boot.esp.as_ref().is_some_and(|esp| esp != "/boot" && path.starts_with(&format!("{esp}/")))
    };
    let outside: Vec<&String> = boot.grub_cfg.iter().filter(|p| !on_esp(p)).collect();
    // Others are those that a first one leads on to.
    let first = |path: &&&String| matches!(guest::parent(path), "/boot/grub" | "/boot/grub2");
    let mut own: Vec<&String> = outside.iter().filter(first).copied().collect();
    if own.is_empty() {
        own = outside;
    }
    let mut found: Vec<Loader> = own.into_iter().cloned().map(Loader::Grub2).collect();
    if found.is_empty() {
        found.extend(boot.grub_legacy.iter().find(|p| !on_esp(p)).cloned().map(Loader::Grub1));
    }
    if found.is_empty() {
        let main = |p: &&String| p.ends_with("/extlinux.conf") || p.ends_with("/syslinux.cfg");
        found.extend(boot.extlinux.iter().filter(main).cloned().map(Loader::Extlinux));
    }
    found
}
