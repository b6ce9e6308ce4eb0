use super::*;
use crate::facts::DiskHardware;
use crate::linux::testing::{device, disk, facts, fstab_entry};

mod usage;
mod wwn;

const ANY: Use<'static> = Use { holds: Holds::Anything, mountpoint: None, kernel_only: false };

fn with(disks: Vec<DiskHardware>, block: Vec<BlockDevice>) -> GuestFacts {
    let mut facts = facts();
    facts.disks = disks.iter().map(|_| crate::facts::DiskFacts::default()).collect();
    facts.hardware.disks = disks;
    facts.block = block;
    facts.mounts.clear();
    facts
}

/// The place that a name resolves to, or the kind of reason.
fn look(facts: &GuestFacts, name: &str, used: &Use<'_>) -> String {
    match Names::new(facts).resolve(name, used) {
        Resolution::Resolved { device, .. } => {
            format!("{}:{}", device.disk.unwrap(), device.partition.unwrap_or(0))
        }
        Resolution::AlreadyStable => "stable".to_owned(),
        Resolution::Unresolved(why) => format!("{:?}", why.kind),
    }
}

fn check(facts: &GuestFacts, cases: &[(&str, &str)]) {
    for (name, want) in cases {
        assert_eq!(look(facts, name, &ANY), *want, "{name}");
    }
}

#[test]
fn stable_names_stay() {
    let names = [
        "UUID=0a000000-0000-4000-8000-000000000001",
        "UUID=\"0a00\"",
        "LABEL=root",
        "PARTUUID=0b000000-01",
        "/dev/disk/by-uuid/0a",
        "/dev/disk/by-partlabel/root",
        "/dev/disk/by-id/dm-uuid-LVM-abc",
        "/dev/disk/by-id/md-uuid-1:2",
        "/dev/disk/by-path/ip-10.0.0.1:3260-iscsi-iqn.2001-04.com.example-lun-0-part1",
        "/dev/mapper/vg--a-root",
        "/dev/vg0/root",
        "/dev/md0",
        "/dev/md/host:0",
        "/dev/zram0",
        "/dev/sr0",
        "/dev/cdrom",
        "/dev/fd0",
        "/dev/loop0",
        "/dev/null",
        "/dev/",
        "/swapfile",
        "//server/share",
        "server:/export",
        "tmpfs",
        "none",
        "",
    ];
    for name in names {
        assert_eq!(look(&facts(), name, &ANY), "stable", "{name}");
    }
}

#[test]
fn scsi_disks_of_one_controller() {
    check(
        &facts(),
        &[
            ("/dev/sda1", "0:1"),
            ("/dev/sda2", "0:2"),
            ("/dev/sdb1", "1:1"),
            ("/dev/sdc1", "Missing"),
            ("/dev/sdaa1", "Missing"),
            ("/dev/sda9", "Missing"),
            ("/dev/sdb", "Missing"),
            ("/dev/hda1", "Missing"),
            ("/dev/vda1", "0:1"),
            ("/dev/xvdb1", "1:1"),
            ("/dev/nvme0n1p1", "Missing"),
            ("/dev/block/8:1", "0:1"),
            ("/dev/block/8:17", "1:1"),
            ("/dev/block/259:1", "Ambiguous"),
            ("/dev/dm-0", "Ambiguous"),
            ("/dev/mapper/mpatha1", "Ambiguous"),
            ("/dev/cciss/c0d0p1", "Ambiguous"),
            ("/dev/disk/by-path/pci-0000:03:00.0-scsi-0:0:0:0-part2", "0:2"),
            ("/dev/disk/by-path/pci-0000:03:00.0-scsi-0:0:1:0-part1", "1:1"),
            ("/dev/disk/by-path/pci-0000:03:00.0-scsi-0:0:2:0-part1", "Missing"),
            ("/dev/disk/by-path/pci-0000:03:00.0-scsi-0:0:1:3-part1", "Ambiguous"),
            ("/dev/disk/by-path/pci-0000:03:00.0-sas-phy1-lun-0-part1", "1:1"),
            ("/dev/disk/by-path/pci-0000:02:05.0-ata-1-part1", "Missing"),
            ("/dev/disk/by-path/pci-0000:00:1d.7-usb-0:1:1.0-scsi-0:0:0:0-part1", "Ambiguous"),
            ("/dev/disk/by-path/pci-0000:05:00.0-fc-0x5006-lun-1", "Ambiguous"),
            ("/dev/disk/by-path/nonsense-part1", "Ambiguous"),
            ("/dev/disk/by-id/scsi-36000c29f0f0f0f0f0f0f0f0f0f0f0f0f-part1", "Ambiguous"),
            ("/dev/disk/by-dname/sda-part1", "Ambiguous"),
        ],
    );
}

