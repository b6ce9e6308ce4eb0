//! Windows registry hives: read from copies, changed in copies, and written back only when the copy was read again.
//!
//! ```text
//!  guest's file ─▶ header   clean, or half written?
//!               ─▶ log      its transaction logs, replayed into the copy
//!               ─▶ Hive     the copy, opened with hivex: keys, values, changes
//!  Change::Registry ─▶ RegChange ─▶ Hive::apply ─▶ Hive::write ─▶ the guest's file
//! ```
//!
//! Paths of keys are relative to the hive's root and written with backslashes (`ControlSet001\Services\disk`); names
//! are compared without regard to case, as Windows does.

mod change;
mod data;
mod editor;
mod ffi;
mod header;
mod key;
mod log;
#[cfg(any(test, feature = "phony"))]
pub(crate) mod testing;
mod text;

#[cfg(test)]
mod tests;

use std::io::{Read, Write};
use std::rc::Rc;

use tempfile::NamedTempFile;

pub use change::{RegChange, RegOp};
pub use data::{Hex, RegData, kind};
pub use editor::HiveEditor;
pub use header::Header;
pub use key::Key;
pub use log::replay;
pub use text::lines;

use crate::error::{GuestError, Result};
use crate::guest::{self, Guest};

/// Largest hive that is opened, in bytes. Windows itself ends at 2 GiB; those of real systems stay below 300 MiB.
pub const MAX_HIVE: u64 = 512 * 1024 * 1024;

/// What had to be done before a hive could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Nothing: it was written as a whole.
    Clean,
    /// Its transaction logs held what it lacked, which was replayed into the copy.
    Replayed,
}

/// A private copy of a hive. Changes stay in it until [`Hive::write`].
pub struct Hive {
    path: String,
    raw: ffi::RawHive,
    state: State,
    // Behind the handle, which may have it mapped.
    _file: NamedTempFile,
}

impl Hive {
    /// The same hive, whose file is at another path now.
    #[must_use]
    pub fn at(self, path: &str) -> Self {
        Self { path: path.to_owned(), ..self }
    }

    /// Opens a copy of a hive. `path` names it in errors, `logs` are the contents of its transaction logs, if it has
    /// any; they are looked at only where it was not written as a whole.
    ///
    /// # Errors
    /// [`GuestError::TooLarge`]; [`GuestError::Malformed`] where it is no hive, is damaged, or was not written as a
    /// whole and its logs do not make it whole.
    pub fn open(path: &str, content: Vec<u8>, logs: &[Vec<u8>]) -> Result<Self> {
        let size = content.len() as u64;
        if size > MAX_HIVE {
            return Err(GuestError::TooLarge { path: path.to_owned(), size, limit: MAX_HIVE });
        }
        let (content, state) = whole(path, content, logs)?;
        let failed =
            |source| GuestError::Host { doing: format!("making a temporary copy of {path}"), source };
        let mut file = NamedTempFile::new().map_err(failed)?;
        file.write_all(&content).map_err(failed)?;
        Self::open_file(path, file, state)
    }

    /// Reads a hive from a stream, as [`Hive::open`].
    ///
    /// # Errors
    /// As [`Hive::open`]; the stream failed.
    pub fn read(path: &str, source: impl Read, logs: &[Vec<u8>]) -> Result<Self> {
        let failed = |source| GuestError::Host { doing: format!("reading {path}"), source };
        let mut content = Vec::new();
        source.take(MAX_HIVE + 1).read_to_end(&mut content).map_err(failed)?;
        Self::open(path, content, logs)
    }

    fn open_file(path: &str, file: NamedTempFile, state: State) -> Result<Self> {
        let raw = ffi::RawHive::open(file.path()).map_err(|e| damaged(path, &e))?;
        Ok(Self { path: path.to_owned(), raw, state, _file: file })
    }

    /// The hive's file in the guest.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What had to be done before it could be read.
    pub fn state(&self) -> State {
        self.state
    }

