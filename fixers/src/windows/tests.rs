//! The repairs of Windows, all together, on phony guests of every release.

mod signatures;

use std::fmt::Write as _;
use std::path::Path;

use h2k_config::{DiskBus, Policy, Tools};

use super::drivers::Role;
use super::drivers::testing::Tree;
use super::ready::ready;
use super::testing::{Phony, RELEASES, Release, SERVER_2022, facts_of};
use crate::hive::{self, Hive, HiveEditor, RegData};
use crate::registry::FIXERS;
use crate::{Change, Concern, Edit, Guest, GuestMut, MemoryGuest, Recorder, Severity};

/// What all fixers propose, each seeing what those before it do.
pub(super) fn propose(guest: &MemoryGuest, policy: &Policy) -> (Vec<Edit>, Vec<Concern>) {
    let facts = facts_of(guest);
    let mut recorder = Recorder::new(guest);
    let mut concerns = Vec::new();
    for fixer in FIXERS {
        let proposal = fixer.plan(&facts, &recorder, policy).unwrap();
        for edit in &proposal.edits {
            recorder.apply(edit).unwrap();
        }
        concerns.extend(proposal.concerns);
    }
    (recorder.into_edits(), concerns)
}

pub(super) fn tree(root: &Path) -> Policy {
    Tree::virtio_win().write(root);
    Policy { virtio_win: Some(root.to_owned()), ..Policy::default() }
}

/// Edits as people read them; places of this host left out.
fn show(edits: &[Edit], root: &Path) -> String {
    let mut out = String::new();
    for edit in edits {
        match &edit.change {
            Change::Registry { path, changes } => write!(out, "registry {path}\n{}", hive::lines(changes)),
            Change::Place { path, from, before, .. } => {
                let from = from.to_string().replace(&root.display().to_string(), "virtio-win");
                writeln!(out, "{} {path}\n    from {from}", if before.is_some() { "replace" } else { "put" })
            }
            Change::Write { path, after, .. } => {
                let text = String::from_utf8(after.to_bytes().unwrap()).unwrap();
                writeln!(out, "write {path}\n{}", text.replace("\r\n", "\n"))
            }
            Change::Copy { from, path, .. } => writeln!(out, "copy {from} to {path}"),
            other => writeln!(out, "{other:?}"),
        }
        .unwrap();
    }
    out
}

fn repaired(release: &Release, policy: &Policy) -> (MemoryGuest, Vec<Edit>) {
    let mut guest = release.phony().guest();
    let (edits, concerns) = propose(&guest, policy);
    let critical: Vec<_> = concerns.iter().filter(|c| c.severity == Severity::Critical).collect();
    assert!(critical.is_empty(), "{}: {critical:?}", release.name);
    for edit in &edits {
        guest.apply(edit).unwrap();
    }
    (guest, edits)
}

#[test]
fn every_release_boots_from_virtio_and_is_repaired_once() {
    let dir = tempfile::tempdir().unwrap();
    for bus in [DiskBus::VirtioBlk, DiskBus::VirtioScsi] {
        let policy = Policy { disk_bus: bus, ..tree(dir.path()) };
        for release in &RELEASES {
            // One of each way is enough for the second bus.
            if bus == DiskBus::VirtioScsi && release.name != "2019" {
                continue;
            }
            let (guest, edits) = repaired(release, &policy);
            assert!(!edits.is_empty());
            let facts = facts_of(&guest);
            let ready = ready(&guest, facts.windows.as_ref().unwrap()).unwrap();
            let (role, driver) = match bus {
                DiskBus::VirtioBlk => (Role::Blk, "viostor"),
                _ => (Role::Scsi, "vioscsi"),
            };
            // A service of a device that is not there yet would fail at each boot.
            assert_eq!(services(&edits), ["h2k-first-boot", driver], "{}", release.name);
            assert!(ready.contains(&role), "{} {role}: {ready:?}", release.name);
            assert!(ready.contains(&Role::Network), "{}: {ready:?}", release.name);
            let (again, _) = propose(&guest, &policy);
            assert_eq!(again, [], "{}: {}", release.name, show(&again, dir.path()));
        }
    }
}

