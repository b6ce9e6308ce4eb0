//! Plain disk files.

use h2k_transports::{
    Bus, DiskFormat, DiskLocation, FetchErrorKind, PowerState, Source, SourceKind, SourceVm, fetch, recognise,
};

use crate::common::Dir;

#[test]
fn several_disks_are_one_vm() {
    let dir =
        Dir::with(&[("web01.vmdk", b"KDMV\x01\0\0\0"), ("data.raw", &[0; 1024]), ("odd.bin", &[0; 512])]);
    let paths: Vec<_> = ["web01.vmdk", "data.raw", "odd.bin"].iter().map(|n| dir.path.join(n)).collect();
    let vm = fetch(&recognise(&paths).unwrap(), &dir.scratch()).unwrap();
    assert_eq!((vm.name.as_str(), vm.kind, vm.power), ("web01", SourceKind::Disks, PowerState::Unknown));
    let formats: Vec<_> = vm.disks.iter().map(|d| d.format).collect();
    assert_eq!(formats, [Some(DiskFormat::Vmdk), Some(DiskFormat::Raw), None]);
    for ((disk, path), unit) in vm.disks.iter().zip(&paths).zip(0..) {
        assert_eq!((disk.slot.bus, disk.slot.unit), (Bus::Unknown, unit));
        assert_eq!(disk.location, DiskLocation::File { path: path.clone() });
    }
    assert_eq!((vm.vcpus, vm.memory_bytes), (None, None));
}

#[test]
fn a_disk_given_twice_is_a_mistake() {
    let dir = Dir::with(&[("a.raw", b"x")]);
    let twice = Source::Disks(vec![dir.path.join("a.raw"), dir.path.join("./a.raw")]);
    assert_eq!(fetch(&twice, &dir.scratch()).unwrap_err().kind(), FetchErrorKind::Usage);
}

#[test]
fn a_fetched_vm_survives_storing() {
    let dir = Dir::with(&[("a.raw", b"x")]);
    let vm = dir.fetch("a.raw").unwrap();
    let json = serde_json::to_string(&vm).unwrap();
    assert_eq!(serde_json::from_str::<SourceVm>(&json).unwrap(), vm);
}

#[test]
fn nbd_exports_are_disks_named_after_the_export() {
    let dir = Dir::with(&[("data.raw", &[0; 1024])]);
    let specs = ["nbd://Store:99/vms/web01".into(), dir.path.join("data.raw")];
    let vm = fetch(&recognise(&specs).unwrap(), &dir.scratch()).unwrap();
    assert_eq!((vm.name.as_str(), vm.kind), ("web01", SourceKind::Disks));
    assert_eq!(vm.path.to_str(), Some("nbd://store:99/vms/web01"));
    assert_eq!(vm.disks[0].location, DiskLocation::Nbd { uri: "nbd://store:99/vms/web01".to_owned() });
    assert_eq!((vm.disks[0].format, vm.disks[0].location.file()), (Some(DiskFormat::Raw), None));
    assert!(vm.disks[1].location.file().is_some());
    let twice = ["nbd://store/a".into(), "nbd://STORE:10809/a".into()];
    let error = fetch(&recognise(&twice).unwrap(), &dir.scratch()).unwrap_err();
    assert_eq!(error.kind(), FetchErrorKind::Usage);
    let json = serde_json::to_string(&vm).unwrap();
    assert_eq!(serde_json::from_str::<SourceVm>(&json).unwrap(), vm);
}
