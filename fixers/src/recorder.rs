//! A guest as it will be: the edits recorded so far, laid over a guest that is only read.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use std::path::PathBuf;
use std::rc::Rc;

use crate::edit::{Change, Edit};
use crate::error::{GuestError, Result};
use crate::guest::{self, FileKind, Guest, GuestMut, Stat};
use crate::hive::Hive;
use crate::hostfile::HostFile;
use crate::memory::{check_before, content_bytes, patched};

#[derive(Debug, Clone)]
enum Over {
    File { content: Vec<u8>, mode: u32 },
    Copy { from: String, size: u64 },
    Place { from: HostFile, size: u64, digest: String },
    Link(String),
    Directory { mode: u32 },
    Gone,
}

/// Collects edits without touching the guest, and shows the guest as it would be after them. So one fixer sees
/// what those before it propose, and two can edit the same file.
pub struct Recorder<'a> {
    base: &'a dyn Guest,
    over: BTreeMap<String, Over>,
    owners: BTreeMap<String, (u32, u32)>,
    labels: BTreeMap<String, String>,
    /// First sectors that are changed.
    sectors: BTreeMap<String, Vec<u8>>,
    /// Registry hives that are changed.
    hives: BTreeMap<String, Rc<Hive>>,
    /// What [`Guest::created`] tells.
    created: Vec<(String, bool)>,
    edits: Vec<Edit>,
}

impl<'a> Recorder<'a> {
    /// A recorder over `base`.
    pub fn new(base: &'a dyn Guest) -> Self {
        Self {
            base,
            over: BTreeMap::new(),
            owners: BTreeMap::new(),
            labels: BTreeMap::new(),
            sectors: BTreeMap::new(),
            hives: BTreeMap::new(),
            created: Vec::new(),
            edits: Vec::new(),
        }
    }

    /// Notes that `path` comes into being, and those of its directories that are not there.
    fn note_created(&mut self, path: &str, perhaps: bool) -> Result<()> {
        let mut new = vec![path.to_owned()];
        let mut dir = guest::parent(path);
        while dir != "/" && !self.exists(dir)? && !self.created.iter().any(|(known, _)| known == dir) {
            new.push(dir.to_owned());
            dir = guest::parent(dir);
        }
        self.created.extend(new.into_iter().rev().map(|path| (path, perhaps)));
        Ok(())
    }