/// As servers that were in use for years have it: a hundred mebibytes in one hive.
#[test]
fn a_large_hive_is_repaired_and_keeps_the_rest() {
    let dir = tempfile::tempdir().unwrap();
    const SYSTEM: &str = "/c/Windows/System32/config/SYSTEM";
    let phony = Phony::new(SERVER_2022);
    let small = Hive::open(SYSTEM, phony.hives().0, &[]).unwrap();
    let mut editor = HiveEditor::new(&small).unwrap();
    for group in 0..256_u32 {
        for key in 0..32 {
            // hivex writes no larger values.
            let data = RegData::binary(vec![key; 14_000]);
            editor.set(&format!("ControlSet001\\Grown\\G{group}\\K{key}"), "Data", data).unwrap();
        }
    }
    let mut guest = phony.guest().file(SYSTEM, editor.hive().write().unwrap());
    let size = guest.lstat(SYSTEM).unwrap().unwrap().size;
    assert!(size > 100 << 20, "{size}");
    let (edits, _) = propose(&guest, &tree(dir.path()));
    for edit in &edits {
        guest.apply(edit).unwrap();
    }
    let hive = guest.hive(SYSTEM).unwrap().unwrap();
    let value = |key: &str, name: &str| hive.value(key, name).unwrap();
    assert_eq!(value("ControlSet001\\Services\\viostor", "Start"), Some(RegData::Dword(0)));
    assert_eq!(value("ControlSet001\\Grown\\G255\\K31", "Data"), Some(RegData::binary(vec![31; 14_000])));
}

#[test]
fn nothing_is_ready_before() {
    for release in &RELEASES {
        let guest = release.phony().guest();
        let facts = facts_of(&guest);
        let ready = ready(&guest, facts.windows.as_ref().unwrap()).unwrap();
        assert!(ready.is_empty(), "{}: {ready:?}", release.name);
    }
}

/// Services that the edits make.
fn services(edits: &[Edit]) -> Vec<&str> {
    let changes = edits.iter().filter_map(|edit| match &edit.change {
        Change::Registry { changes, .. } => Some(changes),
        _ => None,
    });
    let made: std::collections::BTreeSet<&str> = changes
        .flatten()
        .filter(|change| change.op == hive::RegOp::Create)
        .filter_map(|change| change.key.strip_prefix("ControlSet001\\Services\\")?.split('\\').next())
        .collect();
    made.into_iter().collect()
}

/// One of each way: before Windows 8, and since.
#[test]
fn the_edits_can_be_read() {
    let dir = tempfile::tempdir().unwrap();
    let policy = tree(dir.path());
    for name in ["7", "2022", "xp-32"] {
        let release = RELEASES.iter().find(|r| r.name == name).unwrap();
        let (edits, _) = propose(&release.phony().guest(), &policy);
        insta::assert_snapshot!(format!("edits-{name}"), show(&edits, dir.path()));
    }
}

#[test]
fn every_control_set_that_select_names_is_repaired_and_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let policy = tree(dir.path());
    let mut phony = Phony::new(SERVER_2022);
    phony.system(
        r#"
        [Select]
        "LastKnownGood"=dword:3
        [ControlSet002\Services]
        [ControlSet003\Services]
        [ControlSet003\Services\viostor\StartOverride]
        "0"=dword:3
        "#,
    );
    let mut guest = phony.guest();
    let (edits, _) = propose(&guest, &policy);
    for edit in &edits {
        guest.apply(edit).unwrap();
    }
    let hive = crate::Guest::hive(&guest, "/c/Windows/System32/config/SYSTEM").unwrap().unwrap();
    let start = |set: &str| hive.value(&format!("{set}\\Services\\viostor"), "Start").unwrap();
    assert_eq!(start("ControlSet001"), Some(RegData::Dword(0)));
    assert_eq!(start("ControlSet002"), None);
    assert_eq!(start("ControlSet003"), Some(RegData::Dword(0)));
    assert!(hive.key("ControlSet003\\Services\\viostor\\StartOverride").unwrap().is_none());
}

#[test]
fn a_package_takes_the_next_free_name_and_the_map_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let policy = tree(dir.path());
    // oem0 to oem5 are taken by the map, oem6 by a file, oem7 by the database.
    let mut phony = Phony::new(SERVER_2022);
    phony.system("[DriverDatabase\\DriverInfFiles\\oem7.inf]\n@=multi:\"x.inf_amd64_1\"");
    let guest = phony.guest().file("/c/Windows/INF/oem6.PNF", "x");
    let (edits, _) = propose(&guest, &policy);
    let put: Vec<&str> =
        edits.iter().flat_map(|e| e.paths()).filter(|p| p.starts_with("/c/Windows/INF/")).collect();
    assert_eq!(put[0], "/c/Windows/INF/oem8.inf");
    let mut guest = guest;
    for edit in &edits {
        guest.apply(edit).unwrap();
    }
    let hive = crate::Guest::hive(&guest, "/c/Windows/System32/config/SYSTEM").unwrap().unwrap();
    let map = hive.value("DriverDatabase", "OemInfMap").unwrap().unwrap().bytes();
    assert_eq!(map[0], 0xfc);
    assert_eq!(map[1] & 0x80, 0x80, "oem8 is taken: {map:x?}");
}

