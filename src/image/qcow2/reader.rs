//! The bytes of one qcow2 image: QEMU docs/interop/qcow2.rst, versions 2 and 3. Refcounts are not looked at, so a
//! dirty image reads like a clean one; internal snapshots are left out.

use std::io;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use h2k_transports::RangeRead;
use h2k_transports::range::LocalRange;

use super::entry::{Mapping, Packed};
use super::header::{Compression, Qcow2Header};
use super::packed::unpack;
use super::walk::{Piece, Tables, invalid};
use crate::image::bytes::read_vec;
use crate::image::cache::TableCache;
use crate::image::error::ImageError;
use crate::image::extent_list::ExtentList;
use crate::image::{DiskReader, Extent, ExtentKind, Image, Place, check_range};

/// Reads one qcow2 image, without its backing file: what is not allocated is the parent's to say.
pub struct Qcow2Reader {
    tables: Tables,
    size: u64,
    compression: Compression,
    /// Clusters that were unpacked lately, by their place in the file: short reads in order unpack each once.
    unpacked: TableCache<u8>,
}

/// The layer of an image that `resolve` has read.
///
/// # Errors
/// `NotFound` or `Io` if the file cannot be opened; `Corrupt` if it is another image than it was; otherwise as
/// [`Qcow2Reader::open`].
pub(crate) fn layer(image: &Image) -> Result<Box<dyn DiskReader>, ImageError> {
    let doing = || format!("opening {}", image.path.display());
    let bytes = match image.part {
        None => LocalRange::open(&image.path),
        Some(part) => LocalRange::open_part(&image.path, part.offset, part.length),
    };
    let bytes = bytes.map_err(|e| ImageError::io(doing(), e))?;
    let reader = Qcow2Reader::open(Arc::new(bytes)).map_err(|e| e.context(doing()))?;
    if reader.size != image.size {
        return Err(ImageError::corrupt(format!(
            "{} describes a disk of {} bytes, which had {} before",
            image.path.display(),
            reader.size,
            image.size
        )));
    }
    Ok(Box::new(reader))
}

impl Qcow2Reader {
    /// Reads the header; the tables follow as they are needed.
    ///
    /// # Errors
    /// As [`Qcow2Header::read`]; `Corrupt` if the level 1 table is not all there.
    pub fn open(bytes: Arc<dyn RangeRead>) -> Result<Self, ImageError> {
        let header = Qcow2Header::read(&*bytes)?;
        header.check_level_1(&*bytes)?;
        Ok(Self {
            size: header.size,
            compression: header.compression,
            tables: Tables::new(bytes, &header),
            unpacked: TableCache::default(),
        })
    }

    /// Fills `buf` from the byte `at` of the file, with zeros beyond its end.
    fn read_host(&self, buf: &mut [u8], at: u64) -> io::Result<()> {
        let there = self.tables.file.size().saturating_sub(at).min(buf.len() as u64);
        // No more than the buffer's length.
        let (there, beyond) = buf.split_at_mut(there as usize);
        beyond.fill(0);
        if there.is_empty() { Ok(()) } else { self.tables.file.read_at(there, at) }
    }

    /// Fills `buf` from `within` bytes into a compressed cluster.
    fn read_packed(&self, buf: &mut [u8], packed: Packed, within: u64) -> io::Result<()> {
        let cluster = self.tables.layout.cluster() as usize;
        if within == 0 && buf.len() == cluster {
            return self.unpack(packed, buf);
        }
        let whole = self.unpacked.get(packed.descriptor, || {
            let mut whole = vec![0; cluster];
            self.unpack(packed, &mut whole).map(|()| whole)
        })?;
        let start = within as usize;
        let found = start.checked_add(buf.len()).and_then(|end| whole.get(start..end));
        buf.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn unpack(&self, packed: Packed, cluster: &mut [u8]) -> io::Result<()> {
        let file = &*self.tables.file;
        // A file need not end with a sector. At most 4 MiB: the descriptor has no bits for more.
        let there = file.size().saturating_sub(packed.at).min(packed.len);
        let bytes = read_vec(file, packed.at, there as usize)?;
        unpack(self.compression, &bytes, cluster)
            .map_err(|e| invalid(format!("compressed cluster at byte {}: {e}", packed.at)))
    }
}

/// Fills a buffer piece by piece; data that lies together is read at once.
struct Fill<'a> {
    reader: &'a Qcow2Reader,
    buf: &'a mut [u8],
    /// Guest offset of the buffer's first byte.
    start: u64,
    /// Data that is still to be read: guest offsets, and where the first of them is in the file.
    pending: Option<(Range<u64>, u64)>,
}

