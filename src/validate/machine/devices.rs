//! The devices of the test VM, in the order in which libvirt places them.

use h2k_config::{DiskBus, TargetFormat};
use serde_json::json;

use crate::emit::check::letters_to_index;
use crate::emit::domain::{Domain, DomainDisk, DomainNic, Machine};
use crate::validate::traffic::parse_mac;

use super::slots::Slots;
use super::{Args, MachineError, Setup, TestDisk, is_id, text, value};

/// CD-ROM drives that the chipset has room for.
pub const MAX_CDROMS_Q35: u32 = 6;
/// The same on the old chipset: two IDE channels of two.
pub const MAX_CDROMS_I440FX: u32 = 4;
/// Disks of one virtio-scsi controller, as libvirt maps `sdX`.
const UNITS_PER_CONTROLLER: u32 = 15;
/// Largest number of a network `10.0.N.0/24` of a NIC.
const MAX_NETWORKS: usize = 250;

pub(super) fn devices(out: &mut Args, setup: &Setup<'_>) -> Result<(), MachineError> {
    let mut bus = Bus { slots: Slots::new(setup.domain.machine) };
    display(out, setup.domain.machine);
    for (i, nic) in setup.domain.nics.iter().enumerate() {
        self::nic(out, &mut bus, i, nic, setup)?;
    }
    controllers(out, &mut bus, setup.domain)?;
    disks(out, &mut bus, setup)?;
    cdroms(out, setup.domain);
    helpers(out, &mut bus, setup)
}

/// Puts PCI devices in their places.
struct Bus {
    slots: Slots,
}

impl Bus {
    fn device(&mut self, out: &mut Args, device: impl AsRef<str>) -> Result<(), MachineError> {
        let (port, place) = self.slots.next().ok_or(MachineError::Slots)?;
        out.0.extend(port);
        out.two("-device", format!("{},{place}", device.as_ref()));
        Ok(())
    }
}

fn display(out: &mut Args, machine: Machine) {
    let (bus, address) = match machine {
        Machine::Q35 => ("pcie.0", "0x1"),
        Machine::I440fx => ("pci.0", "0x2"),
    };
    out.two("-device", format!("VGA,vgamem_mb=16,bus={bus},addr={address}"));
}

/// A NIC in a network of its own that leads nowhere: QEMU answers DHCP, ARP and router solicitations itself.
fn nic(
    out: &mut Args,
    bus: &mut Bus,
    i: usize,
    nic: &DomainNic,
    setup: &Setup<'_>,
) -> Result<(), MachineError> {
    let device = match nic.model.as_str() {
        "virtio" => "virtio-net-pci",
        "virtio-transitional" => "virtio-net-pci-transitional",
        "virtio-non-transitional" => "virtio-net-pci-non-transitional",
        model @ ("e1000" | "e1000e" | "rtl8139" | "vmxnet3" | "igb" | "pcnet" | "ne2k_pci") => model,
        other => return Err(MachineError::NicModel(other.to_owned())),
    };
    if parse_mac(&nic.mac).is_none() {
        return Err(MachineError::Value { what: "the MAC address", value: nic.mac.clone() });
    }
    let network = 2 + i % MAX_NETWORKS;
    out.two("-netdev", format!("user,id=net{i},restrict=on,net=10.0.{network}.0/24"));
    if let Some(capture) = setup.files.captures.get(i) {
        out.two("-object", format!("filter-dump,id=dump{i},netdev=net{i},file={}", value(capture)?));
    }
    // Without its option ROM the firmware does not boot over it, which would look like the guest's frames.
    bus.device(out, format!("{device},id=nic{i},netdev=net{i},mac={},romfile=", nic.mac))
}

fn controllers(out: &mut Args, bus: &mut Bus, domain: &Domain) -> Result<(), MachineError> {
    match domain.machine {
        Machine::Q35 => bus.device(out, "qemu-xhci,id=usb,p2=15,p3=15")?,
        // Part of the chipset: a function of the ISA bridge.
        Machine::I440fx => out.two("-device", "piix3-usb-uhci,id=usb,bus=pci.0,addr=0x1.0x2"),
    }
    out.two("-device", "usb-tablet,bus=usb.0");
    let scsi = domain.disks.iter().filter(|d| d.bus == DiskBus::VirtioScsi);
    let highest = scsi.map(scsi_place).collect::<Result<Vec<_>, _>>()?.into_iter().max();
    for n in 0..highest.map_or(0, |h| h / UNITS_PER_CONTROLLER + 1) {
        bus.device(out, format!("virtio-scsi-pci,id=scsi{n}"))?;
    }
    bus.device(out, "virtio-serial-pci,id=ports")?;
    out.two("-device", "virtserialport,bus=ports.0,nr=1,chardev=agent,id=agent,name=org.qemu.guest_agent.0");
    Ok(())
}

