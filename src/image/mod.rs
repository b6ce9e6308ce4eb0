//! Disk images: what a disk's files are, whether they are whole, its bytes as the guest sees them, and the one copy.
//!
//! ```text
//!  SourceDisk ──► ImageChain::resolve ──► ImageChain ──► open ──► DiskReader: size, read_at, extents, place
//!                  │ probe     format by magic             │        ChainReader over one layer per image:
//!                  │ OpenGate  may it open that path?      │         RawReader, vmdk, qcow2, vhd, vhdx, nbd;
//!                  │ link      is it whole? its parent?    │         foreign formats through QemuReader
//!                  └ files ──► SourceIdentity: changed?    ├──► nbd::Server ──► create_overlay, appliance, QEMU
//!                                                          └──► copy ──► raw, qcow2; digests; resume
//! ```
//!
//! All sources are opened read-only, and every byte of them is hostile. QEMU sees raw bytes over NBD; it parses an
//! image itself only where h2k has no reader of its own (VDI, Parallels, QED, qcow, DMG), in a process apart.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use h2k_transports::range::LocalRange;
use h2k_transports::{DiskFormat, DiskLocation};

mod block_runs;
mod bytes;
mod cache;
pub mod chain;
pub mod copy;
pub mod error;
mod extent_list;
pub mod foreign;
pub mod gate;
pub mod identity;
pub mod layers;
pub mod link;
mod map;
pub mod nbd;
pub mod node;
mod overlay;
pub mod probe;
pub mod qcow2;
pub mod qemu;
pub mod raw;
pub mod spread;
mod truncated;
pub mod vhd;
pub mod vhdx;
pub mod vmdk;

pub use chain::ImageChain;
pub use error::{ImageError, ImageErrorKind};
pub use gate::OpenGate;
pub use identity::SourceIdentity;
use layers::ChainReader;
pub use link::{Image, ImageFile};
pub use overlay::create_overlay;
use qcow2::Qcow2Reader;
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
/// `NotFound` or `Io` if a file cannot be opened; `Corrupt` for tables that make no sense; `Tool` if QEMU is needed
/// and does not open the chain.
pub fn open(chain: &ImageChain) -> Result<Box<dyn DiskReader>, ImageError> {
    let mut layers = layers(chain)?;
    if layers.len() == 1
        && let Some(only) = layers.pop()
    {
        return Ok(only);
    }
    Ok(Box::new(ChainReader::new(layers)))
}

/// Opens a chain with a qcow2 overlay of h2k's over it. What the overlay's header names as its backing is not opened.
///
/// # Errors
/// As [`open`].
pub fn open_over(chain: &ImageChain, overlay: &Path) -> Result<Box<dyn DiskReader>, ImageError> {
    let overlay = open_overlay(overlay)?;
    if overlay.size() != chain.size() {
        return Err(ImageError::corrupt("the overlay has another size than its disk"));
    }
    Ok(Box::new(ChainReader::new(vec![overlay, open(chain)?])))
}

/// Opens a qcow2 overlay of h2k's alone: what it does not hold is unallocated.
///
/// # Errors
/// As [`open`].
pub fn open_overlay(overlay: &Path) -> Result<Box<dyn DiskReader>, ImageError> {
    let doing = |e| ImageError::io(format!("opening {}", overlay.display()), e);
    let bytes = LocalRange::open(overlay).map_err(doing)?;
    Ok(Box::new(Qcow2Reader::open(Arc::new(bytes)).map_err(|e| e.context("opening the overlay"))?))
}

fn layers(chain: &ImageChain) -> Result<Vec<Box<dyn DiskReader>>, ImageError> {
    let open = |image: &Image| match (&image.nbd, &image.flat) {
        (Some(uri), _) => Ok(Box::new(nbd::open(uri)?) as Box<dyn DiskReader>),
        (None, Some(flat)) => Ok(Box::new(RawReader::open(flat)?) as Box<dyn DiskReader>),
        (None, None) => layer(image),
    };
    let named =
        |image: &Image| open(image).map_err(|e| e.context(format!("opening {}", image.path.display())));
    chain.images().iter().map(named).collect()
}

/// One image alone. What it does not hold is unallocated: its parent decides.
fn layer(image: &Image) -> Result<Box<dyn DiskReader>, ImageError> {
    match image.format {
        DiskFormat::Vmdk => vmdk::layer(image),
        DiskFormat::Qcow2 => qcow2::layer(image),
        DiskFormat::Vhd => vhd::layer(image),
        DiskFormat::Vhdx => vhdx::layer(image),
        DiskFormat::Raw => Err(ImageError::corrupt("a raw disk that lies nowhere was stored")),
        DiskFormat::Vdi | DiskFormat::Parallels | DiskFormat::Qed | DiskFormat::Qcow | DiskFormat::Dmg => {
            foreign::layer(image)
        }
    }
}

/// What QEMU calls a chain when it reads it with its own drivers: for comparison.
///
/// # Errors
/// `Unsupported` for what QEMU does not read, or would read otherwise than it is meant.
pub fn as_qemu_reads(chain: &ImageChain) -> Result<String, ImageError> {
    chain.images().iter().try_for_each(vmdk::unfit_for_qemu)?;
    Ok(node::Node::of(chain)?.file_name())
}

/// The chain of a disk file that stands for itself, with its parents in its own directory.
///
/// # Errors
/// As [`ImageChain::resolve`].
pub fn resolve_file(path: &Path) -> Result<ImageChain, ImageError> {
    let location = DiskLocation::File { path: path.to_path_buf() };
    let gate = OpenGate::for_location(&location)?;
    ImageChain::resolve_at(&location, None, &gate)
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
pub(crate) mod testing;
#[cfg(test)]
mod tests;
