//! What the use of a name decides, and the name that is written in the end.

use super::*;
use crate::linux::testing::{DATA, ROOT, SWAP};

#[test]
fn the_use_must_agree() {
    let facts = facts();
    let cases = [
        ("/dev/sda1", Use::mount("ext3", "/"), "0:1"),
        ("/dev/sda1", Use::mount("auto", "/"), "0:1"),
        ("/dev/sda1", Use::mount("xfs,ext2", "/"), "0:1"),
        ("/dev/sda1", Use::mount("xfs", "/"), "Contradiction"),
        ("/dev/sdb1", Use::mount("xfs", "/"), "Contradiction"),
        ("/dev/sdb1", Use::mount("xfs", "/data"), "1:1"),
        ("/dev/sda2", Use::mount("swap", "none"), "0:2"),
        ("/dev/sda2", Use::mount("ext4", "/home"), "Contradiction"),
        ("/dev/sda2", Use::holding(Holds::Luks), "Contradiction"),
        ("/dev/sdb1", Use::holding(Holds::Scratch), "Contradiction"),
        ("/dev/root", Use::mount("ext4", "/"), "0:1"),
        ("/dev/root", Use::mount("xfs", "/data"), "Contradiction"),
        ("/dev/root", Use::holding(Holds::Swap), "Contradiction"),
    ];
    for (name, used, want) in cases {
        assert_eq!(look(&facts, name, &used), want, "{name} {used:?}");
    }
}

#[test]
fn the_root_device_is_known_by_its_content() {
    let mut facts = facts();
    for name in ["/dev/dm-0", "/dev/mapper/mpatha1", "/dev/cciss/c0d0p1", "/dev/block/259:1"] {
        assert_eq!(look(&facts, name, &Use::mount("ext4", "/")), "0:1");
        assert_eq!(look(&facts, name, &Use::mount("xfs", "/")), "Contradiction");
    }
    facts.block[2].fstype = "ext4".to_owned();
    let by_id = "/dev/disk/by-id/scsi-36000c29f0f0f0f0f0f0f0f0f0f0f0f0f-part1";
    assert_eq!(look(&facts, by_id, &Use::mount("ext4", "/")), "0:1");
    assert_eq!(look(&facts, by_id, &Use::mount("ext4", "/data")), "Ambiguous");
    facts.mounts[0].device = "btrfsvol:/dev/sda1/@".to_owned();
    assert_eq!(look(&facts, by_id, &Use::mount("auto", "/")), "0:1");
}

fn stable_of(facts: &GuestFacts, name: &str, used: &Use<'_>) -> Option<String> {
    match Names::new(facts).resolve(name, used) {
        Resolution::Resolved { stable, .. } => Some(stable),
        _ => None,
    }
}

#[test]
fn stable_names_in_order_of_preference() {
    let mut facts = facts();
    assert_eq!(stable_of(&facts, "/dev/sda1", &ANY), Some(format!("UUID={ROOT}")));
    assert_eq!(stable_of(&facts, "/dev/sda2", &ANY), Some(format!("UUID={SWAP}")));
    assert_eq!(stable_of(&facts, "/dev/sdb1", &ANY), Some(format!("UUID={DATA}")));
    let kernel_only = Use { kernel_only: true, ..ANY };
    assert_eq!(stable_of(&facts, "/dev/sda1", &kernel_only), Some("PARTUUID=0b000000-01".to_owned()));
    // A cloned disk has the same UUIDs.
    facts.block[2].uuid = ROOT.to_owned();
    assert_eq!(stable_of(&facts, "/dev/sda1", &ANY), Some("PARTUUID=0b000000-01".to_owned()));
    facts.block[2].partuuid = facts.block[0].partuuid.clone();
    facts.block[0].label = "root".to_owned();
    assert_eq!(stable_of(&facts, "/dev/sda1", &ANY), Some("LABEL=root".to_owned()));
    facts.block[0].label = "x\"; reboot".to_owned();
    assert_eq!(look(&facts, "/dev/sda1", &ANY), "NoStableName");
}

#[test]
fn members_of_one_btrfs_share_its_uuid() {
    let mut facts = facts();
    facts.block[0].fstype = "btrfs".to_owned();
    facts.block[2].fstype = "btrfs".to_owned();
    facts.block[2].uuid = ROOT.to_owned();
    assert_eq!(stable_of(&facts, "/dev/sda1", &ANY), Some(format!("UUID={ROOT}")));
}

#[test]
fn a_volume_has_its_mapped_name() {
    let mut facts = facts();
    facts.block[0].lv = Some(("vg-a".to_owned(), "root".to_owned()));
    let stable = stable_of(&facts, "/dev/root", &Use::mount("ext4", "/"));
    assert_eq!(stable.as_deref(), Some("/dev/mapper/vg--a-root"));
}

proptest::proptest! {
    #[test]
    fn no_name_panics(name in "(/dev/)?(disk/by-path/|disk/by-id/|block/|sd|nvme|hd)?\\PC{0,40}") {
        let facts = facts();
        let names = Names::new(&facts);
        let _ = names.resolve(&name, &ANY);
        let _ = names.resolve(&name, &Use::mount("ext4", "/"));
    }
}

#[test]
fn any_member_of_a_btrfs_root_names_it_and_says_nothing_of_the_order_of_disks() {
    let mut facts = with(
        vec![disk("scsi", 0, 0), disk("scsi", 1, 0)],
        vec![device(0, 1, "btrfs"), device(1, 1, "btrfs"), device(1, 2, "swap")],
    );
    facts.block[1].uuid = facts.block[0].uuid.clone();
    facts.mounts = vec![crate::facts::Mount {
        mountpoint: "/".to_owned(),
        device: "/dev/sda1".to_owned(),
        ..crate::facts::Mount::default()
    }];
    facts.fstab = vec![fstab_entry("/dev/sdb1", "/", "btrfs")];
    let root = Use::mount("btrfs", "/");
    let resolved = |facts: &GuestFacts| match Names::new(facts).resolve("/dev/sdb1", &root) {
        Resolution::Resolved { stable, .. } => stable,
        other => panic!("{other:?}"),
    };
    assert_eq!(resolved(&facts), format!("UUID={}", facts.block[0].uuid));
    // The root was found on disk 0, and fstab calls it sdb1: of a lone file system that would say that disk 1 is sda.
    assert_eq!(look(&facts, "/dev/sdb2", &Use::holding(Holds::Swap)), "1:2");
    // Elsewhere than at / both may be meant, and are the same.
    assert_eq!(look(&facts, "/dev/sdb1", &Use::mount("btrfs", "/srv")), "0:1");
    facts.block[1] = device(1, 1, "ext4");
    assert_eq!(look(&facts, "/dev/sda2", &Use::holding(Holds::Swap)), "1:2");
}