#[test]
fn without_drivers_the_user_is_told_and_with_the_wrong_ones_it_is_critical() {
    let guest = Phony::new(SERVER_2022).guest();
    let (_, concerns) = propose(&guest, &Policy::default());
    let ids = |concerns: &[Concern]| -> Vec<(String, Severity)> {
        concerns.iter().map(|c| (c.id.clone(), c.severity)).collect()
    };
    assert!(ids(&concerns).contains(&("windows.virtio-win.none".to_owned(), Severity::Warning)));
    let dir = tempfile::tempdir().unwrap();
    Tree::virtio_win()
        .without("/2k22/")
        .without("/2k19/")
        .without("/2k16/")
        .without("/w10/")
        .without("/w11/")
        .without("/2k25/")
        .without("/2k12")
        .without("/2k8")
        .without("/w8")
        .without("/w7")
        .without("/2k3")
        .without("/xp")
        .write(dir.path());
    let policy = Policy { virtio_win: Some(dir.path().to_owned()), ..Policy::default() };
    let (_, concerns) = propose(&guest, &policy);
    let critical: Vec<_> = concerns.iter().filter(|c| c.severity == Severity::Critical).collect();
    assert!(!critical.is_empty(), "{concerns:?}");
    let policy = Policy { virtio_win: Some(dir.path().join("nothing")), ..Policy::default() };
    let (_, concerns) = propose(&guest, &policy);
    assert!(ids(&concerns).contains(&("windows.virtio-win.unusable".to_owned(), Severity::Critical)));
}

#[test]
fn an_older_driver_of_the_same_name_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let policy = tree(dir.path());
    // Newer ones lie in the driver store alone.
    let release = RELEASES.iter().find(|r| r.name == "8.1").unwrap();
    let guest = release.phony().guest().file("/c/Windows/System32/drivers/VIOSTOR.SYS", "older");
    let (edits, _) = propose(&guest, &policy);
    let replaced = edits.iter().any(|e| {
        matches!(&e.change, Change::Place { path, before: Some(_), .. } if path == "/c/Windows/System32/drivers/VIOSTOR.SYS")
    });
    assert!(replaced, "{}", show(&edits, dir.path()));
}

#[test]
fn without_virtio_the_boards_own_controller_is_started_at_boot() {
    for (name, service) in [("2022", "storahci"), ("7", "msahci"), ("xp-32", "atapi")] {
        let release = RELEASES.iter().find(|r| r.name == name).unwrap();
        let mut phony = release.phony();
        phony.system(&format!(
            r#"
            [ControlSet001\Services\{service}]
            "Start"=dword:3
            "ImagePath"=expand:"System32\\drivers\\{service}.sys"
            [ControlSet001\Services\{service}\StartOverride]
            "0"=dword:3
            "#
        ));
        let mut guest = phony.guest();
        let policy = Policy { disk_bus: DiskBus::Sata, ..Policy::default() };
        for edit in propose(&guest, &policy).0 {
            guest.apply(&edit).unwrap();
        }
        let hive = crate::Guest::hive(&guest, "/c/Windows/System32/config/SYSTEM").unwrap().unwrap();
        let key = hive.key(&format!("ControlSet001\\Services\\{service}")).unwrap().unwrap();
        assert_eq!(key.number("Start").unwrap(), Some(0), "{name}");
        assert!(key.child("StartOverride").unwrap().is_none(), "{name}");
        let critical = "ControlSet001\\Control\\CriticalDeviceDatabase\\PCI#VEN_8086&DEV_7010";
        assert_eq!(hive.key(critical).unwrap().is_some(), name == "xp-32", "{name}");
        assert_eq!(propose(&guest, &policy).0, [], "{name}");
    }
}

mod packages;

mod tools {
    use super::*;

    fn after(policy: &Policy, phony: &Phony) -> (std::rc::Rc<hive::Hive>, std::rc::Rc<hive::Hive>) {
        let mut guest = phony.guest();
        let (edits, _) = propose(&guest, policy);
        for edit in &edits {
            guest.apply(edit).unwrap();
        }
        let hive = |name: &str| {
            crate::Guest::hive(&guest, &format!("/c/Windows/System32/config/{name}")).unwrap().unwrap()
        };
        (hive("SYSTEM"), hive("SOFTWARE"))
    }

