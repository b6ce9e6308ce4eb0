//! The OVA cases that any tool of this kind is put through.

use std::os::unix::fs::PermissionsExt;

use h2k_transports::{
    Bus, DiskFormat, DiskLocation, Firmware, ScratchNeed, SourceKind, SourceVm, Tristate, needs_scratch,
    recognise,
};

use crate::common::*;

/// The common expectation; `firmware` and `disks` are what the cases differ in.
fn assert_common(vm: &SourceVm, firmware: Firmware, disks: usize) {
    assert_eq!(vm.name, "2K8R2EESP1_2_Medium");
    assert_eq!(vm.kind, SourceKind::Ova);
    assert_eq!((vm.memory_bytes, vm.vcpus), (Some(1 << 30), Some(1)));
    assert_eq!((vm.firmware, vm.secure_boot), (firmware, Tristate::No));
    assert_eq!(vm.disks.len(), disks);
    for (disk, unit) in vm.disks.iter().zip(0..) {
        assert_eq!((disk.slot.bus, disk.slot.controller, disk.slot.unit), (Bus::Scsi, 0, unit));
        assert_eq!((disk.format, disk.capacity_bytes), (Some(DiskFormat::Vmdk), Some(50 << 30)));
    }
    let drive = &vm.cdroms[0].slot;
    assert_eq!((vm.cdroms.len(), drive.bus, drive.controller * 2 + drive.unit), (1, Bus::Ide, 0));
    let nic = &vm.nics[0];
    assert_eq!((nic.network.as_deref(), nic.model.as_deref()), (Some("PG-VLAN60"), Some("E1000")));
    assert_eq!(nic.mac, None);
    assert_eq!(vm.warnings, Vec::<String>::new());
}

fn need(dir: &Dir) -> ScratchNeed {
    needs_scratch(&recognise(&[dir.path.join("x.ova")]).unwrap()).unwrap()
}

#[test]
fn ova_zip_tar_gz_tar_xz_parse_alike() {
    let package = common_package();
    for (container, bytes) in
        [("zip", zip_of(&package)), ("tar.gz", gz(&tar_of(&package))), ("tar.xz", xz(&tar_of(&package)))]
    {
        let (dir, vm) = fetch_archive(&bytes);
        let vm = vm.unwrap_or_else(|e| panic!("{container}: {}", e.chain()));
        assert_common(&vm, Firmware::Uefi, 1);
        assert_eq!(disk_bytes(&vm, 0), disk_of(10), "{container}");
        // The disk alone is left in the scratch directory.
        assert_eq!(std::fs::read_dir(dir.scratch()).unwrap().count(), 1, "{container}");
        let expected = if container == "zip" { ScratchNeed::AtMost(10240) } else { ScratchNeed::Unknown };
        assert_eq!(need(&dir), expected);
    }
}

#[test]
fn ova_plain_tar_is_read_in_place() {
    let package = common_package();
    let (dir, vm) = fetch_package(&package);
    let vm = vm.unwrap();
    assert_common(&vm, Firmware::Uefi, 1);
    let DiskLocation::Range { path, offset, length } = &vm.disks[0].location else {
        panic!("{:?}", vm.disks)
    };
    assert_eq!((path, *offset % 512, *length), (&dir.path.join("x.ova"), 0, 10240));
    assert_eq!(disk_bytes(&vm, 0), disk_of(10));
    assert!(!dir.scratch().exists());
    assert_eq!(need(&dir), ScratchNeed::Nothing);
}

#[test]
fn ova_gz_member_is_unpacked() {
    let (ovf, disk) = (fixture("ovf/gzip.ovf"), gz(&disk_of(10)));
    let manifest = format!("SHA1(gzip.ovf)= {}\r\nSHA1(disk1.vmdk.gz)= {}\r\n", sha1(&ovf), sha1(&disk));
    let package = files(&[("gzip.ovf", &ovf), ("gzip.mf", manifest.as_bytes()), ("disk1.vmdk.gz", &disk)]);
    let (dir, vm) = fetch_package(&package);
    let vm = vm.unwrap();
    assert_common(&vm, Firmware::Bios, 1);
    assert_eq!(disk_bytes(&vm, 0), disk_of(10));
    assert!(matches!(&vm.disks[0].location, DiskLocation::File { path } if path.starts_with(dir.scratch())));
    let ScratchNeed::AtMost(bytes) = need(&dir) else { panic!("{:?}", need(&dir)) };
    assert!((50 << 30..51 << 30).contains(&bytes), "{bytes}");
}

#[test]
fn ova_two_disks_with_two_manifests() {
    let (ovf, one, two) = (fixture("ovf/two-disks.ovf"), disk_of(10), disk_of(100));
    let first = format!("SHA1(two-disks.ovf)= {}\r\nSHA1(disk1.vmdk)= {}\r\n", sha1(&ovf), sha1(&one));
    let second = format!("SHA1(disk2.vmdk)= {}\r\n", sha1(&two));
    let package = |second: &str| {
        files(&[
            ("two-disks.ovf", &ovf),
            ("disk1.mf", first.as_bytes()),
            ("disk2.mf", second.as_bytes()),
            ("disk2.vmdk", &two),
            ("disk1.vmdk", &one),
        ])
    };
    let vm = fetch_package(&package(&second)).1.unwrap();
    assert_common(&vm, Firmware::Bios, 2);
    let (_dir, vm) = fetch_package(&package(&second));
    let vm = vm.unwrap();
    assert_eq!((disk_bytes(&vm, 0).len(), disk_bytes(&vm, 1).len()), (10 << 10, 100 << 10));
    // The second manifest counts: a wrong digest in it is found.
    let wrong = format!("SHA1(disk2.vmdk)= {}\r\n", sha1(&one));
    assert!(fetch_package(&package(&wrong)).1.unwrap_err().to_string().contains("disk2.vmdk"));
}

