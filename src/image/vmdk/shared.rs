//! What the extents of one image keep in memory.

use std::sync::Arc;

use crate::image::cache::TableCache;

/// What the extents of an image hold in memory together: a disk of 8 TiB in files of 2 GiB has 4096 of them.
#[derive(Clone, Default)]
pub(super) struct Shared {
    /// Grain tables, and pieces of grain directories.
    pub(super) tables: Arc<TableCache<u64>>,
    /// Grains that were decompressed.
    pub(super) grains: Arc<TableCache<u8>>,
    /// Which extent of the image it is: the upper bits of its keys.
    number: u64,
}

impl Shared {
    /// The same caches for another extent.
    pub(super) fn for_extent(&self, number: u64) -> Self {
        Self { number, ..self.clone() }
    }

    /// The key of a thing in its cache.
    // 64 TiB in sectors need 37 bits, and the largest directory has 2^25 entries.
    pub(super) fn key(&self, kind: Key) -> u64 {
        let (bit, index) = match kind {
            Key::Directory(index) => (1, index),
            Key::Table(index) | Key::Grain(index) => (0, index),
        };
        self.number << 48 | bit << 47 | index
    }
}

/// What is kept, by its place in the extent.
pub(super) enum Key {
    /// A piece of the grain directory, by its first entry.
    Directory(u64),
    /// A grain table, by its number.
    Table(u64),
    /// A grain, by its number.
    Grain(u64),
}
