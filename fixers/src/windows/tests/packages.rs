//! Packages in guests that already have some, and packages that are not as they should be.

use h2k_config::NicModel;

use super::super::drivers::ROLES;
use super::super::drivers::testing::{CO_INSTALLER, inf, named};
use super::*;
use crate::windows::Arch;
use crate::windows::drivers::testing::Driver;

const SYSTEM_HIVE: &str = "/c/Windows/System32/config/SYSTEM";
const REPOSITORY: &str = "/c/Windows/System32/DriverStore/FileRepository";
const STORAHCI: &str = "ControlSet001\\Services\\storahci";
/// Where Windows staged virtio-win's own package.
const STAGED: &str = "viostor.inf_amd64_00112233aabbccdd";

fn release(name: &str) -> &'static Release {
    RELEASES.iter().find(|r| r.name == name).unwrap()
}

fn apply(guest: &mut MemoryGuest, edits: &[Edit]) {
    edits.iter().for_each(|edit| guest.apply(edit).unwrap());
}

fn ready_roles(guest: &MemoryGuest) -> std::collections::BTreeSet<Role> {
    ready(guest, facts_of(guest).windows.as_ref().unwrap()).unwrap()
}

/// Directories of `DevicePath`, Windows' own left out.
fn device_path(guest: &MemoryGuest) -> Vec<String> {
    let hive = guest.hive("/c/Windows/System32/config/SOFTWARE").unwrap().unwrap();
    let value = hive.value("Microsoft\\Windows\\CurrentVersion", "DevicePath").unwrap().unwrap();
    let paths = value.text().unwrap();
    let paths = paths.split(';').map(|dir| dir.replace("%SystemRoot%", "/c/Windows").replace('\\', "/"));
    paths.filter(|dir| !dir.ends_with("/inf")).collect()
}

/// Each INF file has beside it what its package has, and no other package's file of the same name.
#[test]
fn before_windows_8_packages_share_files_of_one_content_and_no_others() {
    let dir = tempfile::tempdir().unwrap();
    let policy = tree(dir.path());
    let of = Tree::virtio_win();
    for (name, source) in [
        ("xp-32", "xp/x86"),
        ("2003-32", "2k3/x86"),
        ("7-32", "w7/x86"),
        ("7", "w7/amd64"),
        ("2008r2", "2k8R2/amd64"),
    ] {
        let (mut guest, _) = repaired(release(name), &policy);
        let dirs = device_path(&guest);
        for driver in ["viostor", "netkvm", "balloon", "vioser", "viorng"].map(named) {
            let holds = |dir: &&String| guest.exists(&format!("{dir}/{}.inf", driver.name)).unwrap();
            let found: Vec<&String> = dirs.iter().filter(holds).collect();
            let [dir] = found[..] else { panic!("{name} {}: {found:?} of {dirs:?}", driver.name) };
            let from = format!("{}/{source}/", driver.dir);
            let files = of.0.iter().filter(|(path, _)| path.starts_with(&from) && !path.ends_with(".pdb"));
            for (path, bytes) in files {
                let file = format!("{dir}/{}", &path[from.len()..]);
                assert_eq!(guest.read(&file).unwrap().as_ref(), Some(bytes), "{name}: {file}");
            }
        }
        let shared = format!("/c/Windows/Drivers/VirtIO/{CO_INSTALLER}");
        assert_eq!(guest.read(&shared).unwrap().as_deref(), Some(&b"build 7600"[..]), "{name}");
        assert_eq!(dirs.len(), 2, "{name}: {dirs:?}");
        let (again, _) = propose(&guest, &policy);
        assert_eq!(again, [], "{name}");
        if name != "7" {
            continue;
        }
        // What a newer virtio-win brings does not mix with what is there.
        let newer = tempfile::tempdir().unwrap();
        Tree(of.0.iter().map(|(path, bytes)| (path.clone(), [bytes, &b"\n;"[..]].concat())).collect())
            .write(newer.path());
        let (edits, _) =
            propose(&guest, &Policy { virtio_win: Some(newer.path().to_owned()), ..policy.clone() });
        apply(&mut guest, &edits);
        let old = guest.read("/c/Windows/Drivers/VirtIO/balloon.inf").unwrap().unwrap();
        assert_eq!(old, of.0[&format!("Balloon/{source}/balloon.inf")], "{name}");
    }
}

