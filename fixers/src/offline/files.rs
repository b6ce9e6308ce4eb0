//! The read side of a guest in the appliance.

use std::io::{Cursor, Read};
use std::path::PathBuf;
use std::rc::Rc;

use super::session::{Session, text};
use crate::error::{GuestError, Result};
use crate::guest::{FileKind, Guest, MAX_READ, Stat};
use crate::hive::{self, Hive};

/// `ENOENT`, errno(3).
pub(super) const ENOENT: i32 = 2;
/// `ENOTDIR`: a component of the path is not a directory, so nothing is there.
const ENOTDIR: i32 = 20;
/// `ELOOP`: links in a circle lead nowhere.
const ELOOP: i32 = 40;

/// Bytes read in one call: libguestfs' messages hold 4 MiB.
const MAX_PREAD: i32 = 2 * 1024 * 1024;

/// Size up to which a file is read into memory, and not through a temporary file.
const MAX_KEPT: u64 = 16 * 1024 * 1024;

const ABSENT: &[i32] = &[ENOENT, ENOTDIR, ELOOP];

/// Extended attribute of SELinux labels.
pub(super) const LABEL: &str = "security.selinux";
/// `ENODATA`: there is no such attribute.
const ENODATA: i32 = 61;
/// `EOPNOTSUPP`: the file system has no extended attributes.
const EOPNOTSUPP: i32 = 95;

impl Session {
    fn stat_following(&self, path: &str) -> Result<Option<Stat>> {
        let stat = self.ask_unless(ABSENT, &format!("looking at {path}"), |g| g.statns(path))?;
        Ok(stat.map(|s| to_stat(s.st_mode, s.st_size, s.st_uid, s.st_gid)))
    }

    /// `size` bytes of a file, message by message. libguestfs' own call for whole files streams them through a
    /// temporary file, which takes 0.1 s each where the machine is emulated; a message takes a twentieth of that.
    fn read_pieces(&self, path: &str, offset: u64, size: u64) -> Result<Vec<u8>> {
        let mut content = Vec::new();
        while (content.len() as u64) < size {
            let from = i64::try_from(offset.saturating_add(content.len() as u64)).unwrap_or(i64::MAX);
            let rest = i32::try_from(size - content.len() as u64).unwrap_or(i32::MAX).min(MAX_PREAD);
            let piece = self.ask(&format!("reading {path}"), |g| g.pread(path, rest, from))?;
            if piece.is_empty() {
                break;
            }
            content.extend(piece);
        }
        Ok(content)
    }
}

impl Guest for Session {
    fn temp_dir(&self) -> PathBuf {
        self.temp_dir.clone().unwrap_or_else(std::env::temp_dir)
    }

    fn lstat(&self, path: &str) -> Result<Option<Stat>> {
        let stat = self.ask_unless(ABSENT, &format!("looking at {path}"), |g| g.lstatns(path))?;
        Ok(stat.map(|s| to_stat(s.st_mode, s.st_size, s.st_uid, s.st_gid)))
    }

    fn read(&self, path: &str) -> Result<Option<Vec<u8>>> {
        let Some(stat) = self.stat_following(path)? else { return Ok(None) };
        if stat.kind != FileKind::File {
            return Err(GuestError::Malformed {
                path: path.to_owned(),
                what: "not a regular file".to_owned(),
            });
        }
        if stat.size > MAX_READ {
            return Err(GuestError::TooLarge { path: path.to_owned(), size: stat.size, limit: MAX_READ });
        }
        self.read_pieces(path, 0, stat.size).map(Some)
    }

    fn list(&self, dir: &str) -> Result<Option<Vec<String>>> {
        match self.stat_following(dir)? {
            Some(stat) if stat.kind == FileKind::Directory => {
                let mut names = self.ask(&format!("listing {dir}"), |g| g.ls(dir))?;
                names.sort();
                Ok(Some(names))
            }
            _ => Ok(None),
        }
    }

