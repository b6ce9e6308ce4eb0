//! Taking an edit back: what FIX notes of it for that, whether it can be done exactly, and how.
//!
//! An edit keeps what was before in itself, as far as people read it. What else is needed to bring that back (owner
//! and label of a file that was removed, directories that were made on the way) is its [`Trace`]. Times of files are
//! not brought back.

use serde::{Deserialize, Serialize};

use crate::append;
use crate::edit::{Change, Content, Edit};
use crate::error::{GuestError, Result};
use crate::guest::{self, FileKind, Guest, GuestMut, Stat};
use crate::hive::RegChange;
use crate::memory::content_bytes;
use crate::patch::Piece;

mod backends;
#[cfg(test)]
mod tests;

/// What FIX notes of an edit besides the edit. Empty where the edit says all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Trace {
    /// What was at the path before it was removed or replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stat: Option<Stat>,
    /// Its SELinux label.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// It had extended attributes besides the label, which are not kept.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub extended: bool,
    /// Directories that were made for it, each after the one that holds it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub made: Vec<String>,
    /// The file as the edit left it, where the edit does not hold its content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left: Option<Left>,
    /// It was taken: an edit without one, of an older h2k, may need one to be taken back.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub taken: bool,
}

/// A file of any size, told by its size and its last bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Left {
    /// Size in bytes.
    pub size: u64,
    /// Digest of its last bytes ([`append::TAIL`]), BLAKE3.
    pub tail: String,
}

/// What taking back needs of a guest besides what edits need.
pub trait GuestUndo: GuestMut {
    /// Whether what is at `path` has extended attributes besides a SELinux label; a link is not followed.
    ///
    /// # Errors
    /// The backend failed.
    fn extended(&self, path: &str) -> Result<bool>;

    /// Cuts a regular file off.
    ///
    /// # Errors
    /// The backend failed.
    fn truncate(&mut self, path: &str, size: u64) -> Result<()>;

    /// Removes an empty directory.
    ///
    /// # Errors
    /// It is not empty; the backend failed.
    fn remove_directory(&mut self, path: &str) -> Result<()>;

    /// Takes the SELinux label away.
    ///
    /// # Errors
    /// The backend failed.
    fn clear_label(&mut self, path: &str) -> Result<()>;
}

impl Trace {
    /// What has to be noted before `edit` is made.
    ///
    /// # Errors
    /// The guest could not be read.
    pub fn before(guest: &dyn GuestUndo, edit: &Edit) -> Result<Self> {
        let mut trace = Self { taken: true, ..Self::default() };
        match &edit.change {
            Change::Remove { path, .. } | Change::Symlink { path, before: Some(_), .. } => {
                trace.stat = guest.lstat(path)?;
                trace.label = guest.label(path)?;
                trace.extended = guest.extended(path)?;
            }
            Change::Label { path, .. } => trace.label = guest.label(path)?,
            Change::Write { path, before: None, .. }
            | Change::Symlink { path, before: None, .. }
            | Change::Copy { path, .. }
            | Change::Place { path, before: None, .. }
            | Change::Directory { path, .. } => trace.made = missing_above(guest, path)?,
            _ => {}
        }
        Ok(trace)
    }

    /// Adds what has to be noted after it was made.
    ///
    /// # Errors
    /// The guest could not be read.
    pub fn after(mut self, guest: &dyn GuestUndo, edit: &Edit) -> Result<Self> {
        self.left = match &edit.change {
            Change::Rename { to: path, .. }
            | Change::Copy { path, .. }
            | Change::Place { path, .. }
            | Change::Append { path, .. }
            | Change::AppendArchive { path, .. } => left(guest, path)?,
            _ => None,
        };
        Ok(self)
    }
}

/// Directories above `path` that are not there, the highest first.
fn missing_above(guest: &dyn Guest, path: &str) -> Result<Vec<String>> {
    let mut missing = Vec::new();
    let mut dir = guest::parent(path);
    while dir != "/" && !guest.exists(dir)? {
        missing.push(dir.to_owned());
        dir = guest::parent(dir);
    }
    missing.reverse();
    Ok(missing)
}

fn left(guest: &dyn Guest, path: &str) -> Result<Option<Left>> {
    let file = guest.lstat(path)?.filter(|stat| stat.kind == FileKind::File);
    let Some(stat) = file else { return Ok(None) };
    Ok(Some(Left { size: stat.size, tail: append::digest(&guest.tail(path, append::TAIL)?) }))
}