/// A guest in which virtio-win's installer was run: viostor's package is staged, and no device has used it.
fn with_staged(inf_text: &str, sys: &[u8], cat: &[u8]) -> MemoryGuest {
    let mut phony = Phony::new(SERVER_2022);
    let ids = ["1042&SUBSYS_11001AF4&REV_01", "1042", "1001&SUBSYS_00021AF4&REV_00", "1001"];
    let mut text = format!(
        r#"
        [{STORAHCI}]
        "Start"=dword:3
        "ImagePath"=expand:"System32\\drivers\\storahci.sys"
        [{STORAHCI}\StartOverride]
        "0"=dword:3
        [DriverDatabase\DriverInfFiles\oem6.inf]
        @=multi:"{STAGED}"
        "Active"="{STAGED}"
        [DriverDatabase\DriverPackages\{STAGED}]
        @="oem6.inf"
        "Catalog"="viostor.cat"
        "ImportDate"=hex:01,02,03,04,05,06,07,08
        "InfName"="viostor.inf"
        "Provider"="Red Hat, Inc."
        "StatusFlags"=dword:112
        "#
    );
    for id in ids {
        let mark = if id.contains('&') { "01" } else { "02" };
        let key = format!(r"DriverDatabase\DeviceIds\PCI\VEN_1AF4&DEV_{id}");
        write!(text, "\n[{key}]\n\"oem6.inf\"=hex:{mark},ff,00,00\n").unwrap();
    }
    phony.system(&text);
    phony
        .guest()
        .file("/c/Windows/INF/oem6.inf", inf_text)
        .file(&format!("{REPOSITORY}/{STAGED}/viostor.inf"), inf_text)
        .file(&format!("{REPOSITORY}/{STAGED}/viostor.sys"), sys)
        .file(&format!("{REPOSITORY}/{STAGED}/viostor.cat"), cat)
}

/// Names in the driver store of the packages of one INF file.
fn packages_of(guest: &MemoryGuest, name: &str) -> Vec<String> {
    let hive = guest.hive(SYSTEM_HIVE).unwrap().unwrap();
    let all = hive.key("DriverDatabase\\DriverPackages").unwrap().unwrap().children().unwrap();
    let named = all.iter().filter(|key| key.text("InfName").unwrap().as_deref() == Some(name));
    named.map(|key| key.name().unwrap()).collect()
}

#[test]
fn a_package_that_windows_has_staged_is_configured_and_not_published_again() {
    let dir = tempfile::tempdir().unwrap();
    let policy = tree(dir.path());
    let of = Tree::virtio_win().0;
    let file = |ending: &str| of[&format!("viostor/2k22/amd64/viostor.{ending}")].clone();
    let text = String::from_utf8(file("inf")).unwrap();
    let mut guest = with_staged(&text, &file("sys"), &file("cat"));
    assert_eq!(ready_roles(&guest), [].into());
    let (edits, _) = propose(&guest, &policy);
    let put = |e: &Edit| e.paths().iter().any(|p| p.contains("viostor.inf") || p.contains("oem6.inf"));
    assert!(!edits.iter().any(put), "{}", show(&edits, dir.path()));
    apply(&mut guest, &edits);
    assert_eq!(packages_of(&guest, "viostor.inf"), [STAGED]);
    assert!(ready_roles(&guest).contains(&Role::Blk));
    let hive = guest.hive(SYSTEM_HIVE).unwrap().unwrap();
    let package = hive.key(&format!("DriverDatabase\\DriverPackages\\{STAGED}")).unwrap().unwrap();
    assert_eq!(package.value("ImportDate").unwrap(), Some(RegData::binary([1, 2, 3, 4, 5, 6, 7, 8])));
    assert_eq!(package.text("Provider").unwrap().as_deref(), Some("Red Hat, Inc."));
    let service = hive.key("ControlSet001\\Services\\viostor").unwrap().unwrap();
    assert!(service.text("ImagePath").unwrap().unwrap().contains(STAGED));
    assert_eq!(propose(&guest, &policy).0, []);
}