fn scsi_place(disk: &DomainDisk) -> Result<u32, MachineError> {
    let place = disk.target.strip_prefix("sd").and_then(letters_to_index);
    place.ok_or_else(|| MachineError::Value { what: "the disk target", value: disk.target.clone() })
}

fn disks(out: &mut Args, bus: &mut Bus, setup: &Setup<'_>) -> Result<(), MachineError> {
    let order = boot_order(&setup.domain.disks);
    for (i, (disk, files)) in setup.domain.disks.iter().zip(&setup.files.disks).enumerate() {
        out.two("-blockdev", block(i, files)?);
        let mut properties = format!("drive=disk{i}");
        if let Some(serial) = &disk.serial {
            properties.push_str(&format!(",serial={}", serial.replace(',', ",,")));
        }
        if let Some(place) = order.iter().position(|n| *n == i) {
            properties.push_str(&format!(",bootindex={}", place + 1));
        }
        match disk.bus {
            DiskBus::VirtioBlk => bus.device(out, format!("virtio-blk-pci,{properties}"))?,
            DiskBus::VirtioScsi => {
                let place = scsi_place(disk)?;
                let (controller, unit) = (place / UNITS_PER_CONTROLLER, place % UNITS_PER_CONTROLLER);
                // libvirt leaves out unit 7, the controller's own.
                let lun = if unit >= 7 { unit + 1 } else { unit };
                let bus = format!("bus=scsi{controller}.0,channel=0,scsi-id=0,lun={lun}");
                out.two("-device", format!("scsi-hd,{bus},{properties}"));
            }
        }
    }
    Ok(())
}

/// The overlay over the result, which is opened read-only. The chain is given here in full and ends with the result,
/// whatever an image's header says. What the guest writes need not survive the host, so flushes are skipped.
fn block(i: usize, disk: &TestDisk) -> Result<String, MachineError> {
    let base_driver = if disk.base_is_device { "host_device" } else { "file" };
    let base_file = json!({ "driver": base_driver, "filename": text(&disk.base)?, "read-only": true });
    let base = match disk.format {
        TargetFormat::Raw => json!({ "driver": "raw", "read-only": true, "file": base_file }),
        TargetFormat::Qcow2 => {
            json!({ "driver": "qcow2", "read-only": true, "file": base_file, "backing": null })
        }
    };
    let cache = json!({ "direct": false, "no-flush": true });
    let file =
        json!({ "driver": "file", "filename": text(&disk.overlay)?, "cache": cache, "discard": "unmap" });
    let node = format!("disk{i}");
    Ok(json!({
        "node-name": node, "driver": "qcow2", "cache": cache, "discard": "unmap", "file": file, "backing": base,
    })
    .to_string())
}

/// Disks in the order in which they are booted; the first one if the domain names none.
fn boot_order(disks: &[DomainDisk]) -> Vec<usize> {
    let mut order: Vec<(u32, usize)> =
        disks.iter().enumerate().filter_map(|(i, d)| Some((d.boot_order?, i))).collect();
    order.sort_unstable();
    match order.is_empty() {
        true => (0..disks.len().min(1)).collect(),
        false => order.into_iter().map(|(_, i)| i).collect(),
    }
}

/// Empty drives on the chipset's own controller.
fn cdroms(out: &mut Args, domain: &Domain) {
    let (room, per_bus) = match domain.machine {
        Machine::Q35 => (MAX_CDROMS_Q35, 1),
        Machine::I440fx => (MAX_CDROMS_I440FX, 2),
    };
    for i in 0..domain.cdroms.min(room) {
        out.two("-device", format!("ide-cd,bus=ide.{},unit={}", i / per_bus, i % per_bus));
    }
}

fn helpers(out: &mut Args, bus: &mut Bus, setup: &Setup<'_>) -> Result<(), MachineError> {
    bus.device(out, "virtio-balloon-pci")?;
    out.two("-object", "rng-random,id=random,filename=/dev/urandom");
    bus.device(out, "virtio-rng-pci,rng=random")?;
    out.two("-device", "pvpanic");
    if let Some(genid) = setup.domain.genid.as_deref().filter(|id| is_id(id)) {
        out.two("-device", format!("vmgenid,guid={genid}"));
    }
    if let Some(socket) = &setup.files.tpm {
        out.two("-chardev", format!("socket,id=tpm,path={}", value(socket)?));
        out.two("-tpmdev", "emulator,id=tpm0,chardev=tpm");
        out.two("-device", "tpm-crb,tpmdev=tpm0");
    }
    Ok(())
}
