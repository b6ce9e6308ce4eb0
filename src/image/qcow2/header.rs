//! The qcow2 header: QEMU docs/interop/qcow2.rst, "Header" and "Header extensions". All fields are big-endian.

use h2k_transports::RangeRead;

use crate::image::bytes::{Fields, read_vec};
use crate::image::error::ImageError;

/// Largest capacity in bytes: 64 TiB, as for the other formats.
const MAX_SIZE: u64 = 64 << 40;

/// Cluster sizes as powers of two: the specification's smallest, and QEMU's largest.
const CLUSTER_BITS: std::ops::RangeInclusive<u32> = 9..=21;

/// Largest level 1 table in entries: QEMU's own limit of 32 MiB.
const MAX_L1_ENTRIES: u32 = (32 << 20) / 8;

/// Longest backing file name in bytes ("Must not be longer than 1023 bytes").
pub(crate) const MAX_BACKING_NAME: u32 = 1023;

/// Most header extensions that are looked at; QEMU writes four.
const MAX_EXTENSIONS: usize = 32;

/// Header length of version 2.
const HEADER_V2: u32 = 72;

/// Shortest header of version 3.
const HEADER_V3: u32 = 104;

/// Bytes of the header that are looked at: up to the compression type, byte 104.
const HEADER_READ: usize = 105;

/// Extension: name of the backing file's format.
const EXTENSION_BACKING_FORMAT: u32 = 0xe279_2aca;

/// Incompatible feature: the image is marked corrupt.
const FEATURE_CORRUPT: u64 = 1 << 1;
/// Incompatible feature: the data is in another file.
const FEATURE_DATA_FILE: u64 = 1 << 2;
/// Incompatible feature: the field "compression type" says how clusters are compressed.
const FEATURE_COMPRESSION: u64 = 1 << 3;
/// Incompatible feature: level 2 entries have 16 bytes.
const FEATURE_EXTENDED_L2: u64 = 1 << 4;
/// Incompatible features that a reader can handle: dirty refcounts (not read), compression type, extended L2.
const FEATURES_READ: u64 = (1 << 0) | FEATURE_COMPRESSION | FEATURE_EXTENDED_L2;

/// Smallest cluster with level 2 entries of 16 bytes, as a power of two: its 32 subclusters have a sector each.
const EXTENDED_CLUSTER_BITS: u32 = 14;

/// How compressed clusters are compressed ("Additional fields (version 3 and higher)", compression type).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Raw deflate (RFC 1951), which QEMU calls zlib.
    Deflate,
    /// Zstandard (RFC 8878).
    Zstd,
}

/// What the header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Qcow2Header {
    /// 2 or 3.
    pub version: u32,
    /// Capacity in bytes.
    pub size: u64,
    /// Cluster size as a power of two.
    pub cluster_bits: u32,
    /// Entries of the active level 1 table.
    pub l1_entries: u32,
    /// Where the active level 1 table begins, in bytes.
    pub l1_offset: u64,
    /// Level 2 entries have 16 bytes.
    pub extended_l2: bool,
    /// How compressed clusters are compressed.
    pub compression: Compression,
    /// Number of internal snapshots.
    pub snapshots: u32,
    /// Backing file, as named there.
    pub backing: Option<String>,
    /// The backing file's format, in QEMU's word.
    pub backing_format: Option<String>,
}

impl Qcow2Header {
    /// Reads the header, its extensions and the backing file's name.
    ///
    /// # Errors
    /// `Corrupt` or `Unsupported` with what is wrong, `Unsafe` for an external data file; `Io` if the medium fails.
    pub fn read(file: &dyn RangeRead) -> Result<Self, ImageError> {
        let length = usize::try_from(file.size()).unwrap_or(usize::MAX).min(HEADER_READ);
        let bytes = get(file, 0, length)?;
        let raw = Raw::parse(&bytes)
            .ok_or_else(|| ImageError::corrupt("the file is shorter than a qcow2 header"))?;
        raw.check()?;
        let extensions = u64::from(raw.header_length);
        let end = if raw.backing_offset == 0 { 1u64 << raw.cluster_bits } else { raw.backing_offset };
        let (backing, backing_format) = match raw.backing_offset {
            0 => (None, None),
            at => (Some(backing_name(file, at, raw.backing_length)?), backing_format(file, extensions, end)?),
        };
        Ok(Self {
            version: raw.version,
            size: raw.size,
            cluster_bits: raw.cluster_bits,
            l1_entries: raw.l1_entries,
            l1_offset: raw.l1_offset,
            extended_l2: raw.features & FEATURE_EXTENDED_L2 != 0,
            compression: raw.compression()?,
            snapshots: raw.snapshots,
            backing,
            backing_format,
        })
    }
}

/// The fixed fields.
struct Raw {
    version: u32,
    backing_offset: u64,
    backing_length: u32,
    cluster_bits: u32,
    size: u64,
    crypt_method: u32,
    l1_entries: u32,
    l1_offset: u64,
    snapshots: u32,
    features: u64,
    header_length: u32,
    compression_type: u8,
}

