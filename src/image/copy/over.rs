//! Digests of a disk that lies as an overlay over another: only what the overlay decides is read.

use std::collections::BTreeSet;
use std::ops::Range;

use super::chunk::CHUNK;
use super::content::Content;
use super::error::CopyError;
use super::verify::digest;
use crate::exec;
use crate::image::layers::windows;
use crate::image::{DiskReader, Extent, ExtentKind};

/// Digests of `whole`, which is `overlay` (alone) over `below`, whose digests are known.
///
/// # Errors
/// `Read` where one cannot be read; `Cancelled`.
pub fn digests_over(
    base: &Content,
    below: &dyn DiskReader,
    overlay: &dyn DiskReader,
    whole: &dyn DiskReader,
) -> Result<Content, CopyError> {
    let mut content = base.clone();
    let mut buffer = Vec::new();
    for index in changed(below, overlay)? {
        exec::check_cancelled().map_err(|_| CopyError::Cancelled)?;
        match digest(whole, index, &mut buffer)? {
            Some(digest) => drop(content.chunks.insert(index, digest)),
            None => drop(content.chunks.remove(&index)),
        }
    }
    Ok(content.sealed())
}

/// Chunks that the overlay may have changed: where it holds data, or zeros over data. Free space that was left out
/// below and is zeros above is no change.
fn changed(below: &dyn DiskReader, overlay: &dyn DiskReader) -> Result<BTreeSet<u64>, CopyError> {
    let mut found = BTreeSet::new();
    for window in windows(overlay.size()) {
        for extent in extents(overlay, window)? {
            let range = extent.start..extent.start.saturating_add(extent.len);
            match extent.kind {
                ExtentKind::Unallocated => {}
                ExtentKind::Data => found.extend(chunks(&range)),
                ExtentKind::Zero => {
                    let below = extents(below, range)?.into_iter().filter(|e| e.kind == ExtentKind::Data);
                    found.extend(below.flat_map(|e| chunks(&(e.start..e.start.saturating_add(e.len)))));
                }
            }
        }
    }
    Ok(found)
}

fn extents(disk: &dyn DiskReader, range: Range<u64>) -> Result<Vec<Extent>, CopyError> {
    let offset = range.start;
    disk.extents(range).map_err(|source| CopyError::Read { offset, source })
}

/// Numbers of the chunks that a range touches.
fn chunks(range: &Range<u64>) -> Range<u64> {
    range.start / CHUNK..range.end.div_ceil(CHUNK)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::copy::verify_content;
    use crate::image::layers::ChainReader;
    use std::io;

    const SIZE: u64 = 3 * CHUNK + 65536;

    /// A disk of pieces that follow each other: kind, length, and the byte that its data is made of.
    #[derive(Clone)]
    struct Pieces(Vec<(ExtentKind, u64, u8)>);

    impl DiskReader for Pieces {
        fn size(&self) -> u64 {
            self.0.iter().map(|p| p.1).sum()
        }

        fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
            let mut start = 0;
            for (kind, len, byte) in &self.0 {
                let byte = if *kind == ExtentKind::Data { *byte } else { 0 };
                for at in start.max(offset)..(start + len).min(offset + buf.len() as u64) {
                    buf[(at - offset) as usize] = byte;
                }
                start += len;
            }
            Ok(())
        }

        fn extents(&self, range: Range<u64>) -> io::Result<Vec<Extent>> {
            let mut start = 0;
            let mut found = Vec::new();
            for (kind, len, _) in &self.0 {
                let (from, to) = (range.start.max(start), range.end.min(start + len));
                if from < to {
                    found.push(Extent { start: from, len: to - from, kind: *kind });
                }
                start += len;
            }
            Ok(found)
        }
    }

    #[test]
    fn only_what_the_overlay_decides_is_read_anew() {
        use ExtentKind::{Data, Unallocated, Zero};
        let below = Pieces(vec![(Data, CHUNK, 1), (Zero, CHUNK, 0), (Data, CHUNK + 65536, 2)]);
        let zeros = |from, len| {
            Pieces(vec![(Unallocated, from, 0), (Zero, len, 0), (Unallocated, SIZE - from - len, 0)])
        };
        let data = Pieces(vec![
            (Unallocated, CHUNK / 2, 0),
            (Data, CHUNK, 7),
            (Unallocated, SIZE - 3 * CHUNK / 2, 0),
        ]);
        let empty = Pieces(vec![(Unallocated, SIZE, 0)]);
        let content = |disk: &dyn DiskReader| {
            let mut content = Content { size: SIZE, ..Content::default() };
            let mut buffer = Vec::new();
            for index in 0..4 {
                if let Some(found) = digest(disk, index, &mut buffer).unwrap() {
                    content.chunks.insert(index, found);
                }
            }
            content.sealed()
        };
        let base = content(&below);
        let cases = [
            (empty, 0),
            (zeros(CHUNK, CHUNK), 0),
            (zeros(0, 2 * CHUNK), 1),
            (zeros(CHUNK, SIZE - CHUNK), 2),
            (data, 2),
        ];
        for (number, (overlay, touched)) in cases.into_iter().enumerate() {
            let whole = ChainReader::new(vec![Box::new(overlay.clone()), Box::new(below.clone())]);
            assert_eq!(changed(&below, &overlay).unwrap().len(), touched, "{number}");
            let found = digests_over(&base, &below, &overlay, &whole).unwrap();
            assert_eq!(found, content(&whole), "{number}");
            assert_eq!(verify_content(&whole, &found, &|_| {}).unwrap(), None, "{number}");
        }
    }
}