#[test]
fn the_unit_is_the_scsi_target() {
    let facts =
        with(vec![disk("scsi", 0, 0), disk("scsi", 0, 4)], vec![device(0, 1, "ext4"), device(1, 1, "xfs")]);
    check(
        &facts,
        &[
            ("/dev/sdb1", "1:1"),
            ("/dev/disk/by-path/pci-0000:03:00.0-scsi-0:0:4:0-part1", "1:1"),
            ("/dev/disk/by-path/pci-0000:03:00.0-scsi-0:0:1:0-part1", "Missing"),
        ],
    );
}

#[test]
fn whole_disks() {
    let facts =
        with(vec![disk("scsi", 0, 0), disk("scsi", 0, 1)], vec![device(0, 1, "ext4"), device(1, 0, "swap")]);
    check(
        &facts,
        &[
            ("/dev/sdb", "1:0"),
            ("/dev/sdb1", "Missing"),
            ("/dev/sda", "Missing"),
            ("/dev/disk/by-path/pci-0000:03:00.0-scsi-0:0:1:0", "1:0"),
        ],
    );
}

#[test]
fn one_disk_is_every_identity() {
    let facts = with(vec![disk("scsi", 0, 0)], vec![device(0, 1, "ext4"), device(0, 5, "swap")]);
    check(
        &facts,
        &[
            ("/dev/disk/by-id/scsi-36000c29f0f0f0f0f0f0f0f0f0f0f0f0f-part1", "0:1"),
            ("/dev/disk/by-id/wwn-0x6000c29f0f0f0f0f0f0f0f0f0f0f0f0f-part5", "0:5"),
            ("/dev/disk/by-id/ata-VMware_Virtual_SATA_Hard_Drive_00000000000000000001-part1", "0:1"),
            ("/dev/disk/by-id/nvme-VMware_Virtual_NVMe_Disk_VMware_NVME_0000-part1", "Missing"),
            ("/dev/disk/by-id/usb-Stick_1-part1", "Ambiguous"),
            ("/dev/disk/by-path/pci-0000:13:00.0-sas-0x5000c29aabbccdde-lun-0-part1", "0:1"),
        ],
    );
}

#[test]
fn sata_and_ide() {
    let sata =
        with(vec![disk("sata", 0, 0), disk("sata", 0, 1)], vec![device(0, 1, "ext4"), device(1, 1, "xfs")]);
    check(
        &sata,
        &[
            ("/dev/sda1", "0:1"),
            ("/dev/disk/by-path/pci-0000:02:05.0-ata-1-part1", "0:1"),
            ("/dev/disk/by-path/pci-0000:02:05.0-ata-2.0-part1", "1:1"),
            ("/dev/disk/by-path/pci-0000:02:05.0-ata-3-part1", "Missing"),
        ],
    );
    let ide = with(
        vec![disk("ide", 0, 0), disk("ide", 1, 0)],
        vec![device(0, 5, "ext4"), device(0, 1, "ext4"), device(1, 1, "xfs")],
    );
    check(
        &ide,
        &[
            ("/dev/hda5", "0:5"),
            ("/dev/hdc1", "1:1"),
            ("/dev/hdb1", "Missing"),
            ("/dev/sdb1", "1:1"),
            ("/dev/block/3:5", "0:5"),
            ("/dev/block/22:1", "1:1"),
            ("/dev/disk/by-path/pci-0000:00:07.1-ata-2-part1", "1:1"),
            ("/dev/disk/by-path/pci-0000:00:07.1-ata-1.0-part5", "0:5"),
            ("/dev/disk/by-path/pci-0000:00:07.1-ata-1.1-part1", "Missing"),
            ("/dev/disk/by-path/pci-0000:00:07.1-ide-1:0-part1", "1:1"),
        ],
    );
}

