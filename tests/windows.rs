//! A phony Windows Server on a real NTFS, through all stages but the boot: nothing of Windows is here to boot.

use std::fs;
use std::path::Path;

use h2k_fixers::hive::Hive;
use h2k_fixers::windows::phony;
use serde_json::Value;

use crate::common::ntfs::leave_in_use;
use crate::common::windows::{Volume, guest, guest_behind_another, guest_of_bios};
use crate::common::{Place, digest};

fn ids(plan: &Value) -> Vec<String> {
    let concerns = plan["vms"][0]["concerns"].as_array().unwrap();
    concerns.iter().map(|c| c["id"].as_str().unwrap().to_owned()).collect()
}

/// Whether the permissions of a file have an entry for everybody (S-1-1-0), as NTFS-3G gives to what it makes: so has
/// all that the phony guest was built from.
fn is_everybodys(path: &Path) -> bool {
    let mut value = vec![0; 4096];
    let length = rustix::fs::getxattr(path, "system.ntfs_acl", &mut value).unwrap();
    let everybody = [1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0];
    value[..length].windows(everybody.len()).any(|bytes| bytes == everybody)
}

#[test]
fn a_server_is_moved_with_its_drivers_and_its_addresses() {
    let place = Place::new();
    phony::virtio_win(&place.path("virtio-win"));
    let vmx = guest(&place, "web01", |_| {});
    let before = digest(&place.path("src/web01.vmdk"));
    let plan = place.h2k(["plan", "src/web01.vmx", "--virtio-win", "virtio-win", "--json"]).expect(0).json();
    let facts = &plan["vms"][0]["facts"];
    assert_eq!(facts["windows"]["version"]["product"], "Windows Server 2022 Standard");
    assert_eq!(facts["windows"]["shutdown"], "clean");
    assert_eq!(facts["systems"][0]["hostname"], "WEB01");
    let mounts: Vec<&str> =
        facts["mounts"].as_array().unwrap().iter().map(|m| m["mountpoint"].as_str().unwrap()).collect();
    assert_eq!(mounts, ["/c", "/esp"]);

    let args = [
        "migrate",
        "src/web01.vmx",
        "-o",
        "out",
        "--virtio-win",
        "virtio-win",
        "--no-boot",
        "--format",
        "raw",
    ];
    place.h2k(args).expect(0);
    assert_eq!(digest(&place.path("src/web01.vmdk")), before, "the source was written");
    let carried_out: Value =
        serde_json::from_slice(&fs::read(place.path("out/web01/plan.json")).unwrap()).unwrap();
    assert_eq!(carried_out["vms"][0]["edits"], plan["vms"][0]["edits"]);

    let volume = Volume::of(&place, &place.path("out/web01/disk0.raw"));
    let script = fs::read_to_string(volume.dir.join("Windows/h2k/first-boot.cmd")).unwrap();
    assert!(script.contains("addr=192.0.2.10"), "{script}");
    assert!(volume.dir.join("Windows/INF/oem6.inf").is_file());
    let bytes = fs::read(volume.dir.join("Windows/System32/config/SYSTEM")).unwrap();
    let hive = Hive::open("SYSTEM", bytes, &[]).unwrap();
    let start = |service: &str| {
        let value = hive.value(&format!("ControlSet001\\Services\\{service}"), "Start").unwrap();
        value.and_then(|data| data.number())
    };
    assert_eq!((start("viostor"), start("VMTools"), start("LSI_SAS")), (Some(0), Some(4), Some(0)));
    for edit in plan["vms"][0]["edits"].as_array().unwrap() {
        let Some(path) = edit["path"].as_str().and_then(|path| path.strip_prefix("/c/")) else { continue };
        let new = edit["before"].is_null() && ["write", "place"].contains(&edit["kind"].as_str().unwrap());
        let file = volume.dir.join(path);
        assert_eq!(is_everybodys(&file), !new, "{path}");
        if path.starts_with("Windows/h2k/") || path.contains("/FileRepository/") {
            assert!(!is_everybodys(file.parent().unwrap()), "the directory of {path}");
        }
    }
    drop(volume);

    // The result, planned again, has no edits.
    let args = ["plan", "out/web01/disk0.raw", "--virtio-win", "virtio-win", "--json"];
    let again = place.h2k(args).expect(0).json();
    let edits = again["vms"][0]["edits"].as_array().unwrap();
    // A bare disk tells of no NICs: the script of the first boot is the only thing that could differ.
    let others: Vec<_> = edits.iter().filter(|e| e["fixer"] != "windows.first-boot").collect();
    assert!(others.is_empty(), "{others:?}");
    assert!(vmx.is_file());
}

