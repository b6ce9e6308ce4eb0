//! Rules about the guest's volumes and file systems.

use h2k_config::VolumeSelector;
use h2k_fixers::facts::{BlockDevice, LUKS, Mount, Unmounted};
use h2k_fixers::offline::selects;
use h2k_fixers::windows::SYSTEM_VOLUME;
use h2k_fixers::{Change, Severity};

use super::{Finding, Rule, Seen};
use crate::plan::room;

/// Free space that a repair needs on the guest's root file system, in bytes (virt-v2v asks for the same).
const ROOT_FREE: u64 = 100 << 20;
/// Free space that a rebuilt initramfs needs in /boot, in bytes.
const BOOT_FREE: u64 = 50 << 20;
/// Free space of any other file system that is not nearly full, in bytes.
const OTHER_FREE: u64 = 10 << 20;

pub(super) static RULES: &[Rule] = &[
    Rule {
        id: "guest.encrypted-system",
        severity: Severity::Critical,
        acceptable: false,
        summary: "the system, or a part of it, is on an encrypted volume that was not opened",
        explanation: "What is on a closed volume cannot be repaired: the guest would boot with the old names and without drivers, if it boots.",
        advice: "open it: --key UUID=…:file:PATH with its passphrase, or :key-file:PATH, :env:NAME, :-",
        check: |s| if system_is_missing(s) { closed(s) } else { Vec::new() },
    },
    Rule {
        id: "guest.encrypted",
        severity: Severity::Warning,
        acceptable: true,
        summary: "a volume is encrypted; what is on it was not seen",
        explanation: "The volume is copied as it is, byte by byte, and the guest opens it as before. Files on it that name the old hardware are not seen and not repaired.",
        advice: "open it with --key UUID=…:file:PATH if the guest's files name what is on it by the old hardware",
        check: |s| if system_is_missing(s) { Vec::new() } else { closed(s) },
    },
    Rule {
        id: "guest.key-unused",
        severity: Severity::Warning,
        acceptable: true,
        summary: "a key was given for a volume that is none of the guest's encrypted ones",
        explanation: "A key that fits no volume is a mistake in its name, or the volume is on a disk that was not given.",
        advice: "name the volume by its UUID, as h2k inspect --json shows it, or take all",
        check: |s| {
            let containers = || s.facts.block.iter().filter(|b| b.is_encrypted());
            let named = s.policy.keys.iter().filter(|key| key.volume != VolumeSelector::All);
            let unused = named.filter(|key| !containers().any(|c| selects(s.facts, &key.volume, c)));
            unused
                .map(|key| Finding::new(key.volume.to_string(), "no encrypted volume is meant by it"))
                .collect()
        },
    },
    Rule {
        id: "guest.system-unmounted",
        severity: Severity::Critical,
        acceptable: false,
        summary: "a file system that holds kernels, bootloaders or programs could not be mounted",
        explanation: "Kernels, boot loaders or programs are on it, so repairs would be left out, or would be written beneath its mount point.",
        advice: "let the guest check its file systems on its hypervisor, name all disks of the VM, and plan again",
        check: |s| unmounted(s, true),
    },
    Rule {
        id: "guest.data-unmounted",
        severity: Severity::Warning,
        acceptable: true,
        summary: "a file system that fstab names could not be mounted; what is on it was not seen",
        explanation: "Its bytes are copied. Files on it were not looked at, its free space is copied too, and the guest may wait for it at its boot where it is broken.",
        advice: "check that all disks of the VM are there and that the file system is whole",
        check: |s| unmounted(s, false),
    },
    Rule {
        id: "guest.free-space",
        severity: Severity::Critical,
        acceptable: true,
        summary: "a file system of the guest has too little room for the repairs",
        explanation: "Every edit that makes a file or lets one grow takes room, drivers for Windows most of all, and a program that is run in the guest (a generator of an initramfs) writes a second image beside the old one. With too little room, or none for more files, FIX fails and with it the migration; the source is as it was.",
        advice: "make room in the guest on its hypervisor, and plan again",
        check: free_space,
    },
    Rule {
        id: "guest.nearly-full",
        severity: Severity::Warning,
        acceptable: true,
        summary: "a file system of the guest is nearly full",
        explanation: "Less than 100 MiB in / or C:, 50 MiB in /boot or 10 MiB elsewhere leaves little for logs, for the first \
                      boot's own work and for the next kernel. The migration itself does not need them, unless \
                      guest.free-space says so.",
        advice: "make room in the guest",
        check: nearly_full,
    },
    Rule {
        id: "guest.blank-disk",
        severity: Severity::Information,
        acceptable: true,
        summary: "one of the disks is blank",
        explanation: "It has no partition table, no file system and no volume. It is copied as it is, which takes next to \
                      no space. A disk that is in use and looks blank is encrypted without a header, or is not this disk.",
        advice: "check that it is the VM's disk, and leave it out if nobody needs it",
        check: |s| {
            let some = s.facts.disks.iter().any(|d| !d.blank);
            let blank = s.facts.disks.iter().enumerate().filter(|(_, d)| some && d.blank);
            blank.map(|(n, _)| Finding::new(format!("disk {n}"), "there is nothing on it")).collect()
        },
    },
    Rule {
        id: "guest.zfs",
        severity: Severity::Warning,
        acceptable: true,
        summary: "there is a ZFS pool on the disks, which h2k does not look into",
        explanation: "The pool is copied byte by byte, with its free space. It remembers the names of its disks: a pool by \
                      /dev/disk/by-id or by-path is found by scanning, but a root pool may need its cache file anew.",
        advice: "import the pool by scanning after the first boot (zpool import -d /dev), and set its cache file anew",
        check: |s| filesystems(s, &["zfs_member"]),
    },
    Rule {
        id: "guest.ceph-osd",
        severity: Severity::Warning,
        acceptable: true,
        summary: "there is an OSD of Ceph on the disks",
        explanation: "The cluster counts an OSD that is away as lost after some minutes and copies its data elsewhere. An \
                      OSD that comes back with an old state is brought up to date; two of one id damage the cluster.",
        advice: "set noout before the migration, and never start the source again",
        check: |s| filesystems(s, &["ceph_bluestore"]),
    },
    Rule {
        id: "guest.drbd",
        severity: Severity::Warning,
        acceptable: true,
        summary: "a disk is replicated by DRBD",
        explanation: "Its metadata lies on the disk and comes along, and its configuration names the disk below it. With \
                      the old name DRBD does not find it; with two copies of one node it splits.",
        advice: "check the disk names in /etc/drbd.d, and never start the source again",
        check: |s| filesystems(s, &["drbd"]),
    },
    Rule {
        id: "guest.storage-unseen",
        severity: Severity::Warning,
        acceptable: true,
        summary: "a disk belongs to a storage layer that h2k does not look into",
        explanation: "Oracle ASM, bcache, VMFS and the RAID of mainboards keep data in layouts of their own. They are copied \
                      byte by byte; what on them names the old hardware is not repaired.",
        advice: "check the layer's own settings for names of disks after the first boot",
        check: |s| {
            filesystems(
                s,
                &["oracleasm", "bcache", "VMFS_volume_member", "isw_raid_member", "ddf_raid_member"],
            )
        },
    },
];