impl Raw {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let f = Fields(bytes);
        let version = f.u32_be(4)?;
        let v3 = version >= 3;
        let header_length = if v3 { f.u32_be(100)? } else { HEADER_V2 };
        // "Fields that are beyond header_length are read as zero": older writers end before it.
        let compression_type = if header_length > HEADER_V3 { f.array::<1>(104)?[0] } else { 0 };
        Some(Self {
            version,
            backing_offset: f.u64_be(8)?,
            backing_length: f.u32_be(16)?,
            cluster_bits: f.u32_be(20)?,
            size: f.u64_be(24)?,
            crypt_method: f.u32_be(32)?,
            l1_entries: f.u32_be(36)?,
            l1_offset: f.u64_be(40)?,
            snapshots: f.u32_be(60)?,
            features: if v3 { f.u64_be(72)? } else { 0 },
            header_length,
            compression_type,
        })
    }

    fn check(&self) -> Result<(), ImageError> {
        let wrong =
            |what: &str, value: u64| Err(ImageError::corrupt(format!("qcow2 header: {what} is {value}")));
        if !matches!(self.version, 2 | 3) {
            return Err(ImageError::unsupported(format!("qcow version {}", self.version)));
        }
        if self.size == 0 || self.size > MAX_SIZE {
            return wrong("size in bytes", self.size);
        }
        if !CLUSTER_BITS.contains(&self.cluster_bits) {
            return wrong("cluster_bits", u64::from(self.cluster_bits));
        }
        if self.l1_entries > MAX_L1_ENTRIES {
            return wrong("l1_size", u64::from(self.l1_entries));
        }
        if self.version == 3 && !(HEADER_V3..=1 << self.cluster_bits).contains(&self.header_length) {
            return wrong("header_length", u64::from(self.header_length));
        }
        if self.backing_offset != 0 && !(1..=MAX_BACKING_NAME).contains(&self.backing_length) {
            return wrong("backing_file_size", u64::from(self.backing_length));
        }
        if self.features & FEATURE_EXTENDED_L2 != 0 && self.cluster_bits < EXTENDED_CLUSTER_BITS {
            return wrong("cluster_bits with subclusters", u64::from(self.cluster_bits));
        }
        self.check_features()
    }

    /// The feature bit is set if, and only if, the type is not the first one.
    fn compression(&self) -> Result<Compression, ImageError> {
        match (self.compression_type, self.features & FEATURE_COMPRESSION != 0) {
            (0, false) => Ok(Compression::Deflate),
            (1, true) => Ok(Compression::Zstd),
            (2.., true) => {
                Err(ImageError::unsupported(format!("qcow2 compression type {}", self.compression_type)))
            }
            (kind, bit) => Err(ImageError::corrupt(format!(
                "qcow2 header: compression type is {kind}, but its feature bit is {}",
                u8::from(bit)
            ))),
        }
    }

    fn check_features(&self) -> Result<(), ImageError> {
        if self.crypt_method != 0 {
            return Err(ImageError::unsupported("the qcow2 image is encrypted")
                .with_hint("decrypt it first: `qemu-img convert` with `--object secret`"));
        }
        if self.features & FEATURE_DATA_FILE != 0 {
            return Err(ImageError::dangerous(
                "the qcow2 image keeps its data in another file, which is not opened",
            )
            .with_hint("make one file of it first: `qemu-img convert -O qcow2`"));
        }
        if self.features & FEATURE_CORRUPT != 0 {
            return Err(ImageError::corrupt("QEMU has marked the qcow2 image as corrupt")
                .with_hint("repair a copy: `qemu-img check -r all`"));
        }
        match self.features & !FEATURES_READ {
            0 => Ok(()),
            unknown => Err(ImageError::unsupported(format!("qcow2 features {unknown:#x}"))),
        }
    }
}

fn backing_name(file: &dyn RangeRead, at: u64, length: u32) -> Result<String, ImageError> {
    let bytes = get(file, at, length as usize)?;
    String::from_utf8(bytes).map_err(|_| ImageError::unsupported("the backing file's name is not UTF-8"))
}

/// The extension that names the backing file's format; extensions end at `end` or with type 0.
fn backing_format(file: &dyn RangeRead, start: u64, end: u64) -> Result<Option<String>, ImageError> {
    let mut at = start;
    for _ in 0..MAX_EXTENSIONS {
        let Some(data) = at.checked_add(8).filter(|data| *data <= end) else { break };
        let head = get(file, at, 8)?;
        let (kind, length) =
            (Fields(&head).u32_be(0).unwrap_or_default(), Fields(&head).u32_be(4).unwrap_or_default());
        match kind {
            0 => break,
            EXTENSION_BACKING_FORMAT if length <= MAX_BACKING_NAME => {
                return Ok(Some(String::from_utf8_lossy(&get(file, data, length as usize)?).into_owned()));
            }
            _ => at = data.saturating_add(u64::from(length).next_multiple_of(8)),
        }
    }
    Ok(None)
}

fn get(file: &dyn RangeRead, at: u64, length: usize) -> Result<Vec<u8>, ImageError> {
    read_vec(file, at, length).map_err(|e| ImageError::io("reading the qcow2 header", e))
}

#[cfg(test)]
#[path = "header_tests.rs"]
mod tests;
