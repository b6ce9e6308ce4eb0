//! Packages in guests that already have some, and packages that are not as they should be.

use super::super::drivers::testing::{CO_INSTALLER, named};
use super::*;

fn release(name: &str) -> &'static Release {
    RELEASES.iter().find(|r| r.name == name).unwrap()
}

fn apply(guest: &mut MemoryGuest, edits: &[Edit]) {
    edits.iter().for_each(|edit| guest.apply(edit).unwrap());
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
