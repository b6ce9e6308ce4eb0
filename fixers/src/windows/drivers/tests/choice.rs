//! Which directory is chosen.

use super::*;

/// Every Windows from XP to Server 2025, with the directory that is its own.
fn systems() -> Vec<(WindowsTarget, &'static str)> {
    let x86 = |major, minor, build| client(major, minor, build, Arch::X86);
    let x64 = |major, minor, build| client(major, minor, build, Arch::Amd64);
    let server_x86 = WindowsTarget { arch: Arch::X86, ..server(5, 2, 3790) };
    let controller = WindowsTarget { product_type: ProductType::DomainController, ..server(6, 3, 9600) };
    vec![
        (x86(5, 1, 2600), "xp/x86"),
        (x64(5, 2, 3790), "xp/amd64"),
        (server_x86, "2k3/x86"),
        (server(5, 2, 3790), "2k3/amd64"),
        (x64(6, 0, 6000), "2k8/amd64"),
        (server(6, 0, 6002), "2k8/amd64"),
        (x86(6, 1, 7601), "w7/x86"),
        (x64(6, 1, 7600), "w7/amd64"),
        (server(6, 1, 7601), "2k8R2/amd64"),
        (x86(6, 2, 9200), "w8/x86"),
        (server(6, 2, 9200), "2k12/amd64"),
        (x64(6, 3, 9600), "w8.1/amd64"),
        (server(6, 3, 9600), "2k12R2/amd64"),
        (controller, "2k12R2/amd64"),
        (x86(10, 0, 10240), "w10/x86"),
        (x64(10, 0, 19045), "w10/amd64"),
        (x64(10, 0, 22631), "w11/amd64"),
        (server(10, 0, 14393), "2k16/amd64"),
        (server(10, 0, 17763), "2k19/amd64"),
        (server(10, 0, 20348), "2k22/amd64"),
        (server(10, 0, 25398), "2k22/amd64"),
        (server(10, 0, 26100), "2k25/amd64"),
    ]
}

#[test]
fn without_an_option_it_is_looked_for_where_distributions_put_it() {
    let root = tempfile::tempdir().unwrap();
    assert!(DriverSource::first_below(root.path()).unwrap().is_none());
    let dir = root.path().join("usr/share/virtio-win");
    Tree::virtio_win().write(&dir);
    let found = DriverSource::first_below(root.path()).unwrap().unwrap();
    assert_eq!(Path::new(found.place()), dir);
    assert!(found.find(&server(10, 0, 20_348), Role::Blk).unwrap().is_some());
    // The image is asked before the directory that it lies in: the package has both.
    std::fs::write(dir.join("virtio-win.iso"), "no image").unwrap();
    let error = DriverSource::first_below(root.path()).unwrap_err().to_string();
    assert!(error.contains("virtio-win.iso"), "{error}");
}

#[test]
fn every_windows_gets_the_drivers_of_its_own_directory() {
    let source = opened(&Tree::virtio_win());
    for (target, own) in systems() {
        let target = WindowsTarget { sha256_signatures: true, ..target };
        for role in ROLES.into_iter().filter(|role| *role != Role::PanicPci) {
            let package = source.find(&target, role).unwrap().unwrap_or_else(|| panic!("{target} {role}"));
            let (_, os_and_arch) = package.directory.split_once('/').unwrap();
            assert_eq!(os_and_arch, own, "{target} {role}");
            assert_eq!(package.warnings, [], "{target} {role}");
            assert!(package.role_devices().count() > 0);
            assert!(package.service.is_some(), "{role}");
            assert!(package.reason.ends_with(&format!("is the directory of {target}")), "{}", package.reason);
        }
        assert_eq!(directory(&source, &target, Role::PanicPci), None);
    }
}

