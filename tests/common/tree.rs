//! Every file of a guest, so that two states can be compared file by file. Looks through this host's kernel or, where that
//! cannot mount it, through guestfish: not through h2k.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::guest::Guest;
use super::{guestfish, host_tree, ok, own_path, run, until_there};

/// Kind, mode, owner, link target and digest of each path.
pub type Tree = BTreeMap<String, String>;

/// A guest's files as its builder left them: listed once, and kept beside the guest under a digest of how it is done.
pub fn built_tree(
    guest: &Guest,
    mounts: &[(&str, &str)],
    opened: Option<(&str, &Path)>,
    scratch: &Path,
) -> Tree {
    let how = format!(
        "{mounts:?} {:?} {}{}{}",
        opened.map(|o| o.0),
        include_str!("tree.rs"),
        include_str!("host_tree.rs"),
        include_str!("host_disk.rs")
    );
    let key = blake3::hash(how.as_bytes()).to_hex();
    let name = format!("{}.{}.tree", guest.dir.file_name().unwrap().to_str().unwrap(), &key[..16]);
    let kept = guest.dir.with_file_name(name);
    if let Ok(text) = std::fs::read(&kept) {
        return serde_json::from_slice(&text).unwrap();
    }
    let tree = tree_opened(&guest.disks(), mounts, opened, scratch);
    // Another test may write the same meanwhile.
    let aside = kept.with_extension(format!("tree-{}", std::process::id()));
    std::fs::write(&aside, serde_json::to_vec(&tree).unwrap()).unwrap();
    std::fs::rename(&aside, &kept).unwrap();
    tree
}

/// Lists a guest's files. `mounts` are device and mount point, root first, as the appliance names the devices; a
/// subvolume of btrfs is `btrfsvol:DEVICE/SUBVOLUME`.
pub fn tree(disks: &[PathBuf], mounts: &[(&str, &str)], scratch: &Path) -> Tree {
    tree_opened(disks, mounts, None, scratch)
}

/// The same for a guest with an encrypted device, which a key file opens.
pub fn tree_opened(
    disks: &[PathBuf],
    mounts: &[(&str, &str)],
    opened: Option<(&str, &Path)>,
    scratch: &Path,
) -> Tree {
    let tree = match opened {
        None => host_tree::listed(disks, mounts),
        Some(_) => None,
    };
    let tree = tree.unwrap_or_else(|| through_guestfish(disks, mounts, opened, scratch));
    // Phony ones have some dozens, real ones thousands.
    assert!(tree.len() > 40, "a guest has more than {} files", tree.len());
    tree
}

fn through_guestfish(
    disks: &[PathBuf],
    mounts: &[(&str, &str)],
    opened: Option<(&str, &Path)>,
    scratch: &Path,
) -> Tree {
    let sums = scratch.join("sums");
    let formats = disks.iter().map(|disk| (disk.as_path(), disk.extension().unwrap().to_str().unwrap()));
    let mut command = guestfish(&formats.collect::<Vec<_>>(), true);
    if let Some((device, key)) = opened {
        // guestfish takes no key with zero bytes in it.
        let key = ok("base64", &["-w0", key.to_str().unwrap()]);
        let device = own_path(device);
        let open = format!("echo {} | base64 -d | cryptsetup open --key-file=- {device} opened", key.trim());
        command.args([":", "debug", "sh", &until_there(&open)]);
        command.args([":", "lvm-scan", "true"]);
    }
    for (device, point) in mounts {
        match device.strip_prefix("btrfsvol:").and_then(|d| d.rsplit_once('/')) {
            Some((device, subvolume)) => {
                command.args([":", "mount-options", &format!("ro,subvol={subvolume}"), device, point])
            }
            None => command.args([":", "mount-ro", device, point]),
        };
    }
    // The guest's own find, in the appliance: what is not a regular file has no digest.
    command.args([":", "sh", "find / -xdev ! -type d -printf '%p\\t%y %m %U:%G %l\\n'"]);
    for (_, point) in mounts.iter().skip(1) {
        command.args([":", "sh", &format!("find {point} -xdev ! -type d -printf '%p\\t%y %m %U:%G %l\\n'")]);
    }
    // Against chance, not against malice; it takes two thirds of the time of SHA-256 there.
    command.args([":", "checksums-out", "md5", "/"]).arg(&sums);
    let listing = run(&mut command).expect(0).stdout;
    let mut tree = Tree::new();
    for line in listing.lines().filter(|l| !l.is_empty()) {
        let (path, what) = line.split_once('\t').unwrap();
        // libguestfs binds the appliance's own /dev, /proc and /sys into a guest while it runs a program there.
        if !["/dev/", "/proc/", "/sys/"].iter().any(|p| path.starts_with(p)) {
            tree.insert(path.to_owned(), what.to_owned());
        }
    }
    for line in std::fs::read_to_string(&sums).unwrap().lines() {
        let (sum, path) = line.split_once("  .").unwrap_or_else(|| panic!("odd line {line}"));
        tree.entry(path.to_owned()).or_default().push_str(sum);
    }
    tree
}

/// Paths that differ.
pub fn changed(before: &Tree, after: &Tree) -> BTreeSet<String> {
    let all: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    all.into_iter().filter(|p| before.get(*p) != after.get(*p)).cloned().collect()
}

/// Paths that a plan says it changes, with those that a program of the guest may change apart. Directories, which a
/// tree does not list, and labels, which it does not tell, count among the latter, as does what comes and goes.
pub fn planned(edits: &serde_json::Value) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut surely, mut maybe) = (BTreeSet::new(), BTreeSet::new());
    for edit in edits.as_array().unwrap() {
        if edit["kind"] == "run" {
            maybe.extend(edit["changes"].as_array().unwrap().iter().map(|p| p.as_str().unwrap().to_owned()));
            continue;
        }
        let path = edit["path"].as_str().unwrap().to_owned();
        match edit["kind"].as_str().unwrap() {
            "directory" | "label" => {
                maybe.insert(path);
                continue;
            }
            "chown" if maybe.contains(&path) => continue,
            "erase" | "remove" if surely.remove(&path) => {
                maybe.insert(path);
                continue;
            }
            _ => {}
        }
        surely.insert(path);
        if let Some(to) = edit.get("to") {
            surely.insert(to.as_str().unwrap().to_owned());
        }
    }
    (surely, maybe)
}

/// What changed on disk is exactly what was planned.
#[track_caller]
pub fn assert_only_planned(before: &Tree, after: &Tree, edits: &serde_json::Value) {
    let changed = changed(before, after);
    let (surely, maybe) = planned(edits);
    let unplanned: Vec<_> = changed.iter().filter(|p| !surely.contains(*p) && !maybe.contains(*p)).collect();
    assert!(unplanned.is_empty(), "changed without being planned: {unplanned:?}");
    let missing: Vec<_> = surely.iter().filter(|p| !changed.contains(*p)).collect();
    assert!(missing.is_empty(), "planned but not changed: {missing:?}");
    assert!(!changed.is_empty(), "nothing changed: the comparison would prove nothing");
}
