//! The target's hardware as the check of the boot chain sees it.

use h2k_config::DiskBus;
use h2k_fixers::readiness::Target;

use crate::emit::domain::{Domain, TargetBus, TargetFirmware};

/// What decides whether a guest comes up on `domain`.
pub fn target(domain: &Domain) -> Target {
    let mut boot_order: Vec<usize> = (0..domain.disks.len()).collect();
    // Those without a place in the order come after those with one (libvirt's domain format, "boot order").
    boot_order.sort_by_key(|i| domain.disks.get(*i).and_then(|d| d.boot_order).unwrap_or(u32::MAX));
    Target {
        uefi: matches!(domain.firmware, TargetFirmware::Uefi { .. }),
        disks: domain.disks.iter().map(|d| bus(d.bus)).collect(),
        boot_order,
    }
}

fn bus(bus: TargetBus) -> DiskBus {
    match bus {
        TargetBus::VirtioBlk => DiskBus::VirtioBlk,
        TargetBus::VirtioScsi => DiskBus::VirtioScsi,
        TargetBus::Sata | TargetBus::Ide => DiskBus::Sata,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emit::tests::{bios, disk};

    #[test]
    fn disks_are_tried_in_their_order() {
        let mut domain = Domain { disks: (0..3).map(|i| disk(TargetBus::VirtioBlk, i)).collect(), ..bios() };
        for (disk, order) in domain.disks.iter_mut().zip([None, Some(2), Some(1)]) {
            disk.boot_order = order;
        }
        assert_eq!(target(&domain).boot_order, [2, 1, 0]);
        assert!(!target(&domain).uefi);
        domain.firmware = TargetFirmware::Uefi { secure_boot: false };
        assert!(target(&domain).uefi);
    }
}
