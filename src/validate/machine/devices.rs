//! The devices of the test VM, in the order in which libvirt places them.

use h2k_config::TargetFormat;
use serde_json::json;

use crate::emit::check::IDE_DRIVES;
use crate::emit::check::letters_to_index;
use crate::emit::domain::{Domain, DomainDisk, DomainNic, Machine, Panic, TargetBus};
use crate::validate::traffic::parse_mac;

use super::slots::Slots;
use super::{Args, MachineError, Setup, TestDisk, is_id, text, value};

/// Ports of an AHCI controller (ICH9's, which is q35's own and every further one).
const AHCI_PORTS: u32 = 6;
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
    usb(out, &mut bus, setup.domain)?;
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

fn usb(out: &mut Args, bus: &mut Bus, domain: &Domain) -> Result<(), MachineError> {
    match (domain.machine, domain.helpers.usb2) {
        (Machine::Q35, true) => {
            // Functions of one device, where real ICH9 boards have them (docs/config/ich9-ehci-uhci.cfg of QEMU).
            let place = |function: u32| format!("bus=pcie.0,addr=0x1d.{function:#x},multifunction=on");
            out.two("-device", format!("ich9-usb-ehci1,id=usb,{}", place(7)));
            for n in 0..3 {
                let (model, port) = (format!("ich9-usb-uhci{}", n + 1), 2 * n);
                out.two("-device", format!("{model},masterbus=usb.0,firstport={port},{}", place(n)));
            }
        }
        (Machine::Q35, false) => bus.device(out, "qemu-xhci,id=usb,p2=15,p3=15")?,
        // Part of the chipset: a function of the ISA bridge.
        (Machine::I440fx, _) => out.two("-device", "piix3-usb-uhci,id=usb,bus=pci.0,addr=0x1.0x2"),
    }
    out.two("-device", "usb-tablet,bus=usb.0");
    Ok(())
}

/// Controllers of disks, and of the guest agent's channel: that is there whether the domain has it or not, since an agent
/// that answers is the best proof that there is.
fn controllers(out: &mut Args, bus: &mut Bus, domain: &Domain) -> Result<(), MachineError> {
    let transitional = transitional(domain);
    if let Some(highest) = highest_place(domain, TargetBus::VirtioScsi)? {
        for n in 0..=highest / UNITS_PER_CONTROLLER {
            bus.device(out, format!("virtio-scsi-pci{transitional},id=scsi{n}"))?;
        }
    }
    if let Some(highest) = highest_place(domain, TargetBus::Sata)? {
        let first = if domain.machine == Machine::Q35 { 1 } else { 0 };
        for n in first..=highest / AHCI_PORTS {
            bus.device(out, format!("ich9-ahci,id=ahci{n}"))?;
        }
    }
    bus.device(out, format!("virtio-serial-pci{transitional},id=ports"))?;
    out.two("-device", "virtserialport,bus=ports.0,nr=1,chardev=agent,id=agent,name=org.qemu.guest_agent.0");
    Ok(())
}

/// What virtio models end with in a domain whose drivers know ids of virtio 0.9 only.
fn transitional(domain: &Domain) -> &'static str {
    if domain.helpers.transitional { "-transitional" } else { "" }
}

/// The place that a disk's name gives it on its bus.
fn place(disk: &DomainDisk) -> Result<u32, MachineError> {
    let place = disk.target.strip_prefix(disk.bus.prefix()).and_then(letters_to_index);
    place.ok_or_else(|| MachineError::Value { what: "the disk target", value: disk.target.clone() })
}

