//! Changes of a hive: planned, checked against what is there, made.

use serde::{Deserialize, Serialize};

use super::data::RegData;
use super::ffi::Value;
use super::{Hive, Key, damaged};
use crate::error::{GuestError, Result};

/// Bytes from which Windows keeps data in pieces (format 1.4 and newer, "Big data"), which hivex reads and does not
/// write.
const BIG: usize = 16_344;

/// One change of a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegChange {
    /// Key, relative to the hive's root, with backslashes.
    pub key: String,
    /// What is done.
    #[serde(flatten)]
    pub op: RegOp,
}

/// What is done to a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "kebab-case")]
pub enum RegOp {
    /// Makes the key in the key above it. It is not there.
    Create,
    /// Sets a value of a key that is there.
    Set {
        /// Name; empty for the default value.
        name: String,
        /// What it holds now.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<RegData>,
        /// What it will hold.
        after: RegData,
    },
    /// Removes a value.
    Unset {
        /// Name; empty for the default value.
        name: String,
        /// What it holds now.
        before: RegData,
    },
    /// Removes the key with all below it.
    Delete {
        /// Number of keys that go, itself among them.
        keys: u64,
    },
}

impl RegChange {
    /// The change that takes this one back; `None` where that cannot be done exactly.
    pub fn inverse(&self) -> Option<Self> {
        let op = match self.op.clone() {
            RegOp::Create => RegOp::Delete { keys: 1 },
            RegOp::Set { name, before: None, after } => RegOp::Unset { name, before: after },
            RegOp::Set { name, before: Some(before), after } => {
                RegOp::Set { name, before: Some(after), after: before }
            }
            RegOp::Unset { name, before } => RegOp::Set { name, before: None, after: before },
            // Values and permissions of what was removed are not kept.
            RegOp::Delete { .. } => return None,
        };
        Some(Self { key: self.key.clone(), op })
    }
}

/// Number of keys from `key` downwards.
pub(super) fn count(hive: &Hive, key: &str) -> Result<Option<u64>> {
    let Some(key) = hive.key(key)? else { return Ok(None) };
    let (mut todo, mut keys) = (vec![key], 0);
    while let Some(key) = todo.pop() {
        keys += 1;
        todo.extend(key.children()?);
    }
    Ok(Some(keys))
}

impl Hive {
    /// Whether the hive is as a change says it was before it.
    ///
    /// # Errors
    /// [`GuestError::Changed`] if not; the hive is damaged.
    pub fn check(&self, change: &RegChange) -> Result<()> {
        let key = &change.key;
        let changed = |what: String| Err(GuestError::Changed { path: self.path.clone(), what });
        match &change.op {
            RegOp::Create if self.key(key)?.is_some() => changed(format!("{key}: the key is there already")),
            RegOp::Set { name, before, .. } if self.value(key, name)? != *before => {
                changed(format!("{key}: the value {name:?} differs"))
            }
            RegOp::Unset { name, before } if self.value(key, name)?.as_ref() != Some(before) => {
                changed(format!("{key}: the value {name:?} differs"))
            }
            RegOp::Delete { keys } if count(self, key)? != Some(*keys) => {
                changed(format!("{key}: the key differs"))
            }
            _ => Ok(()),
        }
    }

    /// Makes a change in this copy, after checking what is there.
    ///
    /// # Errors
    /// [`GuestError::Changed`]; [`GuestError::Unsupported`] where the key holds data that cannot be written again; the
    /// hive is damaged.
    pub fn apply(&self, change: &RegChange) -> Result<()> {
        self.check(change)?;
        match &change.op {
            RegOp::Create => self.make(&change.key),
            RegOp::Set { name, after, .. } => self.rewrite(&change.key, name, Some(after.to_raw())),
            RegOp::Unset { name, .. } => self.rewrite(&change.key, name, None),
            RegOp::Delete { .. } => {
                let Some(key) = self.key(&change.key)? else { return Ok(()) };
                self.raw.delete_child(key.node()).map_err(|e| damaged(&self.path, &e))
            }
        }
    }

    /// Makes a key in the key above it.
    fn make(&self, path: &str) -> Result<()> {
        let (above, name) = path.rsplit_once('\\').unwrap_or(("", path));
        let parent = self.there(above)?;
        self.raw.add_child(parent.node(), name).map_err(|e| damaged(&self.path, &e))?;
        self.in_order(&parent, name)
    }

    fn there(&self, path: &str) -> Result<Key<'_>> {
        let gone = || GuestError::Changed { path: self.path.clone(), what: format!("{path}: no such key") };
        self.key(path)?.ok_or_else(gone)
    }

    /// Windows looks subkeys up by their order, in upper case; hivex keeps them in lower case, which is another order
    /// where `_` meets a letter.
    fn in_order(&self, parent: &Key<'_>, new: &str) -> Result<()> {
        let names = parent.names()?;
        let upper = |name: &String| name.chars().flat_map(char::to_uppercase).collect::<String>();
        let at = names.iter().position(|name| name == new);
        let around = at.map(|at| names.get(at.saturating_sub(1)..(at + 2).min(names.len())).unwrap_or(&[]));
        if around.is_some_and(|around| around.is_sorted_by_key(upper)) {
            return Ok(());
        }
        Err(GuestError::Unsupported(format!(
            "{}: the key {new} cannot be put at the place where Windows would look for it",
            self.path
        )))
    }

    /// Writes a key's values anew with one of them changed, added or left out.
    fn rewrite(&self, key: &str, name: &str, new: Option<(u32, Vec<u8>)>) -> Result<()> {
        let there = self.there(key)?;
        let mut values = there.raw_values()?;
        let same = |value: &Value| value.0.eq_ignore_ascii_case(name);
        match (values.iter().position(same), new) {
            (Some(at), Some((kind, data))) => {
                if let Some(value) = values.get_mut(at) {
                    (value.1, value.2) = (kind, data);
                }
            }
            (Some(at), None) => drop(values.remove(at)),
            (None, Some((kind, data))) => values.push((name.to_owned(), kind, data)),
            (None, None) => return Ok(()),
        }
        if let Some((big, _, _)) = values.iter().find(|value| value.2.len() > BIG) {
            return Err(GuestError::Unsupported(format!(
                "{}: {key} cannot be changed: the data of its value {big:?} is too large to be written again",
                self.path
            )));
        }
        self.raw.set_values(there.node(), &values).map_err(|e| damaged(&self.path, &e))
    }
}
