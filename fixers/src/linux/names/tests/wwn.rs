//! Names that carry the world-wide name of a disk.

use super::*;

const FIRST: &str = "6000c29abcdef012345678901234567a";
const SECOND: &str = "6000c29fedcba987654321098765432b";

/// Two disks alike but for their world-wide names.
fn two(first: Option<&str>, second: Option<&str>) -> GuestFacts {
    let named =
        |unit, wwn: Option<&str>| DiskHardware { wwn: wwn.map(str::to_owned), ..disk("scsi", 0, unit) };
    let block = vec![device(0, 1, "xfs"), device(1, 1, "xfs"), device(1, 0, "")];
    with(vec![named(0, first), named(1, second)], block)
}

#[test]
fn a_disk_is_found_by_its_world_wide_name() {
    check(
        &two(Some(FIRST), Some(SECOND)),
        &[
            ("/dev/disk/by-id/scsi-36000c29abcdef012345678901234567a-part1", "0:1"),
            ("/dev/disk/by-id/scsi-36000c29fedcba987654321098765432b-part1", "1:1"),
            ("/dev/disk/by-id/wwn-0x6000c29abcdef012345678901234567a-part1", "0:1"),
            ("/dev/disk/by-id/wwn-0x6000c29fedcba987654321098765432b-part1", "1:1"),
            ("/dev/disk/by-id/wwn-0x6000c29abcdef012-part1", "0:1"),
            ("/dev/disk/by-id/wwn-0x6000c29fedcba987-part1", "1:1"),
            ("/dev/disk/by-id/scsi-SVMware_Virtual_disk_6000c29fedcba987654321098765432b-part1", "1:1"),
            ("/dev/disk/by-id/wwn-0x6000c29fedcba987654321098765432b-part2", "Missing"),
            // One that no disk has, one that is cut, one that udev does not make.
            ("/dev/disk/by-id/scsi-36000c29f0f0f0f0f0f0f0f0f0f0f0f0f-part1", "Ambiguous"),
            ("/dev/disk/by-id/wwn-0x6000c29abcde-part1", "Ambiguous"),
            ("/dev/disk/by-id/scsi-36000c29abcdef012-part1", "Ambiguous"),
            ("/dev/disk/by-id/scsi-36000C29ABCDEF012345678901234567A-part1", "Ambiguous"),
        ],
    );
}

#[test]
fn the_whole_disk_is_told_and_what_it_holds_is_checked() {
    let facts = two(Some(FIRST), Some(SECOND));
    let second = format!("/dev/disk/by-id/scsi-3{SECOND}");
    assert_eq!(Names::new(&facts).disk(&second), Some(1));
    let part = format!("{second}-part1");
    assert_eq!(look(&facts, &part, &Use::mount("xfs", "/srv")), "1:1");
    assert_eq!(look(&facts, &part, &Use::holding(Holds::Swap)), "Contradiction");
}

#[test]
fn a_world_wide_name_of_two_disks_or_of_none_proves_nothing() {
    let name = format!("/dev/disk/by-id/scsi-3{FIRST}-part1");
    assert_eq!(look(&two(Some(FIRST), Some(FIRST)), &name, &ANY), "Ambiguous");
    assert_eq!(look(&two(None, None), &name, &ANY), "Ambiguous");
    // The other disk's is not known either: that it is left over proves nothing.
    assert_eq!(look(&two(Some(SECOND), None), &name, &Use::mount("xfs", "/srv")), "Ambiguous");
    assert_eq!(look(&two(None, Some(FIRST)), &name, &ANY), "1:1");
}

#[test]
fn a_disk_of_which_nothing_is_known_has_none() {
    let mut facts = two(Some(FIRST), Some(SECOND));
    facts.hardware.disks.pop();
    let second = format!("/dev/disk/by-id/scsi-3{SECOND}-part1");
    assert_eq!(look(&facts, &second, &ANY), "Ambiguous");
}