fn highest_place(domain: &Domain, bus: TargetBus) -> Result<Option<u32>, MachineError> {
    let disks = domain.disks.iter().filter(|d| d.bus == bus);
    Ok(disks.map(place).collect::<Result<Vec<_>, _>>()?.into_iter().max())
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
            TargetBus::VirtioBlk => {
                let transitional = transitional(setup.domain);
                bus.device(out, format!("virtio-blk-pci{transitional},{properties}"))?;
            }
            TargetBus::Sata => {
                let place = place(disk)?;
                let port = sata_port(setup.domain.machine, place);
                out.two("-device", format!("ide-hd,bus={port},unit=0,{properties}"));
            }
            TargetBus::Ide => {
                let place = place(disk)?;
                if setup.domain.machine != Machine::I440fx || place >= IDE_DRIVES {
                    return Err(MachineError::Value { what: "the IDE disk", value: disk.target.clone() });
                }
                out.two("-device", format!("ide-hd,bus=ide.{},unit={},{properties}", place / 2, place % 2));
            }
            TargetBus::VirtioScsi => {
                let place = place(disk)?;
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

/// The bus of a SATA place: the chipset's own controller is called `ide`.
fn sata_port(machine: Machine, place: u32) -> String {
    let (controller, port) = (place / AHCI_PORTS, place % AHCI_PORTS);
    match (machine, controller) {
        (Machine::Q35, 0) => format!("ide.{port}"),
        _ => format!("ahci{controller}.{port}"),
    }
}

/// The overlay over the result, which is opened read-only. The chain is given here in full and ends with the result, or
/// the base that it keeps, whatever an image's header says. What the guest writes need not survive the host, so flushes
/// are skipped.
fn block(i: usize, disk: &TestDisk) -> Result<String, MachineError> {
    let base_driver = if disk.base_is_device { "host_device" } else { "file" };
    let base_file = json!({ "driver": base_driver, "filename": text(&disk.base)?, "read-only": true });
    let kept = disk.kept_base.as_deref().map(|kept| {
        let file = json!({ "driver": "file", "filename": text(kept)?, "read-only": true });
        Ok(json!({ "driver": "qcow2", "read-only": true, "file": file, "backing": null }))
    });
    let kept = kept.transpose()?;
    let base = match disk.format {
        TargetFormat::Raw => json!({ "driver": "raw", "read-only": true, "file": base_file }),
        TargetFormat::Qcow2 => {
            json!({ "driver": "qcow2", "read-only": true, "file": base_file, "backing": kept })
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

/// Places of the chipset's own controller that disks leave to CD-ROM drives, behind the disks.
fn cdrom_places(domain: &Domain) -> std::ops::Range<u32> {
    let (bus, places) = match domain.machine {
        Machine::Q35 => (TargetBus::Sata, AHCI_PORTS),
        Machine::I440fx => (TargetBus::Ide, IDE_DRIVES),
    };
    let taken = highest_place(domain, bus).ok().flatten().map_or(0, |highest| highest.saturating_add(1));
    taken.min(places)..places
}

/// Empty CD-ROM drives that a test VM has room for.
pub fn cdrom_room(domain: &Domain) -> u32 {
    cdrom_places(domain).len().try_into().unwrap_or(0)
}

fn cdroms(out: &mut Args, domain: &Domain) {
    let per_bus = if domain.machine == Machine::Q35 { 1 } else { 2 };
    for i in cdrom_places(domain).take(domain.cdroms as usize) {
        out.two("-device", format!("ide-cd,bus=ide.{},unit={}", i / per_bus, i % per_bus));
    }
}

fn helpers(out: &mut Args, bus: &mut Bus, setup: &Setup<'_>) -> Result<(), MachineError> {
    let (helpers, transitional) = (setup.domain.helpers, transitional(setup.domain));
    if helpers.balloon {
        bus.device(out, format!("virtio-balloon-pci{transitional}"))?;
    }
    if helpers.rng {
        out.two("-object", "rng-random,id=random,filename=/dev/urandom");
        bus.device(out, format!("virtio-rng-pci{transitional},rng=random"))?;
    }
    if helpers.panic != Panic::Hyperv {
        out.two("-device", "pvpanic");
    }
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