    #[test]
    fn vendors_go_and_everything_shared_or_foreign_stays() {
        let mut phony = Phony::new(SERVER_2022);
        phony.system(
            r#"
            [ControlSet001\Services\vmbus]
            "Start"=dword:0
            "Owners"=multi:"wvmbus.inf"
            [ControlSet001\Services\i8042prt]
            "Start"=dword:3
            "Owners"=multi:"oem2.inf","keyboard.inf"
            [ControlSet001\Control\Class\{4d36e968-e325-11ce-bfc1-08002be10318}]
            "UpperFilters"=multi:"vm3dmp","other"
            "LowerFilters"=multi:"vm3dmp"
            "#,
        );
        let (system, software) = after(&Policy::default(), &phony);
        let start = |name: &str| {
            system
                .value(&format!("ControlSet001\\Services\\{name}"), "Start")
                .unwrap()
                .unwrap()
                .number()
                .unwrap()
        };
        for service in ["VMTools", "vmci", "vm3dmp", "pvscsi"] {
            assert_eq!(start(service), 4, "{service}");
        }
        assert_eq!((start("vmbus"), start("i8042prt"), start("LSI_SAS")), (0, 3, 0));
        let class = system
            .key("ControlSet001\\Control\\Class\\{4d36e968-e325-11ce-bfc1-08002be10318}")
            .unwrap()
            .unwrap();
        assert_eq!(class.value("UpperFilters").unwrap(), Some(RegData::MultiSz(vec!["other".to_owned()])));
        assert_eq!(class.value("LowerFilters").unwrap(), None);
        let run = software.key("Microsoft\\Windows\\CurrentVersion\\Run").unwrap().unwrap();
        let names: Vec<String> = run.values().unwrap().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["Other"]);
        let uninstall = "Microsoft\\Windows\\CurrentVersion\\Uninstall";
        assert_eq!(software.key(uninstall).unwrap().unwrap().children().unwrap().len(), 2);
    }

    #[test]
    fn removed_means_from_the_list_of_programs_too_and_kept_means_kept() {
        let phony = Phony::new(SERVER_2022);
        let policy = |tools| Policy { tools, ..Policy::default() };
        let (_, software) = after(&policy(Tools::Remove), &phony);
        let uninstall = "Microsoft\\Windows\\CurrentVersion\\Uninstall";
        let left = software.key(uninstall).unwrap().unwrap().names().unwrap();
        assert_eq!(left, ["VMwareLook"]);
        let (system, software) = after(&policy(Tools::Keep), &phony);
        assert_eq!(
            system.value("ControlSet001\\Services\\VMTools", "Start").unwrap(),
            Some(RegData::Dword(2))
        );
        let run = software.key("Microsoft\\Windows\\CurrentVersion\\Run").unwrap().unwrap();
        assert_eq!(run.values().unwrap().len(), 2);
    }
}

mod boot_files {
    use super::*;
    use crate::facts::Mount;

    fn propose(guest: &MemoryGuest) -> crate::Proposal {
        let mut facts = facts_of(guest);
        facts.mounts.push(Mount { mountpoint: "/esp".to_owned(), ..Mount::default() });
        let fixer = crate::windows::boot_files::BootFiles;
        crate::Fixer::plan(&fixer, &facts, guest, &Policy::default()).unwrap()
    }

    fn esp() -> MemoryGuest {
        let manager = crate::windows::company::sample("Microsoft Corporation");
        let bcd = hive::testing::hive(
            "BCD",
            r#"
            [Objects\{9dea862c-5cdd-4e70-acc1-f32b344d4795}\Elements\23000003]
            "Element"="{11111111-2222-3333-4444-555555555555}"
            [Objects\{11111111-2222-3333-4444-555555555555}\Elements\12000004]
            "Element"="Windows Server"
            "#,
        );
        Phony::new(SERVER_2022)
            .guest()
            .file("/esp/EFI/Microsoft/Boot/bootmgfw.efi", manager)
            .file("/esp/EFI/Microsoft/Boot/BCD", bcd)
    }

