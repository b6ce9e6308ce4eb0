//! How a guest is read and changed, whatever backend is behind it.

use std::io::Read;
use std::path::PathBuf;
use std::rc::Rc;

use serde::{Deserialize, Serialize};

use crate::append::TailKeeper;
use crate::edit::Edit;
use crate::error::{GuestError, Result};
use crate::hive::{self, Hive};

/// Largest file that [`Guest::read`] takes into memory: configuration files are far smaller, and a hostile guest
/// must not make h2k grow.
pub const MAX_READ: u64 = 8 * 1024 * 1024;

/// Kind of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileKind {
    /// Regular file.
    File,
    /// Directory.
    Directory,
    /// Symbolic link.
    Symlink,
    /// Device, fifo or socket.
    Other,
}

/// What `lstat` says of a path (a symbolic link is not followed).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stat {
    /// Kind.
    pub kind: FileKind,
    /// Size in bytes.
    pub size: u64,
    /// Permission bits (`0o7777`).
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
}

/// The read side of a guest. Paths are absolute in the guest; symbolic links in them are followed inside the guest.
/// "Could not look" is an error; "looked and found nothing" is `None`.
pub trait Guest {
    /// What is at `path`, not following a link in its last component. `None` if nothing is there.
    ///
    /// # Errors
    /// The backend failed.
    fn lstat(&self, path: &str) -> Result<Option<Stat>>;

    /// The file's content, following links. `None` if nothing is there.
    ///
    /// # Errors
    /// [`GuestError::TooLarge`] beyond [`MAX_READ`]; the backend failed; it is not a regular file.
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>>;

    /// Names in a directory, sorted, without `.` and `..`. `None` if there is no such directory.
    ///
    /// # Errors
    /// The backend failed.
    fn list(&self, dir: &str) -> Result<Option<Vec<String>>>;

    /// Target of a symbolic link, as written.
    ///
    /// # Errors
    /// The backend failed; it is not a link.
    fn readlink(&self, path: &str) -> Result<String>;

    /// A stream over a file of any size (an initramfs, a bootloader), following links.
    ///
    /// # Errors
    /// [`GuestError::NotFound`]; the backend failed.
    fn open(&self, path: &str) -> Result<Box<dyn Read + '_>>;

    /// The last `count` bytes of a file of any size, all of them if it has fewer, following links.
    ///
    /// # Errors
    /// As [`Guest::open`].
    fn tail(&self, path: &str, count: usize) -> Result<Vec<u8>> {
        let failed = |e: std::io::Error| GuestError::Backend {
            doing: format!("reading {path}"),
            message: e.to_string(),
        };
        let mut tail = TailKeeper::new(self.open(path)?).into_tail(u64::MAX).map_err(failed)?;
        Ok(tail.split_off(tail.len().saturating_sub(count)))
    }

    /// `count` bytes from byte `offset` of a file of any size, fewer where it ends before, following links.
    ///
    /// # Errors
    /// As [`Guest::open`].
    fn read_at(&self, path: &str, offset: u64, count: usize) -> Result<Vec<u8>> {
        let failed = |e: std::io::Error| GuestError::Backend {
            doing: format!("reading {path}"),
            message: e.to_string(),
        };
        let mut stream = self.open(path)?;
        std::io::copy(&mut stream.by_ref().take(offset), &mut std::io::sink()).map_err(failed)?;
        let mut bytes = Vec::new();
        stream.take(count as u64).read_to_end(&mut bytes).map_err(failed)?;
        Ok(bytes)
    }

    /// The SELinux label of what is at `path`, not following a link. `None` if there is none, or nothing is there.
    ///
    /// # Errors
    /// The backend failed.
    fn label(&self, _path: &str) -> Result<Option<String>> {
        Ok(None)
    }

    /// The first sector of the file system that is mounted at `mountpoint`, 512 bytes. `None` where nothing is, or the
    /// backend knows none.
    ///
    /// # Errors
    /// The backend failed.
    fn boot_sector(&self, _mountpoint: &str) -> Result<Option<Vec<u8>>> {
        Ok(None)
    }

    /// A registry hive of a Windows guest, made whole by its transaction logs. `None` if there is no such file.
    ///
    /// # Errors
    /// The backend failed; it is no hive, is damaged, or was not written as a whole.
    fn hive(&self, path: &str) -> Result<Option<Rc<Hive>>> {
        hive::load(self, path)
    }

    /// Paths that the edits planned so far create, in order, and with `true` those that a program of the guest may
    /// create. Only a [`crate::Recorder`] knows of any.
    fn created(&self) -> Vec<(String, bool)> {
        Vec::new()
    }

    /// Whether a program of the guest runs among the edits planned so far: what it leaves is not seen here. Only a
    /// [`crate::Recorder`] knows of any.
    fn runs_programs(&self) -> bool {
        false
    }

    /// Whether a program of the guest that runs among the edits planned so far may change `path`, or remove it. Only a
    /// [`crate::Recorder`] knows of any.
    fn programs_change(&self, _path: &str) -> bool {
        false
    }

    /// Where copies of large files of the guest are put on this host.
    fn temp_dir(&self) -> PathBuf {
        std::env::temp_dir()
    }

    /// The file's content as text; bytes that are not UTF-8 make it an error that names the file. `None` if absent.
    ///
    /// # Errors
    /// As [`Guest::read`], and [`GuestError::Malformed`].
    fn read_text(&self, path: &str) -> Result<Option<String>> {
        self.read(path)?
            .map(|bytes| {
                String::from_utf8(bytes).map_err(|_| GuestError::Malformed {
                    path: path.to_owned(),
                    what: "not UTF-8 text".to_owned(),
                })
            })
            .transpose()
    }

    /// Whether anything is at `path` (a dangling link counts).
    ///
    /// # Errors
    /// The backend failed.
    fn exists(&self, path: &str) -> Result<bool> {
        Ok(self.lstat(path)?.is_some())
    }
}

/// The write side of a guest.
pub trait GuestMut: Guest {
    /// Carries out one edit, after checking that the guest is as the edit says it was before.
    ///
    /// # Errors
    /// [`GuestError::Changed`] if the guest is not as the plan saw it; the backend failed; a `Run` edit exited
    /// with a failure.
    fn apply(&mut self, edit: &Edit) -> Result<()>;
}

/// Joins a directory and a name in the guest.
pub fn join(dir: &str, name: &str) -> String {
    format!("{}/{name}", dir.trim_end_matches('/'))
}

/// The directory that holds `path`.
pub fn parent(path: &str) -> &str {
    match path.trim_end_matches('/').rfind('/') {
        None | Some(0) => "/",
        Some(at) => path.get(..at).unwrap_or("/"),
    }
}
