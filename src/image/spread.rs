//! Pieces of disks, spread over where they have data, as one small disk: what a sample is taken of.

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use super::copy::chunk::CHUNK;
use super::layers::windows;
use super::{DiskReader, Extent, ExtentKind, Place, check_range};

/// Most pieces that are remembered of a disk. With more, every second is dropped: those that stay are spread as evenly.
const MAX_PIECES: usize = 4096;

/// A chunk of a disk that holds data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Number of the disk.
    pub disk: usize,
    /// Where it is there, in bytes: from a chunk's bound to the next, or to the disk's end.
    pub range: Range<u64>,
    /// Bytes of data in it.
    pub data: u64,
}

/// Chunks with data of a disk, evenly spread, in order. What has not been looked at when the time is up is left out.
///
/// # Errors
/// What the medium reports.
pub fn pieces(disk: usize, reader: &dyn DiskReader, until: Instant) -> io::Result<Vec<Piece>> {
    let size = reader.size();
    let (mut found, mut stride) = (Vec::<Piece>::new(), 1);
    for window in windows(size) {
        if Instant::now() >= until {
            break;
        }
        let data = reader.extents(window)?.into_iter().filter(|e| e.kind == ExtentKind::Data);
        for extent in data {
            let end = extent.start.saturating_add(extent.len);
            let mut at = extent.start;
            while at < end {
                let start = at / CHUNK * CHUNK;
                let next = start.saturating_add(CHUNK).min(size);
                let upto = end.min(next);
                match found.last_mut() {
                    Some(last) if last.range.start == start => last.data += upto - at,
                    _ if (start / CHUNK).is_multiple_of(stride) => {
                        found.push(Piece { disk, range: start..next, data: upto - at });
                    }
                    _ => {}
                }
                at = upto;
            }
            if found.len() > MAX_PIECES {
                stride *= 2;
                found.retain(|piece| (piece.range.start / CHUNK).is_multiple_of(stride));
            }
        }
    }
    Ok(found)
}

/// Pieces one behind the other, a chunk each.
pub struct Spread {
    disks: Arc<[Arc<dyn DiskReader>]>,
    pieces: Vec<Piece>,
    /// From then on it cannot be read: a sample does not take for ever.
    until: Instant,
}

impl Spread {
    /// A disk of these pieces. Each names one of `disks`.
    pub fn new(disks: Arc<[Arc<dyn DiskReader>]>, pieces: Vec<Piece>, until: Instant) -> Self {
        Self { disks, pieces, until }
    }

    /// Bytes of data in it.
    pub fn data(&self) -> u64 {
        self.pieces.iter().fold(0, |sum, piece| sum.saturating_add(piece.data))
    }

    /// Does something with each part of a range: the reader, its range, and where that begins here.
    fn each<'a>(
        &'a self,
        range: Range<u64>,
        mut part: impl FnMut(Option<&'a dyn DiskReader>, Range<u64>, u64) -> io::Result<()>,
    ) -> io::Result<()> {
        check_range(range.start, range.end.saturating_sub(range.start), self.size())?;
        let mut at = range.start;
        while at < range.end {
            let index = usize::try_from(at / CHUNK).unwrap_or(usize::MAX);
            let start = at / CHUNK * CHUNK;
            let upto = range.end.min(start + CHUNK);
            let found = self.pieces.get(index).and_then(|p| Some((p, self.disks.get(p.disk)?)));
            let Some((piece, disk)) = found else { return Err(io::ErrorKind::UnexpectedEof.into()) };
            let (from, to) = (piece.range.start + (at - start), piece.range.start + (upto - start));
            // The last chunk of a disk may be short: zeros follow.
            let there = to.min(piece.range.end);
            if from < there {
                part(Some(disk.as_ref()), from..there, at)?;
            }
            let rest = from.max(there)..to;
            if !rest.is_empty() {
                part(None, rest.clone(), upto - (rest.end - rest.start))?;
            }
            at = upto;
        }
        Ok(())
    }
}

