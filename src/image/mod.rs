//! Disk images: what a disk's files are, whether they are whole, and its bytes as the guest sees them.
//!
//! ```text
//!  SourceDisk ──► ImageChain::resolve ──► ImageChain ──► open ──► DiskReader: size, read_at, extents
//!                  │ probe     format by magic             │        ├── RawReader    bytes that lie as they are
//!                  │ OpenGate  may it open that path?      │        └── QemuReader   everything else
//!                  │ vmdk qcow2 vhd vhdx   is it whole?    └──► create_overlay: a qcow2 over it, for FIX
//!                  └ files ──► SourceIdentity: has the source changed?
//! ```
//!
//! Headers and tables are read here; the blocks of the formats are read by QEMU's drivers, which are told every
//! file, driver and parent. All sources are opened read-only, and every byte of them is hostile.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use h2k_transports::DiskFormat;

mod block_runs;
mod bytes;
mod cache;
pub mod chain;
pub mod error;
mod extent_list;
pub mod gate;
pub mod identity;
pub mod link;
mod map;
pub mod nbd;
pub mod node;
mod overlay;
pub mod probe;
pub mod qcow2;
pub mod qemu;
pub mod raw;
mod truncated;
pub mod vhd;
pub mod vhdx;
pub mod vmdk;

pub use chain::ImageChain;
pub use error::{ImageError, ImageErrorKind};
pub use gate::OpenGate;
pub use identity::SourceIdentity;
pub use link::{Image, ImageFile};
pub use overlay::create_overlay;
pub use qemu::QemuReader;
pub use raw::RawReader;

/// A virtual disk as the guest sees it, read-only. Offsets and sizes are in bytes.
pub trait DiskReader: Send + Sync {
    /// Virtual size in bytes.
    fn size(&self) -> u64;

    /// Fills `buf` from the guest offset `offset`. What is not allocated reads as zeros.
    ///
    /// # Errors
    /// `UnexpectedEof` if the range ends beyond [`DiskReader::size`]; otherwise what the medium reports.
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()>;

    /// What is where in a range: extents in order, without gaps, cut to the range. Neighbours may be of one kind.
    ///
    /// # Errors
    /// `UnexpectedEof` if the range ends beyond [`DiskReader::size`]; otherwise what the medium reports.
    fn extents(&self, range: Range<u64>) -> io::Result<Vec<Extent>>;

    /// Where the bytes from the guest offset `offset` on lie as they are in a local file, for reflinks. `None` where
    /// they do not: compressed, in an archive that is packed, on another host, or no data at all.
    ///
    /// # Errors
    /// `UnexpectedEof` if `offset` lies beyond [`DiskReader::size`]; otherwise what the medium reports.
    fn place(&self, offset: u64) -> io::Result<Option<Place>> {
        let _ = offset;
        Ok(None)
    }
}

/// Guest-visible bytes as they lie in a local file.
#[derive(Debug, Clone)]
pub struct Place {
    /// The file, opened read-only.
    pub file: Arc<File>,
    /// Where they begin in the file, in bytes.
    pub offset: u64,
    /// How many follow each other there, in bytes; at least 1.
    pub len: u64,
}

/// A part of a virtual disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Guest offset in bytes.
    pub start: u64,
    /// Length in bytes.
    pub len: u64,
    /// What is there.
    pub kind: ExtentKind,
}

/// What is at a place of a virtual disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExtentKind {
    /// Bytes that must be read to be known.
    Data,
    /// Zeros, known without reading.
    Zero,
    /// No image of the chain holds anything there; reads as zeros.
    Unallocated,
}

/// Opens a chain for reading.
///
/// # Errors
/// `Io` if a file cannot be opened; `Tool` if QEMU is needed and does not open the chain; `Corrupt` if QEMU sees
/// another disk than the chain describes.
pub fn open(chain: &ImageChain) -> Result<Box<dyn DiskReader>, ImageError> {
    match (&chain.active()?.flat, chain.images()) {
        (Some(flat), [_]) => Ok(Box::new(RawReader::open(flat)?)),
        (None, [image]) if image.format == DiskFormat::Vhd => vhd::layer(image),
        (None, [image]) if image.format == DiskFormat::Vhdx => vhdx::layer(image),
        _ => Ok(Box::new(QemuReader::open(chain)?)),
    }
}

/// Refuses a range that ends beyond the disk.
///
/// # Errors
/// `UnexpectedEof`.
pub(crate) fn check_range(offset: u64, len: u64, size: u64) -> io::Result<()> {
    match offset.checked_add(len) {
        Some(end) if end <= size => Ok(()),
        _ => Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            format!("{len} bytes at {offset} of a disk of {size} bytes"),
        )),
    }
}

#[cfg(test)]
mod tests;
