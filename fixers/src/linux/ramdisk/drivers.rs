//! Whether a kernel finds the target's disk: the drivers have to be in the kernel or in its initramfs.

use h2k_config::DiskBus;

use crate::facts::{GuestFacts, KernelFacts};

/// Drivers without which the disk is not found, by bus. `sd_mod` makes a SCSI device a disk.
pub(crate) fn needed(bus: DiskBus) -> &'static [&'static str] {
    match bus {
        DiskBus::VirtioBlk => &["virtio_pci", "virtio_blk"],
        DiskBus::VirtioScsi => &["virtio_pci", "virtio_scsi", "sd_mod"],
        DiskBus::Sata => &["ahci", "sd_mod"],
    }
}

/// The driver of the bus's controller.
pub(crate) fn controller(bus: DiskBus) -> &'static str {
    match bus {
        DiskBus::VirtioBlk => "virtio_blk",
        DiskBus::VirtioScsi => "virtio_scsi",
        DiskBus::Sata => "ahci",
    }
}

/// Modules that those depend on, where the kernel has them as modules: which exist changed over the years.
pub(super) fn helpers(bus: DiskBus) -> &'static [&'static str] {
    match bus {
        DiskBus::VirtioBlk => &["virtio", "virtio_ring", "virtio_pci_modern_dev", "virtio_pci_legacy_dev"],
        DiskBus::VirtioScsi => &[
            "virtio",
            "virtio_ring",
            "virtio_pci_modern_dev",
            "virtio_pci_legacy_dev",
            "scsi_mod",
            "scsi_common",
        ],
        DiskBus::Sata => &["libahci", "libata", "scsi_mod", "scsi_common"],
    }
}

/// What the generator is told to keep: the drivers of both disk buses, so that a later change of the VM's hardware
/// does not break it, and of the network, for guests that mount or unlock over it.
pub(super) const KEPT: &[&str] = &["virtio_pci", "virtio_blk", "virtio_scsi", "virtio_net"];

/// What a kernel would do on the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State<'a> {
    /// Finds the disk.
    Fine,
    /// Its initramfs lacks these.
    Lacking(Vec<&'static str>),
    /// Its initramfs cannot be listed, for this reason.
    Unreadable(&'a str),
    /// It has no initramfs, and these are modules.
    NoInitramfs(Vec<&'static str>),
    /// It has no such drivers at all.
    Absent(Vec<&'static str>),
    /// There is no index of its drivers.
    Unknown,
}

/// What `kernel` would do on a target with that disk bus.
pub(crate) fn state(kernel: &KernelFacts, bus: DiskBus) -> State<'_> {
    let has = |list: &[String], name: &str| list.iter().any(|n| n == name);
    let inside = |name: &str| kernel.initramfs.as_ref().is_some_and(|i| has(&i.modules, name));
    let module = |name: &str| has(&kernel.modules, name);
    let ready = |name: &str| has(&kernel.builtin, name) || inside(name);
    let helpers = helpers(bus).iter().filter(|n| module(n));
    let lacking: Vec<&str> = needed(bus).iter().chain(helpers).filter(|n| !ready(n)).copied().collect();
    if lacking.is_empty() {
        return State::Fine;
    }
    // Every kernel that ever ran in a VM has some driver of those that are looked for.
    if kernel.modules.is_empty() && kernel.builtin.is_empty() {
        return State::Unknown;
    }
    let absent: Vec<&str> = needed(bus).iter().filter(|n| !ready(n) && !module(n)).copied().collect();
    if !absent.is_empty() {
        return State::Absent(absent);
    }
    match &kernel.initramfs {
        None => State::NoInitramfs(lacking),
        Some(initramfs) => match &initramfs.unreadable {
            Some(why) => State::Unreadable(why),
            None => State::Lacking(lacking),
        },
    }
}

/// Those of the drivers to keep that `kernel` has as modules, and what else its disk needs.
pub(super) fn kept(kernel: &KernelFacts, bus: DiskBus) -> Vec<&'static str> {
    let more = needed(bus).iter().filter(|n| !KEPT.contains(n));
    let is_module = |name: &&str| kernel.modules.iter().any(|m| m == name);
    KEPT.iter().chain(more).copied().filter(is_module).collect()
}

/// Those of `drivers` that every kernel of the guest has, as a module or built in; one without an index of its modules
/// says nothing. Some generators fail where they are to take a module that is not there.
pub(super) fn of_every_kernel<'d>(facts: &GuestFacts, drivers: &[&'d str]) -> Vec<&'d str> {
    let has = |kernel: &KernelFacts, driver: &str| {
        let no_index = kernel.modules.is_empty() && kernel.builtin.is_empty();
        no_index || kernel.modules.iter().chain(&kernel.builtin).any(|name| name == driver)
    };
    drivers.iter().copied().filter(|driver| facts.kernels.iter().all(|kernel| has(kernel, driver))).collect()
}
