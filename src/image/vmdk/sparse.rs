//! Hosted sparse extents: Virtual Disk Format 5.0, "Hosted Sparse Extents" and "Stream-Optimized Compressed Sparse
//! Extents". Version 3 adds changed-block tracking only and reads as version 1 (VMware KB 2064959).

use std::sync::Arc;

use h2k_transports::RangeRead;

use super::descriptor::{MAX_DESCRIPTOR_BYTES, MAX_SECTORS};
use super::grain_reader::GrainReader;
use super::grains::{self, Entries, Grain, Tables};
use super::packed::{GRAIN_MARKER_BYTES, Packing, compressed_end};
use super::shared::Shared;
use crate::image::DiskReader;
use crate::image::bytes::{Fields, SECTOR, read_vec};
use crate::image::error::ImageError;

/// Largest grain in sectors: 1 MiB. VMware writes 128; a grain is what a reader holds in memory.
const MAX_GRAIN_SECTORS: u64 = 2048;

/// Most entries of a grain table: what VMware writes ("numGTEsPerGT … is 512"), and QEMU's bound.
const MAX_TABLE_ENTRIES: u32 = 512;

/// `gdOffset` of a stream whose directory was written last: the footer says where it is.
const GD_AT_END: u64 = u64::MAX;

/// Footer marker, footer, end-of-stream marker: the last three sectors of a stream.
const FOOTER_BYTES: u64 = 3 * SECTOR;

/// Type of the marker before the footer.
const MARKER_FOOTER: u32 = 3;

/// Flag: the four bytes that detect a transfer in text mode are valid.
const FLAG_LINE_ENDS: u32 = 1 << 0;
/// Flag: a redundant grain directory is there.
const FLAG_REDUNDANT: u32 = 1 << 1;
/// Flag: a table entry of 1 means a grain of zeros.
const FLAG_ZEROED_GRAIN: u32 = 1 << 2;
/// Flag: grains are compressed.
const FLAG_COMPRESSED: u32 = 1 << 16;
/// Flag: markers stand before grains and tables.
const FLAG_MARKERS: u32 = 1 << 17;

/// `compressAlgorithm` of none and of deflate (RFC 1951 in the zlib frame).
const COMPRESSION: [u16; 2] = [0, 1];

/// The header (`SparseExtentHeader`), or the footer that takes its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SparseHeader {
    /// `version`: 1, 2 or 3.
    pub version: u32,
    /// `flags`.
    pub flags: u32,
    /// `capacity` in sectors.
    pub capacity: u64,
    /// `grainSize` in sectors.
    pub grain_size: u64,
    /// `descriptorOffset` in sectors; 0 if no descriptor is embedded.
    pub descriptor_offset: u64,
    /// `descriptorSize` in sectors.
    pub descriptor_size: u64,
    /// `numGTEsPerGT`.
    pub table_entries: u32,
    /// `rgdOffset` in sectors: the redundant grain directory.
    pub redundant_directory: u64,
    /// `gdOffset` in sectors.
    pub directory: u64,
    /// `overHead` in sectors: where grains may begin.
    pub overhead: u64,
    /// `compressAlgorithm` is deflate.
    pub compressed: bool,
    /// The directory stood at the end: this is the footer.
    pub from_footer: bool,
}

impl SparseHeader {
    /// Reads the header, or the footer where the header says that it counts.
    ///
    /// # Errors
    /// `Corrupt` or `Unsupported` with the field that is wrong; `Io` if the medium fails.
    pub fn read(file: &dyn RangeRead) -> Result<Self, ImageError> {
        let header = Self::parse(&sector(file, 0)?)?;
        if header.directory != GD_AT_END {
            return Ok(header);
        }
        let footer = read_footer(file)?;
        if (footer.capacity, footer.grain_size) != (header.capacity, header.grain_size) {
            return Err(ImageError::corrupt("the stream's footer and header disagree on the capacity"));
        }
        if footer.directory == GD_AT_END {
            return Err(ImageError::corrupt("the stream's footer does not say where the grain directory is"));
        }
        // The descriptor stands at the beginning; a footer does not repeat where.
        let (descriptor_offset, descriptor_size) = (header.descriptor_offset, header.descriptor_size);
        Ok(Self { descriptor_offset, descriptor_size, from_footer: true, ..footer })
    }