/// Why an edit cannot be taken back exactly; `None` if it can.
pub fn why_not(edit: &Edit, trace: Option<&Trace>) -> Option<&'static str> {
    let trace = trace.filter(|trace| trace.taken);
    match &edit.change {
        Change::Run { .. } => Some("what a program of the guest changed is not kept"),
        Change::Erase { .. } => Some("the content of the file that was removed is not kept"),
        Change::Place { before: Some(_), .. } => Some("the file that was replaced is not kept"),
        Change::Registry { changes, .. } if changes.iter().any(|change| change.inverse().is_none()) => {
            Some("the registry keys that were removed are not kept")
        }
        // What these hold is all that there is to it.
        Change::Write { before: Some(_), .. }
        | Change::Registry { .. }
        | Change::BootSector { .. }
        | Change::Chmod { .. }
        | Change::Chown { .. }
        | Change::Patch { .. } => None,
        _ if trace.is_none() => Some("the h2k that made it did not note what is needed"),
        Change::Remove { .. } | Change::Symlink { before: Some(_), .. }
            if trace.is_some_and(|trace| trace.extended || trace.stat.is_none()) =>
        {
            Some("the extended attributes of what was there are not kept")
        }
        Change::Rename { .. }
        | Change::Copy { .. }
        | Change::Place { .. }
        | Change::Append { .. }
        | Change::AppendArchive { .. }
            if trace.is_some_and(|trace| trace.left.is_none()) =>
        {
            Some("the file that it left was not noted")
        }
        _ => None,
    }
}

/// Takes an edit back, after checking that the guest still is as the edit left it.
///
/// # Errors
/// [`GuestError::Changed`] if it is not; [`GuestError::Unsupported`] if [`why_not`] says so; the backend failed.
pub fn undo(guest: &mut dyn GuestUndo, edit: &Edit, trace: &Trace) -> Result<()> {
    if let Some(why) = why_not(edit, Some(trace)) {
        return Err(GuestError::Unsupported(why.to_owned()));
    }
    match &edit.change {
        Change::Write { path, before: Some(before), after, mode } => {
            let (before, after) = (Some(after.clone()), before.clone());
            make(guest, edit, Change::Write { path: path.clone(), before, after, mode: *mode })
        }
        Change::Write { path, before: None, after, .. } => {
            expect(guest.read(path)? == Some(content_bytes(path, after)?), path, CONTENT)?;
            created(guest, edit, path, after.clone(), trace)
        }
        Change::Registry { path, changes } => {
            let changes = changes.iter().rev().filter_map(RegChange::inverse).collect();
            make(guest, edit, Change::Registry { path: path.clone(), changes })
        }
        Change::BootSector { path, offset, before, after } => {
            let (before, after) = (after.clone(), before.clone());
            make(guest, edit, Change::BootSector { path: path.clone(), offset: *offset, before, after })
        }
        Change::Copy { path, .. } | Change::Place { path, .. } => {
            as_left(guest, path, trace)?;
            created(guest, edit, path, Content::Text(String::new()), trace)
        }
        Change::Symlink { path, before: None, target } => {
            let there = guest.lstat(path)?.is_some_and(|stat| stat.kind == FileKind::Symlink);
            expect(there && guest.readlink(path)? == *target, path, "the link is not what the edit left")?;
            created(guest, edit, path, Content::Text(target.clone()), trace)
        }
        Change::Symlink { path, before: Some(old), target } => {
            let (before, target) = (Some(target.clone()), old.clone());
            make(guest, edit, Change::Symlink { path: path.clone(), before, target })?;
            owned(guest, edit, path, trace)
        }
        Change::Remove { path, before } => removed(guest, edit, path, before, trace),
        Change::Rename { path, to } => {
            as_left(guest, to, trace)?;
            make(guest, edit, Change::Rename { path: to.clone(), to: path.clone() })
        }
        Change::Chmod { path, before, after } => {
            let now = guest.lstat(path)?.map(|stat| stat.mode);
            expect(now == Some(*after), path, "its mode is not what the edit left")?;
            make(guest, edit, Change::Chmod { path: path.clone(), before: *after, after: *before })
        }
        Change::Chown { path, before, after } => {
            let now = guest.lstat(path)?.map(|stat| (stat.uid, stat.gid));
            expect(now == Some(*after), path, "its owner is not what the edit left")?;
            make(guest, edit, Change::Chown { path: path.clone(), before: *after, after: *before })
        }
        Change::Directory { path, .. } => {
            let empty = guest.list(path)?.is_some_and(|names| names.is_empty());
            expect(empty, path, "the directory is not there, or not empty any more")?;
            guest.remove_directory(path)?;
            unmake(guest, &trace.made)
        }
        Change::Append { path, size, .. } => {
            as_left(guest, path, trace)?;
            guest.truncate(path, *size)
        }
        Change::AppendArchive { path, size, tail, .. } => {
            as_left(guest, path, trace)?;
            guest.truncate(path, *size)?;
            let same = append::digest(&guest.tail(path, append::TAIL)?) == *tail;
            expect(same, path, "its first part is not what was there before the edit")
        }
        Change::Patch { path, size, pieces } => {
            let pieces = pieces.iter().rev().map(Piece::reversed).collect();
            make(guest, edit, Change::Patch { path: path.clone(), size: *size, pieces })
        }
        Change::Label { path, label } => relabel(guest, edit, path, label, trace),
        // why_not has refused them.
        Change::Run { .. } | Change::Erase { .. } => Ok(()),
    }
}

