//! What a killed QEMU leaves: for a disk of which nothing is kept, as the appliance's own, it makes a file, and unlinks it
//! as soon as it is open. One that is killed in between leaves it, and nobody comes back for it.

use std::fs::{self, Metadata};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Begin of its name, followed by [`RANDOM`] characters (QEMU, block.c, `create_tmp_file`).
const PREFIX: &str = "vl.";
const RANDOM: usize = 6;

/// More than an image without content takes, in bytes.
const LARGEST: u64 = 4 << 20;

/// One that is older is not about to be opened.
const MOMENT: Duration = Duration::from_secs(60);

/// Begin of a qcow2 image (QEMU, docs/interop/qcow2.rst, "Header").
const QCOW2: &[u8] = b"QFI\xfb";

/// Where QEMU makes them: never in /tmp, which may lie in memory.
pub fn place() -> PathBuf {
    let dir = std::env::temp_dir();
    if dir == Path::new("/tmp") { PathBuf::from("/var/tmp") } else { dir }
}

/// Removes those in `dir` that a QEMU of this user left.
pub fn sweep(dir: &Path) {
    for path in fs::read_dir(dir).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())) {
        if is_left(&path) {
            // It is in nobody's way.
            let _left = fs::remove_file(&path);
        }
    }
}

fn is_left(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let named = name
        .strip_prefix(PREFIX)
        .is_some_and(|rest| rest.len() == RANDOM && rest.bytes().all(|b| b.is_ascii_alphanumeric()));
    named && fs::symlink_metadata(path).is_ok_and(|found| is_alike(&found)) && holds_nothing_else(path)
}

/// Whether QEMU makes it so, and did some time ago.
fn is_alike(found: &Metadata) -> bool {
    let old = found.modified().is_ok_and(|time| time.elapsed().is_ok_and(|age| age > MOMENT));
    let own = found.uid() == rustix::process::geteuid().as_raw();
    old && own
        && found.is_file()
        && found.nlink() == 1
        && found.permissions().mode() & 0o777 == 0o600
        && found.len() <= LARGEST
}

/// Whether it is empty yet, or an image.
fn holds_nothing_else(path: &Path) -> bool {
    let mut start = Vec::new();
    let read = fs::File::open(path).and_then(|file| file.take(QCOW2.len() as u64).read_to_end(&mut start));
    read.is_ok() && (start.is_empty() || start == QCOW2)
}

#[cfg(test)]
mod tests {
    use std::fs::{File, Permissions};
    use std::time::SystemTime;

    use super::*;

    fn put(dir: &Path, name: &str, content: &[u8], mode: u32, age: Duration) -> PathBuf {
        let path = dir.join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        File::options().write(true).open(&path).unwrap().set_modified(SystemTime::now() - age).unwrap();
        path
    }

    #[test]
    fn only_what_qemu_left_goes() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        let old = MOMENT * 2;
        let image = [QCOW2, &[0; 512]].concat();
        let gone = [put(dir, "vl.A1b2C3", &image, 0o600, old), put(dir, "vl.empty0", b"", 0o600, old)];
        let kept = [
            put(dir, "vl.begins", &image, 0o600, Duration::ZERO),
            put(dir, "vl.shared", &image, 0o644, old),
            put(dir, "vl.longer7", &image, 0o600, old),
            put(dir, "vl.notes1", b"QFI, as it were", 0o600, old),
            put(dir, "my.A1b2C3", &image, 0o600, old),
            put(dir, "vl.large1", &vec![0; 5 << 20], 0o600, old),
        ];
        fs::create_dir(dir.join("vl.direct")).unwrap();
        let linked = dir.join("vl.linked");
        std::os::unix::fs::symlink(dir.join("my.A1b2C3"), &linked).unwrap();
        sweep(dir);
        assert!(gone.iter().all(|path| !path.exists()));
        assert!(kept.iter().all(|path| path.exists()) && linked.exists() && dir.join("vl.direct").is_dir());
    }
}
