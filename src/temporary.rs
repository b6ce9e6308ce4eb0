//! Temporary directories that leave nothing behind: each is locked by the h2k that works in it, and what one that was
//! killed left there is removed by the next one.

mod left_by_qemu;

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::error::{Doing, Failure};
use crate::state::OutputLock;
use crate::state::lock::FILE;

/// Begins of their names, each followed by [`RANDOM`] characters.
const PREFIXES: [&str; 3] = ["h2k-", "h2k-boot-", "h2k-nbd-"];
const RANDOM: usize = 6;

/// What a directory is for; its name says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Work on a VM that is not migrated.
    Work,
    /// A boot test.
    Boot,
    /// Sockets of NBD.
    Nbd,
}

impl Purpose {
    fn prefix(self) -> &'static str {
        match self {
            Self::Work => PREFIXES[0],
            Self::Boot => PREFIXES[1],
            Self::Nbd => PREFIXES[2],
        }
    }
}

/// A directory that only this user can enter; gone when it is dropped.
#[derive(Debug)]
pub struct Temporary {
    dir: tempfile::TempDir,
    // Let go after the directory is gone: fields are dropped in their order.
    _lock: OutputLock,
}

impl Temporary {
    /// Makes one in `parent`, and removes what others left there.
    ///
    /// # Errors
    /// It cannot be made or locked.
    pub fn new(parent: &Path, purpose: Purpose) -> Result<Self, Failure> {
        sweep(parent);
        left_by_qemu::sweep(&left_by_qemu::place());
        let dir = tempfile::Builder::new()
            .prefix(purpose.prefix())
            .rand_bytes(RANDOM)
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(parent)
            .doing(format!("making a directory in {}", parent.display()))?;
        let lock = OutputLock::acquire(dir.path())?;
        Ok(Self { dir, _lock: lock })
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }
}

/// Removes the directories in `parent` whose h2k is no longer there. One that cannot be removed is left: it is in nobody's
/// way.
fn sweep(parent: &Path) {
    for dir in fs::read_dir(parent).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())) {
        if is_ours(&dir)
            && let Ok(lock) = OutputLock::acquire(&dir)
        {
            let _left = fs::remove_dir_all(&dir);
            drop(lock);
        }
    }
}

/// Whether it is a directory that an h2k of this user made: by its name, and by the lock in it, without which nothing is
/// removed. A lock is empty until it is held for the first time, so that nobody takes one in between.
fn is_ours(dir: &Path) -> bool {
    let name = dir.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let named = PREFIXES
        .iter()
        .filter_map(|prefix| name.strip_prefix(prefix))
        .any(|rest| rest.len() == RANDOM && rest.bytes().all(|b| b.is_ascii_alphanumeric()));
    let own = |path: &PathBuf, is: fn(&fs::Metadata) -> bool| {
        let user = rustix::process::geteuid().as_raw();
        fs::symlink_metadata(path).is_ok_and(|found| is(&found) && found.uid() == user)
    };
    named
        && own(&dir.to_owned(), fs::Metadata::is_dir)
        && own(&dir.join(FILE), |lock| lock.is_file() && lock.len() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As a process that was killed leaves it.
    fn killed(parent: &Path, purpose: Purpose) -> PathBuf {
        let Temporary { dir, _lock } = Temporary::new(parent, purpose).unwrap();
        let path = dir.keep();
        fs::write(path.join("disk0.qcow2"), "x").unwrap();
        path
    }

    #[test]
    fn what_is_left_goes_and_what_is_held_stays() {
        let parent = tempfile::tempdir().unwrap();
        let parent = parent.path();
        let left = killed(parent, Purpose::Boot);
        assert!(left.is_dir());
        let held = Temporary::new(parent, Purpose::Work).unwrap();
        assert!(!left.exists(), "what was left is still there");
        let other = Temporary::new(parent, Purpose::Nbd).unwrap();
        assert!(held.path().is_dir());
        assert_eq!(fs::metadata(held.path()).unwrap().mode() & 0o777, 0o700);
        drop((held, other));
        assert_eq!(fs::read_dir(parent).unwrap().count(), 0);
    }

    #[test]
    fn what_only_looks_alike_is_left_alone() {
        let parent = tempfile::tempdir().unwrap();
        let parent = parent.path();
        let elsewhere = tempfile::tempdir().unwrap();
        fs::write(elsewhere.path().join(FILE), "1\n").unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), parent.join("h2k-linked")).unwrap();
        let dirs = [
            ("h2k-result", None),
            ("h2k-begins", Some("")),
            ("h2k-results", Some("1\n")),
            ("other-abcdef", Some("1\n")),
        ];
        for (name, lock) in dirs {
            fs::create_dir(parent.join(name)).unwrap();
            if let Some(text) = lock {
                fs::write(parent.join(name).join(FILE), text).unwrap();
            }
        }
        drop(Temporary::new(parent, Purpose::Work).unwrap());
        assert_eq!(fs::read_dir(parent).unwrap().count(), 5);
        assert!(elsewhere.path().join(FILE).exists());
    }
}