    fn note_edit(&mut self, change: &Change) -> Result<()> {
        match change {
            Change::Write { path, before: None, .. }
            | Change::Symlink { path, before: None, .. }
            | Change::Copy { path, .. }
            | Change::Place { path, before: None, .. }
            | Change::Directory { path, .. }
            | Change::Rename { to: path, .. } => self.note_created(path, false),
            Change::Run { changes, .. } => changes.iter().try_for_each(|path| self.note_created(path, true)),
            Change::Remove { path, .. } | Change::Erase { path, .. } => {
                self.created.retain(|(known, _)| known != path);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The edits in order.
    pub fn into_edits(self) -> Vec<Edit> {
        self.edits
    }
}

impl Guest for Recorder<'_> {
    fn lstat(&self, path: &str) -> Result<Option<Stat>> {
        let below = self.base.lstat(path)?;
        let kept = below.map_or((0, 0), |s| (s.uid, s.gid));
        let (uid, gid) = self.owners.get(path).copied().unwrap_or(kept);
        let file = |kind, size, mode| Some(Stat { kind, size, mode, uid, gid });
        Ok(match self.over.get(path) {
            None => below.map(|s| Stat { uid, gid, ..s }),
            Some(Over::Gone) => None,
            Some(Over::Directory { mode }) => file(FileKind::Directory, 0, *mode),
            Some(Over::File { content, mode }) => file(FileKind::File, content.len() as u64, *mode),
            Some(Over::Copy { size, .. } | Over::Place { size, .. }) => file(FileKind::File, *size, 0o644),
            Some(Over::Link(target)) => file(FileKind::Symlink, target.len() as u64, 0o777),
        })
    }

    fn read(&self, path: &str) -> Result<Option<Vec<u8>>> {
        match self.over.get(path) {
            None => self.base.read(path),
            Some(Over::Gone) => Ok(None),
            Some(Over::Directory { .. }) => self.base.read(path),
            Some(Over::File { content, .. }) => Ok(Some(content.clone())),
            Some(Over::Copy { from, .. }) => self.base.read(from),
            Some(Over::Place { from, size, digest }) => from.read_as_planned(*size, digest).map(Some),
            Some(Over::Link(target)) => self.read(&absolute(path, target)),
        }
    }

    fn list(&self, dir: &str) -> Result<Option<Vec<String>>> {
        let mut names = self.base.list(dir)?;
        if let Some(Over::Directory { .. }) = self.over.get(dir) {
            names.get_or_insert_default();
        }
        let prefix = guest::join(dir, "");
        for (path, over) in &self.over {
            let Some(rest) = path.strip_prefix(&prefix) else { continue };
            let Some(name) = rest.split('/').next() else { continue };
            let list = names.get_or_insert_default();
            match over {
                Over::Gone if name == rest => list.retain(|n| n != name),
                Over::Gone => {}
                _ if !list.iter().any(|n| n == name) => list.push(name.to_owned()),
                _ => {}
            }
        }
        if let Some(list) = &mut names {
            list.sort();
        }
        Ok(names)
    }

    fn readlink(&self, path: &str) -> Result<String> {
        match self.over.get(path) {
            None => self.base.readlink(path),
            Some(Over::Link(target)) => Ok(target.clone()),
            Some(_) => Err(GuestError::NotFound { path: path.to_owned() }),
        }
    }

    fn open(&self, path: &str) -> Result<Box<dyn Read + '_>> {
        match self.over.get(path) {
            None => self.base.open(path),
            Some(Over::File { content, .. }) => Ok(Box::new(Cursor::new(content.as_slice()))),
            Some(Over::Copy { from, .. }) => self.base.open(from),
            Some(Over::Place { from, size, digest }) => {
                Ok(Box::new(Cursor::new(from.read_as_planned(*size, digest)?)))
            }
            Some(Over::Link(target)) => self.open(&absolute(path, target)),
            Some(Over::Gone | Over::Directory { .. }) => Err(GuestError::NotFound { path: path.to_owned() }),
        }
    }

    fn tail(&self, path: &str, count: usize) -> Result<Vec<u8>> {
        if !self.over.contains_key(path) {
            // The base may know a shorter way than to read all of it.
            return self.base.tail(path, count);
        }
        let bytes = self.read(path)?.ok_or_else(|| GuestError::NotFound { path: path.to_owned() })?;
        Ok(bytes.get(bytes.len().saturating_sub(count)..).unwrap_or_default().to_vec())
    }

    fn label(&self, path: &str) -> Result<Option<String>> {
        match self.labels.get(path) {
            Some(label) => Ok(Some(label.clone())),
            None => self.base.label(path),
        }
    }

    fn boot_sector(&self, mountpoint: &str) -> Result<Option<Vec<u8>>> {
        match self.sectors.get(mountpoint) {
            Some(sector) => Ok(Some(sector.clone())),
            None => self.base.boot_sector(mountpoint),
        }
    }

    fn hive(&self, path: &str) -> Result<Option<Rc<Hive>>> {
        match self.hives.get(path) {
            Some(hive) => Ok(Some(hive.clone())),
            None => self.base.hive(path),
        }
    }

    fn created(&self) -> Vec<(String, bool)> {
        self.created.clone()
    }

    fn runs_programs(&self) -> bool {
        self.edits.iter().any(|edit| matches!(edit.change, Change::Run { .. }))
    }

    fn temp_dir(&self) -> PathBuf {
        self.base.temp_dir()
    }

    fn programs_change(&self, path: &str) -> bool {
        self.edits.iter().any(|edit| match &edit.change {
            Change::Run { changes, .. } => changes.iter().any(|changed| changed == path),
            _ => false,
        })
    }
}

/// A link's target as an absolute path; `..` stays as it is, the guest resolves it.
fn absolute(link: &str, target: &str) -> String {
    if target.starts_with('/') { target.to_owned() } else { guest::join(guest::parent(link), target) }
}

impl GuestMut for Recorder<'_> {
    fn apply(&mut self, edit: &Edit) -> Result<()> {
        check_before(self, edit)?;
        self.note_edit(&edit.change)?;
        match &edit.change {
            Change::Write { path, after, mode, .. } => {
                let mode = self.lstat(path)?.map_or(*mode, |s| s.mode);
                let content = content_bytes(path, after)?;
                self.over.insert(path.clone(), Over::File { content, mode });
            }
            Change::Remove { path, .. } | Change::Erase { path, .. } => {
                self.over.insert(path.clone(), Over::Gone);
            }
            Change::Rename { path, to } => {
                let content = self.read(path)?.ok_or_else(|| GuestError::NotFound { path: path.clone() })?;
                let mode = self.lstat(path)?.map_or(0o644, |s| s.mode);
                self.over.insert(path.clone(), Over::Gone);
                self.over.insert(to.clone(), Over::File { content, mode });
            }
            Change::Symlink { path, target, .. } => {
                self.over.insert(path.clone(), Over::Link(target.clone()));
            }
            Change::Copy { from, path, size } => {
                self.over.insert(path.clone(), Over::Copy { from: from.clone(), size: *size });
            }
            Change::Registry { path, changes } => {
                let hive = match self.hives.get(path) {
                    Some(hive) => hive.clone(),
                    None => {
                        let below = self.base.hive(path)?;
                        let below = below.ok_or_else(|| GuestError::NotFound { path: path.clone() })?;
                        Rc::new(below.copy()?)
                    }
                };
                changes.iter().try_for_each(|change| hive.apply(change))?;
                self.hives.insert(path.clone(), hive);
            }
            Change::BootSector { path, offset, after, .. } => {
                let sector = patched(self, path, *offset, &after.0)?;
                self.sectors.insert(path.clone(), sector);
            }
            Change::Place { path, from, size, digest, .. } => {
                let (from, size, digest) = (from.clone(), *size, digest.clone());
                self.over.insert(path.clone(), Over::Place { from, size, digest });
            }
            Change::Directory { path, mode } => {
                self.over.insert(path.clone(), Over::Directory { mode: *mode });
            }
            Change::Chown { path, after, .. } => {
                self.owners.insert(path.clone(), *after);
            }
            Change::Append { path, text, .. } => {
                let mut content =
                    self.read(path)?.ok_or_else(|| GuestError::NotFound { path: path.clone() })?;
                content.extend_from_slice(text.as_bytes());
                let mode = self.lstat(path)?.map_or(0o600, |s| s.mode);
                self.over.insert(path.clone(), Over::File { content, mode });
            }
            Change::Label { path, label } => {
                self.labels.insert(path.clone(), label.clone());
            }
            Change::Chmod { path, after, .. }
                if self.lstat(path)?.is_some_and(|s| s.kind == FileKind::Directory) =>
            {
                self.over.insert(path.clone(), Over::Directory { mode: *after });
            }
            Change::Chmod { path, after, .. } => {
                let content = self.read(path)?.ok_or_else(|| GuestError::NotFound { path: path.clone() })?;
                self.over.insert(path.clone(), Over::File { content, mode: *after });
            }
            // What they leave is not shown: of a program nobody knows it, an archive is made when it is due, and a file
            // with bytes in the middle written over is too large to keep.
            Change::Run { .. } | Change::AppendArchive { .. } | Change::Patch { .. } => {}
        }
        self.edits.push(edit.clone());
        Ok(())
    }
}