#[test]
fn a_hibernated_or_half_written_windows_is_refused_with_what_to_do() {
    let place = Place::new();
    phony::virtio_win(&place.path("virtio-win"));
    guest(&place, "asleep", |volume| fs::write(volume.join("hiberfil.sys"), "HIBR and memory").unwrap());
    let plan = place.h2k(["plan", "src/asleep.vmx", "--virtio-win", "virtio-win", "--json"]);
    assert_eq!(plan.code, 3, "{}", plan.stderr);
    assert!(ids(&plan.json()).iter().any(|id| id == "windows.hibernated"), "{:?}", ids(&plan.json()));
    let place = Place::new();
    guest(&place, "torn", |volume| {
        let path = volume.join("Windows/System32/config/SYSTEM");
        let mut hive = fs::read(&path).unwrap();
        hive[4] ^= 1;
        fs::write(path, hive).unwrap();
    });
    let refused = place.h2k(["plan", "src/torn.vmx"]).expect(1);
    assert!(refused.stderr.contains("shutdown /s /t 0"), "{}", refused.stderr);
    assert!(place.results("out").is_empty());
}

/// Leaves a few kilobytes free.
fn fill_up(volume: &Path) {
    let mut size = free(volume).saturating_sub(256 << 10);
    // The file's own records take some of it; what is left of 4 KiB pieces is put into more files.
    for name in ["ballast", "ballast-2", "ballast-3"] {
        fs::write(volume.join(name), vec![1; usize::try_from(size).unwrap()]).unwrap();
        size = free(volume).saturating_sub(64 << 10);
    }
    assert!(free(volume) < 128 << 10, "{} bytes are free", free(volume));
}

fn free(volume: &Path) -> u64 {
    let vfs = rustix::fs::statvfs(volume).unwrap();
    vfs.f_bavail * vfs.f_frsize
}

#[test]
fn a_full_volume_is_told_beforehand_and_costs_nothing_but_the_run() {
    let place = Place::new();
    phony::virtio_win(&place.path("virtio-win"));
    guest(&place, "full", fill_up);
    let before = digest(&place.path("src/full.vmdk"));
    let plan = place.h2k(["plan", "src/full.vmx", "--virtio-win", "virtio-win", "--json"]);
    assert_eq!(plan.code, 3, "{}", plan.stderr);
    let plan = plan.json();
    let concerns = plan["vms"][0]["concerns"].as_array().unwrap();
    let told = concerns.iter().find(|c| c["id"] == "guest.free-space").unwrap();
    assert_eq!((&told["severity"], &told["subject"]), (&"critical".into(), &"/c".into()));

    // Who accepts it gets what was foretold.
    place.write("h2k.yaml", "accept: {guest.free-space: it will do}\n");
    let migrate = ["migrate", "src/full.vmx", "-o", "out", "--virtio-win", "virtio-win", "--no-boot"];
    let failed = place.h2k(migrate).expect(1);
    for part in ["No space left on device", "make room in the guest on its hypervisor"] {
        assert!(failed.stderr.contains(part), "{part} is not in\n{}", failed.stderr);
    }
    assert_eq!(digest(&place.path("src/full.vmdk")), before, "the source was written");
    assert!(place.results("out").is_empty(), "{:?}", place.results("out"));
}

