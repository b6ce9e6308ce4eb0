//! The way from guest offsets to clusters: level 1, level 2, cluster, subcluster (QEMU docs/interop/qcow2.rst,
//! "Cluster mapping"). Tables are read as they are needed, in slices, and kept in bounded caches.

use std::fmt::Display;
use std::io;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use h2k_transports::RangeRead;

use super::entry::{Cluster, Layout, Mapping};
use super::header::Qcow2Header;
use crate::image::bytes::{Fields, read_vec};
use crate::image::cache::TableCache;

/// Bytes of a table that are read at once, at most: a look-up in clusters of 2 MiB need not cost 2 MiB.
const SLICE: u64 = 64 << 10;

/// The tables of an image.
pub(super) struct Tables {
    pub(super) file: Arc<dyn RangeRead>,
    pub(super) layout: Layout,
    l1_offset: u64,
    l1_entries: u64,
    l1: TableCache<u64>,
    l2: TableCache<u64>,
}

/// Guest bytes that are mapped alike, within one cluster or one run of absent level 2 tables.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    /// Guest offsets.
    pub range: Range<u64>,
    /// Where they are; data from the first of them on.
    pub mapping: Mapping,
}

/// Takes the pieces in order, and may stop.
pub(super) type Visit<'a> = dyn FnMut(Piece) -> io::Result<ControlFlow<()>> + 'a;

impl Tables {
    /// The tables of `file`. The caller has checked that level 1 lies in the file and is as long as the disk needs.
    pub(super) fn new(file: Arc<dyn RangeRead>, header: &Qcow2Header) -> Self {
        Self {
            file,
            layout: Layout::of(header),
            l1_offset: header.l1_offset,
            l1_entries: u64::from(header.l1_entries),
            l1: TableCache::default(),
            l2: TableCache::default(),
        }
    }

    /// Guest bytes that a slice of a level 2 table maps.
    pub(super) fn slice_covers(&self) -> u64 {
        self.slice_entries() * self.layout.cluster()
    }

    fn slice_entries(&self) -> u64 {
        self.layout.entries().min(SLICE / (8 * self.layout.entry_words()))
    }

    /// Visits what lies in a range of guest offsets within the disk.
    ///
    /// # Errors
    /// `InvalidData` for tables that are damaged; what the medium and `visit` report.
    pub(super) fn walk(&self, range: Range<u64>, visit: &mut Visit<'_>) -> io::Result<()> {
        let covered = self.layout.covered();
        let mut at = range.start;
        while at < range.end {
            let number = at / covered;
            let (table, alike) = self.tables(number)?;
            let end = number.saturating_add(alike).saturating_mul(covered).min(range.end);
            let went = match table {
                Some(table) => self.walk_table(table, at..end, visit)?,
                None => visit(Piece { range: at..end, mapping: Mapping::Unallocated })?,
            };
            if went.is_break() {
                return Ok(());
            }
            at = end;
        }
        Ok(())
    }

    /// The level 2 table with this number, and 1; or none, and how many from it on are not there, at least.
    fn tables(&self, number: u64) -> io::Result<(Option<u64>, u64)> {
        let at_once = SLICE / 8;
        let first = number - number % at_once;
        let count = at_once.min(self.l1_entries.saturating_sub(first));
        let at = self.l1_offset.saturating_add(first * 8);
        let chunk = self.l1.get(at, || self.load("the level 1 table", at, count * 8))?;
        let mut entries = chunk.iter().skip((number - first) as usize);
        let Some(entry) = entries.next() else {
            return Err(invalid(format!("the level 1 table has no entry {number}")));
        };
        let broken = |why: String| invalid(format!("level 1 entry {number}: {why}"));
        match self.layout.table(*entry).map_err(broken)? {
            Some(table) => Ok((Some(table), 1)),
            None => {
                let same = entries.take_while(|e| matches!(self.layout.table(**e), Ok(None))).count();
                Ok((None, 1 + same as u64))
            }
        }
    }

    fn walk_table(
        &self,
        table: u64,
        range: Range<u64>,
        visit: &mut Visit<'_>,
    ) -> io::Result<ControlFlow<()>> {
        let (cluster, words) = (self.layout.cluster(), self.layout.entry_words());
        let mut at = range.start;
        while at < range.end {
            let index = at % self.layout.covered() / cluster;
            let slice_bytes = self.slice_entries() * 8 * words;
            let place = table.saturating_add(index / self.slice_entries() * slice_bytes);
            let slice = self.l2.get(place, || {
                self.load(format_args!("the level 2 table at byte {table}"), place, slice_bytes)
            })?;
            let skip = (index % self.slice_entries()) as usize;
            for entry in slice.chunks_exact(words as usize).skip(skip) {
                if at >= range.end {
                    break;
                }
                let found = self.cluster(entry).map_err(|why| {
                    invalid(format!("level 2 table at byte {table}, the entry of guest byte {at}: {why}"))
                })?;
                let end = (at - self.layout.within(at)).saturating_add(cluster).min(range.end);
                if self.walk_cluster(found, at..end, visit)?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
                at = end;
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// The cluster of an entry, which must begin inside the file. Its end need not be there: what was never written
    /// in the last cluster of a file reads as zeros.
    fn cluster(&self, entry: &[u64]) -> Result<Cluster, String> {
        let (first, second) = (entry.first().copied(), entry.get(1).copied());
        let cluster = self.layout.entry(first.unwrap_or_default(), second.unwrap_or_default())?;
        match cluster.host().filter(|at| *at >= self.file.size()) {
            Some(at) => Err(format!("it points to byte {at}, beyond the file's end {}", self.file.size())),
            None => Ok(cluster),
        }
    }

    fn walk_cluster(
        &self,
        cluster: Cluster,
        range: Range<u64>,
        visit: &mut Visit<'_>,
    ) -> io::Result<ControlFlow<()>> {
        let base = range.start - self.layout.within(range.start);
        let mut at = range.start;
        while at < range.end {
            let (mapping, end) = cluster.part(self.layout, at - base);
            let end = base.saturating_add(end).min(range.end);
            if visit(Piece { range: at..end, mapping })?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
            at = end;
        }
        Ok(ControlFlow::Continue(()))
    }

    /// `length` bytes of a table as its big-endian words.
    fn load(&self, what: impl Display, at: u64, length: u64) -> io::Result<Vec<u64>> {
        let file = self.file.size();
        if at.checked_add(length).is_none_or(|end| end > file) {
            return Err(invalid(format!("{what} reaches beyond the file's end {file}")));
        }
        let bytes = read_vec(&*self.file, at, length as usize)?;
        Ok(bytes.chunks_exact(8).filter_map(|word| Fields(word).u64_be(0)).collect())
    }
}

/// Damage in the image.
pub(super) fn invalid(what: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.into())
}
