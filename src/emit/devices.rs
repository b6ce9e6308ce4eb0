//! The `<devices>` of a domain. PCI addresses and the USB controller are libvirt's to choose.

use std::path::Path;

use h2k_config::{Attachment, DiskBus, TargetFormat};

use super::check::{EmitError, disk_path, index_to_letters, letters_to_index};
use super::domain::{Domain, DomainDisk, DomainNic, Machine};
use super::tree::Element;

/// Disks per virtio-scsi controller: 16 units less the controller's own, as libvirt counts when it maps `sdX`.
const UNITS_PER_CONTROLLER: u32 = 15;
/// Drives on the two IDE channels.
const IDE_DRIVES: u32 = 4;

pub(super) fn devices(domain: &Domain, dir: &Path) -> Result<Element, EmitError> {
    let disks: Vec<Element> = domain.disks.iter().map(|d| disk(d, dir)).collect::<Result<_, _>>()?;
    Ok(Element::new("devices")
        .with(disks)
        .with(cdroms(domain))
        .with(scsi_controllers(domain))
        .with(domain.nics.iter().map(nic))
        .with(consoles())
        .with(display())
        .with(domain.tpm.then(tpm))
        .with(helpers()))
}

fn disk(disk: &DomainDisk, dir: &Path) -> Result<Element, EmitError> {
    let format = match disk.format {
        TargetFormat::Qcow2 => "qcow2",
        TargetFormat::Raw => "raw",
    };
    let bus = match disk.bus {
        DiskBus::VirtioBlk => "virtio",
        DiskBus::VirtioScsi => "scsi",
    };
    let mut out = Element::new("disk")
        .attr("type", "file")
        .attr("device", "disk")
        // Discard keeps the file as small as CONVERT left it: the guest's fstrim reaches it.
        .child(Element::new("driver").attr("name", "qemu").attr("type", format).attr("discard", "unmap"))
        .child(Element::new("source").attr("file", disk_path(disk, dir)?))
        .child(Element::new("target").attr("dev", &disk.target).attr("bus", bus));
    if let Some(serial) = &disk.serial {
        out = out.child(Element::new("serial").text(serial));
    }
    if let Some(order) = disk.boot_order {
        out = out.child(Element::new("boot").attr("order", order.to_string()));
    }
    Ok(out)
}

/// Empty drives: IDE while the old chipset has room, else SATA, named after the disks of the same prefix.
fn cdroms(domain: &Domain) -> Vec<Element> {
    let ide = domain.machine == Machine::I440fx && domain.cdroms <= IDE_DRIVES;
    let (bus, prefix) = if ide { ("ide", "hd") } else { ("sata", "sd") };
    let first = highest_index(domain, prefix).map_or(0, |n| n.saturating_add(1));
    let drive = |i: u32| {
        let target = format!("{prefix}{}", index_to_letters(first.saturating_add(i)));
        Element::new("disk")
            .attr("type", "file")
            .attr("device", "cdrom")
            .child(Element::new("driver").attr("name", "qemu").attr("type", "raw"))
            .child(Element::new("target").attr("dev", target).attr("bus", bus))
            .child(Element::new("readonly"))
    };
    (0..domain.cdroms).map(drive).collect()
}

/// One controller for every 15 places: libvirt adds missing ones by itself, but of another model.
fn scsi_controllers(domain: &Domain) -> Vec<Element> {
    let count = highest_index(domain, "sd").map_or(0, |n| n / UNITS_PER_CONTROLLER + 1);
    let controller = |i: u32| {
        Element::new("controller")
            .attr("type", "scsi")
            .attr("index", i.to_string())
            .attr("model", "virtio-scsi")
    };
    (0..count).map(controller).collect()
}

fn highest_index(domain: &Domain, prefix: &str) -> Option<u32> {
    domain.disks.iter().filter_map(|d| letters_to_index(d.target.strip_prefix(prefix)?)).max()
}

fn nic(nic: &DomainNic) -> Element {
    let (kind, attribute, name) = match &nic.target.to {
        Attachment::Network(name) => ("network", "network", name),
        Attachment::Bridge(name) => ("bridge", "bridge", name),
    };
    let link = (!nic.connected).then(|| Element::new("link").attr("state", "down"));
    Element::new("interface")
        .attr("type", kind)
        .child(Element::new("mac").attr("address", nic.mac.to_ascii_lowercase()))
        .child(Element::new("source").attr(attribute, name))
        .with(vlan(&nic.target.vlans))
        .child(Element::new("model").attr("type", &nic.model))
        .with(link)
}

/// <https://libvirt.org/formatdomain.html>, "Setting VLAN tag": several tags need `trunk`.
fn vlan(tags: &[u16]) -> Option<Element> {
    let element = match tags {
        [] => return None,
        [_] => Element::new("vlan"),
        _ => Element::new("vlan").attr("trunk", "yes"),
    };
    Some(element.with(tags.iter().map(|tag| Element::new("tag").attr("id", tag.to_string()))))
}

fn consoles() -> [Element; 3] {
    let pty = |name: &str| Element::new(name).attr("type", "pty");
    [
        pty("serial").child(Element::new("target").attr("type", "isa-serial").attr("port", "0")),
        pty("console").child(Element::new("target").attr("type", "serial").attr("port", "0")),
        Element::new("channel")
            .attr("type", "unix")
            .child(Element::new("target").attr("type", "virtio").attr("name", "org.qemu.guest_agent.0")),
    ]
}

/// VGA rather than virtio: every guest has a driver for it, before and after installing one. The tablet needs the
/// USB controller that libvirt adds.
fn display() -> [Element; 3] {
    let model = Element::new("model").attr("type", "vga").attr("vram", "16384").attr("heads", "1");
    [
        Element::new("input").attr("type", "tablet").attr("bus", "usb"),
        Element::new("graphics")
            .attr("type", "vnc")
            .attr("port", "-1")
            .attr("autoport", "yes")
            .attr("listen", "127.0.0.1")
            .child(Element::new("listen").attr("type", "address").attr("address", "127.0.0.1")),
        Element::new("video").child(model.attr("primary", "yes")),
    ]
}

fn tpm() -> Element {
    Element::new("tpm")
        .attr("model", "tpm-crb")
        .child(Element::new("backend").attr("type", "emulator").attr("version", "2.0"))
}

fn helpers() -> [Element; 3] {
    [
        Element::new("memballoon").attr("model", "virtio"),
        Element::new("rng")
            .attr("model", "virtio")
            .child(Element::new("backend").attr("model", "random").text("/dev/urandom")),
        Element::new("panic").attr("model", "isa"),
    ]
}
