//! A disk whose bytes lie as they are in one file: raw, a fixed VHD, a flat VMDK. Holes are found by
//! `SEEK_DATA` and `SEEK_HOLE` (lseek(2)).

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use rustix::fs::SeekFrom;
use rustix::io::Errno;

use super::error::ImageError;
use super::link::{FlatBytes, Part};
use super::{DiskReader, Extent, ExtentKind, Place, check_range};

/// Reads a part of a file as a disk.
#[derive(Debug)]
pub struct RawReader {
    file: Arc<File>,
    part: Part,
}

impl RawReader {
    /// Opens the file that holds the bytes.
    ///
    /// # Errors
    /// `NotFound` or `Io` if it cannot be opened, `Corrupt` if it is shorter than when the chain was checked.
    pub fn open(flat: &FlatBytes) -> Result<Self, ImageError> {
        let doing = |e| ImageError::io(format!("opening {}", flat.path.display()), e);
        let file = File::open(&flat.path).map_err(doing)?;
        let size = file.metadata().map_err(doing)?.len();
        check_range(flat.part.offset, flat.part.length, size).map_err(doing)?;
        Ok(Self { file: Arc::new(file), part: flat.part })
    }

    /// The next place of a kind at or after `at`, in bytes of the file; `None` if there is none.
    fn seek(&self, to: SeekFrom) -> io::Result<Option<u64>> {
        // lseek moves the file's position, which nothing else here uses.
        match rustix::fs::seek(&*self.file, to) {
            Ok(at) => Ok(Some(at)),
            Err(Errno::NXIO) => Ok(None),
            Err(e) => Err(e.into()),
        }
    }

    /// Where data begins at or after `at`, and where it ends, within `end`. All in bytes of the file.
    fn data_after(&self, at: u64, end: u64) -> io::Result<Option<(u64, u64)>> {
        let start = match self.seek(SeekFrom::Data(at)) {
            // A file system that knows no holes: all is data.
            Err(e) if e.raw_os_error() == Some(Errno::INVAL.raw_os_error()) => return Ok(Some((at, end))),
            found => found?,
        };
        let Some(start) = start.filter(|start| *start < end) else { return Ok(None) };
        let hole = self.seek(SeekFrom::Hole(start))?.unwrap_or(end).clamp(start, end);
        // A hole where data was said to begin: the file changed meanwhile. Reading is always right.
        Ok(Some((start, if hole == start { end } else { hole })))
    }
}

impl DiskReader for RawReader {
    fn size(&self) -> u64 {
        self.part.length
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        check_range(offset, buf.len() as u64, self.part.length)?;
        // `open` has checked that the part lies in a file, so its offsets do not overflow.
        self.file.read_exact_at(buf, self.part.offset.saturating_add(offset))
    }

    fn extents(&self, range: Range<u64>) -> io::Result<Vec<Extent>> {
        check_range(range.start, range.end.saturating_sub(range.start), self.part.length)?;
        let base = self.part.offset;
        let (mut at, end) = (base.saturating_add(range.start), base.saturating_add(range.end));
        let mut extents = Vec::new();
        let mut push = |from: u64, to: u64, kind| {
            if from < to {
                extents.push(Extent { start: from - base, len: to - from, kind });
            }
        };
        while at < end {
            let (start, stop) = self.data_after(at, end)?.unwrap_or((end, end));
            push(at, start, ExtentKind::Zero);
            push(start, stop, ExtentKind::Data);
            at = stop;
        }
        Ok(extents)
    }

    fn place(&self, offset: u64) -> io::Result<Option<Place>> {
        check_range(offset, 1, self.part.length)?;
        let (at, end) =
            (self.part.offset.saturating_add(offset), self.part.offset.saturating_add(self.part.length));
        let data = self.data_after(at, end)?.filter(|(start, _)| *start == at);
        let place = |stop: u64| Place { file: Arc::clone(&self.file), offset: at, len: stop - at };
        Ok(data.map(|(_, stop)| place(stop)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sparse file: data at 1 MiB and at 3 MiB, 64 KiB each, 4 MiB in all.
    fn sparse() -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(4 << 20).unwrap();
        for at in [1 << 20, 3 << 20] {
            file.as_file().write_all_at(&[7; 64 << 10], at).unwrap();
        }
        file
    }

    fn reader(file: &tempfile::NamedTempFile, offset: u64, length: u64) -> RawReader {
        RawReader::open(&FlatBytes { path: file.path().to_path_buf(), part: Part { offset, length } })
            .unwrap()
    }

    #[test]
    fn holes_are_zeros_in_guest_offsets() {
        let file = sparse();
        let reader = reader(&file, 512 << 10, 3 << 20);
        let extents = reader.extents(0..reader.size()).unwrap();
        let want = |start: u64, end: u64, kind| Extent { start: start << 10, len: (end - start) << 10, kind };
        assert_eq!(
            extents,
            [
                want(0, 512, ExtentKind::Zero),
                want(512, 576, ExtentKind::Data),
                want(576, 2560, ExtentKind::Zero),
                want(2560, 2624, ExtentKind::Data),
                want(2624, 3072, ExtentKind::Zero),
            ]
        );
        assert_eq!(reader.extents(600 << 10..700 << 10).unwrap(), [want(600, 700, ExtentKind::Zero)]);
        assert_eq!(reader.extents(5..5).unwrap(), []);
    }

    #[test]
    fn reads_end_with_the_part() {
        let file = sparse();
        let reader = reader(&file, 1 << 20, 64 << 10);
        let mut buf = [0; 4];
        reader.read_at(&mut buf, (64 << 10) - 4).unwrap();
        assert_eq!(buf, [7; 4]);
        for offset in [(64 << 10) - 3, u64::MAX] {
            assert_eq!(reader.read_at(&mut buf, offset).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        }
        assert_eq!(reader.extents(0..(64 << 10) + 1).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn a_file_that_has_become_shorter_is_noticed() {
        let file = sparse();
        let part = Part { offset: 1, length: 4 << 20 };
        let error = RawReader::open(&FlatBytes { path: file.path().to_path_buf(), part }).unwrap_err();
        assert_eq!(error.kind(), crate::image::ImageErrorKind::Corrupt);
    }
}