#[test]
fn without_its_own_the_nearest_older_one_is_chosen() {
    let tree = Tree::virtio_win();
    for (target, missing, expected) in [
        (server(10, 0, 26100), &["2k25"][..], "viostor/2k22/amd64"),
        (server(10, 0, 26100), &["2k25", "2k22", "2k19", "2k16"][..], "viostor/w11/amd64"),
        (server(10, 0, 20348), &["2k22", "2k19", "2k16"][..], "viostor/w10/amd64"),
        (client(10, 0, 22000, Arch::Amd64), &["w11"][..], "viostor/w10/amd64"),
        (client(10, 0, 22000, Arch::Amd64), &["w11", "w10"][..], "viostor/2k22/amd64"),
        (client(10, 0, 10240, Arch::Amd64), &["w10"][..], "viostor/w8.1/amd64"),
        (server(6, 3, 9600), &["2k12R2"][..], "viostor/w8.1/amd64"),
        (server(6, 3, 9600), &["2k12R2", "w8.1"][..], "viostor/2k12/amd64"),
        (server(6, 1, 7601), &["2k8R2"][..], "viostor/w7/amd64"),
    ] {
        let without = missing.iter().fold(tree.clone(), |tree, os| tree.without(&format!("/{os}/")));
        let source = opened(&without);
        let package = source.find(&target, Role::Blk).unwrap().unwrap();
        assert_eq!(package.directory, expected, "{target}");
        let dir = package.os_dir.unwrap();
        assert!(package.warnings.contains(&Warning::OlderDirectory { dir }), "{:?}", package.warnings);
        assert!(package.reason.contains("is the nearest that does"), "{}", package.reason);
    }
}

/// A driver of a newer Windows is never taken, whatever its INF file says: it may need what the guest does not have.
#[test]
fn a_newer_one_is_never_chosen() {
    let source = opened(&one("viostor", "viostor/w10/amd64", Arch::Amd64, "NTamd64"));
    assert_eq!(directory(&source, &server(6, 1, 7601), Role::Blk), None);
    assert_eq!(directory(&source, &server(10, 0, 14393), Role::Blk).as_deref(), Some("viostor/w10/amd64"));
    assert_eq!(source.directories(Role::Blk), ["viostor/w10/amd64"]);
    assert!(source.directories(Role::Scsi).is_empty());
}

/// The INF file decides: its directory may say what it likes.
#[test]
fn what_the_inf_file_excludes_is_not_chosen() {
    let mut tree = one("viostor", "viostor/2k16/amd64", Arch::Amd64, "NTamd64.10.0...17763");
    let source = opened(&tree);
    assert_eq!(directory(&source, &server(10, 0, 14393), Role::Blk), None);
    let driver = named("viostor");
    tree.add(&driver, "viostor/2k12R2/amd64", Arch::Amd64, &inf(&driver, "NTamd64.6.3", false));
    let package = opened(&tree).find(&server(10, 0, 14393), Role::Blk).unwrap().unwrap();
    assert_eq!(package.directory, "viostor/2k12R2/amd64");
}

#[test]
fn other_layouts_are_known() {
    for (dir, target) in [
        ("amd64/w10", client(10, 0, 19045, Arch::Amd64)),
        ("i386/w7", client(6, 1, 7601, Arch::X86)),
        ("drivers/amd64/Win2012R2", server(6, 3, 9600)),
        ("drivers/i386/WinXP", client(5, 1, 2600, Arch::X86)),
        ("viostor/W10/ARM64", client(10, 0, 22000, Arch::Arm64)),
        ("viostor/Win8.1/x64", client(6, 3, 9600, Arch::Amd64)),
    ] {
        let source = opened(&one("viostor", dir, target.arch, &format!("NT{}", target.arch)));
        assert_eq!(directory(&source, &target, Role::Blk).as_deref(), Some(dir));
    }
}

/// All drivers of a system in one directory: the hardware ids tell them apart.
#[test]
fn a_flat_directory_is_sorted_by_hardware_ids() {
    let mut tree = Tree::default();
    for driver in &DRIVERS {
        tree.add(driver, "amd64/w10", Arch::Amd64, &inf(driver, "NTamd64", true));
    }
    tree.text("amd64/w10/qemufwcfg.inf", testing::STUB);
    let source = opened(&tree);
    let target = client(10, 0, 19045, Arch::Amd64);
    for (role, name) in [
        (Role::Blk, "viostor.inf"),
        (Role::Scsi, "vioscsi.inf"),
        (Role::Network, "netkvm.inf"),
        (Role::Serial, "vioser.inf"),
        (Role::FwCfg, "fwcfg.inf"),
        (Role::Sock, "viosock.inf"),
    ] {
        let package = source.find(&target, role).unwrap().unwrap();
        assert_eq!(package.inf_name, name);
        assert_eq!(package.files.len(), 1, "{name}");
    }
}