const CONTENT: &str = "its content is not what the edit left";

fn expect(holds: bool, path: &str, what: &str) -> Result<()> {
    if holds { Ok(()) } else { Err(GuestError::Changed { path: path.to_owned(), what: what.to_owned() }) }
}

/// The file still is the one that the edit left.
fn as_left(guest: &dyn Guest, path: &str, trace: &Trace) -> Result<()> {
    expect(left(guest, path)? == trace.left, path, CONTENT)
}

/// Makes a change for the reason that the edit was made for.
fn make(guest: &mut dyn GuestUndo, edit: &Edit, change: Change) -> Result<()> {
    guest.apply(&Edit { change, ..edit.clone() })
}

/// Removes what an edit created, and the directories that it made for that.
fn created(guest: &mut dyn GuestUndo, edit: &Edit, path: &str, before: Content, trace: &Trace) -> Result<()> {
    make(guest, edit, Change::Remove { path: path.to_owned(), before })?;
    unmake(guest, &trace.made)
}

/// Removes directories that were made, the deepest first; one that something else lies in by now stays.
fn unmake(guest: &mut dyn GuestUndo, made: &[String]) -> Result<()> {
    for dir in made.iter().rev() {
        if guest.list(dir)?.is_some_and(|names| names.is_empty()) {
            guest.remove_directory(dir)?;
        }
    }
    Ok(())
}

/// Brings back a file or a link.
fn removed(
    guest: &mut dyn GuestUndo,
    edit: &Edit,
    path: &str,
    before: &Content,
    trace: &Trace,
) -> Result<()> {
    expect(!guest.exists(path)?, path, "something is there again")?;
    let Some(stat) = trace.stat else { return Ok(()) };
    if stat.kind == FileKind::Symlink {
        let target = String::from_utf8_lossy(&content_bytes(path, before)?).into_owned();
        make(guest, edit, Change::Symlink { path: path.to_owned(), before: None, target })?;
    } else {
        let (after, mode) = (before.clone(), stat.mode);
        make(guest, edit, Change::Write { path: path.to_owned(), before: None, after, mode })?;
    }
    owned(guest, edit, path, trace)
}

/// Gives a path the owner, mode and label that were noted.
fn owned(guest: &mut dyn GuestUndo, edit: &Edit, path: &str, trace: &Trace) -> Result<()> {
    let Some(stat) = trace.stat else { return Ok(()) };
    let now = guest.lstat(path)?.map_or((0, 0), |stat| (stat.uid, stat.gid));
    if now != (stat.uid, stat.gid) {
        let after = (stat.uid, stat.gid);
        make(guest, edit, Change::Chown { path: path.to_owned(), before: now, after })?;
    }
    if stat.kind == FileKind::File {
        // After the owner: chown(2) clears the set-user-ID bit.
        make(guest, edit, Change::Chmod { path: path.to_owned(), before: stat.mode, after: stat.mode })?;
    }
    match &trace.label {
        Some(label) => make(guest, edit, Change::Label { path: path.to_owned(), label: label.clone() }),
        None => Ok(()),
    }
}

fn relabel(guest: &mut dyn GuestUndo, edit: &Edit, path: &str, label: &str, trace: &Trace) -> Result<()> {
    if !guest.exists(path)? {
        // What a program might have created and has not was passed over.
        return Ok(());
    }
    expect(guest.label(path)?.as_deref() == Some(label), path, "its label is not what the edit left")?;
    match &trace.label {
        Some(old) => make(guest, edit, Change::Label { path: path.to_owned(), label: old.clone() }),
        None => guest.clear_label(path),
    }
}
