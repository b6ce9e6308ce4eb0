//! Which drivers a kernel has, by the indexes that depmod(8) and the kernel's build leave.

use std::collections::BTreeSet;

use crate::error::Result;
use crate::guest::{self, Guest};
use crate::initramfs::module_name;

use super::text;

/// Drivers that matter to a migration: those of the target's hardware, and those of the source's, which tell what
/// the guest ran on.
pub const OF_INTEREST: &[&str] = &[
    "virtio",
    "virtio_ring",
    "virtio_pci",
    "virtio_pci_modern_dev",
    "virtio_pci_legacy_dev",
    "virtio_blk",
    "virtio_scsi",
    "virtio_net",
    "net_failover",
    "failover",
    "virtio_balloon",
    "virtio_rng",
    "virtio_console",
    "scsi_common",
    "scsi_mod",
    "sd_mod",
    "nvme",
    "nvme_core",
    "ahci",
    "libahci",
    "libata",
    "ata_piix",
    "vmw_pvscsi",
    "mptbase",
    "mptscsih",
    "mptspi",
    "mptsas",
    "BusLogic",
    "vmxnet3",
    "e1000",
    "e1000e",
    "hv_vmbus",
    "hv_storvsc",
    "hv_netvsc",
];

/// Largest index that is read. Debian's modules.dep has 0.5 MiB; a kernel with every driver has below 2 MiB.
const MAX_INDEX: u64 = 32 * 1024 * 1024;

/// Drivers of interest of one kernel.
#[derive(Debug, Default)]
pub(super) struct Drivers {
    /// As modules, sorted.
    pub(super) modules: Vec<String>,
    /// In the kernel itself, sorted.
    pub(super) builtin: Vec<String>,
}

/// The drivers of interest of the kernel whose modules are in `dir`.
///
/// # Errors
/// The guest could not be read; an index is too large to be one.
pub(super) fn drivers(guest: &dyn Guest, dir: &str) -> Result<Drivers> {
    let of = |index: &str| listed(guest, &guest::join(dir, index));
    let modules = match of("modules.dep")? {
        Some(modules) => modules,
        // depmod has not run yet; the build's own list has the same paths.
        None => of("modules.order")?.unwrap_or_default(),
    };
    Ok(Drivers { modules, builtin: of("modules.builtin")?.unwrap_or_default() })
}

/// Names of interest in an index: a path in each line, in modules.dep with what it depends on behind a colon.
fn listed(guest: &dyn Guest, index: &str) -> Result<Option<Vec<String>>> {
    let mut found = BTreeSet::new();
    let there = text::for_each_line(guest, index, MAX_INDEX, |line| {
        let path = line.split(':').next().unwrap_or(line).trim();
        let file = path.rsplit('/').next().unwrap_or(path);
        if let Some(name) = module_name(file).filter(|n| OF_INTEREST.contains(&n.as_str())) {
            found.insert(name);
        }
    })?;
    Ok(there.then(|| found.into_iter().collect()))
}