/// Its devices have two packages then, the staged one first.
#[test]
fn another_package_that_is_only_staged_does_not_hide_the_one_that_is_configured() {
    let dir = tempfile::tempdir().unwrap();
    let policy = tree(dir.path());
    let of = Tree::virtio_win().0;
    let file = |ending: &str| of[&format!("viostor/2k22/amd64/viostor.{ending}")].clone();
    let text = String::from_utf8(file("inf")).unwrap();
    let older = text.replace("100.95.104.26200", "100.85.104.20200");
    for (text, cat) in [(&older, file("cat")), (&text, b"signed by another".to_vec())] {
        let mut guest = with_staged(text, &file("sys"), &cat);
        let (edits, _) = propose(&guest, &policy);
        apply(&mut guest, &edits);
        assert_eq!(packages_of(&guest, "viostor.inf").len(), 2);
        assert_eq!(guest.read("/c/Windows/INF/oem6.inf").unwrap().unwrap(), text.as_bytes());
        assert!(ready_roles(&guest).contains(&Role::Blk));
        let hive = guest.hive(SYSTEM_HIVE).unwrap().unwrap();
        assert_eq!(hive.value(STORAHCI, "Start").unwrap(), Some(RegData::Dword(3)), "it is not needed");
    }
}

/// A virtio-win whose viostor for Server 2022 is another.
fn with_viostor(root: &Path, ids: &'static [&'static str], change: impl Fn(String) -> String) -> Policy {
    let mut tree = Tree::virtio_win().without("viostor/");
    let driver = Driver { ids, ..named("viostor") };
    let text = change(inf(&driver, "NTamd64.10.0", true));
    tree.add(&driver, "viostor/2k22/amd64", Arch::Amd64, &text);
    tree.write(root);
    Policy { virtio_win: Some(root.to_owned()), ..Policy::default() }
}

/// Whether the board's own controller is started at boot.
fn falls_back(guest: &mut MemoryGuest, edits: &[Edit]) -> bool {
    apply(guest, edits);
    let key = guest.hive(SYSTEM_HIVE).unwrap().unwrap();
    let key = key.key(STORAHCI).unwrap().unwrap();
    key.number("Start").unwrap() == Some(0) && key.child("StartOverride").unwrap().is_none()
}

#[test]
fn where_windows_could_not_boot_from_virtio_after_all_it_boots_from_the_board() {
    let dir = tempfile::tempdir().unwrap();
    // A driver from before virtio 1.0.
    let policy = with_viostor(dir.path(), &["1001&SUBSYS_00021AF4&REV_00"], |inf| inf);
    let mut guest = with_staged("; none", b"", b"");
    let (edits, _) = propose(&guest, &policy);
    assert!(falls_back(&mut guest, &edits));
    assert!(!ready_roles(&guest).contains(&Role::Blk));
    assert_eq!(propose(&guest, &policy).0, []);
}

#[test]
fn a_disks_package_without_a_driver_is_told_and_windows_boots_from_the_board() {
    let dir = tempfile::tempdir().unwrap();
    let service = "AddService = viostor, 0x00000002 , Service_Inst, Log_Inst";
    let policy = with_viostor(dir.path(), named("viostor").ids, |inf| {
        assert!(inf.contains(service));
        inf.replace(service, "AddService = ,2")
    });
    let mut guest = with_staged("; none", b"", b"");
    let (edits, concerns) = propose(&guest, &policy);
    let told = |c: &Concern| {
        c.id == "windows.virtio-win.broken" && c.subject == "virtio-blk" && c.severity == Severity::Critical
    };
    assert!(concerns.iter().any(told), "{concerns:?}");
    assert!(falls_back(&mut guest, &edits));
}

#[test]
fn a_driver_of_nics_is_needed_only_where_they_are_virtio() {
    let dir = tempfile::tempdir().unwrap();
    Tree::virtio_win().without("NetKVM/").write(dir.path());
    let guest = Phony::new(SERVER_2022).guest();
    let critical = |nic_model| {
        let policy = Policy { nic_model, virtio_win: Some(dir.path().to_owned()), ..Policy::default() };
        let (_, concerns) = propose(&guest, &policy);
        let critical = concerns.into_iter().filter(|c| c.severity == Severity::Critical);
        critical.map(|c| (c.id, c.subject)).collect::<Vec<_>>()
    };
    let lacks = ("windows.virtio-win.lacks".to_owned(), "virtio-net".to_owned());
    assert_eq!(critical(NicModel::Virtio), [lacks]);
    assert_eq!(critical(NicModel::E1000e), []);
}

/// All that a virtio-win has drivers for; of the disks, the one that Windows boots from.
#[test]
fn every_device_with_a_package_is_ready() {
    let dir = tempfile::tempdir().unwrap();
    let policy = tree(dir.path());
    for name in ["7", "2022"] {
        let (guest, _) = repaired(release(name), &policy);
        let lacks = |role: &Role| [Role::Scsi, Role::PanicPci].contains(role);
        assert_eq!(ready_roles(&guest), ROLES.into_iter().filter(|r| !lacks(r)).collect(), "{name}");
    }
}
