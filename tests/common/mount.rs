//! File systems of their own for tests: one that fills up, one that shares blocks. Only root can mount them.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::disk::text;
use super::{Place, ok, run};

/// A mounted file system, until it is dropped.
pub struct Mount {
    pub dir: PathBuf,
}

impl Mount {
    /// A tmpfs of so many MiB at `name`.
    #[track_caller]
    pub fn tmpfs(place: &Place, name: &str, mib: u64) -> Self {
        Self::at(place, name, &["-t", "tmpfs", "-o", &format!("size={mib}m"), "tmpfs"])
    }

    /// An XFS of so many MiB at `name`, whose files can share blocks.
    #[track_caller]
    pub fn xfs(place: &Place, name: &str, mib: u64) -> Self {
        let disk = place.write(&format!("{name}.fs"), b"");
        std::fs::File::options().write(true).open(&disk).unwrap().set_len(mib << 20).unwrap();
        ok("mkfs.xfs", &["-q", "-m", "reflink=1", text(&disk)]);
        Self::at(place, name, &["-o", "loop", text(&disk)])
    }

    /// A partition of a raw disk at a byte offset, read-only.
    #[track_caller]
    pub fn partition(place: &Place, name: &str, disk: &Path, offset: u64) -> Self {
        let mounted = Self::at(place, name, &["-o", &format!("ro,noload,loop,offset={offset}"), text(disk)]);
        assert!(mounted.dir.join("etc").is_dir(), "nothing is mounted");
        mounted
    }

    /// Whatever `mount` is told, at `name`.
    #[track_caller]
    pub fn at(place: &Place, name: &str, args: &[&str]) -> Self {
        let dir = place.path(name);
        std::fs::create_dir_all(&dir).unwrap();
        let ran = run(Command::new("mount").args(args).arg(&dir));
        assert_eq!(
            ran.code, 0,
            "this test mounts a file system: run it as root, with loop devices\n{}",
            ran.stderr
        );
        Self { dir }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Unmounts it; what was written is in its file then.
    #[track_caller]
    pub fn end(self) {
        ok("umount", &[text(&self.dir)]);
    }

    /// Gives a tmpfs another size.
    pub fn resize(&self, mib: u64) {
        ok("mount", &["-o", &format!("remount,size={mib}m"), text(&self.dir)]);
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        umount(&self.dir);
    }
}

/// Every file of a phony guest's raw disk with its content, mode and owner; seen through a read-only mount.
pub fn listing(place: &Place, disk: &Path) -> String {
    let mounted = Mount::partition(place, "looked-at", disk, 1 << 20);
    let script = "cd \"$1\" && find . ! -type d -printf '%p %y %m %U:%G %l\\n' | sort && find . -type f -print0 | sort -z | xargs -0 md5sum";
    run(Command::new("sh").args(["-c", script, "sh"]).arg(&mounted.dir)).expect(0).stdout
}

fn umount(dir: &Path) {
    run(Command::new("umount").arg("-l").arg(dir));
}
