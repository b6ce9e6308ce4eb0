//! What a fixer wants changed in a hive: each wish is made in a copy at once, so that the next one sees it.

use super::change::{RegChange, RegOp};
use super::data::RegData;
use super::{Hive, components};
use crate::error::Result;

/// Collects changes of a hive. What is as it is wished already makes none.
pub struct HiveEditor {
    hive: Hive,
    changes: Vec<RegChange>,
}

impl HiveEditor {
    /// Begins with the hive as it is.
    ///
    /// # Errors
    /// The host's file system failed.
    pub fn new(hive: &Hive) -> Result<Self> {
        Ok(Self { hive: hive.copy()?, changes: Vec::new() })
    }

    /// The hive with all wishes so far.
    pub fn hive(&self) -> &Hive {
        &self.hive
    }

    /// The changes, in order.
    pub fn into_changes(self) -> Vec<RegChange> {
        self.changes
    }

    fn make(&mut self, key: &str, op: RegOp) -> Result<()> {
        let change = RegChange { key: key.to_owned(), op };
        self.hive.apply(&change)?;
        self.changes.push(change);
        Ok(())
    }

    /// Wishes a key, and those above it. Those that are there keep the case of their names.
    ///
    /// # Errors
    /// The hive is damaged, or a name cannot be put where Windows looks for it.
    pub fn create(&mut self, key: &str) -> Result<()> {
        let mut path = String::new();
        for name in components(key) {
            if !path.is_empty() {
                path.push('\\');
            }
            path.push_str(name);
            if self.hive.key(&path)?.is_none() {
                self.make(&path, RegOp::Create)?;
            }
        }
        Ok(())
    }

    /// Wishes a value, and its key.
    ///
    /// # Errors
    /// As [`HiveEditor::create`].
    pub fn set(&mut self, key: &str, name: &str, after: RegData) -> Result<()> {
        self.create(key)?;
        let before = self.hive.value(key, name)?;
        if before.as_ref() == Some(&after) {
            return Ok(());
        }
        self.make(key, RegOp::Set { name: name.to_owned(), before, after })
    }

    /// Wishes that a key has no value of this name.
    ///
    /// # Errors
    /// The hive is damaged.
    pub fn unset(&mut self, key: &str, name: &str) -> Result<()> {
        match self.hive.value(key, name)? {
            Some(before) => self.make(key, RegOp::Unset { name: name.to_owned(), before }),
            None => Ok(()),
        }
    }

    /// Wishes that a key is not there, nor any below it.
    ///
    /// # Errors
    /// The hive is damaged.
    pub fn delete(&mut self, key: &str) -> Result<()> {
        match super::change::count(&self.hive, key)? {
            Some(keys) => self.make(key, RegOp::Delete { keys }),
            None => Ok(()),
        }
    }
}
