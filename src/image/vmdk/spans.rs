//! Extents one after the other as one disk. Few of their files are open at once: a disk of 8 TiB in files of 2 GiB
//! has more than a process may open.

use std::collections::HashMap;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use crate::image::extent_list::ExtentList;
use crate::image::{DiskReader, Extent, Place, check_range};

/// Most extents that stay open. 1024 files is what Linux gives a process without further ado.
const MAX_OPEN: usize = 64;

/// Opens the extent with a number.
pub(super) type Opener = Box<dyn Fn(usize) -> io::Result<Arc<dyn DiskReader>> + Send + Sync>;

/// Readers in guest order, opened when they are needed.
pub(super) struct Spans {
    /// Where each ends in the guest's view, in bytes, rising.
    ends: Vec<u64>,
    opener: Opener,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    readers: HashMap<usize, (u64, Arc<dyn DiskReader>)>,
    /// Rises with each use; the reader that was used longest ago has the smallest.
    clock: u64,
}

/// A part of a range that lies in one extent.
struct Piece {
    reader: Arc<dyn DiskReader>,
    /// Where the extent begins in the guest's view.
    base: u64,
    /// Where the piece ends in the guest's view.
    end: u64,
}

impl Spans {
    /// Readers of these sizes in bytes.
    pub(super) fn new(sizes: impl Iterator<Item = u64>, opener: Opener) -> Self {
        let mut end = 0u64;
        let ends = sizes.map(|size| {
            end = end.saturating_add(size);
            end
        });
        Self { ends: ends.collect(), opener, open: Mutex::default() }
    }

    fn piece(&self, at: u64, limit: u64) -> io::Result<Piece> {
        let number = self.ends.partition_point(|end| *end <= at);
        let end = *self.ends.get(number).ok_or(io::ErrorKind::UnexpectedEof)?;
        let base = number.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        let reader = self.reader(number)?;
        if reader.size() != end - base {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("extent {number} has {} bytes instead of {}", reader.size(), end - base),
            ));
        }
        Ok(Piece { reader, base, end: end.min(limit) })
    }

    fn reader(&self, number: usize) -> io::Result<Arc<dyn DiskReader>> {
        if let Some(reader) = self.lock(|open, now| {
            let (used, reader) = open.readers.get_mut(&number)?;
            *used = now;
            Some(Arc::clone(reader))
        }) {
            return Ok(reader);
        }
        // Two threads may open the same one at once; one of the two is kept.
        let reader = (self.opener)(number)?;
        self.lock(|open, now| {
            open.readers.insert(number, (now, Arc::clone(&reader)));
            if open.readers.len() > MAX_OPEN {
                let oldest = open.readers.iter().min_by_key(|(_, (used, _))| *used).map(|(n, _)| *n);
                oldest.map(|number| open.readers.remove(&number));
            }
        });
        Ok(reader)
    }

    fn lock<T>(&self, work: impl FnOnce(&mut Open, u64) -> T) -> T {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.clock += 1;
        let now = open.clock;
        work(&mut open, now)
    }
}

impl DiskReader for Spans {
    fn size(&self) -> u64 {
        self.ends.last().copied().unwrap_or(0)
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        check_range(offset, buf.len() as u64, self.size())?;
        let end = offset.saturating_add(buf.len() as u64);
        let (mut at, mut rest) = (offset, buf);
        while at < end {
            let piece = self.piece(at, end)?;
            let length = usize::try_from(piece.end.saturating_sub(at)).map_err(io::Error::other)?;
            let cut = std::mem::take(&mut rest).split_at_mut_checked(length);
            let (now, later) = cut.ok_or(io::ErrorKind::UnexpectedEof)?;
            piece.reader.read_at(now, at - piece.base)?;
            (at, rest) = (piece.end, later);
        }
        Ok(())
    }

    fn extents(&self, range: Range<u64>) -> io::Result<Vec<Extent>> {
        check_range(range.start, range.end.saturating_sub(range.start), self.size())?;
        let mut list = ExtentList::new(range.clone());
        let mut at = range.start;
        while at < range.end {
            let piece = self.piece(at, range.end)?;
            for extent in piece.reader.extents(at - piece.base..piece.end - piece.base)? {
                list.push_to(piece.base.saturating_add(extent.start).saturating_add(extent.len), extent.kind);
            }
            at = piece.end;
        }
        Ok(list.finish())
    }

    fn place(&self, offset: u64) -> io::Result<Option<Place>> {
        check_range(offset, 1, self.size())?;
        let piece = self.piece(offset, u64::MAX)?;
        piece.reader.place(offset - piece.base)
    }
}

#[cfg(test)]
#[path = "spans_tests.rs"]
mod tests;