    #[test]
    fn the_fallback_is_made_where_it_is_missing() {
        let proposal = propose(&esp());
        let [edit] = proposal.edits.as_slice() else { panic!("{:?}", proposal.edits) };
        assert!(
            matches!(&edit.change, Change::Copy { from, path, .. }
                if from == "/esp/EFI/Microsoft/Boot/bootmgfw.efi" && path == "/esp/EFI/Boot/bootx64.efi"),
            "{edit:?}"
        );
        let own = crate::windows::company::sample("Microsoft Corporation");
        let proposal = propose(&esp().file("/esp/EFI/BOOT/BOOTX64.EFI", own));
        assert!(proposal.edits.is_empty() && proposal.concerns.is_empty());
        let proposal = propose(&esp().file("/esp/EFI/BOOT/BOOTX64.EFI", "MZ grub"));
        assert!(proposal.edits.is_empty());
        assert_eq!(proposal.concerns[0].id, "windows.boot.foreign-fallback");
    }

    #[test]
    fn graphics_are_allowed_again() {
        let guest = esp();
        let mut bcd = hive::HiveEditor::new(
            &hive::Hive::open(
                "BCD",
                crate::Guest::read(&guest, "/esp/EFI/Microsoft/Boot/BCD").unwrap().unwrap(),
                &[],
            )
            .unwrap(),
        )
        .unwrap();
        let entry = "Objects\\{11111111-2222-3333-4444-555555555555}\\Elements\\16000046";
        bcd.set(entry, "Element", RegData::binary([1])).unwrap();
        let own = crate::windows::company::sample("Microsoft Corporation");
        let guest = guest
            .file("/esp/EFI/Microsoft/Boot/BCD", bcd.hive().write().unwrap())
            .file("/esp/EFI/Boot/bootx64.efi", own);
        let proposal = propose(&guest);
        let [edit] = proposal.edits.as_slice() else { panic!("{:?}", proposal.edits) };
        let mut after = guest.clone();
        after.apply(edit).unwrap();
        assert!(propose(&after).edits.is_empty());
    }
}

mod geometry {
    use super::*;
    use crate::facts::{BlockDevice, DiskFacts, Mount};

    fn sector(heads: u8) -> Vec<u8> {
        let mut sector = vec![0; 512];
        sector[3..11].copy_from_slice(b"NTFS    ");
        sector[0x1a] = heads;
        sector
    }

    const GIB: u64 = 1 << 30;

    fn changed(release: &str, heads: u8, disk: Option<u64>) -> Option<u8> {
        let release = RELEASES.iter().find(|r| r.name == release).unwrap();
        let mut guest = release.phony().guest().sector("/c", &sector(heads));
        let mut facts = facts_of(&guest);
        facts.mounts =
            vec![Mount { mountpoint: "/c".to_owned(), device: "/dev/sdb1".to_owned(), ..Mount::default() }];
        facts.block = vec![BlockDevice { name: "/dev/sdb1".to_owned(), disk: Some(1), ..Default::default() }];
        let sizes = disk.map(|size| [100 * GIB, size]);
        let disk = |size| DiskFacts { size, ..DiskFacts::default() };
        facts.disks = sizes.into_iter().flatten().map(disk).collect();
        let fixer = crate::windows::geometry::Geometry;
        let edits = crate::Fixer::plan(&fixer, &facts, &guest, &Policy::default()).unwrap().edits;
        for edit in &edits {
            guest.apply(edit).unwrap();
            assert!(guest.apply(edit).is_err(), "made twice");
        }
        let after = crate::Guest::boot_sector(&guest, "/c").unwrap().unwrap()[0x1a];
        (!edits.is_empty()).then_some(after)
    }

    #[test]
    fn the_heads_of_old_systems_become_the_targets() {
        assert_eq!(changed("xp-32", 0x40, Some(40 * GIB)), Some(0xff));
        assert_eq!(changed("2003-32", 0x80, Some(4 * GIB)), Some(0xff));
        assert_eq!(changed("2003-32", 0xff, Some(8 * GIB)), None);
        assert_eq!(changed("7", 0x40, Some(40 * GIB)), None);
    }

    #[test]
    fn on_a_small_disk_they_are_fewer_and_a_right_byte_stays() {
        assert_eq!(changed("xp-32", 0x80, Some(2 * GIB)), None);
        assert_eq!(changed("xp-32", 0xff, Some(2 * GIB)), Some(0x80));
        assert_eq!(changed("2003-32", 0x80, Some(3 * GIB)), None);
        assert_eq!(changed("xp-32", 0x80, Some(GIB)), Some(0x40));
        assert_eq!(changed("xp-32", 0x80, None), None, "the disk is not known");
    }
}
