//! Rules about the disks as the hypervisor has them.

use h2k_fixers::Severity;
use h2k_transports::{SourceDisk, Tristate};

use super::{Finding, Rule, Seen, found};
use crate::emit::domain::TargetBus;
use crate::plan::target::MAX_SERIAL;
use crate::plan::text::bytes;

/// Most disks and NICs that each sit behind a PCI Express port of their own: there are 256 bus numbers, some of which
/// the board has (PCI Express Base Specification, section 7.3.1).
const MAX_PORTS: usize = 220;

pub(super) static RULES: &[Rule] = &[
    Rule {
        id: "disk.independent",
        severity: Severity::Warning,
        acceptable: true,
        summary: "a disk is independent of snapshots",
        explanation: "A snapshot does not freeze an independent disk, and reverting does not reset it: it is written while \
                      the VM runs, and backups leave it out. h2k copies it like every other; a non-persistent one is \
                      copied without what the running VM has written.",
        advice: "shut the guest down before the migration: a snapshot does not freeze this disk",
        check: |s| {
            each(s, |disk| {
                let mode = disk.mode.as_deref().filter(|mode| mode.starts_with("independent"))?;
                Some(format!("its mode is {mode}"))
            })
        },
    },
    Rule {
        id: "disk.shared",
        severity: Severity::Warning,
        acceptable: true,
        summary: "a disk is shared with other VMs; the copy is this VM's alone",
        explanation: "Cluster nodes write one disk together. The copy holds what the disk held at one moment, and the other \
                      nodes do not see what is written to it afterwards: the cluster is split.",
        advice: "shut all nodes down, migrate the disk with one of them, and give it to the others with <shareable/>",
        check: |s| each(s, |disk| disk.traits.shared.as_ref().map(|how| format!("sharing is {how}"))),
    },
    Rule {
        id: "disk.raw-mapping",
        severity: Severity::Warning,
        acceptable: true,
        summary: "a disk maps a device of the old host (RDM): its bytes lie on a LUN, not in a file",
        explanation: "A mapping's descriptor names a LUN of the storage system. h2k copies the bytes that it can read here; \
                      the LUN itself stays, and other hosts may use it.",
        advice: "check the size of the disk in the plan; a LUN can also be given to the new host as it is",
        check: raw_mapping,
    },
    Rule {
        id: "disk.io-limit",
        severity: Severity::Information,
        acceptable: true,
        summary: "a disk's throughput is limited; on the target it is not",
        explanation: "The limit is a setting of the old host. The target's disk takes what its storage gives.",
        advice: "give <iotune> to the disk in the libvirt XML if it matters",
        check: |s| {
            each(s, |disk| disk.traits.io_limit.as_ref().map(|limit| format!("throughputCap is {limit}")))
        },
    },
    Rule {
        id: "disk.serials-visible",
        severity: Severity::Information,
        acceptable: true,
        summary: "the guest sees identities of the disks (disk.EnableUUID), and gets others",
        explanation: "Names such as /dev/disk/by-id/wwn-… are made of them. h2k resolves those that it finds in the guest's \
                      boot files; programs that keep such names for themselves (storage of databases and clusters) do not \
                      find them.",
        advice: "look for by-id names in the configuration of storage software in the guest",
        check: |s| {
            let visible = s.source.disk_uuids_visible == Tristate::Yes;
            found(visible, &s.source.name, "disk.EnableUUID is on")
        },
    },
    Rule {
        id: "disk.serial-cut",
        severity: Severity::Information,
        acceptable: true,
        summary: "a disk's serial number is longer than virtio carries",
        explanation: "virtio-blk gives the guest 20 bytes. The serial number is cut there.",
        advice: "look for the old serial number in the guest's configuration (by-id names)",
        check: |s| {
            each(s, |disk| {
                let serial = disk.serial.as_ref().filter(|serial| serial.len() > MAX_SERIAL)?;
                Some(format!("{serial} is cut after {MAX_SERIAL} characters"))
            })
        },
    },
    Rule {
        id: "disk.capacity-differs",
        severity: Severity::Warning,
        acceptable: true,
        summary: "a disk's image has another size than the description says",
        explanation: "The image is believed. A description from another time may belong to another state of the disk.",
        advice: "check that image and description are of one export",
        check: |s| {
            let disks = s.source.disks.iter().zip(s.disks).enumerate();
            let differ = disks.filter_map(|(n, (said, is))| Some((n, said.capacity_bytes?, is.size)));
            let differ = differ.filter(|(_, said, is)| said != is);
            differ
                .map(|(n, said, is)| {
                    Finding::new(
                        format!("disk {n}"),
                        format!("{} described, {} found", bytes(said), bytes(is)),
                    )
                })
                .collect()
        },
    },
    Rule {
        id: "disk.capacity-invalid",
        severity: Severity::Critical,
        acceptable: false,
        summary: "a disk has no bytes",
        explanation: "An image without a single sector is no disk: nothing can be on it, and QEMU refuses it.",
        advice: "check the image; take the disk out of the description if it is empty",
        check: |s| {
            let empty = s.disks.iter().enumerate().filter(|(_, disk)| disk.size == 0);
            empty.map(|(n, _)| Finding::new(format!("disk {n}"), "its size is 0")).collect()
        },
    },
    Rule {
        id: "disk.count",
        severity: Severity::Critical,
        acceptable: true,
        summary: "there are more disks than virtio-blk has places for",
        explanation: "Every virtio-blk disk is a PCI Express device behind a port with a bus number of its own, of which \
                      there are 256. virtio-scsi takes thousands of disks on one controller.",
        advice: "use --disk-bus virtio-scsi",
        check: |s| {
            let blocks = s.target.disks.iter().filter(|d| d.bus == TargetBus::VirtioBlk).count();
            let ports = blocks + s.target.nics.len();
            let message = format!("{blocks} disks and {} NICs", s.target.nics.len());
            found(blocks > 0 && ports > MAX_PORTS, &s.target.name, &message)
        },
    },
];

/// What is found at single disks of the description.
fn each(seen: &Seen<'_>, found: impl Fn(&SourceDisk) -> Option<String>) -> Vec<Finding> {
    let disks = seen.source.disks.iter().enumerate();
    disks.filter_map(|(n, disk)| Some(Finding::new(format!("disk {n}"), found(disk)?))).collect()
}

/// By the description, or by the `createType` of the disk's own descriptor (VMware's Virtual Disk Format 1.1).
fn raw_mapping(seen: &Seen<'_>) -> Vec<Finding> {
    const MAPPED: [&str; 4] =
        ["vmfsRawDeviceMap", "vmfsPassthroughRawDeviceMap", "fullDevice", "partitionedDevice"];
    let by_image = |n: usize| {
        let images = seen.disks.get(n)?.chain.images();
        let kinds = images.iter().filter_map(|image| image.subformat.as_deref());
        kinds.into_iter().find(|kind| MAPPED.contains(kind)).map(str::to_owned)
    };
    let disks = seen.source.disks.iter().enumerate();
    disks
        .filter_map(|(n, disk)| Some((n, disk.traits.raw_mapping.clone().or_else(|| by_image(n))?)))
        .map(|(n, kind)| Finding::new(format!("disk {n}"), format!("its type is {kind}")))
        .collect()
}
