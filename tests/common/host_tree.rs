//! A guest's files seen by this host's own kernel and programs: the file systems of an image ([`super::host_disk`]) are
//! mounted, and FAT is read by mtools. A hundred times faster than an appliance without KVM, for what can be seen so.

use std::fs;
use std::io::BufReader;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::disk::text;
use super::host_disk::{Area, Disks};
use super::mount::Mount;
use super::{Place, run};
use crate::common::tree::Tree;

/// Lists the files of `mounts` (device as `/dev/sda1`, mount point); `None` where this host cannot see them all: an
/// ordinary user, volumes of LUKS, other file systems.
pub fn listed(disks: &[PathBuf], mounts: &[(&str, &str)]) -> Option<Tree> {
    if fs::metadata("/proc/self").unwrap().uid() != 0 {
        return None;
    }
    let place = Place::new();
    let disks = Disks::new(&place, disks);
    let mut tree = Tree::new();
    for (device, point) in mounts {
        let (device, subvolume) = match device.strip_prefix("btrfsvol:").and_then(|d| d.rsplit_once('/')) {
            Some((device, subvolume)) => (device, Some(subvolume)),
            None => (*device, None),
        };
        let mut seen = disks.areas(device)?.into_iter().map(|area| {
            let mut files = Tree::new();
            files_of(&place, &area, subvolume, point.trim_end_matches('/'), &mut files).map(|()| files)
        });
        let first = seen.next()??;
        for other in seen {
            assert!(other? == first, "the mirrors of {device} are not the same");
        }
        tree.extend(first);
    }
    Some(tree)
}

/// What a directory holds but for directories, as text: the same for the same files.
pub fn content(dir: &Path) -> String {
    let mut tree = Tree::new();
    walk(dir, dir, "", &mut tree, true);
    format!("{tree:?}")
}

/// The disk image's first partition, mounted, so that it can be looked into. A link in it leads to this host.
#[track_caller]
pub fn look<T>(disk: &Path, look: impl FnOnce(&Path) -> T) -> T {
    let place = Place::new();
    let disks = Disks::new(&place, &[disk.to_owned()]);
    let area = disks.areas("/dev/sda1").and_then(|areas| areas.into_iter().next());
    look(&mounted(&place, &area.expect("it has a partition"), "ro").dir)
}

/// The same, so that it can be changed.
#[track_caller]
pub fn change(disk: &Path, change: impl FnOnce(&Path)) {
    let place = Place::new();
    let disks = Disks::writable(&place, disk);
    let area = disks.areas("/dev/sda1").and_then(|areas| areas.into_iter().next());
    let mount = mounted(&place, &area.expect("it has a partition"), "rw");
    change(&mount.dir);
    mount.end();
}

fn mounted(place: &Place, area: &Area, options: &str) -> Mount {
    let options = format!("{options},loop,offset={}", area.offset);
    Mount::at(place, "mounted", &["-o", &options, text(&area.file)])
}

fn files_of(place: &Place, area: &Area, subvolume: Option<&str>, point: &str, tree: &mut Tree) -> Option<()> {
    let options = match (area.kind().as_str(), subvolume) {
        ("ext4", None) => "ro".to_owned(),
        ("xfs", None) => "ro,nouuid".to_owned(),
        ("btrfs", Some(subvolume)) if mounts_copies() => format!("ro,subvol={subvolume}"),
        ("vfat", None) => {
            let dir = place.path(&format!("fat{}", tree.len()));
            fs::create_dir_all(&dir).unwrap();
            let image = format!("{}@@{}", text(&area.file), area.offset);
            let mut mcopy = Command::new("mcopy");
            run(mcopy.args(["-s", "-n", "-Q", "-i", &image, "::/"]).arg(&dir)).expect(0);
            walk(&dir, &dir, point, tree, false);
            fs::remove_dir_all(&dir).unwrap();
            return Some(());
        }
        _ => return None,
    };
    let mount = mounted(place, area, &options);
    walk(&mount.dir, &mount.dir, point, tree, true);
    Some(())
}

/// Whether this host's kernel mounts a btrfs beside a copy of it: since Linux 6.7.
fn mounts_copies() -> bool {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let mut numbers = release.split('.').map(|number| number.parse::<u32>().unwrap_or(0));
    (numbers.next(), numbers.next()) >= (Some(6), Some(7))
}

/// Everything but directories below `dir` on its file system, as `tree.rs` tells it; `owned`: with modes and owners.
fn walk(root: &Path, dir: &Path, point: &str, tree: &mut Tree, owned: bool) {
    let device = fs::symlink_metadata(root).unwrap().dev();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let about = fs::symlink_metadata(&path).unwrap();
        if about.is_dir() {
            assert_eq!(about.dev(), device, "{}", path.display());
            walk(root, &path, point, tree, owned);
            continue;
        }
        let link = fs::read_link(&path).map(|l| l.to_string_lossy().into_owned()).unwrap_or_default();
        let sum = if about.is_file() { digest(&path) } else { String::new() };
        let name = format!("{point}/{}", path.strip_prefix(root).unwrap().to_string_lossy());
        let (mode, uid, gid) = if owned { (about.mode(), about.uid(), about.gid()) } else { (0, 0, 0) };
        tree.insert(name, format!("{mode:o} {uid}:{gid} {link} {sum}"));
    }
}

fn digest(path: &Path) -> String {
    let mut hasher = blake3::Hasher::new();
    std::io::copy(&mut BufReader::new(fs::File::open(path).unwrap()), &mut hasher).unwrap();
    hasher.finalize().to_hex().to_string()
}