#[test]
fn nvme_counts_namespaces() {
    let facts =
        with(vec![disk("nvme", 0, 0), disk("nvme", 0, 1)], vec![device(0, 2, "ext4"), device(1, 1, "xfs")]);
    check(
        &facts,
        &[
            ("/dev/nvme0n1p2", "0:2"),
            ("/dev/nvme0n2p1", "1:1"),
            ("/dev/nvme0n0p1", "Missing"),
            ("/dev/nvme1n1p1", "Missing"),
            ("/dev/disk/by-path/pci-0000:0b:00.0-nvme-1-part2", "0:2"),
            ("/dev/disk/by-path/pci-0000:0b:00.0-nvme-2-part1", "1:1"),
            ("/dev/nvme", "stable"),
            ("/dev/nvme0n1p", "stable"),
        ],
    );
    let two =
        with(vec![disk("nvme", 0, 0), disk("nvme", 1, 0)], vec![device(0, 1, "ext4"), device(1, 1, "xfs")]);
    assert_eq!(look(&two, "/dev/nvme1n1p1", &ANY), "Ambiguous");
    assert_eq!(look(&two, "/dev/nvme1n1p1", &Use::mount("xfs", "/data")), "1:1");
}

#[test]
fn hyper_v_counts_luns() {
    let facts =
        with(vec![disk("scsi", 0, 0), disk("scsi", 0, 3)], vec![device(0, 1, "ext4"), device(1, 1, "xfs")]);
    check(
        &facts,
        &[
            ("/dev/disk/by-path/acpi-VMBUS:00-scsi-0:0:0:3-part1", "1:1"),
            ("/dev/disk/by-path/acpi-MSFT1000:00-vmbus-f8b3781a1e824818a1c363d806ec15bb-lun-0-part1", "0:1"),
        ],
    );
}

#[test]
fn several_controllers_are_decided_by_use_only() {
    let disks = vec![disk("scsi", 0, 0), disk("scsi", 1, 0), disk("scsi", 2, 0)];
    let block = vec![device(0, 1, "ext4"), device(1, 1, "xfs"), device(2, 1, "xfs")];
    let mut facts = with(disks, block);
    assert_eq!(look(&facts, "/dev/sdb1", &ANY), "Ambiguous");
    assert_eq!(look(&facts, "/dev/sdb1", &Use::mount("xfs", "/data")), "Ambiguous");
    assert_eq!(look(&facts, "/dev/sdb1", &Use::mount("ext4", "/srv")), "0:1");
    let by_path = "/dev/disk/by-path/pci-0000:03:00.0-scsi-0:0:0:0-part1";
    assert_eq!(look(&facts, by_path, &Use::mount("xfs", "/data")), "Ambiguous");
    // The root entry tells which disk is sda; so sdb is one of the others.
    facts.mounts = super::super::testing::facts().mounts;
    facts.fstab = vec![fstab_entry("/dev/sda1", "/", "ext4")];
    assert_eq!(look(&facts, "/dev/sda1", &ANY), "0:1");
    assert_eq!(look(&facts, "/dev/sdb1", &Use::mount("ext4", "/srv")), "Contradiction");
    facts.block.pop();
    facts.hardware.disks.pop();
    facts.disks.pop();
    assert_eq!(look(&facts, "/dev/sdb1", &ANY), "1:1");
}

#[test]
fn many_controllers_do_not_cost() {
    let disks: Vec<_> = (0..64).map(|n| disk("scsi", n, 0)).collect();
    let block = (0..20).map(|n| device(n, 1, "ext4")).collect();
    assert_eq!(look(&with(disks, block), "/dev/sdb1", &ANY), "Ambiguous");
}

#[test]
fn disks_without_a_description() {
    let mut facts = facts();
    facts.hardware.disks.clear();
    check(
        &facts,
        &[
            ("/dev/sda1", "0:1"),
            ("/dev/sdb1", "1:1"),
            ("/dev/hda2", "0:2"),
            ("/dev/nvme1n1p1", "1:1"),
            ("/dev/disk/by-path/pci-0000:03:00.0-scsi-0:0:1:0-part2", "0:2"),
            ("/dev/disk/by-path/pci-0000:03:00.0-scsi-0:0:1:0-part1", "Ambiguous"),
        ],
    );
}
