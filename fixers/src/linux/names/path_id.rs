//! Names of `/dev/disk/by-path`: the path of a disk through its controllers, as udev's path_id builtin writes it.

use super::spec::{Named, Place, decimal};

/// Parses what follows `/dev/disk/by-path/`, without `-partN`.
pub(super) fn parse(name: &str, partition: Option<u32>) -> Named {
    let at = |place| Named::Disk(place, partition);
    // A network disk is found by its target's name on any hardware.
    if name.starts_with("ip-") {
        return Named::Stable;
    }
    if name.contains("-usb-") || name.contains("-usbv") {
        return Named::Opaque("it is a USB disk");
    }
    if name.contains("-fc-") || name.contains("-fcoe-") || name.starts_with("fc-") {
        return Named::Opaque("it is a Fibre Channel disk");
    }
    if let Some(lun) = after(name, "-vmbus-").and_then(|rest| after(rest, "-lun-")).and_then(decimal) {
        return at(Place::Vmbus { lun });
    }
    if let Some(address) = after(name, "-scsi-") {
        return parse_scsi(address, is_vmbus(name)).map_or(UNKNOWN_PATH, at);
    }
    if let Some(phy) = after(name, "-sas-phy") {
        let phy = phy.split('-').next().unwrap_or_default();
        return decimal(phy).map_or(UNKNOWN_PATH, |target| at(Place::Scsi { target }));
    }
    if name.contains("-sas-") {
        return at(Place::Identity { buses: &["scsi"], wwn: None });
    }
    if let Some(address) = after(name, "-ata-") {
        return parse_ata(address).map_or(UNKNOWN_PATH, at);
    }
    if let Some(address) = after(name, "-ide-") {
        return parse_ide(address).map_or(UNKNOWN_PATH, at);
    }
    match after(name, "-nvme-").and_then(decimal) {
        Some(namespace) => at(Place::NvmeNamespace(namespace)),
        None => UNKNOWN_PATH,
    }
}

const UNKNOWN_PATH: Named = Named::Opaque("its path is of a kind of hardware that h2k does not know");

fn after<'a>(name: &'a str, mark: &str) -> Option<&'a str> {
    name.rsplit_once(mark).map(|(_, rest)| rest)
}

/// Hyper-V: `acpi-VMBUS:01-scsi-0:0:0:3`, `acpi-MSFT1000:00-scsi-…`, `vmbus-…`.
fn is_vmbus(name: &str) -> bool {
    name.contains("VMBUS") || name.contains("MSFT1000") || name.contains("vmbus")
}

/// `H:C:T:L`. On VMware the unit is the target; Hyper-V counts its SCSI disks by LUN.
fn parse_scsi(address: &str, vmbus: bool) -> Option<Place> {
    let numbers: Vec<u32> = address.split(':').map(decimal).collect::<Option<_>>()?;
    match numbers.as_slice() {
        [_, _, 0, lun] if vmbus => Some(Place::Vmbus { lun: *lun }),
        [_, _, target, 0] => Some(Place::Scsi { target: *target }),
        _ => None,
    }
}

/// `PORT` or `PORT.DEVICE`, the port counted from 1.
fn parse_ata(address: &str) -> Option<Place> {
    let (port, device) = match address.split_once('.') {
        Some((port, device)) => (port, Some(decimal(device)?)),
        None => (address, None),
    };
    Some(Place::Ata { port: decimal(port)?, device })
}

/// `CHANNEL:UNIT`, before libata.
fn parse_ide(address: &str) -> Option<Place> {
    let (channel, unit) = address.split_once(':')?;
    Some(Place::Ide { channel: decimal(channel)?, unit: decimal(unit)? })
}
