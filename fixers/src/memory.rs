//! A guest made of text, for tests of fixers and of inspection. Links are followed as in a real guest.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Read};

use crate::append;
use crate::edit::{Change, Content, Edit, FileMark};
use crate::error::{GuestError, Result};
use crate::guest::{self, FileKind, Guest, GuestMut, MAX_READ, Stat};
use crate::patch;

/// Links followed in one path before it counts as a loop; Linux allows 40.
const MAX_LINKS: usize = 40;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Node {
    File { content: Vec<u8>, mode: u32 },
    Link(String),
    Directory,
}

/// A guest in memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemoryGuest {
    nodes: BTreeMap<String, Node>,
    /// Owner and group, where it is not root.
    owners: BTreeMap<String, (u32, u32)>,
    /// Modes of directories, where it is not 0755.
    modes: BTreeMap<String, u32>,
    /// SELinux labels.
    labels: BTreeMap<String, String>,
    /// First sectors of file systems, by mount point.
    sectors: BTreeMap<String, Vec<u8>>,
    /// Programs that `Run` edits asked for, in order.
    pub runs: Vec<Vec<String>>,
}

impl MemoryGuest {
    /// An empty guest.
    pub fn new() -> Self {
        Self::default()
    }

    /// With a file (its directories are made).
    #[must_use]
    pub fn file(mut self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.put(path, content.as_ref());
        self
    }

    /// With a symbolic link.
    #[must_use]
    pub fn link(mut self, path: &str, target: &str) -> Self {
        self.make_dirs(guest::parent(path));
        self.nodes.insert(path.to_owned(), Node::Link(target.to_owned()));
        self
    }

    /// With an empty directory.
    #[must_use]
    pub fn dir(mut self, path: &str) -> Self {
        self.make_dirs(path);
        self
    }

    /// With the first sector of the file system at a mount point.
    #[must_use]
    pub fn sector(mut self, mountpoint: &str, bytes: &[u8]) -> Self {
        self.sectors.insert(mountpoint.to_owned(), bytes.to_vec());
        self
    }

    /// Writes a file.
    pub fn put(&mut self, path: &str, content: &[u8]) {
        self.make_dirs(guest::parent(path));
        self.nodes.insert(path.to_owned(), Node::File { content: content.to_vec(), mode: 0o644 });
    }

    /// Removes a file, a link or an empty directory, and what is known of it.
    pub fn delete(&mut self, path: &str) {
        self.nodes.remove(path);
        self.owners.remove(path);
        self.modes.remove(path);
        self.labels.remove(path);
    }

    /// Gives a file another content; its mode stays.
    pub fn overwrite(&mut self, path: &str, new: Vec<u8>) {
        let path = self.resolve(path, true);
        if let Some(Node::File { content, .. }) = self.nodes.get_mut(&path) {
            *content = new;
        }
    }

    /// Takes a SELinux label away.
    pub fn unlabel(&mut self, path: &str) {
        let path = self.resolve(path, false);
        self.labels.remove(&path);
    }

    fn make_dirs(&mut self, dir: &str) {
        let mut at = dir.to_owned();
        while at != "/" && !self.nodes.contains_key(&at) {
            self.nodes.insert(at.clone(), Node::Directory);
            at = guest::parent(&at).to_owned();
        }
    }

    /// The path with every link in its directories resolved, and in its last component if `last` is set.
    fn resolve(&self, path: &str, last: bool) -> String {
        let mut todo: Vec<String> = components(path);
        todo.reverse();
        let mut done = String::new();
        let mut links = 0;
        while let Some(name) = todo.pop() {
            if name == ".." {
                done = guest::parent(&done).trim_end_matches('/').to_owned();
                continue;
            }
            let here = format!("{done}/{name}");
            match self.nodes.get(&here) {
                Some(Node::Link(target)) if (last || !todo.is_empty()) && links < MAX_LINKS => {
                    links += 1;
                    if target.starts_with('/') {
                        done.clear();
                    }
                    todo.extend(components(target).into_iter().rev());
                }
                _ => done = here,
            }
        }
        if done.is_empty() { "/".to_owned() } else { done }
    }
}

fn components(path: &str) -> Vec<String> {
    path.split('/').filter(|c| !c.is_empty() && *c != ".").map(str::to_owned).collect()
}

impl Guest for MemoryGuest {
    fn lstat(&self, path: &str) -> Result<Option<Stat>> {
        let path = self.resolve(path, false);
        if path == "/" {
            return Ok(Some(stat(FileKind::Directory, 0, 0o755)));
        }
        let (uid, gid) = self.owners.get(&path).copied().unwrap_or_default();
        let stat = self.nodes.get(&path).map(|node| match node {
            Node::File { content, mode } => stat(FileKind::File, content.len() as u64, *mode),
            Node::Link(target) => stat(FileKind::Symlink, target.len() as u64, 0o777),
            Node::Directory => stat(FileKind::Directory, 0, self.modes.get(&path).copied().unwrap_or(0o755)),
        });
        Ok(stat.map(|stat| Stat { uid, gid, ..stat }))
    }