/// Encrypted volumes that are closed. Of the others everything was seen.
fn closed(seen: &Seen<'_>) -> Vec<Finding> {
    let encrypted = |b: &&BlockDevice| b.fstype == LUKS;
    let closed = seen.facts.block.iter().filter(encrypted).filter(|b| seen.facts.opened(b).is_none());
    closed
        .map(|b| {
            let uuid = if b.uuid.is_empty() { String::new() } else { format!(", UUID={}", b.uuid) };
            Finding::new(place(b), format!("holds {}{uuid}", b.fstype))
        })
        .collect()
}

/// Whether what was not seen may be the system: there is none, or a file system of it is nowhere.
fn system_is_missing(seen: &Seen<'_>) -> bool {
    seen.facts.systems.is_empty() || seen.facts.unmounted.iter().any(Unmounted::is_system)
}

fn unmounted(seen: &Seen<'_>, system: bool) -> Vec<Finding> {
    let those = seen.facts.unmounted.iter().filter(|u| u.is_system() == system);
    those.map(|u| Finding::new(&u.mountpoint, format!("{} is not mounted: {}", u.spec, u.reason))).collect()
}

/// Where a device is, for people.
pub(super) fn place(device: &BlockDevice) -> String {
    match (device.disk, device.partition, &device.lv) {
        (Some(disk), Some(part), _) => format!("disk {disk} partition {part}"),
        (Some(disk), None, _) => format!("disk {disk}"),
        (_, _, Some((vg, lv))) => format!("volume {vg}/{lv}"),
        _ => device.name.clone(),
    }
}

fn free_space(seen: &Seen<'_>) -> Vec<Finding> {
    let mounts = &seen.facts.mounts;
    let runs = seen.edits.iter().any(|e| matches!(e.change, Change::Run { .. }));
    let separate_boot = mounts.iter().any(|m| m.mountpoint == "/boot");
    let programs = |point: &str| match point {
        "/" if runs && separate_boot => ROOT_FREE,
        "/" if runs => ROOT_FREE + BOOT_FREE,
        "/boot" if runs => BOOT_FREE,
        _ => 0,
    };
    let rooms = room::by_mount(seen.edits, mounts);
    let short = |mount: &Mount| {
        let room = rooms.get(mount.mountpoint.as_str()).copied().unwrap_or_default();
        let needed = programs(&mount.mountpoint).saturating_add(room.bytes);
        let files = mount.free_files.filter(|free| *free < room.files);
        let message = match files {
            _ if mount.free < needed => {
                format!("{} MiB free, {} MiB needed", mount.free >> 20, needed.div_ceil(1 << 20))
            }
            Some(free) => format!("{free} more files can be made, {} are needed", room.files),
            None => return None,
        };
        Some(Finding::new(&mount.mountpoint, message))
    };
    mounts.iter().filter(|m| m.size > 0).filter_map(short).collect()
}

fn filesystems(seen: &Seen<'_>, kinds: &[&str]) -> Vec<Finding> {
    let found = seen.facts.block.iter().filter(|b| kinds.contains(&b.fstype.as_str()));
    found.map(|b| Finding::new(place(b), format!("holds {}", b.fstype))).collect()
}

/// virt-v2v and Forklift ask for the same.
fn nearly_full(seen: &Seen<'_>) -> Vec<Finding> {
    let needed = |point: &str| match point {
        "/" | SYSTEM_VOLUME => ROOT_FREE,
        "/boot" => BOOT_FREE,
        _ => OTHER_FREE,
    };
    let said: Vec<String> = free_space(seen).into_iter().map(|f| f.subject).collect();
    let mounts = seen.facts.mounts.iter().filter(|m| m.size > 0 && !said.contains(&m.mountpoint));
    mounts
        .filter(|m| m.free < needed(&m.mountpoint))
        .filter(|m| {
            let kind = seen.facts.device(&m.device).map(|b| b.fstype.as_str()).unwrap_or_default();
            !matches!(kind, "iso9660" | "squashfs")
        })
        .map(|m| {
            Finding::new(&m.mountpoint, format!("{} MiB of {} MiB are free", m.free >> 20, m.size >> 20))
        })
        .collect()
}