    fn readlink(&self, path: &str) -> Result<String> {
        let doing = format!("reading the link {path}");
        // The call for several links starts no process in the appliance, the one for a single link does: 20 ms each
        // where KVM is missing.
        let (dir, name) = path.rsplit_once('/').unwrap_or(("", path));
        let dir = if dir.is_empty() { "/" } else { dir };
        let targets = self.ask_unless(ABSENT, &doing, |g| g.readlinklist(dir, &[name]))?;
        match targets.unwrap_or_default().pop() {
            Some(target) if !target.is_empty() => Ok(target),
            // What is wrong with it is said by the other call alone.
            _ => self.ask(&doing, |g| g.readlink(path)),
        }
    }

    fn label(&self, path: &str) -> Result<Option<String>> {
        let none = [ABSENT, &[ENODATA, EOPNOTSUPP]].concat();
        let doing = format!("reading the label of {path}");
        let value = self.ask_unless(&none, &doing, |g| g.lgetxattr(path, LABEL))?;
        Ok(value.map(|v| String::from_utf8_lossy(&v).trim_end_matches('\0').to_owned()))
    }

    fn open(&self, path: &str) -> Result<Box<dyn Read + '_>> {
        match self.stat_following(path)? {
            None => return Err(GuestError::NotFound { path: path.to_owned() }),
            Some(stat) if stat.kind != FileKind::File => {
                return Err(GuestError::Malformed {
                    path: path.to_owned(),
                    what: "not a regular file".to_owned(),
                });
            }
            Some(stat) if stat.size <= MAX_KEPT => {
                return Ok(Box::new(Cursor::new(self.read_pieces(path, 0, stat.size)?)));
            }
            Some(_) => {}
        }
        let host = |source| GuestError::Host { doing: format!("making a temporary copy of {path}"), source };
        let copy = match &self.temp_dir {
            Some(dir) => tempfile::NamedTempFile::new_in(dir),
            None => tempfile::NamedTempFile::new(),
        }
        .map_err(host)?;
        let read = |g: &guestfs::Handle| g.download(path, text(copy.path()).unwrap_or_default());
        self.ask(&format!("reading {path}"), read).map_err(|e| match e {
            // It is the copy that has no room.
            GuestError::NoRoom { .. } => host(std::io::ErrorKind::StorageFull.into()),
            other => other,
        })?;
        Ok(Box::new(copy.reopen().map_err(host)?))
    }

    fn read_at(&self, path: &str, offset: u64, count: usize) -> Result<Vec<u8>> {
        match self.stat_following(path)? {
            Some(stat) if stat.kind == FileKind::File => self.read_pieces(path, offset, count as u64),
            _ => Err(GuestError::NotFound { path: path.to_owned() }),
        }
    }

    fn boot_sector(&self, mountpoint: &str) -> Result<Option<Vec<u8>>> {
        if self.mounts.iter().any(|mount| mount.mountpoint == mountpoint) {
            return self.first_sector(mountpoint).map(Some);
        }
        Ok(None)
    }

    fn hive(&self, path: &str) -> Result<Option<Rc<Hive>>> {
        if let Some(hive) = self.hives.borrow().get(path) {
            return Ok(Some(hive.clone()));
        }
        let hive = hive::load(self, path)?;
        if let Some(hive) = &hive {
            self.hives.borrow_mut().insert(path.to_owned(), hive.clone());
        }
        Ok(hive)
    }

    fn tail(&self, path: &str, count: usize) -> Result<Vec<u8>> {
        let stat =
            self.stat_following(path)?.ok_or_else(|| GuestError::NotFound { path: path.to_owned() })?;
        let count = i32::try_from(count).unwrap_or(i32::MAX).min(MAX_PREAD);
        let from = i64::try_from(stat.size).unwrap_or(i64::MAX).saturating_sub(count.into()).max(0);
        self.ask(&format!("reading the end of {path}"), |g| g.pread(path, count, from))
    }
}

/// inode(7): the file type is in the bits 0o170000.
fn to_stat(mode: i64, size: i64, uid: i64, gid: i64) -> Stat {
    let kind = match mode & 0o170_000 {
        0o100_000 => FileKind::File,
        0o040_000 => FileKind::Directory,
        0o120_000 => FileKind::Symlink,
        _ => FileKind::Other,
    };
    Stat {
        kind,
        size: u64::try_from(size).unwrap_or(0),
        mode: u32::try_from(mode & 0o7777).unwrap_or(0),
        uid: u32::try_from(uid).unwrap_or(0),
        gid: u32::try_from(gid).unwrap_or(0),
    }
}