impl Fill<'_> {
    fn take(&mut self, piece: Piece) -> io::Result<()> {
        if let (Mapping::Data(host), Some((range, first))) = (piece.mapping, &mut self.pending)
            && host.checked_sub(*first) == Some(range.end - range.start)
        {
            range.end = piece.range.end;
            return Ok(());
        }
        self.flush()?;
        match piece.mapping {
            Mapping::Data(host) => self.pending = Some((piece.range, host)),
            Mapping::Zero | Mapping::Unallocated => self.part(&piece.range)?.fill(0),
            Mapping::Packed(packed) => {
                let within = self.reader.tables.layout.within(piece.range.start);
                let reader = self.reader;
                reader.read_packed(self.part(&piece.range)?, packed, within)?;
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        let Some((range, host)) = self.pending.take() else { return Ok(()) };
        let reader = self.reader;
        reader.read_host(self.part(&range)?, host)
    }

    /// The part of the buffer for a range of guest offsets.
    fn part(&mut self, range: &Range<u64>) -> io::Result<&mut [u8]> {
        let place = |at: u64| usize::try_from(at.saturating_sub(self.start)).unwrap_or(usize::MAX);
        let (from, to) = (place(range.start), place(range.end));
        self.buf.get_mut(from..to).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

impl DiskReader for Qcow2Reader {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let length = buf.len() as u64;
        check_range(offset, length, self.size)?;
        let mut fill = Fill { reader: self, buf, start: offset, pending: None };
        self.tables.walk(offset..offset.saturating_add(length), &mut |piece| {
            fill.take(piece).map(ControlFlow::Continue)
        })?;
        fill.flush()
    }

    fn extents(&self, range: Range<u64>) -> io::Result<Vec<Extent>> {
        check_range(range.start, range.end.saturating_sub(range.start), self.size)?;
        let mut list = ExtentList::new(range.clone());
        self.tables.walk(range, &mut |piece| {
            list.push_to(piece.range.end, kind(piece.mapping));
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(list.finish())
    }

    fn place(&self, offset: u64) -> io::Result<Option<Place>> {
        check_range(offset, 1, self.size)?;
        let Some((file, start)) = self.tables.file.local() else { return Ok(None) };
        let covers = self.tables.slice_covers();
        let end = (offset - offset % covers).saturating_add(covers).min(self.size);
        let (mut first, mut len) = (None, 0);
        self.tables.walk(offset..end, &mut |piece| {
            let host = match piece.mapping {
                Mapping::Data(host) => host,
                _ => return Ok(ControlFlow::Break(())),
            };
            if host.checked_sub(*first.get_or_insert(host)) != Some(len) {
                return Ok(ControlFlow::Break(()));
            }
            len += piece.range.end - piece.range.start;
            Ok(ControlFlow::Continue(()))
        })?;
        // What is not in the file reads as zeros, and is no part of it to share.
        let there = first.map(|host: u64| (host, len.min(self.tables.file.size().saturating_sub(host))));
        let there = there.filter(|(_, len)| *len > 0);
        Ok(there.map(|(host, len)| Place { file: Arc::clone(file), offset: start.saturating_add(host), len }))
    }
}

fn kind(mapping: Mapping) -> ExtentKind {
    match mapping {
        Mapping::Unallocated => ExtentKind::Unallocated,
        Mapping::Zero => ExtentKind::Zero,
        Mapping::Data(_) | Mapping::Packed(_) => ExtentKind::Data,
    }
}

#[cfg(test)]
#[path = "forge.rs"]
mod forge;
#[cfg(test)]
#[path = "reader_tests.rs"]
mod tests;