    /// Reads the 512 bytes of a header.
    ///
    /// # Errors
    /// `Corrupt` or `Unsupported` with the field that is wrong.
    pub fn parse(bytes: &[u8]) -> Result<Self, ImageError> {
        let (header, line_ends, compression) =
            fields(Fields(bytes)).ok_or_else(|| ImageError::corrupt("not a VMDK sparse header"))?;
        if header.flags & FLAG_LINE_ENDS != 0 && line_ends != *b"\n \r\n" {
            return Err(ImageError::corrupt(
                "line ends in the VMDK header were changed, and with them the whole disk",
            )
            .with_hint("the file was transferred in text mode; fetch it again in binary mode"));
        }
        if !(1..=3).contains(&header.version) {
            return Err(ImageError::unsupported(format!("VMDK sparse version {}", header.version)));
        }
        if !COMPRESSION.contains(&compression) {
            return Err(ImageError::unsupported(format!("VMDK compression {compression}")));
        }
        if !header.compressed && header.flags & (FLAG_COMPRESSED | FLAG_MARKERS) != 0 {
            // Read as plain, markers would pass for the guest's bytes.
            return Err(ImageError::corrupt("the VMDK header says that grains are compressed, but not how"));
        }
        header.check_shape()?;
        Ok(header)
    }

    fn check_shape(&self) -> Result<(), ImageError> {
        let wrong =
            |what: &str, value: u64| Err(ImageError::corrupt(format!("VMDK header: {what} is {value}")));
        // A capacity of 0 makes QEMU look for extents in the embedded descriptor.
        if !(1..=MAX_SECTORS).contains(&self.capacity) {
            return wrong("capacity in sectors", self.capacity);
        }
        if !self.grain_size.is_power_of_two() || self.grain_size > MAX_GRAIN_SECTORS {
            return wrong("grain size in sectors", self.grain_size);
        }
        if !(1..=MAX_TABLE_ENTRIES).contains(&self.table_entries) {
            return wrong("entries of a grain table", u64::from(self.table_entries));
        }
        if self.directory == 0 {
            return wrong("offset of the grain directory", 0);
        }
        Ok(())
    }

    /// The text of the embedded descriptor, if there is one.
    ///
    /// # Errors
    /// `Corrupt` if it is larger than any or lies beyond the end; `Io` if the medium fails.
    pub fn embedded_descriptor(&self, file: &dyn RangeRead) -> Result<Option<String>, ImageError> {
        if self.descriptor_offset == 0 {
            return Ok(None);
        }
        let length = self.descriptor_size.checked_mul(SECTOR).and_then(|len| usize::try_from(len).ok());
        let length = length.filter(|len| *len <= MAX_DESCRIPTOR_BYTES);
        let (Some(at), Some(length)) = (self.descriptor_offset.checked_mul(SECTOR), length) else {
            return Err(ImageError::corrupt("the embedded descriptor is larger than any descriptor"));
        };
        let bytes =
            read_vec(file, at, length).map_err(|e| ImageError::io("reading the embedded descriptor", e))?;
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// Checks that everything that the extent refers to lies inside the file.
    ///
    /// # Errors
    /// `Corrupt`, with the number of missing bytes where the file is truncated; `Io` if the medium fails.
    pub fn verify(&self, file: &dyn RangeRead) -> Result<(), ImageError> {
        let bytes = |sectors: u64| sectors.checked_mul(SECTOR);
        let tables = self.tables()?;
        let walk = grains::walk(file, &tables, self)?;
        let mut reach = walk.reach;
        reach.extend(bytes(self.overhead));
        if self.flags & FLAG_REDUNDANT != 0 {
            let length = self.capacity.div_ceil(self.grain_size * tables.per_table).checked_mul(tables.entry);
            reach.extend(
                bytes(self.redundant_directory).zip(length).and_then(|(at, len)| at.checked_add(len)),
            );
        }
        if let Some(at) = walk.last_grain.filter(|_| self.compressed && self.flags & FLAG_MARKERS != 0) {
            reach.extend(compressed_end(file, at)?);
        }
        reach.check(file.size())
    }

    fn tables(&self) -> Result<Tables, ImageError> {
        let directory = self.directory.checked_mul(SECTOR);
        Ok(Tables {
            directory: directory
                .ok_or_else(|| ImageError::corrupt("the VMDK header points beyond all files"))?,
            per_table: u64::from(self.table_entries),
            entry: 4,
            grain: self.grain_size * SECTOR,
            capacity: self.capacity * SECTOR,
        })
    }

    /// How the grains lie in the file. A stream without flag 16 is compressed too: each stream proves that it is one.
    fn packing(&self) -> Packing {
        match (self.compressed, self.flags & FLAG_MARKERS != 0) {
            (false, _) => Packing::None,
            (true, true) => Packing::Marked,
            (true, false) => Packing::Bare,
        }
    }
}

/// Opens an extent for reading, as a disk of its own. What it does not hold is unallocated.
///
/// # Errors
/// As [`SparseHeader::read`], and `Corrupt` if the grain directory does not lie in the file.
pub fn open(bytes: Arc<dyn RangeRead>) -> Result<Box<dyn DiskReader>, ImageError> {
    Ok(Box::new(open_in(bytes, Shared::default())?))
}

pub(super) fn open_in(bytes: Arc<dyn RangeRead>, shared: Shared) -> Result<GrainReader, ImageError> {
    let header = SparseHeader::read(&*bytes)?;
    let packing = header.packing();
    GrainReader::new(bytes, header.tables()?, Box::new(header), packing, shared)
}

impl Entries for SparseHeader {
    fn table(&self, entry: u64) -> Result<Option<u64>, ImageError> {
        Ok((entry != 0).then_some(entry * SECTOR))
    }