#[test]
fn a_directory_that_says_nothing_is_taken_by_its_inf_file() {
    let source = opened(&one("viostor", "vendor/storage", Arch::Amd64, "NTamd64.6.1"));
    let package = source.find(&server(6, 3, 9600), Role::Blk).unwrap().unwrap();
    assert_eq!(package.warnings, [Warning::UnnamedDirectory]);
    assert_eq!(package.os_dir, None);
    assert_eq!(directory(&source, &server(6, 0, 6002), Role::Blk), None);
    // Anything that says so comes first.
    let mut tree = one("viostor", "a", Arch::Amd64, "NTamd64.6.1");
    let driver = named("viostor");
    tree.add(&driver, "viostor/2k8R2/amd64", Arch::Amd64, &inf(&driver, "NTamd64.6.1", false));
    assert_eq!(
        directory(&opened(&tree), &server(6, 3, 9600), Role::Blk).as_deref(),
        Some("viostor/2k8R2/amd64")
    );
}

/// `--virtio-win …/viostor/2k12/amd64`.
#[test]
fn the_own_path_of_a_directory_counts() {
    let dir = tempfile::tempdir().unwrap();
    one("viostor", "viostor/2k12/amd64", Arch::Amd64, "NTamd64").write(dir.path());
    let source = DriverSource::open(&dir.path().join("viostor/2k12/amd64")).unwrap();
    let package = source.find(&server(6, 3, 9600), Role::Blk).unwrap().unwrap();
    assert_eq!(package.os_dir.unwrap().name, "2k12");
    assert_eq!(directory(&source, &server(6, 1, 7601), Role::Blk), None);
    assert_eq!(directory(&source, &client(10, 0, 19045, Arch::X86), Role::Blk), None);
}

#[test]
fn the_driver_for_fw_cfg_comes_before_the_stub() {
    let mut tree = Tree::default();
    tree.text("qemufwcfg/2k22/amd64/qemufwcfg.inf", testing::STUB);
    let stub = opened(&tree).find(&server(10, 0, 20348), Role::FwCfg).unwrap().unwrap();
    assert_eq!(stub.service, None);
    assert!(stub.devices[0].install.null_driver);
    // Even that of an older system does.
    let driver = named("fwcfg");
    tree.add(&driver, "fwcfg/2k16/amd64", Arch::Amd64, &inf(&driver, "NTamd64.10.0", true));
    let real = opened(&tree).find(&server(10, 0, 20348), Role::FwCfg).unwrap().unwrap();
    assert_eq!(real.inf_name, "fwcfg.inf");
}

#[test]
fn a_package_is_told_whole() {
    let source = opened(&Tree::virtio_win());
    let package = source.find(&server(10, 0, 20348), Role::Blk).unwrap().unwrap();
    assert_eq!(package.inf_name, "viostor.inf");
    assert_eq!(package.class, "SCSIAdapter");
    assert_eq!(package.class_guid, "{4D36E97B-E325-11CE-BFC1-08002BE10318}");
    assert_eq!(package.provider, "Phony, Inc.");
    assert_eq!(package.version.version, [100, 95, 104, 26200]);
    assert_eq!(package.version.date, (1_721_001_600 + 11_644_473_600) * 10_000_000);
    assert_eq!(package.arch, Arch::Amd64);
    let catalog = package.catalog.unwrap();
    assert_eq!((catalog.name.as_str(), catalog.signature.unwrap().digest), ("viostor.cat", Digest::Sha256));
    let [file] = package.files.try_into().unwrap();
    let bytes = program(machine(Arch::Amd64), None);
    assert_eq!((file.name.as_str(), file.len), ("viostor.sys", bytes.len() as u64));
    assert_eq!(file.digest().unwrap(), blake3::hash(&bytes).to_hex().to_string());
    assert_eq!(file.bytes().unwrap(), bytes);
    assert_eq!(package.inf_bytes, inf(&named("viostor"), "NTamd64.10.0", true).into_bytes());
}