    /// The root key.
    ///
    /// # Errors
    /// The hive is damaged.
    pub fn root(&self) -> Result<Key<'_>> {
        let node = self.raw.root().map_err(|e| damaged(&self.path, &e))?;
        Ok(Key::new(self, node))
    }

    /// The key at a path; `None` if there is none.
    ///
    /// # Errors
    /// The hive is damaged.
    pub fn key(&self, path: &str) -> Result<Option<Key<'_>>> {
        let mut key = self.root()?;
        for name in components(path) {
            match key.child(name)? {
                Some(child) => key = child,
                None => return Ok(None),
            }
        }
        Ok(Some(key))
    }

    /// A value of a key; the name `""` is the key's default value. `None` if either is not there.
    ///
    /// # Errors
    /// The hive is damaged.
    pub fn value(&self, path: &str, name: &str) -> Result<Option<RegData>> {
        match self.key(path)? {
            Some(key) => key.value(name),
            None => Ok(None),
        }
    }

    /// A copy that can be changed apart from this one.
    ///
    /// # Errors
    /// The host's file system failed.
    pub fn copy(&self) -> Result<Self> {
        Self::open_file(&self.path, self.written()?, self.state)
    }

    /// The hive's bytes with all changes, read again before they are given out.
    ///
    /// # Errors
    /// The host's file system failed; what was written cannot be read: the guest's file stays as it is.
    pub fn write(&self) -> Result<Vec<u8>> {
        let file = self.written()?;
        let failed = |source| GuestError::Host { doing: format!("writing {}", self.path), source };
        let bytes = std::fs::read(file.path()).map_err(failed)?;
        let header = Header::parse(&bytes);
        if header.is_none_or(|h| !h.clean()) {
            return Err(self.broken("its header is wrong"));
        }
        let again = Self::open_file(&self.path, file, State::Clean)?;
        if !self.same_tree(&again)? {
            return Err(self.broken("its keys are not those that were written"));
        }
        Ok(bytes)
    }

    fn broken(&self, what: &str) -> GuestError {
        let what = format!("the changed hive does not hold: {what}; nothing was written");
        GuestError::Malformed { path: self.path.clone(), what }
    }

    fn written(&self) -> Result<NamedTempFile> {
        let failed = |source| GuestError::Host { doing: format!("writing a copy of {}", self.path), source };
        let file = NamedTempFile::new().map_err(failed)?;
        self.raw.commit(file.path()).map_err(failed)?;
        Ok(file)
    }

    /// Whether another hive has the same keys and values, everywhere.
    fn same_tree(&self, other: &Self) -> Result<bool> {
        let mut todo = vec![(self.root()?, other.root()?)];
        while let Some((ours, theirs)) = todo.pop() {
            if ours.values()? != theirs.values()? {
                return Ok(false);
            }
            let (own, their) = (ours.children()?, theirs.children()?);
            if own.len() != their.len() {
                return Ok(false);
            }
            for (a, b) in own.into_iter().zip(their) {
                if a.name()? != b.name()? {
                    return Ok(false);
                }
                todo.push((a, b));
            }
        }
        Ok(true)
    }
}

/// The hive's content as Windows would see it after it has recovered it.
fn whole(path: &str, mut content: Vec<u8>, logs: &[Vec<u8>]) -> Result<(Vec<u8>, State)> {
    let malformed = |what: &str| GuestError::Malformed { path: path.to_owned(), what: what.to_owned() };
    let header = Header::parse(&content).ok_or_else(|| malformed("not a registry hive"))?;
    if header.clean() {
        return Ok((content, State::Clean));
    }
    let logs: Vec<&[u8]> = logs.iter().map(Vec::as_slice).collect();
    match log::replay(&mut content, &logs) {
        Ok(()) => Ok((content, State::Replayed)),
        Err(why) => Err(malformed(&format!(
            "it was not written as a whole, and its transaction logs do not make it whole ({why}): start Windows on the \
             source once more and shut it down with \"shutdown /s /t 0\""
        ))),
    }
}

fn damaged(path: &str, error: &std::io::Error) -> GuestError {
    GuestError::Malformed { path: path.to_owned(), what: format!("damaged registry hive: {error}") }
}

/// The names in a path of a key.
pub(crate) fn components(path: &str) -> impl Iterator<Item = &str> {
    path.split('\\').filter(|name| !name.is_empty())
}

/// An empty hive, for tests and for guests made of text.
///
/// # Errors
/// The host's file system failed.
pub fn empty(path: &str) -> Result<Hive> {
    Hive::open(path, hivex::EMPTY_HIVE_TEMPLATE.to_vec(), &[])
}

/// The endings of a hive's transaction logs, beside it. Windows before Vista has `.LOG` only.
const LOGS: [&str; 3] = [".log1", ".log2", ".log"];

/// Opens a hive of a guest, with the transaction logs beside it. `None` if there is no such file.
///
/// # Errors
/// As [`Hive::open`]; the guest could not be read.
pub fn load<G: Guest + ?Sized>(guest: &G, path: &str) -> Result<Option<Rc<Hive>>> {
    if !guest.exists(path)? {
        return Ok(None);
    }
    let (dir, own) = (guest::parent(path), path.rsplit('/').next().unwrap_or(path).to_lowercase());
    let mut logs = Vec::new();
    for name in guest.list(dir)?.unwrap_or_default() {
        let lower = name.to_lowercase();
        if LOGS.iter().any(|ending| lower.strip_suffix(ending) == Some(&own)) {
            let log = guest::join(dir, &name);
            let failed = |source| GuestError::Host { doing: format!("reading {log}"), source };
            let mut content = Vec::new();
            guest.open(&log)?.take(MAX_HIVE).read_to_end(&mut content).map_err(failed)?;
            logs.push(content);
        }
    }
    Hive::read(path, guest.open(path)?, &logs).map(|hive| Some(Rc::new(hive)))
}