    fn boot_sector(&self, mountpoint: &str) -> Result<Option<Vec<u8>>> {
        Ok(self.sectors.get(mountpoint).cloned())
    }

    fn label(&self, path: &str) -> Result<Option<String>> {
        Ok(self.labels.get(&self.resolve(path, false)).cloned())
    }

    fn read(&self, path: &str) -> Result<Option<Vec<u8>>> {
        let path = self.resolve(path, true);
        match self.nodes.get(&path) {
            None => Ok(None),
            Some(Node::File { content, .. }) if content.len() as u64 > MAX_READ => {
                Err(GuestError::TooLarge { path, size: content.len() as u64, limit: MAX_READ })
            }
            Some(Node::File { content, .. }) => Ok(Some(content.clone())),
            Some(Node::Link(_)) => Ok(None),
            Some(Node::Directory) => {
                Err(GuestError::Malformed { path, what: "a directory, not a file".to_owned() })
            }
        }
    }

    fn list(&self, dir: &str) -> Result<Option<Vec<String>>> {
        let dir = self.resolve(dir, true);
        if dir != "/" && self.nodes.get(&dir) != Some(&Node::Directory) {
            return Ok(None);
        }
        let prefix = guest::join(&dir, "");
        let names: BTreeSet<String> = self
            .nodes
            .keys()
            .filter_map(|path| path.strip_prefix(&prefix))
            .filter(|rest| !rest.is_empty() && !rest.contains('/'))
            .map(str::to_owned)
            .collect();
        Ok(Some(names.into_iter().collect()))
    }

    fn readlink(&self, path: &str) -> Result<String> {
        match self.nodes.get(&self.resolve(path, false)) {
            Some(Node::Link(target)) => Ok(target.clone()),
            _ => Err(GuestError::NotFound { path: path.to_owned() }),
        }
    }

    fn open(&self, path: &str) -> Result<Box<dyn Read + '_>> {
        match self.nodes.get(&self.resolve(path, true)) {
            Some(Node::File { content, .. }) => Ok(Box::new(Cursor::new(content.as_slice()))),
            _ => Err(GuestError::NotFound { path: path.to_owned() }),
        }
    }
}

fn stat(kind: FileKind, size: u64, mode: u32) -> Stat {
    Stat { kind, size, mode, uid: 0, gid: 0 }
}

impl GuestMut for MemoryGuest {
    fn apply(&mut self, edit: &Edit) -> Result<()> {
        check_before(self, edit)?;
        match &edit.change {
            Change::Write { path, after, mode, .. } => {
                let content = content_bytes(path, after)?;
                let path = self.resolve(path, true);
                let mode = self.lstat(&path)?.map_or(*mode, |s| s.mode);
                self.put(&path, &content);
                self.nodes.insert(path, Node::File { content, mode });
            }
            Change::Remove { path, .. } => {
                let path = self.resolve(path, false);
                self.delete(&path);
            }
            Change::Rename { path, to } => {
                let from = self.resolve(path, false);
                let to = self.resolve(to, false);
                if let Some(node) = self.nodes.remove(&from) {
                    self.make_dirs(guest::parent(&to));
                    self.nodes.insert(to, node);
                }
            }
            Change::Symlink { path, target, .. } => {
                let path = self.resolve(path, false);
                self.make_dirs(guest::parent(&path));
                self.nodes.insert(path, Node::Link(target.clone()));
            }
            Change::Copy { from, path, .. } => {
                let content = self.read(from)?.ok_or_else(|| GuestError::NotFound { path: from.clone() })?;
                let path = self.resolve(path, false);
                self.put(&path, &content);
            }
            Change::Chmod { path, after, .. } => {
                let path = self.resolve(path, true);
                match self.nodes.get_mut(&path) {
                    Some(Node::File { mode, .. }) => *mode = *after,
                    _ => drop(self.modes.insert(path, *after)),
                }
            }
            Change::Directory { path, mode } => {
                let path = self.resolve(path, false);
                self.make_dirs(&path);
                self.modes.insert(path, *mode);
            }
            Change::Chown { path, after, .. } => {
                let path = self.resolve(path, false);
                match after {
                    (0, 0) => drop(self.owners.remove(&path)),
                    other => drop(self.owners.insert(path, *other)),
                }
            }
            Change::Append { path, text, .. } => {
                let path = self.resolve(path, true);
                if let Some(Node::File { content, .. }) = self.nodes.get_mut(&path) {
                    content.extend_from_slice(text.as_bytes());
                }
            }
            Change::Erase { path, .. } => {
                let path = self.resolve(path, false);
                self.delete(&path);
            }
            Change::Label { path, label } => {
                let path = self.resolve(path, false);
                if self.nodes.contains_key(&path) {
                    self.labels.insert(path, label.clone());
                }
            }
            Change::AppendArchive { path, size, entries, .. } => {
                let archive = append::build(self, path, *size, entries)?;
                let path = self.resolve(path, true);
                if let Some(Node::File { content, .. }) = self.nodes.get_mut(&path) {
                    content.extend(archive);
                }
            }
            Change::Patch { path, pieces, .. } => {
                let path = self.resolve(path, true);
                if let Some(Node::File { content, .. }) = self.nodes.get_mut(&path) {
                    *content = patch::patched(&path, std::mem::take(content), pieces)?;
                }
            }
            Change::Registry { path, changes } => {
                let gone = || GuestError::NotFound { path: path.clone() };
                let hive = self.hive(path)?.ok_or_else(gone)?;
                changes.iter().try_for_each(|change| hive.apply(change))?;
                self.overwrite(path, hive.write()?);
            }
            Change::BootSector { path, offset, after, .. } => {
                let sector = patched(self, path, *offset, &after.0)?;
                self.sectors.insert(path.clone(), sector);
            }
            Change::Place { path, from, size, digest, .. } => {
                let content = from.read_as_planned(*size, digest)?;
                let path = self.resolve(path, false);
                self.put(&path, &content);
            }
            Change::Run { argv, .. } => self.runs.push(argv.clone()),
        }
        Ok(())
    }
}