/// Its boot configuration store lies on a volume of its own, which is changed too.
#[test]
fn a_windows_7_on_a_bios_boots_from_its_reserved_volume() {
    let place = Place::new();
    phony::virtio_win(&place.path("virtio-win"));
    guest_of_bios(&place, "old", |_, _| {});
    let before = digest(&place.path("src/old.vmdk"));
    let args = ["src/old.vmx", "--virtio-win", "virtio-win"];
    let plan = place.h2k([&["plan"], args.as_slice(), &["--json"]].concat()).expect(0).json();
    let plan = &plan["vms"][0];
    let mut mounts: Vec<&str> = plan["facts"]["mounts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| m["mountpoint"].as_str().unwrap())
        .collect();
    mounts.sort_unstable();
    assert_eq!(mounts, ["/boot", "/c"]);
    assert_eq!(plan["facts"]["windows"]["boot_stores"], serde_json::json!(["/boot/Boot/BCD"]));
    let edits = plan["edits"].as_array().unwrap();
    let store: Vec<_> = edits.iter().filter(|e| e["path"] == "/boot/Boot/BCD").collect();
    assert!(store.len() == 1 && store[0]["fixer"] == "windows.boot-files", "{store:?}");
    assert_eq!(plan["target"]["firmware"]["kind"], "bios", "{}", plan["target"]);

    let migrate = [&["migrate"], args.as_slice(), &["-o", "out", "--no-boot", "--format", "raw"]].concat();
    place.h2k(migrate).expect(0);
    assert_eq!(digest(&place.path("src/old.vmdk")), before, "the source was written");
    let disk = place.path("out/old/disk0.raw");
    let volume = Volume::reserved(&place, &disk);
    let bytes = fs::read(volume.dir.join("Boot/BCD")).unwrap();
    let elements = "Objects\\{11111111-2222-3333-4444-555555555555}\\Elements";
    let bcd = Hive::open("BCD", bytes, &[]).unwrap();
    assert!(bcd.key(&format!("{elements}\\16000046")).unwrap().is_none(), "graphics are still forbidden");
    assert!(bcd.key(&format!("{elements}\\12000004")).unwrap().is_some());
    drop(volume);
    let volume = Volume::of(&place, &disk);
    assert!(volume.dir.join("Windows/System32/drivers/viostor.sys").is_file());
    drop(volume);

    let again =
        place.h2k(["plan", "out/old/disk0.raw", "--virtio-win", "virtio-win", "--json"]).expect(0).json();
    let edits = again["vms"][0]["edits"].as_array().unwrap();
    let others: Vec<_> = edits.iter().filter(|e| e["fixer"] != "windows.first-boot").collect();
    assert!(others.is_empty(), "{others:?}");
}

/// FIX could not mount it to write: that is to be known before.
#[test]
fn each_volume_that_a_power_cut_left_in_use_is_told_beforehand() {
    let place = Place::new();
    guest_of_bios(&place, "reserved", |reserved, _| leave_in_use(reserved));
    guest_of_bios(&place, "system", |_, system| leave_in_use(system));
    for (name, subject) in [("reserved", "/boot"), ("system", "Windows 7 Professional")] {
        let plan = place.h2k(["plan", &format!("src/{name}.vmx"), "--json"]).expect(3).json();
        let concerns = plan["vms"][0]["concerns"].as_array().unwrap();
        let dirty: Vec<_> = concerns.iter().filter(|c| c["id"] == "windows.dirty").collect();
        assert!(dirty.len() == 1 && dirty[0]["subject"] == subject, "{name}: {concerns:?}");
    }
}

/// Its loader would be repaired, and started.
#[test]
fn what_another_windows_booted_from_is_left_alone() {
    let place = Place::new();
    phony::virtio_win(&place.path("virtio-win"));
    guest_behind_another(&place, "web01");
    let plan = place.h2k(["plan", "src/web01.vmx", "--virtio-win", "virtio-win", "--json"]).expect(0).json();
    let plan = &plan["vms"][0];
    let mounts = plan["facts"]["mounts"].as_array().unwrap();
    let esp = mounts.iter().find(|mount| mount["mountpoint"] == "/esp").unwrap();
    assert_eq!(esp["device"], "/dev/sdb1", "{mounts:#?}");
    let order: Vec<_> =
        plan["target"]["disks"].as_array().unwrap().iter().map(|d| &d["boot_order"]).collect();
    assert_eq!(order, [2, 1], "{}", plan["target"]);
}