    fn grain(&self, entry: u64) -> Result<Grain, ImageError> {
        Ok(match entry {
            0 => Grain::Unallocated,
            1 if self.flags & FLAG_ZEROED_GRAIN != 0 => Grain::Zero,
            _ => Grain::At(entry * SECTOR),
        })
    }

    fn grain_end(&self, at: u64, bytes: u64) -> Option<u64> {
        // How long a compressed grain is stands in its marker; reading all of them would read half the disk, so
        // that is done for the last one only.
        at.checked_add(if self.compressed { GRAIN_MARKER_BYTES } else { bytes })
    }
}

/// The footer of a stream: between a footer marker and an end-of-stream marker, at the very end.
fn read_footer(file: &dyn RangeRead) -> Result<SparseHeader, ImageError> {
    let truncated = || {
        ImageError::corrupt(format!(
            "truncated: the stream of {} bytes does not end in a footer, which says where its data is",
            file.size()
        ))
        .with_hint("the copy is not complete: fetch the file again and compare its size with the original's")
    };
    let at = file.size().checked_sub(FOOTER_BYTES).ok_or_else(truncated)?;
    let marker = sector(file, at)?;
    let end = sector(file, at + 2 * SECTOR)?;
    // A marker: value u64, size u32, type u32.
    let is_footer = Fields(&marker).u32_le(8) == Some(0) && Fields(&marker).u32_le(12) == Some(MARKER_FOOTER);
    if !is_footer || end.iter().take(16).any(|b| *b != 0) {
        return Err(truncated());
    }
    SparseHeader::parse(&sector(file, at + SECTOR)?).map_err(|e| e.context("reading the stream's footer"))
}

fn sector(file: &dyn RangeRead, at: u64) -> Result<Vec<u8>, ImageError> {
    read_vec(file, at, SECTOR as usize).map_err(|e| ImageError::io("reading the VMDK header", e))
}

/// The fields at their offsets, the line-end bytes, and `compressAlgorithm`.
fn fields(f: Fields<'_>) -> Option<(SparseHeader, [u8; 4], u16)> {
    if f.array(0)? != *b"KDMV" {
        return None;
    }
    let compression = f.u16_le(77)?;
    let header = SparseHeader {
        version: f.u32_le(4)?,
        flags: f.u32_le(8)?,
        capacity: f.u64_le(12)?,
        grain_size: f.u64_le(20)?,
        descriptor_offset: f.u64_le(28)?,
        descriptor_size: f.u64_le(36)?,
        table_entries: f.u32_le(44)?,
        redundant_directory: f.u64_le(48)?,
        directory: f.u64_le(56)?,
        overhead: f.u64_le(64)?,
        compressed: compression == 1,
        from_footer: false,
    };
    Some((header, f.array(73)?, compression))
}

#[cfg(test)]
#[path = "sparse_tests.rs"]
mod tests;
