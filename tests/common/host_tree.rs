//! A guest's files seen by this host's own kernel: QEMU's storage daemon shows an image as a plain file (FUSE), whose
//! partitions are mounted read-only. A hundred times faster than an appliance without KVM, for what the kernel can mount.

use std::fs;
use std::io::{BufReader, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::mount::Mount;
use super::process::wait;
use super::{Place, ok};
use crate::common::disk::text;
use crate::common::tree::Tree;

/// Lists the files of `mounts` (device as `/dev/sda1`, mount point); `None` where this host cannot mount them all: an
/// ordinary user, volumes of LVM, LUKS or md, and file systems other than ext4 and XFS. (Two btrfs of one UUID at a
/// time would be one to the kernel.)
pub fn listed(disks: &[PathBuf], mounts: &[(&str, &str)]) -> Option<Tree> {
    let plain: Vec<(usize, usize, &str)> = mounts
        .iter()
        .map(|(device, point)| plain(device).map(|(d, p)| (d, p, *point)))
        .collect::<Option<_>>()?;
    if fs::metadata("/proc/self").unwrap().uid() != 0 {
        return None;
    }
    let place = Place::new();
    let exports: Vec<Export> = disks.iter().map(|disk| Export::new(&place, disk)).collect();
    let mut tree = Tree::new();
    for (disk, partition, point) in plain {
        let offset = exports.get(disk)?.offset(partition)?;
        let options = match exports[disk].file_system(offset).as_str() {
            "ext4" => "ro",
            "xfs" => "ro,nouuid",
            _ => return None,
        };
        let options = format!("{options},loop,offset={offset}");
        let mount = Mount::at(&place, "mounted", &["-o", &options, text(&exports[disk].file)]);
        walk(&mount.dir, &mount.dir, point.trim_end_matches('/'), &mut tree);
    }
    Some(tree)
}

/// The disk and the partition, each from 0, that a device is.
fn plain(device: &str) -> Option<(usize, usize)> {
    let rest = device.strip_prefix("/dev/sd")?;
    let disk = rest.bytes().next().filter(u8::is_ascii_lowercase)?;
    Some((usize::from(disk - b'a'), rest.get(1..)?.parse::<usize>().ok()?.checked_sub(1)?))
}

/// A disk image as a file of its virtual disk's bytes.
struct Export {
    daemon: Child,
    file: PathBuf,
}

impl Export {
    fn new(place: &Place, disk: &Path) -> Self {
        let number = fs::read_dir(place.path("")).unwrap().count();
        let file = place.write(&format!("export{number}.raw"), b"");
        let format = disk.extension().unwrap().to_string_lossy();
        let daemon = Command::new("qemu-storage-daemon")
            .arg("--blockdev")
            .arg(format!("driver=file,node-name=file,read-only=on,filename={}", text(disk)))
            .arg("--blockdev")
            .arg(format!("driver={format},node-name=disk,file=file,read-only=on"))
            .arg("--export")
            .arg(format!("type=fuse,id=export,node-name=disk,writable=off,mountpoint={}", text(&file)))
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut export = Self { daemon, file };
        let there = wait(60, || {
            let ended = export.daemon.try_wait().unwrap().is_some();
            (ended || fs::metadata(&export.file).unwrap().len() > 0).then_some(!ended)
        });
        if there != Some(true) {
            let _ended = export.daemon.kill();
            let mut said = String::new();
            export.daemon.stderr.take().unwrap().read_to_string(&mut said).unwrap();
            panic!("{} is not exported: {said}", disk.display());
        }
        export
    }

    /// Where a partition begins, in bytes.
    fn offset(&self, partition: usize) -> Option<u64> {
        let table: Value = serde_json::from_str(&ok("sfdisk", &["--json", text(&self.file)])).unwrap();
        let found = table["partitiontable"]["partitions"]
            .as_array()?
            .iter()
            .find(|p| p["node"].as_str().unwrap() == format!("{}{}", text(&self.file), partition + 1))?;
        Some(found["start"].as_u64()? * 512)
    }

    fn file_system(&self, offset: u64) -> String {
        let said =
            ok("blkid", &["-p", "-O", &offset.to_string(), "-o", "value", "-s", "TYPE", text(&self.file)]);
        said.trim().to_owned()
    }
}

impl Drop for Export {
    fn drop(&mut self) {
        // SIGTERM unmounts; SIGKILL would leave a dead mount point.
        let _ = Command::new("kill").arg(self.daemon.id().to_string()).status();
        let _ = self.daemon.wait();
    }
}

/// Everything but directories below `dir` on its file system, as `tree.rs` tells it.
fn walk(root: &Path, dir: &Path, point: &str, tree: &mut Tree) {
    let device = fs::symlink_metadata(root).unwrap().dev();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let about = fs::symlink_metadata(&path).unwrap();
        if about.is_dir() {
            assert_eq!(about.dev(), device, "{}", path.display());
            walk(root, &path, point, tree);
            continue;
        }
        let link = fs::read_link(&path).map(|l| l.to_string_lossy().into_owned()).unwrap_or_default();
        let sum = if about.is_file() { digest(&path) } else { String::new() };
        let name = format!("{point}/{}", path.strip_prefix(root).unwrap().to_string_lossy());
        let (mode, uid, gid) = (about.mode(), about.uid(), about.gid());
        tree.insert(name, format!("{mode:o} {uid}:{gid} {link} {sum}"));
    }
}

fn digest(path: &Path) -> String {
    let mut hasher = blake3::Hasher::new();
    std::io::copy(&mut BufReader::new(fs::File::open(path).unwrap()), &mut hasher).unwrap();
    hasher.finalize().to_hex().to_string()
}
