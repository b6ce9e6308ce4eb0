//! Two systems on one disk: the one that `--root` names is moved, the other stays as it is, byte for byte.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::{Place, ok, phony, run};

const MIB: u64 = 1 << 20;
/// Where the two file systems begin, and the size of both, in MiB.
const STARTS: [u64; 2] = [1, 130];
const SIZE: u64 = 128;

/// `src/both.vmx`: a disk with a Debian on its first partition and on its second one.
fn guest(place: &Place) -> PathBuf {
    let raw = place.write("both.raw", b"");
    let disk = fs::File::options().write(true).open(&raw).unwrap();
    disk.set_len((STARTS[1] + SIZE + 1) * MIB).unwrap();
    let [one, two] = STARTS.map(|start| format!("start={start}MiB, size={SIZE}MiB, type=83"));
    let table = place.write("table", format!("label: dos\n{one}, bootable\n{two}\n"));
    run(Command::new("sh").args(["-c", "sfdisk -q \"$1\" < \"$2\"", "sh"]).arg(&raw).arg(&table)).expect(0);
    for (number, start) in STARTS.iter().enumerate() {
        let root = format!("/dev/sda{}", number + 1);
        let fstab = format!("{root} / ext4 errors=remount-ro 0 1\n");
        let image = phony::filesystem(place, &format!("web0{number}"), &fstab, &root);
        ok(
            "tune2fs",
            &["-U", &format!("0000000{number}-2222-4333-8444-555555555555"), image.to_str().unwrap()],
        );
        disk.write_all_at(&fs::read(&image).unwrap(), start * MIB).unwrap();
    }
    disk.write_all_at(&[0xeb, 0x63, 0x90], 0).unwrap();
    phony::describe(place, "both", &raw)
}

/// What a disk has on a partition.
fn partition(disk: &Path, number: usize) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(SIZE * MIB).unwrap()];
    fs::File::open(disk).unwrap().read_exact_at(&mut bytes, STARTS[number] * MIB).unwrap();
    bytes
}

/// The fstab of the second system.
fn fstab(place: &Place, disk: &Path) -> String {
    let image = place.write("looked-at.ext4", partition(disk, 1));
    ok("debugfs", &["-R", "cat /etc/fstab", image.to_str().unwrap()])
}

#[test]
fn the_one_that_is_named_is_moved_and_taken_back_alone() {
    let place = Place::new();
    let vmx = guest(&place);
    let args = ["migrate", vmx.to_str().unwrap(), "--root", "/dev/sda2", "-o", "out", "--no-boot"];
    place.h2k([&args[..], &["--format", "raw"]].concat()).expect(0);
    let (source, disk) = (place.path("both.raw"), place.path("out/both/disk0.raw"));
    assert!(partition(&source, 0) == partition(&disk, 0), "the other system was changed");
    let (before, after) = (fstab(&place, &source), fstab(&place, &disk));
    assert!(before.contains("\n/dev/sda2 / ") || before.starts_with("/dev/sda2 / "), "{before}");
    assert!(after.contains("UUID=00000001-2222-4333-8444-555555555555 / "), "{after}");

    // What looks at the result later goes by the same system.
    place.h2k(["undo", "out/both", "--all"]).expect(0);
    assert!(partition(&source, 0) == partition(&disk, 0), "the other system was changed");
    assert_eq!(fstab(&place, &disk), before);
}
