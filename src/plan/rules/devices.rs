//! Rules about devices that stay behind.

use h2k_fixers::Severity;
use h2k_transports::{HostDeviceKind, Tristate};

use super::{Finding, Rule, Seen, found};

pub(super) static RULES: &[Rule] = &[
    Rule {
        id: "source.passthrough",
        severity: Severity::Critical,
        acceptable: true,
        summary: "a PCI device of the old host is passed through to the VM; the target has no such device",
        explanation: "A GPU, a card or a disk controller of the old host belongs to that host. What the guest does with it \
                      ends with the migration, unless the new host has one that is passed through by hand.",
        advice: "add a <hostdev> in the libvirt XML, or accept source.passthrough if the guest does without",
        check: |s| host_devices(s, HostDeviceKind::Pci, "a PCI device of the old host is left out"),
    },
    Rule {
        id: "source.vgpu",
        severity: Severity::Critical,
        acceptable: true,
        summary: "the VM has a part of a GPU of the old host; the target has none",
        explanation: "A virtual GPU is made by the old host's driver and its licence. On KVM it is a mediated device of the \
                      new host's own GPU, which only the host's administrator can make.",
        advice: "add a <hostdev type='mdev'> in the libvirt XML, or accept source.vgpu if the guest does without",
        check: |s| host_devices(s, HostDeviceKind::Vgpu, "a virtual GPU is left out"),
    },
    Rule {
        id: "source.sriov",
        severity: Severity::Warning,
        acceptable: true,
        summary: "the VM has a virtual function of a NIC of the old host (SR-IOV); the target has none",
        explanation: "The guest drives the function with the NIC vendor's driver and has a MAC address on it. The target \
                      gets the VM's other NICs only: configuration of this one in the guest finds no device.",
        advice: "add an <interface type='hostdev'> in the libvirt XML, or give the VM an ordinary NIC before the migration",
        check: |s| host_devices(s, HostDeviceKind::Sriov, "a virtual function is left out"),
    },
    Rule {
        id: "source.usb-device",
        severity: Severity::Warning,
        acceptable: true,
        summary: "a USB device of the old host is attached to the VM: a dongle stays where it is plugged in",
        explanation: "Licence dongles, modems and UPS cables are plugged into the old host. The target has no USB device of \
                      its host.",
        advice: "plug it into the new host and add a <hostdev type='usb'>, or use a USB server on the network",
        check: |s| list(s, &s.source.features.usb_devices, "is left out"),
    },
    Rule {
        id: "source.usb-controller",
        severity: Severity::Information,
        acceptable: true,
        summary: "the VM has USB controllers; the target has one of its own",
        explanation: "The target has an xHCI controller with a tablet, which every system of the last fifteen years knows.",
        advice: "nothing",
        check: |s| {
            let names = s.source.features.usb_controllers.join(", ");
            found(!names.is_empty(), &s.source.name, &format!("{names}: replaced by a qemu-xhci"))
        },
    },
    Rule {
        id: "source.ports",
        severity: Severity::Information,
        acceptable: true,
        summary: "the VM has serial or parallel ports; what they are connected to stays behind",
        explanation: "A port leads to a file, a pipe, a network address or a device of the old host. The target has one \
                      serial port, which is its console.",
        advice: "add <serial> or <parallel> in the libvirt XML if a device or program hangs on it",
        check: |s| list(s, &s.source.features.ports, "is left out"),
    },
    Rule {
        id: "source.sound",
        severity: Severity::Information,
        acceptable: true,
        summary: "the VM has a sound card; the target has none",
        explanation: "A server needs none, and a desktop is better served by its remote protocol's sound.",
        advice: "add <sound model='ich9'/> in the libvirt XML if it is needed",
        check: |s| {
            found(s.source.features.sound == Tristate::Yes, &s.source.name, "its sound card is left out")
        },
    },
    Rule {
        id: "source.graphics-3d",
        severity: Severity::Information,
        acceptable: true,
        summary: "the VM has accelerated 3D graphics; the target has not",
        explanation: "VMware's 3D graphics come from the host's GPU through its own driver. The target's screen is plain; \
                      desktops draw with their processor.",
        advice: "give <acceleration accel3d='yes'/> with virtio graphics in the libvirt XML if the host can do it",
        check: |s| {
            found(s.source.features.graphics_3d == Tristate::Yes, &s.source.name, "3D graphics are on")
        },
    },
    Rule {
        id: "source.floppy",
        severity: Severity::Information,
        acceptable: true,
        summary: "the VM has a floppy drive; the target has none",
        explanation: "q35 machines have no floppy controller. An image in the drive stays where it is.",
        advice: "give the guest what it reads from there in another way",
        check: |s| {
            let drives = s.source.floppies.iter().enumerate();
            drives.map(|(n, f)| Finding::new(format!("floppy {n}"), held(f.image.as_deref()))).collect()
        },
    },
    Rule {
        id: "source.cd-image",
        severity: Severity::Information,
        acceptable: true,
        summary: "there is a CD in a drive of the VM; the target's drives are empty",
        explanation: "The image is a file of the old host and is not copied. An fstab or a repository that names the drive \
                      finds nothing in it.",
        advice: "put the image into the target's drive (virsh change-media) if the guest needs it",
        check: |s| {
            let drives = s.source.cdroms.iter().enumerate().filter(|(_, d)| d.image.is_some());
            drives.map(|(n, d)| Finding::new(format!("cdrom {n}"), held(d.image.as_deref()))).collect()
        },
    },
];

fn held(image: Option<&str>) -> String {
    image.map_or_else(|| "it is left out".to_owned(), |image| format!("{image:?} is not carried over"))
}

fn host_devices(seen: &Seen<'_>, kind: HostDeviceKind, message: &str) -> Vec<Finding> {
    let devices = seen.source.features.host_devices.iter().filter(|device| device.kind == kind);
    devices.map(|device| Finding::new(&device.name, message)).collect()
}

fn list(seen: &Seen<'_>, values: &[String], message: &str) -> Vec<Finding> {
    values.iter().map(|value| Finding::new(&seen.source.name, format!("{value} {message}"))).collect()
}
