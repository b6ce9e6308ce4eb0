//! Which disks of the VM a name may stand for.
//!
//! `sdX` letters are given in the order in which disks are found: controller by controller, unit by unit. The order
//! of several controllers depends on PCI addresses and drivers that h2k does not know, so each order counts as
//! possible and a name may stand for several disks.

use crate::facts::DiskHardware;

use super::spec::Place;

/// Controllers whose orders are all tried: five have 120, and a VM with more cannot be decided by trying anyway.
const MAX_CONTROLLERS: usize = 5;
/// IDE devices per channel.
const PER_CHANNEL: usize = 2;

/// The VM's disks and the orders in which its guest may have found them.
pub(super) struct Disks {
    all: Vec<DiskHardware>,
    scsi_layer: Vec<Vec<usize>>,
    any_order: Vec<Vec<usize>>,
}

impl Disks {
    /// From the hypervisor's description; `count` disks of unknown bus where there is none.
    pub fn new(described: &[DiskHardware], count: usize) -> Self {
        let mut all = described.to_vec();
        let unknown = || DiskHardware { bus: "unknown".to_owned(), ..DiskHardware::default() };
        while all.len() < count {
            all.push(unknown());
        }
        // Kernels from before libata call IDE disks hdX and do not count them among sdX.
        let mut scsi_layer = orders(&groups(&all, &["scsi", "sata", "ide", "unknown"]));
        if all.iter().any(|d| d.bus == "ide") {
            scsi_layer.extend(orders(&groups(&all, &["scsi", "sata", "unknown"])));
        }
        let any_order = orders(&groups(&all, &["scsi", "sata", "ide", "nvme", "unknown"]));
        Self { all, scsi_layer, any_order }
    }

    /// Keeps the orders in which `place` is `disk`; all, if there is none.
    pub fn settle(&mut self, place: &Place, disk: usize) {
        let Place::Sd(n) = place else { return };
        let settled: Vec<Vec<usize>> =
            self.scsi_layer.iter().filter(|order| order.get(*n) == Some(&disk)).cloned().collect();
        if !settled.is_empty() {
            self.scsi_layer = settled;
        }
    }

    /// Number of disks.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// The disks that `place` may stand for, each once, in the VM's order.
    pub fn candidates(&self, place: &Place) -> Vec<usize> {
        let named = self.named(place);
        if !named.is_empty() {
            return named;
        }
        let mut found = match place {
            Place::Sd(n) => nth(&self.scsi_layer, *n),
            Place::Nth(n) => nth(&self.any_order, *n),
            Place::Hd(n) => self.ide(*n),
            Place::Nvme { controller, namespace } => self.nvme(*controller, *namespace),
            other => self.matching(|disk| sits_at(disk, other)),
        };
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The disks that have the world-wide name which `place` is. Whoever has it is the disk, whatever else there is.
    pub fn named(&self, place: &Place) -> Vec<usize> {
        let Place::Identity { wwn: Some(wwn), .. } = place else { return Vec::new() };
        self.matching(|disk| disk.wwn.as_ref().is_some_and(|own| own.starts_with(wwn.as_str())))
    }

    fn ide(&self, n: usize) -> Vec<usize> {
        let here = |d: &DiskHardware| {
            let at = d.controller as usize * PER_CHANNEL + d.unit as usize;
            d.bus == "ide" && (d.unit as usize) < PER_CHANNEL && at == n
        };
        let mut found = self.matching(here);
        found.extend(self.unknown(n));
        found
    }

    fn nvme(&self, controller: usize, namespace: u32) -> Vec<usize> {
        let groups = groups(&self.all, &["nvme"]);
        let unit = namespace.wrapping_sub(1);
        let mut found: Vec<usize> = if controller < groups.len() {
            self.matching(|d| d.bus == "nvme" && d.unit == unit)
        } else {
            Vec::new()
        };
        found.extend(if namespace == 1 { self.unknown(controller) } else { None });
        found
    }

    /// The N-th disk of those whose bus is unknown.
    fn unknown(&self, n: usize) -> Option<usize> {
        self.matching(|d| d.bus == "unknown").get(n).copied()
    }

    fn matching(&self, wanted: impl Fn(&DiskHardware) -> bool) -> Vec<usize> {
        self.all.iter().enumerate().filter(|(_, d)| wanted(d)).map(|(i, _)| i).collect()
    }
}

fn sits_at(disk: &DiskHardware, place: &Place) -> bool {
    // Nothing is known of such a disk, so nothing speaks against it.
    if disk.bus == "unknown" {
        return true;
    }
    let bus = disk.bus.as_str();
    match place {
        // Old udev wrote ATA disks as SCSI ones too, with the device on the channel as target.
        Place::Scsi { target } => matches!(bus, "scsi" | "ide") && disk.unit == *target,
        Place::Vmbus { lun } => bus == "scsi" && disk.unit == *lun,
        Place::Ata { port, device } => {
            let at = port.wrapping_sub(1);
            let sata = bus == "sata" && disk.unit == at && device.unwrap_or(0) == 0;
            let ide = bus == "ide" && disk.controller == at && device.is_none_or(|d| d == disk.unit);
            sata || ide
        }
        Place::Ide { channel, unit } => bus == "ide" && disk.controller == *channel && disk.unit == *unit,
        Place::NvmeNamespace(n) => bus == "nvme" && disk.unit == n.wrapping_sub(1),
        Place::Identity { buses, .. } => buses.contains(&bus),
        Place::Sd(_) | Place::Hd(_) | Place::Nth(_) | Place::Nvme { .. } => false,
    }
}

/// Disks on one controller are found by unit, so they stay together.
fn groups(all: &[DiskHardware], buses: &[&str]) -> Vec<Vec<usize>> {
    let mut groups: Vec<(&str, u32, Vec<usize>)> = Vec::new();
    for (index, disk) in all.iter().enumerate().filter(|(_, d)| buses.contains(&d.bus.as_str())) {
        // The two IDE channels are one PCI function, probed in order.
        let controller = if disk.bus == "ide" { 0 } else { disk.controller };
        match groups.iter_mut().find(|(bus, n, _)| *bus == disk.bus && *n == controller) {
            Some((_, _, group)) => group.push(index),
            None => groups.push((&disk.bus, controller, vec![index])),
        }
    }
    let mut groups: Vec<Vec<usize>> = groups.into_iter().map(|(_, _, group)| group).collect();
    for group in &mut groups {
        group.sort_by_key(|index| all.get(*index).map_or((0, 0), |d| (d.controller, d.unit)));
    }
    groups
}

/// Every order of the controllers. If they are too many: orders in which every disk has every place, so that a name
/// may stand for any of them.
fn orders(groups: &[Vec<usize>]) -> Vec<Vec<usize>> {
    if groups.len() > MAX_CONTROLLERS {
        let flat: Vec<usize> = groups.concat();
        return (0..flat.len())
            .map(|n| flat.iter().cycle().skip(n).take(flat.len()).copied().collect())
            .collect();
    }
    let mut orders = vec![(Vec::new(), 0_u32)];
    for _ in groups {
        let mut longer = Vec::new();
        for (order, used) in &orders {
            for (i, group) in groups.iter().enumerate().filter(|(i, _)| used & (1 << i) == 0) {
                let mut next: Vec<usize> = order.clone();
                next.extend(group);
                longer.push((next, used | (1 << i)));
            }
        }
        orders = longer;
    }
    orders.into_iter().map(|(order, _)| order).collect()
}

fn nth(orders: &[Vec<usize>], n: usize) -> Vec<usize> {
    orders.iter().filter_map(|order| order.get(n).copied()).collect()
}
