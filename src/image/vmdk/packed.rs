//! Grains of a stream-optimized extent: Virtual Disk Format 5.0, "Stream-Optimized Compressed Sparse Extents". Each
//! is a zlib stream (RFC 1950) behind a marker with the grain's address and the length of the stream.

use std::cell::RefCell;
use std::io;

use h2k_transports::RangeRead;
use libdeflater::{DecompressionError, Decompressor};

use crate::image::bytes::{Fields, SECTOR, read_vec};
use crate::image::error::ImageError;

/// Bytes of a grain marker before the compressed data: LBA and size.
pub(super) const GRAIN_MARKER_BYTES: u64 = 12;

/// A compressed grain may be this many times larger than a plain one; deflate adds 5 bytes to each 64 KiB that it
/// cannot compress (RFC 1951, 3.2.4).
const MAX_GROWTH: u64 = 2;

/// How grains lie in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    /// As they are.
    None,
    /// Compressed, behind a marker.
    Marked,
    /// Compressed, without markers: nothing says where one ends.
    Bare,
}

/// A grain that is compressed.
pub(super) struct PackedGrain<'a> {
    pub bytes: &'a dyn RangeRead,
    /// Where it begins in the file, marker and all.
    pub at: u64,
    pub packing: Packing,
    /// Where it begins in the extent's guest view.
    pub start: u64,
    /// Bytes of it that the guest sees: fewer than a grain only at the disk's end.
    pub needed: u64,
}

thread_local! {
    // A decompressor is 32 KiB of tables that are built anew for each stream.
    static DECOMPRESSOR: RefCell<Decompressor> = RefCell::new(Decompressor::new());
}

impl PackedGrain<'_> {
    /// Fills `out`, which is as long as a grain. Of the disk's last grain the rest may stay as it was.
    ///
    /// # Errors
    /// `InvalidData` for what is no such grain, with its place; otherwise what the medium reports.
    pub(super) fn unpack(&self, out: &mut [u8]) -> io::Result<()> {
        let grain = out.len() as u64;
        let stream = self.stream(grain)?;
        let found = DECOMPRESSOR.with_borrow_mut(|inflate| inflate.zlib_decompress(&stream, out));
        let length = found.map_err(|e| match e {
            DecompressionError::BadData => self.wrong("does not decompress"),
            DecompressionError::InsufficientSpace => {
                self.wrong(&format!("decompresses to more than {grain} bytes"))
            }
        })? as u64;
        // Writers differ in whether they pad the last grain of a disk.
        if length != grain && length != self.needed {
            return Err(self.wrong(&format!("decompresses to {length} bytes instead of {grain}")));
        }
        Ok(())
    }

    /// The compressed bytes, and maybe some that follow them.
    fn stream(&self, grain: u64) -> io::Result<Vec<u8>> {
        let most = grain.saturating_mul(MAX_GROWTH);
        let (at, length) = match self.packing {
            Packing::Marked => (self.at.saturating_add(GRAIN_MARKER_BYTES), self.marked_length(most)?),
            Packing::None | Packing::Bare => (self.at, self.bytes.size().saturating_sub(self.at).min(most)),
        };
        if at.checked_add(length).is_none_or(|end| end > self.bytes.size()) {
            return Err(self.beyond());
        }
        read_vec(self.bytes, at, usize::try_from(length).map_err(io::Error::other)?)
    }

    fn marked_length(&self, most: u64) -> io::Result<u64> {
        if self.at.checked_add(GRAIN_MARKER_BYTES).is_none_or(|end| end > self.bytes.size()) {
            return Err(self.beyond());
        }
        let mut marker = [0; GRAIN_MARKER_BYTES as usize];
        self.bytes.read_at(&mut marker, self.at)?;
        let (Some(lba), Some(length)) = (Fields(&marker).u64_le(0), Fields(&marker).u32_le(8)) else {
            return Err(self.beyond());
        };
        if lba != self.start / SECTOR {
            let wanted = self.start / SECTOR;
            return Err(self.wrong(&format!("has a marker of sector {lba} instead of {wanted}")));
        }
        let length = u64::from(length);
        if length == 0 || length > most {
            return Err(self.wrong(&format!("has a marker of {length} compressed bytes")));
        }
        Ok(length)
    }

    fn beyond(&self) -> io::Error {
        self.wrong(&format!("ends beyond the file's end {}", self.bytes.size()))
    }

    fn wrong(&self, what: &str) -> io::Error {
        io::Error::new(
            io::ErrorKind::InvalidData,
            format!("the compressed grain of guest offset {} at byte {} {what}", self.start, self.at),
        )
    }
}

/// End of the compressed grain that begins at `at`; `None` beyond all files.
pub(super) fn compressed_end(file: &dyn RangeRead, at: u64) -> Result<Option<u64>, ImageError> {
    if at.checked_add(GRAIN_MARKER_BYTES).is_none_or(|end| end > file.size()) {
        return Ok(at.checked_add(GRAIN_MARKER_BYTES));
    }
    let marker =
        read_vec(file, at, GRAIN_MARKER_BYTES as usize).map_err(|e| ImageError::io("reading a grain", e))?;
    let size = Fields(&marker).u32_le(8).unwrap_or_default();
    Ok(at.checked_add(GRAIN_MARKER_BYTES + u64::from(size)))
}

#[cfg(test)]
#[path = "packed_tests.rs"]
mod tests;
