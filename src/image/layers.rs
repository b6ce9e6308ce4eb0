//! A chain read as one disk: what an image does not hold, its parent does.

use std::io;
use std::ops::Range;

use super::extent_list::ExtentList;
use super::{DiskReader, Extent, ExtentKind, Place, check_range};

/// Guest bytes that are mapped at once by a read: bounds the extents that it holds in memory.
const WINDOW: u64 = 16 << 20;

/// Takes a piece, with the layer that decides it.
type Found<'a> = dyn FnMut(Option<&dyn DiskReader>, Extent) -> io::Result<()> + 'a;

/// Layers, the active one first. Each is a reader of one image alone, where `Unallocated` leaves it to the next.
pub struct ChainReader {
    layers: Vec<Box<dyn DiskReader>>,
    size: u64,
}

impl ChainReader {
    /// A disk of the active layer's size. A parent may be shorter: beyond it are zeros.
    pub fn new(layers: Vec<Box<dyn DiskReader>>) -> Self {
        let size = layers.first().map_or(0, |layer| layer.size());
        Self { layers, size }
    }

    /// Calls `found` for each piece of the range in order, with the layer that decides it; `None` where none does.
    fn walk(&self, depth: usize, range: Range<u64>, found: &mut Found<'_>) -> io::Result<()> {
        let none = |range: Range<u64>| Extent {
            start: range.start,
            len: range.end.saturating_sub(range.start),
            kind: ExtentKind::Unallocated,
        };
        let Some(layer) = self.layers.get(depth) else { return found(None, none(range)) };
        let inside = range.start..range.end.min(layer.size()).max(range.start);
        if !inside.is_empty() {
            for extent in layer.extents(inside.clone())? {
                match extent.kind {
                    ExtentKind::Unallocated => {
                        let end = extent.start.saturating_add(extent.len);
                        self.walk(depth.saturating_add(1), extent.start..end, found)?;
                    }
                    ExtentKind::Data | ExtentKind::Zero => found(Some(layer.as_ref()), extent)?,
                }
            }
        }
        if inside.end < range.end { found(None, none(inside.end..range.end)) } else { Ok(()) }
    }
}

impl DiskReader for ChainReader {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        check_range(offset, buf.len() as u64, self.size)?;
        if let [only] = self.layers.as_slice() {
            return only.read_at(buf, offset);
        }
        let end = offset.saturating_add(buf.len() as u64);
        let mut at = offset;
        while at < end {
            let stop = end.min(at.saturating_add(WINDOW));
            self.walk(0, at..stop, &mut |layer, extent| {
                let from = usize::try_from(extent.start - offset).map_err(io::Error::other)?;
                let len = usize::try_from(extent.len).map_err(io::Error::other)?;
                let piece = from.checked_add(len).and_then(|to| buf.get_mut(from..to));
                let piece =
                    piece.ok_or_else(|| io::Error::other("an image maps more than it was asked for"))?;
                match (layer, extent.kind) {
                    (Some(layer), ExtentKind::Data) => layer.read_at(piece, extent.start),
                    _ => {
                        piece.fill(0);
                        Ok(())
                    }
                }
            })?;
            at = stop;
        }
        Ok(())
    }

    fn extents(&self, range: Range<u64>) -> io::Result<Vec<Extent>> {
        check_range(range.start, range.end.saturating_sub(range.start), self.size)?;
        if let [only] = self.layers.as_slice() {
            return only.extents(range);
        }
        let mut list = ExtentList::new(range.clone());
        self.walk(0, range, &mut |_, extent| {
            list.push_to(extent.start.saturating_add(extent.len), extent.kind);
            Ok(())
        })?;
        Ok(list.finish())
    }

    fn place(&self, offset: u64) -> io::Result<Option<Place>> {
        check_range(offset, 1, self.size)?;
        let mut end = offset.saturating_add(WINDOW);
        for layer in &self.layers {
            if offset >= layer.size() {
                return Ok(None);
            }
            let Some(first) = layer.extents(offset..end.min(layer.size()))?.first().copied() else {
                return Ok(None);
            };
            match first.kind {
                // What lies below shows only as far as every layer above it holds nothing.
                ExtentKind::Unallocated => end = first.start.saturating_add(first.len),
                ExtentKind::Zero => return Ok(None),
                // Not further than this layer decides: a place may not see where its own data ends.
                ExtentKind::Data => {
                    let cut = |place: Place| Place { len: place.len.min(first.len), ..place };
                    return Ok(layer.place(offset)?.map(cut));
                }
            }
        }
        Ok(None)
    }
}

/// Bytes of data in a disk: what a copy has to look at.
///
/// # Errors
/// What the medium reports.
pub fn data_bytes(reader: &dyn DiskReader) -> io::Result<u64> {
    let mut sum = 0u64;
    for window in windows(reader.size()) {
        let data = reader.extents(window)?.into_iter().filter(|e| e.kind == ExtentKind::Data);
        sum = data.fold(sum, |sum, e| sum.saturating_add(e.len));
    }
    Ok(sum)
}

/// A disk in windows of 1 GiB: bounds the extents that are held in memory.
pub fn windows(size: u64) -> impl Iterator<Item = Range<u64>> {
    const STEP: u64 = 1 << 30;
    (0..size.div_ceil(STEP)).map(move |n| n * STEP..size.min((n + 1).saturating_mul(STEP)))
}

#[cfg(test)]
#[path = "layers_tests.rs"]
mod tests;
