//! OVF descriptors and their files in a directory.

use std::os::unix::fs::MetadataExt;

use h2k_transports::{
    Bus, DiskFormat, DiskLocation, FetchErrorKind, FetchOptions, Firmware, fetch_with, recognise,
};

use crate::common::*;

fn package(ovf: &str, others: &[(&str, &[u8])]) -> Dir {
    let dir = Dir::with(others);
    dir.write(ovf, &fixture(&format!("ovf/{ovf}")));
    dir
}

#[test]
fn virtualbox_ovf_2() {
    let vm = package("virtualbox-ovf2.ovf", &[("box-disk001.vmdk", b"KDMV")]).fetch("").unwrap();
    assert_eq!((vm.name.as_str(), vm.guest_os.as_deref()), ("box", Some("Debian_64")));
    assert_eq!((vm.firmware, vm.disks[0].slot.bus), (Firmware::Uefi, Bus::Sata));
    assert_eq!(vm.warnings, Vec::<String>::new());
}

#[test]
fn a_blank_disk_becomes_an_empty_file() {
    let dir = package("blank-disk.ovf", &[("disk1.vmdk", b"KDMV.")]);
    let vm = dir.fetch("").unwrap();
    assert_eq!(vm.disks[1].format, Some(DiskFormat::Raw));
    let DiskLocation::File { path } = &vm.disks[1].location else { panic!("{:?}", vm.disks[1]) };
    let metadata = std::fs::metadata(path).unwrap();
    assert_eq!((metadata.len(), metadata.blocks()), (1 << 30, 0));
}

#[test]
fn a_missing_file_is_named() {
    let error = package("one-disk.ovf", &[]).fetch("").unwrap_err();
    assert_eq!(error.kind(), FetchErrorKind::NotFound);
    assert!(error.to_string().contains("\"disk1.vmdk\""), "{error}");
}

#[test]
fn a_size_that_differs_is_worth_a_warning_unless_the_digest_is_right() {
    let disk = disk_of(11);
    let dir = package("one-disk.ovf", &[("disk1.vmdk", &disk)]);
    assert_eq!(dir.fetch("").unwrap().warnings, ["\"disk1.vmdk\" has 11264 bytes, the OVF says 10240"]);
    dir.write("one-disk.mf", format!("SHA256(disk1.vmdk)= {}\n", sha256(&disk)).as_bytes());
    assert_eq!(dir.fetch("").unwrap().warnings, Vec::<String>::new());
}

#[test]
fn compression_that_is_declared_or_found_wrongly() {
    let dir = package("gzip.ovf", &[("disk1.vmdk.gz", &disk_of(10))]);
    let vm = dir.fetch("").unwrap();
    assert_eq!(vm.warnings, ["\"disk1.vmdk.gz\" is declared as gzip and is not"]);
    assert_eq!(disk_bytes(&vm, 0), disk_of(10));
    let dir = package("one-disk.ovf", &[("disk1.vmdk", &gz(&disk_of(10)))]);
    let vm = dir.fetch("").unwrap();
    assert!(vm.warnings[0].contains("is gzip, which the OVF does not declare"), "{:?}", vm.warnings);
    assert_eq!(disk_bytes(&vm, 0), disk_of(10));
}

#[test]
fn a_gzip_file_may_have_the_ending_that_its_reference_lacks() {
    let ovf = String::from_utf8(fixture("ovf/gzip.ovf")).unwrap().replace("disk1.vmdk.gz", "disk1.vmdk");
    let dir = Dir::with(&[("a.ovf", ovf.as_bytes()), ("disk1.vmdk.gz", &gz(&disk_of(10)))]);
    assert_eq!(disk_bytes(&dir.fetch("").unwrap(), 0), disk_of(10));
}

#[test]
fn other_compressions_and_deltas_are_not_supported() {
    let ovf = String::from_utf8(fixture("ovf/gzip.ovf")).unwrap().replace("\"gzip\"", "\"bzip2\"");
    let dir = Dir::with(&[("a.ovf", ovf.as_bytes()), ("disk1.vmdk.gz", b"x")]);
    assert_eq!(dir.fetch("").unwrap_err().kind(), FetchErrorKind::Unsupported);
    let dir = package("delta.ovf", &[("disk1.vmdk", b"x")]);
    assert_eq!(dir.fetch("").unwrap_err().kind(), FetchErrorKind::Unsupported);
}

#[test]
fn several_systems_are_named() {
    let error = package("collection-of-two.ovf", &[("disk1.vmdk", b"x")]).fetch("").unwrap_err();
    assert_eq!(error.kind(), FetchErrorKind::Unsupported);
    assert!(error.chain().contains("\"web\", \"db\""), "{}", error.chain());
    assert!(error.hint().is_some());
    assert_eq!(package("collection-of-one.ovf", &[("disk1.vmdk", b"12345")]).fetch("").unwrap().name, "web");
}

#[test]
fn digests_need_not_be_compared() {
    let dir = package("one-disk.ovf", &[("disk1.vmdk", &disk_of(10))]);
    dir.write("one-disk.mf", format!("SHA256(disk1.vmdk)= {}\n", sha256(b"other")).as_bytes());
    let source = recognise(std::slice::from_ref(&dir.path)).unwrap();
    let options = FetchOptions { verify_digests: false, ..FetchOptions::default() };
    assert!(fetch_with(&source, &dir.scratch(), &options).is_ok());
    assert!(dir.fetch("").is_err());
}
