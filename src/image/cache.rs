//! Tables of an image that were read lately: a bounded number of them, shared by all threads.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

/// Memory that one cache may hold, in bytes. 8 MiB of 64-KiB grain tables describe 4 GiB of disk for each MiB.
const BUDGET: usize = 8 << 20;

/// Tables by their place in the file (or any other key).
#[derive(Debug)]
pub(crate) struct TableCache<T> {
    inner: Mutex<Inner<T>>,
}

#[derive(Debug)]
struct Inner<T> {
    tables: HashMap<u64, (u64, Arc<[T]>)>,
    /// Rises with each use; the table that was used longest ago has the smallest.
    clock: u64,
    bytes: usize,
}

impl<T> Default for TableCache<T> {
    fn default() -> Self {
        Self { inner: Mutex::new(Inner { tables: HashMap::new(), clock: 0, bytes: 0 }) }
    }
}

impl<T> TableCache<T> {
    /// The table with this key, read by `load` if it is not there. Two threads may read the same one at once.
    ///
    /// # Errors
    /// What `load` reports.
    pub(crate) fn get(&self, key: u64, load: impl FnOnce() -> io::Result<Vec<T>>) -> io::Result<Arc<[T]>> {
        if let Some(table) = self.look(key) {
            return Ok(table);
        }
        let table: Arc<[T]> = load()?.into();
        self.keep(key, &table);
        Ok(table)
    }

    fn look(&self, key: u64) -> Option<Arc<[T]>> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.clock += 1;
        let now = inner.clock;
        let (used, table) = inner.tables.get_mut(&key)?;
        *used = now;
        Some(Arc::clone(table))
    }

    fn keep(&self, key: u64, table: &Arc<[T]>) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let now = inner.clock;
        if inner.tables.insert(key, (now, Arc::clone(table))).is_none() {
            inner.bytes = inner.bytes.saturating_add(bytes(table));
        }
        while inner.bytes > BUDGET && inner.tables.len() > 1 {
            let oldest = inner.tables.iter().min_by_key(|(_, (used, _))| *used).map(|(key, _)| *key);
            let Some((_, table)) = oldest.and_then(|key| inner.tables.remove(&key)) else { return };
            inner.bytes = inner.bytes.saturating_sub(bytes(&table));
        }
    }
}

/// What a table takes, with its place in the map: an empty one takes something too.
fn bytes<T>(table: &Arc<[T]>) -> usize {
    std::mem::size_of_val::<[T]>(table).saturating_add(64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_longest_ago_goes_first() {
        let cache = TableCache::<u8>::default();
        let third = BUDGET / 3 - 64;
        let get = |key| {
            let mut read = false;
            cache
                .get(key, || {
                    read = true;
                    Ok(vec![key as u8; third])
                })
                .map(|table| (read, table[0]))
                .unwrap()
        };
        for key in [1, 2, 3] {
            assert_eq!(get(key), (true, key as u8));
        }
        assert_eq!(get(1), (false, 1));
        assert_eq!(get(4), (true, 4));
        assert_eq!((get(1), get(3)), ((false, 1), (false, 3)));
        assert_eq!(get(2), (true, 2));
    }

    #[test]
    fn a_table_that_cannot_be_read_is_not_kept() {
        let cache = TableCache::<u8>::default();
        let fail = || Err(io::ErrorKind::Other.into());
        assert!(cache.get(1, fail).is_err());
        assert_eq!(cache.get(1, || Ok(vec![5])).unwrap()[0], 5);
    }
}
