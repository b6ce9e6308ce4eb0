//! Targets of Windows guests: what each version gets with and without drivers, and the XML that comes of it.

use std::path::Path;

use h2k_config::Policy;
use h2k_fixers::MemoryGuest;
use h2k_fixers::facts::windows::{WindowsHives, WindowsVersion};
use h2k_fixers::facts::{FirmwareOnDisk, SystemFacts};
use h2k_fixers::hive::{HiveEditor, RegData, empty};
use h2k_fixers::windows::drivers::ROLES;
use h2k_transports::{
    Bus, DiskLocation, Firmware, Slot, SourceDisk, SourceKind, SourceNic, SourceVm, Tristate,
};

use super::super::target;
use super::*;
use crate::emit::domain::Domain;
use crate::emit::libvirt_xml;

/// A version: major, minor, build, product type.
type Version = (u32, u32, u32, &'static str);

const XP: Version = (5, 1, 2600, "WinNT");
const SERVER_2003: Version = (5, 2, 3790, "ServerNT");
const SERVER_2008: Version = (6, 0, 6003, "ServerNT");
const SEVEN: Version = (6, 1, 7601, "WinNT");
const SERVER_2012: Version = (6, 2, 9200, "ServerNT");
const SERVER_2022: Version = (10, 0, 20348, "ServerNT");
const ELEVEN: Version = (10, 0, 22631, "WinNT");
const SERVER_2025: Version = (10, 0, 26100, "ServerNT");

fn facts((major, minor, build, product_type): Version) -> GuestFacts {
    let mut facts = GuestFacts { firmware: FirmwareOnDisk::Bios, ..GuestFacts::default() };
    facts.systems = vec![SystemFacts {
        kind: "windows".to_owned(),
        major: i32::try_from(major).unwrap(),
        minor: i32::try_from(minor).unwrap(),
        osinfo: "win2k22".to_owned(),
        ..SystemFacts::default()
    }];
    let version = WindowsVersion {
        major,
        minor,
        build,
        product_type: product_type.to_owned(),
        ..WindowsVersion::default()
    };
    facts.windows = Some(WindowsFacts { version, ..WindowsFacts::default() });
    facts.init.clock_local = true;
    facts
}

fn source() -> SourceVm {
    let mut vm = SourceVm::new("web01", SourceKind::Vmx, "/vms/web01.vmx");
    vm.uuid = Some("564d0000-0000-0000-0000-000000000001".to_owned());
    vm.firmware = Firmware::Bios;
    let disk = |unit| SourceDisk {
        slot: Slot { bus: Bus::Scsi, model: None, controller: 0, unit },
        location: DiskLocation::File { path: "/vms/web01.vmdk".into() },
        format: None,
        capacity_bytes: None,
        mode: None,
        serial: None,
        traits: Default::default(),
    };
    vm.disks = vec![disk(0), disk(1)];
    vm.nics = vec![SourceNic {
        mac: Some("00:50:56:00:00:01".to_owned()),
        mac_static: true,
        model: None,
        network: None,
        connection: None,
        pci_slot: None,
        start_connected: Tristate::Yes,
    }];
    vm
}

fn with(roles: &[Role]) -> Drivers {
    Drivers { virtio: roles.iter().copied().collect(), board: true }
}

fn made(version: Version, drivers: &Drivers, change: impl FnOnce(&mut SourceVm, &mut GuestFacts)) -> Domain {
    let (mut source, mut facts) = (source(), facts(version));
    change(&mut source, &mut facts);
    target("web01", &source, &facts, &Policy::default(), &[1 << 30, 1 << 30], Some(drivers))
}

fn uefi(source: &mut SourceVm, facts: &mut GuestFacts) {
    (source.firmware, facts.firmware) = (Firmware::Uefi, FirmwareOnDisk::Uefi);
    source.secure_boot = Tristate::Yes;
}

#[test]
fn targets_look_like_this_and_keep_to_the_schema() {
    let all = with(&ROLES);
    let mut without_panic = all.clone();
    without_panic.virtio.remove(&Role::Panic);
    let none = with(&[]);
    let cases = [
        ("server-2022-virtio", made(SERVER_2022, &without_panic, uefi)),
        ("server-2022-fallback", made(SERVER_2022, &none, uefi)),
        ("windows-11", made(ELEVEN, &all, uefi)),
        ("windows-7", made(SEVEN, &all, |_, _| ())),
        ("windows-xp", made(XP, &none, |source, _| source.tpm = Tristate::No)),
    ];
    insta::with_settings!({ snapshot_path => "snapshots", prepend_module_to_snapshot => false }, {
        for (name, domain) in cases {
            let xml = libvirt_xml(&domain, Path::new("/srv")).unwrap();
            let file = tempfile::Builder::new().suffix(".xml").tempfile().unwrap();
            std::fs::write(file.path(), &xml).unwrap();
            let ran = crate::exec::Exec::new("virt-xml-validate").arg(file.path()).arg("domain").run();
            assert!(ran.is_ok(), "{name}: {}", ran.unwrap_err());
            insta::assert_snapshot!(name, xml);
        }
    });
}

/// Machine, bus and NIC of each version, with no driver, with the other virtio bus, and with all.
#[test]
fn hardware_follows_the_version_and_the_drivers() {
    let shown = |version, drivers: &Drivers| {
        let d = made(version, drivers, |_, _| ());
        format!("{:?} {:?} {} {}", d.machine, d.disks[1].bus, d.disks[1].target, d.nics[0].model)
    };
    let (none, scsi, all) = (with(&[]), with(&[Role::Scsi, Role::Network]), with(&ROLES));
    let lines: Vec<String> = [XP, SERVER_2003, SERVER_2008, SEVEN, SERVER_2012, SERVER_2022]
        .iter()
        .map(|v| {
            format!("{}.{}: {} | {} | {}", v.0, v.1, shown(*v, &none), shown(*v, &scsi), shown(*v, &all))
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @"
    5.1: I440fx Ide hdb rtl8139 | I440fx VirtioScsi sdb virtio | I440fx VirtioBlk vdb virtio
    5.2: I440fx Ide hdb rtl8139 | I440fx VirtioScsi sdb virtio | I440fx VirtioBlk vdb virtio
    6.0: Q35 Sata sdb e1000 | Q35 VirtioScsi sdb virtio-transitional | Q35 VirtioBlk vdb virtio-transitional
    6.1: Q35 Sata sdb e1000 | Q35 VirtioScsi sdb virtio-transitional | Q35 VirtioBlk vdb virtio-transitional
    6.2: Q35 Sata sdb e1000e | Q35 VirtioScsi sdb virtio | Q35 VirtioBlk vdb virtio
    10.0: Q35 Sata sdb e1000e | Q35 VirtioScsi sdb virtio | Q35 VirtioBlk vdb virtio
    ");
}

#[test]
fn the_user_may_want_other_hardware() {
    let policy =
        Policy { disk_bus: DiskBus::Sata, nic_model: h2k_config::NicModel::Rtl8139, ..Policy::default() };
    let drivers = with(&ROLES);
    let made = |version| target("x", &source(), &facts(version), &policy, &[], Some(&drivers));
    let domain = made(SERVER_2022);
    assert_eq!((domain.disks[0].bus, domain.nics[0].model.as_str()), (TargetBus::Sata, "rtl8139"));
    assert_eq!(made(XP).disks[0].bus, TargetBus::Ide);
}

#[test]
fn only_what_asks_for_it_gets_a_tpm() {
    for (version, on_uefi, on_bios) in [
        (SERVER_2022, false, false),
        (ELEVEN, true, false),
        (SERVER_2025, true, false),
        ((10, 0, 19045, "WinNT"), false, false),
    ] {
        assert_eq!(made(version, &with(&[]), uefi).tpm, on_uefi, "{version:?}");
        assert_eq!(made(version, &with(&[]), |_, _| ()).tpm, on_bios, "{version:?}");
    }
    assert!(made(SERVER_2022, &with(&[]), |source, _| source.tpm = Tristate::Yes).tpm);
}

#[test]
fn the_clock_is_the_guests() {
    use crate::emit::domain::Clock;
    assert_eq!(made(SERVER_2022, &with(&[]), |_, _| ()).clock, Clock::Localtime);
    assert_eq!(made(SERVER_2022, &with(&[]), |_, facts| facts.init.clock_local = false).clock, Clock::Utc);
}

const SYSTEM: &str = "/c/Windows/System32/config/SYSTEM";

/// A guest with services: control set, name, start type, and whether it has a key StartOverride.
fn guest(services: &[(&str, &str, u32, bool)]) -> MemoryGuest {
    let mut editor = HiveEditor::new(&empty(SYSTEM).unwrap()).unwrap();
    for (set, name, start, overridden) in services {
        let key = format!("{set}\\Services\\{name}");
        editor.create(&key).unwrap();
        editor.set(&key, "Start", RegData::Dword(*start)).unwrap();
        if *overridden {
            editor.create(&format!("{key}\\StartOverride")).unwrap();
        }
    }
    let software = empty("SOFTWARE").unwrap().write().unwrap();
    MemoryGuest::new()
        .file(SYSTEM, editor.hive().write().unwrap())
        .file("/c/Windows/System32/config/SOFTWARE", software)
}

#[test]
fn the_boards_controller_needs_its_driver_at_boot_in_every_control_set() {
    let board = |version, services: &[(&str, &str, u32, bool)]| {
        let mut facts = facts(version);
        let windows = facts.windows.as_mut().unwrap();
        windows.control_sets = vec!["ControlSet001".to_owned(), "ControlSet002".to_owned()];
        windows.hives = WindowsHives { system: SYSTEM.to_owned(), ..WindowsHives::default() };
        windows.system_root = "/c/Windows".to_owned();
        Drivers::of(&facts, &guest(services)).unwrap().unwrap().board
    };
    let both = |name, start, overridden| {
        [("ControlSet001", name, start, overridden), ("ControlSet002", name, 0, false)]
    };
    assert!(board(SERVER_2022, &both("storahci", 0, false)));
    assert!(!board(SERVER_2022, &both("storahci", 0, true)));
    assert!(!board(SERVER_2022, &both("storahci", 3, false)));
    assert!(!board(SERVER_2022, &both("msahci", 0, false)));
    assert!(board(SEVEN, &both("msahci", 0, false)));
    assert!(!board(SEVEN, &[("ControlSet001", "msahci", 0, false)]));
    let ide = [both("intelide", 0, false), both("atapi", 0, false)].concat();
    assert!(board(XP, &ide));
    assert!(!board(XP, &both("atapi", 0, false)));
    assert_eq!(Drivers::of(&facts(XP), &guest(&[])).unwrap(), None, "nobody looked");
}
