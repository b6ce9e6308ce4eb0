//! One h2k at a time works in a directory.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::error::{Doing, Failure, FailureKind};

/// Name of the lock's file in the directory.
pub const FILE: &str = "lock";

/// Longest pid that is read from a lock's file, in bytes.
const MAX_PID: u64 = 20;

/// A directory that is this process's while the value lives: flock(2) on its file `lock`. The kernel lets it go when
/// the process ends, however it ends. The directory may be removed while it is held.
#[derive(Debug)]
pub struct OutputLock {
    path: PathBuf,
    _file: File,
}

impl OutputLock {
    /// Takes the directory, and makes it where it is not.
    ///
    /// # Errors
    /// Another h2k has it; the directory cannot be made or locked.
    pub fn acquire(dir: &Path) -> Result<Self, Failure> {
        let path = dir.join(FILE);
        loop {
            fs::create_dir_all(dir).doing(format!("making {}", dir.display()))?;
            let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
            let mut file = match opened {
                // The other h2k removed the directory in between.
                Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
                other => other.doing(format!("opening {}", path.display()))?,
            };
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {}
                Err(Errno::WOULDBLOCK) => return Err(held(dir, &mut file)),
                Err(e) => {
                    return Err(
                        Failure::from(io::Error::from(e)).context(format!("locking {}", path.display()))
                    );
                }
            }
            // Between the opening and the locking the file may have been removed with its directory: then what is
            // locked is a file that nobody else will find.
            if same(&file, &path).doing(format!("looking at {}", path.display()))? {
                write_pid(&mut file).doing(format!("writing {}", path.display()))?;
                return Ok(Self { path, _file: file });
            }
        }
    }

    /// The lock's file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

fn held(dir: &Path, file: &mut File) -> Failure {
    let who = match pid(file) {
        Some(pid) => format!("another h2k, process {pid},"),
        None => "another h2k".to_owned(),
    };
    Failure::message(FailureKind::Failed, format!("{who} is working in {}", dir.display()))
        .hint("wait until it is done, or stop it")
}

fn pid(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(MAX_PID).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn write_pid(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    writeln!(file, "{}", std::process::id())
}

fn same(file: &File, path: &Path) -> io::Result<bool> {
    let held = file.metadata()?;
    match fs::metadata(path) {
        Ok(there) => Ok((held.dev(), held.ino()) == (there.dev(), there.ino())),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(e),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_one_is_refused_while_the_first_lives() {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().join(".h2k/web01");
        let first = OutputLock::acquire(&dir).unwrap();
        let failure = OutputLock::acquire(&dir).unwrap_err();
        let expected =
            format!("another h2k, process {}, is working in {}", std::process::id(), dir.display());
        assert_eq!(failure.chain(), expected);
        drop(first);
        OutputLock::acquire(&dir).unwrap();
    }

    #[test]
    fn the_directory_may_go_while_it_is_held() {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().join("work");
        let first = OutputLock::acquire(&dir).unwrap();
        fs::remove_dir_all(&dir).unwrap();
        let second = OutputLock::acquire(&dir).unwrap();
        assert!(second.path().exists());
        drop(first);
        assert!(OutputLock::acquire(&dir).is_err(), "the first's end does not free the second's");
    }

    #[test]
    fn many_at_once_have_it_one_after_the_other() {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().join("work");
        let inside = std::sync::atomic::AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        let Ok(lock) = OutputLock::acquire(&dir) else { continue };
                        assert_eq!(inside.fetch_add(1, std::sync::atomic::Ordering::SeqCst), 0);
                        inside.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
                        // As a run that is done leaves it.
                        let _ = fs::remove_dir_all(&dir);
                        drop(lock);
                    }
                });
            }
        });
    }
}