/// The bytes of a planned content.
///
/// # Errors
/// The plan's base64 is broken.
pub fn content_bytes(path: &str, content: &Content) -> Result<Vec<u8>> {
    content.to_bytes().map_err(|e| GuestError::Malformed {
        path: path.to_owned(),
        what: format!("the plan's content is not base64: {e}"),
    })
}

/// The first sector of a file system with some bytes replaced.
///
/// # Errors
/// There is none, or the bytes lie outside of it; the guest could not be read.
pub fn patched(guest: &dyn Guest, mountpoint: &str, offset: u16, bytes: &[u8]) -> Result<Vec<u8>> {
    let mut sector = guest.boot_sector(mountpoint)?.unwrap_or_default();
    let from = usize::from(offset);
    match sector.get_mut(from..from.saturating_add(bytes.len())) {
        Some(place) => place.copy_from_slice(bytes),
        None => return Err(GuestError::NotFound { path: mountpoint.to_owned() }),
    }
    Ok(sector)
}

/// Checks that the guest still is as the edit says it was.
///
/// # Errors
/// [`GuestError::Changed`] if not; the guest could not be read.
pub fn check_before(guest: &dyn Guest, edit: &Edit) -> Result<()> {
    let changed =
        |path: &str, what: &str| Err(GuestError::Changed { path: path.to_owned(), what: what.to_owned() });
    match &edit.change {
        Change::Write { path, before: None, .. } if guest.exists(path)? => {
            changed(path, "the plan creates it, but it is there")
        }
        Change::Write { path, before: Some(before), .. } => match guest.read(path)? {
            None => changed(path, "the plan changes it, but it is not there"),
            Some(now) if now != content_bytes(path, before)? => changed(path, "its content differs"),
            Some(_) => Ok(()),
        },
        Change::Remove { path, .. }
        | Change::Rename { path, .. }
        | Change::Chmod { path, .. }
        | Change::Chown { path, .. }
            if !guest.exists(path)? =>
        {
            changed(path, "it is not there")
        }
        Change::Append { path, size, .. } | Change::Erase { path, size } => match guest.lstat(path)? {
            Some(stat) if stat.kind == FileKind::File && stat.size == *size => Ok(()),
            Some(_) => changed(path, "its size differs"),
            None => changed(path, "it is not there"),
        },
        Change::Rename { to: path, .. }
        | Change::Copy { path, .. }
        | Change::Place { path, before: None, .. }
        | Change::Directory { path, .. }
            if guest.exists(path)? =>
        {
            changed(path, "the plan creates it, but it is there")
        }
        Change::BootSector { path, offset, before, .. } => {
            let from = usize::from(*offset);
            let sector = guest.boot_sector(path)?.unwrap_or_default();
            let same = sector.get(from..from + before.0.len()) == Some(&before.0);
            if same { Ok(()) } else { changed(path, "its boot sector differs") }
        }
        Change::Place { path, before: Some(before), .. } => match guest.read(path)? {
            None => changed(path, "the plan replaces it, but it is not there"),
            Some(now) if FileMark::of(&now) != *before => changed(path, "its content differs"),
            Some(_) => Ok(()),
        },
        Change::AppendArchive { path, size, tail, .. } => {
            let file = guest.lstat(path)?.filter(|s| s.kind == FileKind::File);
            if file.is_none_or(|s| s.size != *size) {
                changed(path, "its size differs")
            } else if append::digest(&guest.tail(path, append::TAIL)?) != *tail {
                changed(path, "its last bytes differ")
            } else {
                Ok(())
            }
        }
        Change::Patch { path, size, pieces } => patch::check(guest, path, *size, pieces),
        Change::Symlink { path, before, .. } => {
            let now = match guest.lstat(path)? {
                None => None,
                Some(s) if s.kind == FileKind::Symlink => Some(guest.readlink(path)?),
                Some(_) => return changed(path, "the plan makes a link, but a file is there"),
            };
            if now == *before { Ok(()) } else { changed(path, "the link differs") }
        }
        _ => Ok(()),
    }
}