impl DiskReader for Spread {
    fn size(&self) -> u64 {
        self.pieces.len() as u64 * CHUNK
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        if Instant::now() >= self.until {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "the time of the sample is up"));
        }
        let end = offset.saturating_add(buf.len() as u64);
        self.each(offset..end, |disk, range, at| {
            let from = (at - offset) as usize;
            let place = buf.get_mut(from..from + (range.end - range.start) as usize).unwrap_or_default();
            match disk {
                Some(disk) => disk.read_at(place, range.start),
                None => {
                    place.fill(0);
                    Ok(())
                }
            }
        })
    }

    fn extents(&self, range: Range<u64>) -> io::Result<Vec<Extent>> {
        let mut found = Vec::new();
        self.each(range, |disk, range, at| {
            match disk {
                Some(disk) => found.extend(
                    disk.extents(range.clone())?
                        .into_iter()
                        .map(|e| Extent { start: e.start - range.start + at, ..e }),
                ),
                None => found.push(Extent {
                    start: at,
                    len: range.end - range.start,
                    kind: ExtentKind::Unallocated,
                }),
            }
            Ok(())
        })?;
        Ok(found)
    }

    fn place(&self, offset: u64) -> io::Result<Option<Place>> {
        let upto = self.size().min((offset / CHUNK + 1) * CHUNK);
        let mut found = None;
        self.each(offset..upto, |disk, range, at| {
            if let (Some(disk), true) = (disk, at == offset) {
                let len = range.end - range.start;
                found = disk.place(range.start)?.map(|place| Place { len: place.len.min(len), ..place });
            }
            Ok(())
        })?;
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::image::testing::Patches;

    fn later() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    #[test]
    fn pieces_are_where_the_data_is_and_read_as_it() {
        let (a, b) = (Patches::new(CHUNK * 4), Patches::new(CHUNK + 3));
        let a = a.data(CHUNK - 1, b"xy").data(3 * CHUNK + 5, b"z").data(3 * CHUNK + 9, b"z");
        let b = b.data(CHUNK, b"end");
        let disks: Arc<[Arc<dyn DiskReader>]> = Arc::new([Arc::new(a) as _, Arc::new(b) as _]);
        let mut all = Vec::new();
        for (index, disk) in disks.iter().enumerate() {
            all.extend(pieces(index, disk.as_ref(), later()).unwrap());
        }
        let flat: Vec<_> = all.iter().map(|p| (p.disk, p.range.start, p.data)).collect();
        assert_eq!(flat, [(0, 0, 1), (0, CHUNK, 1), (0, 3 * CHUNK, 2), (1, CHUNK, 3)]);
        let spread = Spread::new(disks, all, later());
        assert_eq!((spread.data(), spread.size()), (7, 4 * CHUNK));
        let mut bytes = [9; 4];
        spread.read_at(&mut bytes, CHUNK - 1).unwrap();
        assert_eq!(&bytes, b"xy\0\0");
        spread.read_at(&mut bytes, 3 * CHUNK).unwrap();
        assert_eq!(&bytes, b"end\0");
        let data: u64 = spread
            .extents(0..spread.size())
            .unwrap()
            .iter()
            .inspect(|e| assert!(e.start + e.len <= spread.size()))
            .filter(|e| e.kind == ExtentKind::Data)
            .map(|e| e.len)
            .sum();
        assert_eq!(data, 7);
        assert!(spread.read_at(&mut bytes, 4 * CHUNK - 3).is_err());
    }

    #[test]
    fn when_the_time_is_up_nothing_is_read() {
        let disk: Arc<dyn DiskReader> = Arc::new(Patches::new(CHUNK).data(0, b"x"));
        let all = pieces(0, disk.as_ref(), later()).unwrap();
        let spread = Spread::new(Arc::new([disk.clone()]), all, Instant::now());
        assert_eq!(spread.read_at(&mut [0], 0).unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(pieces(0, disk.as_ref(), Instant::now()).unwrap(), []);
    }
}
