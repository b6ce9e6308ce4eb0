//! The write side of a guest in the appliance: one edit at a time, after checking what is there.

use super::files::LABEL;
use super::inside::STANDARD_STREAMS;
use super::session::{Access, Session};
use crate::append;
use crate::edit::{Change, Edit};
use crate::error::{GuestError, Result};
use crate::guest::{self, Guest, GuestMut};
use crate::memory::{check_before, content_bytes};
use crate::patch::Piece;

/// Bytes appended in one call: libguestfs' messages hold 4 MiB (guestfs(3), `GUESTFS_MESSAGE_MAX`).
const APPEND_CHUNK: usize = 2 * 1024 * 1024;

impl GuestMut for Session {
    fn apply(&mut self, edit: &Edit) -> Result<()> {
        if self.access != Access::Writable {
            return Err(GuestError::Unsupported("the guest's disks are attached read-only".to_owned()));
        }
        check_before(self, edit)?;
        match &edit.change {
            Change::Write { path, before, after, mode } => {
                self.write_file(path, before.is_none(), &content_bytes(path, after)?, *mode)
            }
            Change::Remove { path, .. } => self.ask(&format!("removing {path}"), |g| g.rm(path)),
            Change::Rename { path, to } => self.ask(&format!("renaming {path}"), |g| g.mv(path, to)),
            Change::Symlink { path, target, before } => self.link(path, target, before.is_some()),
            Change::Copy { from, path, .. } => {
                self.will_make(path, false)?;
                self.make_parent(path)?;
                self.ask(&format!("copying {from} to {path}"), |g| g.cp(from, path))
            }
            Change::Chmod { path, after, .. } => {
                let mode = i32::try_from(*after).unwrap_or(0o600);
                self.ask(&format!("changing the mode of {path}"), |g| g.chmod(mode, path))
            }
            Change::AppendArchive { path, size, entries, .. } => {
                self.append(path, *size, &append::build(self, path, *size, entries)?)
            }
            Change::Patch { path, pieces, .. } => self.patch(path, pieces),
            Change::Directory { path, mode } => {
                self.will_make(path, true)?;
                let mode = i32::try_from(*mode).unwrap_or(0o700);
                self.ask(&format!("making {path}"), |g| g.mkdir_p(path))?;
                self.ask(&format!("setting the mode of {path}"), |g| g.chmod(mode, path))
            }
            Change::Chown { path, after: (uid, gid), .. } => {
                let (Ok(uid), Ok(gid)) = (i32::try_from(*uid), i32::try_from(*gid)) else {
                    return Err(GuestError::Unsupported(format!(
                        "{path}: the owner {uid}:{gid} is too large"
                    )));
                };
                self.ask(&format!("setting the owner of {path}"), |g| g.lchown(uid, gid, path))
            }
            Change::Append { path, text, .. } => {
                self.ask(&format!("writing {path}"), |g| g.write_append(path, text.as_bytes()))
            }
            Change::Erase { path, .. } => self.ask(&format!("removing {path}"), |g| g.rm(path)),
            Change::Label { path, label } => self.set_label(path, label),
            Change::Registry { path, changes } => self.change_hive(path, changes),
            Change::BootSector { path, offset, after, .. } => self.patch_sector(path, *offset, &after.0),
            Change::Place { path, from, before, size, digest } => {
                let content = from.read_as_planned(*size, digest)?;
                self.write_file(path, before.is_none(), &content, 0o644)
            }
            Change::Run { argv, .. } => {
                self.run_inside(&STANDARD_STREAMS, &[], &[])?;
                let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
                self.ask(&format!("running {} in the guest", argv.join(" ")), |g| g.command(&argv)).map(drop)
            }
        }
    }
}

impl Session {
    /// Writing into an existing file keeps its owner, mode and extended attributes.
    fn write_file(&self, path: &str, new: bool, content: &[u8], mode: u32) -> Result<()> {
        if new {
            self.will_make(path, false)?;
            self.make_parent(path)?;
        }
        self.ask(&format!("writing {path}"), |g| g.write(path, content))?;
        if new {
            let mode = i32::try_from(mode).unwrap_or(0o600);
            self.ask(&format!("setting the mode of {path}"), |g| g.chmod(mode, path))?;
        }
        Ok(())
    }

    /// Appends to a file, and looks that all of it arrived.
    fn append(&self, path: &str, before: u64, content: &[u8]) -> Result<()> {
        for part in content.chunks(APPEND_CHUNK) {
            self.ask(&format!("appending to {path}"), |g| g.write_append(path, part))?;
        }
        let wanted = before.saturating_add(content.len() as u64);
        let now = self.lstat(path)?.map_or(0, |s| s.size);
        if now != wanted {
            let what = format!("it has {now} bytes after appending, not {wanted}");
            return Err(GuestError::Changed { path: path.to_owned(), what });
        }
        Ok(())
    }

    /// Writes over bytes inside of a file.
    fn patch(&self, path: &str, pieces: &[Piece]) -> Result<()> {
        for piece in pieces {
            let (_, after) = piece.bytes(path)?;
            let offset = i64::try_from(piece.offset).unwrap_or(i64::MAX);
            let written = self.ask(&format!("writing into {path}"), |g| g.pwrite(path, &after, offset))?;
            if usize::try_from(written) != Ok(after.len()) {
                let what = format!("{written} of {} bytes were written", after.len());
                return Err(GuestError::Changed { path: path.to_owned(), what });
            }
        }
        Ok(())
    }

    /// The kernel keeps a label with its zero byte, and so does setfiles(8).
    fn set_label(&self, path: &str, label: &str) -> Result<()> {
        if !self.exists(path)? {
            return Ok(());
        }
        // libguestfs hands the text on with its end, as a C string.
        let length = i32::try_from(label.len().saturating_add(1)).unwrap_or(0);
        self.ask(&format!("labelling {path}"), |g| g.lsetxattr(LABEL, label, length, path))
    }

    /// Whether there are extended attributes besides a SELinux label.
    pub(crate) fn more_attributes(&self, path: &str) -> Result<bool> {
        // EOPNOTSUPP: the file system has none.
        let found =
            self.ask_unless(&[95], &format!("reading the attributes of {path}"), |g| g.lgetxattrs(path))?;
        Ok(found.into_iter().flatten().any(|attribute| attribute.attrname != LABEL))
    }

    /// Cuts a file off.
    pub(crate) fn cut(&self, path: &str, size: u64) -> Result<()> {
        let size = i64::try_from(size).unwrap_or(i64::MAX);
        self.ask(&format!("cutting {path} off"), |g| g.truncate_size(path, size))
    }

    /// Removes an empty directory.
    pub(crate) fn rmdir(&self, path: &str) -> Result<()> {
        self.ask(&format!("removing the directory {path}"), |g| g.rmdir(path))
    }

    /// Takes a SELinux label away.
    pub(crate) fn unlabel(&self, path: &str) -> Result<()> {
        self.ask(&format!("taking the label of {path} away"), |g| g.lremovexattr(LABEL, path))
    }

    fn link(&self, path: &str, target: &str, replace: bool) -> Result<()> {
        self.make_parent(path)?;
        let doing = format!("linking {path}");
        if replace {
            return self.ask(&doing, |g| g.ln_sf(target, path));
        }
        self.ask(&doing, |g| g.ln_s(target, path))
    }

    fn make_parent(&self, path: &str) -> Result<()> {
        let dir = guest::parent(path);
        if self.exists(dir)? {
            return Ok(());
        }
        self.ask(&format!("making {dir}"), |g| g.mkdir_p(dir))
    }
}
