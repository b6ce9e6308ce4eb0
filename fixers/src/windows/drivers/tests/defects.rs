//! Mistakes of another converter (hyper2kvm's injector of Windows drivers), each with what h2k does.

use super::*;

/// There, viostor, vioscsi and netkvm all carried `subsys_00081af4`, and no id had a revision.
#[test]
fn subsystem_ids_are_those_of_the_devices() {
    let source = opened(&Tree::virtio_win());
    for role in [Role::Blk, Role::Scsi, Role::Network, Role::Balloon, Role::Serial, Role::Rng] {
        let package = source.find(&server(10, 0, 17763), role).unwrap().unwrap();
        let devices: Vec<&str> = package.devices.iter().map(|device| device.hardware_id.as_str()).collect();
        assert_eq!(devices, role.qemu_ids(), "{role}");
        let general: Vec<&str> =
            package.devices.iter().map(|device| device.compatible_ids[0].as_str()).collect();
        assert_eq!(general, role.ids(), "{role}");
    }
    assert!(!Role::Blk.names(r"PCI\VEN_1AF4&DEV_10011"));
    assert!(Role::Blk.names(r"pci\ven_1af4&dev_1001&cc_0100"));
}

/// There, storage controllers were of the class of disk drives, {4D36E967-…}.
#[test]
fn storage_controllers_are_of_their_class() {
    let source = opened(&Tree::virtio_win());
    for role in [Role::Blk, Role::Scsi] {
        let package = source.find(&server(6, 3, 9600), role).unwrap().unwrap();
        assert_eq!(package.class_guid, "{4D36E97B-E325-11CE-BFC1-08002BE10318}");
    }
}

/// There, servers shared the directories of workstations, and 2003 and 2025 had none.
#[test]
fn servers_have_directories_of_their_own() {
    let source = opened(&Tree::virtio_win());
    for (target, dir) in [
        (server(5, 2, 3790), "2k3"),
        (server(6, 2, 9200), "2k12"),
        (server(6, 3, 9600), "2k12R2"),
        (server(10, 0, 14393), "2k16"),
        (server(10, 0, 17763), "2k19"),
        (server(10, 0, 20348), "2k22"),
        (server(10, 0, 26100), "2k25"),
    ] {
        let target = WindowsTarget { sha256_signatures: true, ..target };
        let package = source.find(&target, Role::Network).unwrap().unwrap();
        assert_eq!(package.directory, format!("NetKVM/{dir}/amd64"));
    }
}

/// There, `rstrip(";1")` made `w` of `w11`, and the image's files were gone before they were copied.
#[test]
fn names_in_images_keep_their_digits() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("virtio-win.iso");
    let tree = one("viostor", "viostor/w11/amd64", Arch::Amd64, "NTamd64");
    std::fs::write(&path, iso::writer::image(&tree.0, iso::writer::Extra::None)).unwrap();
    let source = DriverSource::open(&path).unwrap();
    let package = source.find(&client(10, 0, 22631, Arch::Amd64), Role::Blk).unwrap().unwrap();
    assert_eq!(package.directory, "VIOSTOR/W11/AMD64");
    assert_eq!(package.os_dir.unwrap().name, "w11");
    assert_eq!(package.warnings, []);
    assert_eq!(package.files[0].bytes().unwrap(), program(machine(Arch::Amd64), None));
}

/// There, the drivers were named by guesses: `vioser` is in `vioserial`, `virtiofs` in `viofs`.
#[test]
fn drivers_are_known_by_their_hardware_ids() {
    let mut tree = Tree::default();
    for (driver, dir) in [(named("vioser"), "x/w10/amd64"), (named("viofs"), "y/w10/amd64")] {
        tree.add(&driver, dir, Arch::Amd64, &inf(&driver, "NTamd64", true));
    }
    let source = opened(&tree);
    let target = client(10, 0, 19045, Arch::Amd64);
    assert_eq!(source.find(&target, Role::Serial).unwrap().unwrap().service.unwrap().name, "VirtioSerial");
    assert_eq!(source.find(&target, Role::Fs).unwrap().unwrap().service.unwrap().name, "VirtioFsDrv");
}
