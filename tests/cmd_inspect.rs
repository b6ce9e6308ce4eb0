//! `h2k inspect`: source and facts, without a decision.

use std::fs;
use std::os::unix::fs::FileExt;

use crate::common::disk::text;
use crate::common::{Place, ok, phony};

#[test]
fn json_holds_source_and_facts() {
    let place = Place::new();
    let vmx = phony::guest(&place, "web01");
    let json = place.h2k(["inspect", vmx.to_str().unwrap(), "--json"]).expect(0).json();
    assert_eq!(json["version"], 1);
    let vm = &json["vms"][0];
    assert_eq!(vm["source"]["nics"][0]["mac"], "00:50:56:00:00:01");
    assert_eq!(vm["facts"]["systems"][0]["distro"], "debian");
    assert_eq!(vm["facts"]["firmware"], "bios");
    assert_eq!(vm["facts"]["network"]["interfaces"][0]["name"], "ens192");
    let initramfs = &vm["facts"]["kernels"][0]["initramfs"];
    assert!(initramfs["modules"].as_array().unwrap().iter().any(|m| m == "virtio_blk"), "{initramfs:#}");
}

#[test]
fn text_is_for_people() {
    let place = Place::new();
    let vmx = phony::guest(&place, "web01");
    let text = place.h2k(["inspect", vmx.to_str().unwrap()]).expect(0).stdout;
    for part in ["VM web01", "Debian GNU/Linux 12", "00:50:56:00:00:01", "virtio in its initramfs"] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
}

/// blkid says nothing at all of such a partition, not even what its table tells.
#[test]
fn a_partition_with_the_marks_of_two_file_systems_is_no_obstacle() {
    let place = Place::new();
    phony::guest(&place, "web01");
    let (xfs, disk) = (place.write("xfs.fs", b""), place.write("data.raw", b""));
    fs::File::options().write(true).open(&xfs).unwrap().set_len(300 << 20).unwrap();
    ok("mkfs.xfs", &["-q", text(&xfs)]);
    let file = fs::File::options().write(true).open(&disk).unwrap();
    file.set_len(302 << 20).unwrap();
    for (label, kind) in [("dos", "83"), ("gpt", "L")] {
        let table = place.write("table", format!("label: {label}\nstart=1MiB, size=300MiB, type={kind}\n"));
        ok("sh", &["-c", "sfdisk -q \"$1\" < \"$2\"", "sh", text(&disk), text(&table)]);
        ok("mke2fs", &["-q", "-F", "-t", "ext4", "-E", "offset=1048576", text(&disk), "307200k"]);
        let mut superblock = [0; 512];
        fs::File::open(&xfs).unwrap().read_exact_at(&mut superblock, 0).unwrap();
        file.write_all_at(&superblock, 1 << 20).unwrap();
        let found = place.h2k(["inspect", "web01.raw", "data.raw", "--json"]).expect(0).json();
        let facts = &found["vms"][0]["facts"];
        assert_eq!(facts["systems"][0]["distro"], "debian");
        let devices = facts["block"].as_array().unwrap();
        let device =
            devices.iter().find(|d| d["name"] == "/dev/sdb1").unwrap_or_else(|| panic!("{devices:#?}"));
        assert_eq!((&device["fstype"], &device["size"]), (&"".into(), &(300_u64 << 20).into()), "{device:#}");
    }
}

/// As parted leaves them: superblocks that lie before the first partition.
#[test]
fn a_disk_that_was_two_file_systems_before_it_was_partitioned_shows_its_partitions() {
    let place = Place::new();
    phony::guest(&place, "web01");
    let disk = fs::File::options().write(true).open(place.path("web01.raw")).unwrap();
    let size = disk.metadata().unwrap().len();
    let old = place.write("old.fs", b"");
    for (program, at) in
        [(&["mke2fs", "-q", "-F", "-t", "ext4"][..], 1 << 10), (&["mkfs.btrfs", "-q", "-f"], 64 << 10)]
    {
        let file = fs::File::options().read(true).write(true).open(&old).unwrap();
        file.set_len(0).and_then(|()| file.set_len(size)).unwrap();
        ok(program[0], &[&program[1..], &[text(&old)]].concat());
        let mut superblock = [0; 4096];
        let length = if at == 1 << 10 { 1024 } else { 4096 };
        file.read_exact_at(&mut superblock[..length], at).unwrap();
        disk.write_all_at(&superblock[..length], at).unwrap();
    }
    let found = place.h2k(["inspect", "web01.raw", "--json"]).expect(0).json();
    let facts = &found["vms"][0]["facts"];
    assert_eq!(facts["disks"][0]["table"], "msdos", "{:#}", facts["disks"]);
    assert_eq!(
        (&facts["block"][0]["name"], &facts["block"][0]["fstype"]),
        (&"/dev/sda1".into(), &"ext4".into())
    );
    assert_eq!(facts["systems"][0]["distro"], "debian");
}
