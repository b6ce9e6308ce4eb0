//! The `<devices>` of a domain. PCI addresses and the USB controller are libvirt's to choose.

use std::path::Path;

use h2k_config::{Attachment, TargetFormat};

use super::check::{EmitError, IDE_DRIVES, disk_path, index_to_letters, letters_to_index};
use super::domain::{Domain, DomainDisk, DomainNic, Machine, Panic, TargetBus};
use super::tree::Element;

/// Model of virtio devices with the ids of virtio 0.9 (libvirt's formatdomain, "Virtio transitional devices").
const TRANSITIONAL: &str = "virtio-transitional";
/// Disks per virtio-scsi controller: 16 units less the controller's own, as libvirt counts when it maps `sdX`.
const UNITS_PER_CONTROLLER: u32 = 15;

pub(super) fn devices(domain: &Domain, dir: &Path) -> Result<Element, EmitError> {
    let transitional = domain.helpers.transitional;
    let disks: Vec<Element> =
        domain.disks.iter().map(|d| disk(d, dir, transitional)).collect::<Result<_, _>>()?;
    Ok(Element::new("devices")
        .with(disks)
        .with(cdroms(domain))
        .with(scsi_controllers(domain))
        .with(port_controller(domain))
        .with(usb_controllers(domain))
        .with(domain.nics.iter().map(nic))
        .with(consoles())
        .with(domain.helpers.channel.then(channel))
        .with(display())
        .with(domain.tpm.then(tpm))
        .with(helpers(domain)))
}

fn disk(disk: &DomainDisk, dir: &Path, transitional: bool) -> Result<Element, EmitError> {
    let format = match disk.format {
        TargetFormat::Qcow2 => "qcow2",
        TargetFormat::Raw => "raw",
    };
    let bus = match disk.bus {
        TargetBus::VirtioBlk => "virtio",
        TargetBus::VirtioScsi => "scsi",
        TargetBus::Sata => "sata",
        TargetBus::Ide => "ide",
    };
    let mut out = Element::new("disk").attr("type", "file").attr("device", "disk");
    if disk.bus == TargetBus::VirtioBlk && transitional {
        out = out.attr("model", TRANSITIONAL);
    }
    let mut out = out
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
    let disks =
        u32::try_from(domain.disks.iter().filter(|d| d.bus == TargetBus::Ide).count()).unwrap_or(IDE_DRIVES);
    let ide = domain.machine == Machine::I440fx && domain.cdroms.saturating_add(disks) <= IDE_DRIVES;
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
    let scsi = domain.disks.iter().filter(|d| d.bus == TargetBus::VirtioScsi);
    let highest = scsi.filter_map(|d| letters_to_index(d.target.strip_prefix("sd")?)).max();
    let count = highest.map_or(0, |n| n / UNITS_PER_CONTROLLER + 1);
    let model = if domain.helpers.transitional { TRANSITIONAL } else { "virtio-scsi" };
    (0..count).map(|i| controller("scsi", i, model)).collect()
}

fn controller(kind: &str, index: u32, model: &str) -> Element {
    Element::new("controller").attr("type", kind).attr("index", index.to_string()).attr("model", model)
}

/// The controller of the guest agent's channel, which libvirt adds by itself unless it is to be another than usual.
fn port_controller(domain: &Domain) -> Option<Element> {
    let named = domain.helpers.channel && domain.helpers.transitional;
    named.then(|| controller("virtio-serial", 0, TRANSITIONAL))
}

/// What virt-manager writes for USB 2.0 on q35: EHCI, with a UHCI companion for each two of its ports.
fn usb_controllers(domain: &Domain) -> Vec<Element> {
    if !domain.helpers.usb2 || domain.machine != Machine::Q35 {
        return Vec::new();
    }
    let companion = |n: u32| {
        let master = Element::new("master").attr("startport", (2 * n).to_string());
        controller("usb", 0, &format!("ich9-uhci{}", n + 1)).child(master)
    };
    let mut out = vec![controller("usb", 0, "ich9-ehci1")];
    out.extend((0..3).map(companion));
    out
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

fn consoles() -> [Element; 2] {
    let pty = |name: &str| Element::new(name).attr("type", "pty");
    [
        pty("serial").child(Element::new("target").attr("type", "isa-serial").attr("port", "0")),
        pty("console").child(Element::new("target").attr("type", "serial").attr("port", "0")),
    ]
}

fn channel() -> Element {
    let target = Element::new("target").attr("type", "virtio").attr("name", "org.qemu.guest_agent.0");
    Element::new("channel").attr("type", "unix").child(target)
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

fn helpers(domain: &Domain) -> Vec<Element> {
    let helpers = domain.helpers;
    let virtio = if helpers.transitional { TRANSITIONAL } else { "virtio" };
    // Without the element libvirt adds a balloon.
    let mut out =
        vec![Element::new("memballoon").attr("model", if helpers.balloon { virtio } else { "none" })];
    if helpers.rng {
        let backend = Element::new("backend").attr("model", "random").text("/dev/urandom");
        out.push(Element::new("rng").attr("model", virtio).child(backend));
    }
    match helpers.panic {
        Panic::None => {}
        Panic::Isa => out.push(Element::new("panic").attr("model", "isa")),
        Panic::Hyperv => out.push(Element::new("panic").attr("model", "hyperv")),
    }
    out
}