#[test]
fn ova_subfolders() {
    let package: Files =
        common_package().into_iter().map(|(name, content)| (format!("subfolder/{name}"), content)).collect();
    for bytes in [tar_of(&package), zip_of(&package)] {
        let (_dir, vm) = fetch_archive(&bytes);
        let vm = vm.unwrap();
        assert_common(&vm, Firmware::Uefi, 1);
        assert_eq!(disk_bytes(&vm, 0), disk_of(10));
    }
}

#[test]
fn ova_snapshots_the_highest_number_is_taken() {
    let ovf = fixture("ovf/snapshots.ovf");
    let disks = [disk_of(10), disk_of(11), disk_of(12)];
    let mut manifest = format!("SHA1(snapshots.ovf)= {}\r\n", sha1(&ovf));
    let mut package = files(&[("snapshots.ovf", &ovf)]);
    for (disk, number) in disks.iter().zip(0..) {
        let name = format!("disk1.vmdk.00000000{number}");
        manifest.push_str(&format!("SHA1({name})= {}\r\n", sha1(disk)));
        package.push((name, disk.clone()));
    }
    package.push(("snapshots.mf".to_owned(), manifest.into_bytes()));
    let (_dir, vm) = fetch_package(&package);
    let vm = vm.unwrap();
    assert_common(&vm, Firmware::Uefi, 1);
    assert_eq!(disk_bytes(&vm, 0), disks[2]);
}

#[test]
fn ova_chunks_are_joined() {
    let (ovf, disk) = (fixture("ovf/chunked.ovf"), disk_of(25));
    let chunks: Vec<&[u8]> = disk.chunks(10240).collect();
    let package = |wanted: &[usize]| {
        let mut package = files(&[("chunked.ovf", &ovf)]);
        package.extend(wanted.iter().map(|n| (format!("disk1.vmdk.{n:09}"), chunks[*n].to_vec())));
        package
    };
    let (dir, vm) = fetch_package(&package(&[2, 0, 1]));
    let vm = vm.unwrap();
    assert_common(&vm, Firmware::Uefi, 1);
    assert_eq!(disk_bytes(&vm, 0), disk);
    assert_eq!(need(&dir), ScratchNeed::AtMost(25 << 10));
    for gap in [&[0, 2][..], &[0, 1], &[1, 2]] {
        let error = fetch_package(&package(gap)).1.unwrap_err();
        assert!(error.to_string().contains("corrupt OVA"), "{gap:?}: {error}");
    }
}

#[test]
fn ova_that_only_its_owner_may_read() {
    let dir = Dir::with(&[("x.ova", &tar_of(&common_package()))]);
    let path = dir.path.join("x.ova");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert_common(&dir.fetch("x.ova").unwrap(), Firmware::Uefi, 1);
    // The source is not touched.
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn ova_directory() {
    let dir = Dir::new();
    for (name, content) in common_package() {
        dir.write(&name, &content);
    }
    let mut vm = dir.fetch("").unwrap();
    assert_eq!((vm.kind, vm.path.clone()), (SourceKind::Ovf, dir.path.join("one-disk.ovf")));
    assert_eq!(vm.disks[0].location, DiskLocation::File { path: dir.path.join("disk1.vmdk") });
    assert!(!dir.scratch().exists());
    vm.kind = SourceKind::Ova;
    assert_common(&vm, Firmware::Uefi, 1);
}

#[test]
fn ova_full() {
    let package = files(&[
        ("full.ovf", &fixture("ovf/full.ovf")),
        ("disks/my disk.vmdk", b"first"),
        ("disk2.vmdk", b"other"),
        ("tools.iso", b"i"),
    ]);
    let (_dir, vm) = fetch_package(&package);
    let vm = vm.unwrap();
    assert_eq!((vm.memory_bytes, vm.vcpus, vm.cores_per_socket), (Some(2 << 30), Some(4), Some(2)));
    assert_eq!((vm.secure_boot, vm.tpm), (Tristate::Yes, Tristate::Yes));
    assert_eq!((vm.cdroms[0].slot.bus, vm.floppies.len()), (Bus::Sata, 1));
    let disks: Vec<_> = (0..2).map(|n| (vm.disks[n].slot.bus, disk_bytes(&vm, n))).collect();
    assert_eq!(disks, [(Bus::Nvme, b"other".to_vec()), (Bus::Scsi, b"first".to_vec())]);
    assert_eq!(vm.warnings, Vec::<String>::new());
}

#[test]
fn the_descriptor_need_not_come_first_and_mac_doubles_are_passed_over() {
    let mut package = common_package();
    package.reverse();
    package.insert(0, ("._one-disk.ovf".to_owned(), b"AppleDouble".to_vec()));
    package.push(("._one-disk.mf".to_owned(), b"AppleDouble".to_vec()));
    assert_common(&fetch_package(&package).1.unwrap(), Firmware::Uefi, 1);
}
