//! A key of an open hive.

use super::Hive;
use super::damaged;
use super::data::RegData;
use crate::error::Result;

/// A key. Valid until the hive is changed.
#[derive(Clone)]
pub struct Key<'a> {
    hive: &'a Hive,
    node: usize,
}

impl<'a> Key<'a> {
    pub(super) fn new(hive: &'a Hive, node: usize) -> Self {
        Self { hive, node }
    }

    pub(super) fn node(&self) -> usize {
        self.node
    }

    fn ask<T>(&self, asked: std::io::Result<T>) -> Result<T> {
        asked.map_err(|e| damaged(&self.hive.path, &e))
    }

    /// Its name, as written.
    ///
    /// # Errors
    /// The hive is damaged.
    pub fn name(&self) -> Result<String> {
        self.ask(self.hive.raw.name(self.node))
    }

    /// Its subkeys, in the hive's order.
    ///
    /// # Errors
    /// The hive is damaged.
    pub fn children(&self) -> Result<Vec<Key<'a>>> {
        let nodes = self.ask(self.hive.raw.children(self.node))?;
        Ok(nodes.into_iter().map(|node| Key::new(self.hive, node)).collect())
    }

    /// The names of its subkeys, as written.
    ///
    /// # Errors
    /// The hive is damaged.
    pub fn names(&self) -> Result<Vec<String>> {
        self.children()?.iter().map(Key::name).collect()
    }

    /// The subkey of a name, whatever its case; `None` if there is none.
    ///
    /// # Errors
    /// The hive is damaged.
    pub fn child(&self, name: &str) -> Result<Option<Key<'a>>> {
        let node = self.ask(self.hive.raw.child(self.node, name))?;
        Ok(node.map(|node| Key::new(self.hive, node)))
    }

    /// The key at a path below this one.
    ///
    /// # Errors
    /// The hive is damaged.
    pub fn below(&self, path: &str) -> Result<Option<Key<'a>>> {
        let mut key = self.clone();
        for name in super::components(path) {
            match key.child(name)? {
                Some(child) => key = child,
                None => return Ok(None),
            }
        }
        Ok(Some(key))
    }

    /// Its values in the hive's order; the name of its default value is empty.
    ///
    /// # Errors
    /// The hive is damaged.
    pub fn values(&self) -> Result<Vec<(String, RegData)>> {
        let all = self.raw_values()?;
        Ok(all.into_iter().map(|(name, kind, data)| (name, RegData::from_raw(kind, &data))).collect())
    }

    pub(super) fn raw_values(&self) -> Result<Vec<super::ffi::Value>> {
        let handles = self.ask(self.hive.raw.values(self.node))?;
        handles.into_iter().map(|value| self.ask(self.hive.raw.value(value))).collect()
    }

    /// The value of a name, whatever its case; `""` is the default value. `None` if there is none.
    ///
    /// # Errors
    /// The hive is damaged.
    pub fn value(&self, name: &str) -> Result<Option<RegData>> {
        let found = self.raw_values()?.into_iter().find(|(own, _, _)| own.eq_ignore_ascii_case(name));
        Ok(found.map(|(_, kind, data)| RegData::from_raw(kind, &data)))
    }

    /// The text of a value; `None` if it is not there or is no text.
    ///
    /// # Errors
    /// The hive is damaged.
    pub fn text(&self, name: &str) -> Result<Option<String>> {
        Ok(self.value(name)?.and_then(|data| data.text()))
    }

    /// The number of a value; `None` if it is not there or is none.
    ///
    /// # Errors
    /// The hive is damaged.
    pub fn number(&self, name: &str) -> Result<Option<u64>> {
        Ok(self.value(name)?.and_then(|data| data.number()))
    }
}
