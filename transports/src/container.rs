//! The archives that an OVF package may come in, told apart by their first bytes.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use liblzma::read::XzDecoder;
use liblzma::stream::{CONCATENATED, Stream};

use crate::error::FetchError;
use crate::ova::tar;
use crate::sniff;

/// Memory that the xz decoder may take, in bytes. `xz -9` needs 65 MiB; larger dictionaries are legal and
/// rare.
const XZ_MEMORY_LIMIT: u64 = 512 << 20;

/// Compression around a whole file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compression {
    /// gzip (RFC 1952), of one or more members (pigz and others write several).
    Gzip,
    /// xz.
    Xz,
}

/// An archive format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Container {
    /// tar, plain.
    Tar,
    /// tar within a compression.
    CompressedTar(Compression),
    /// zip.
    Zip,
}

/// The compression of which `head` are the first bytes.
pub(crate) fn compression_of(head: &[u8]) -> Option<Compression> {
    if head.starts_with(b"\x1f\x8b\x08") {
        Some(Compression::Gzip)
    } else if head.starts_with(b"\xfd7zXZ\0") {
        Some(Compression::Xz)
    } else {
        None
    }
}

/// The archive that the file at `path`, with the first bytes `head`, is; `None` if it is none.
///
/// # Errors
/// What reopening the file reports, and `Corrupt` for a compressed file whose start cannot be decompressed.
pub(crate) fn container_of(path: &Path, head: &[u8]) -> Result<Option<Container>, FetchError> {
    if tar::is_header(head) {
        return Ok(Some(Container::Tar));
    }
    // A local file header, or the end record of an empty archive.
    if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
        return Ok(Some(Container::Zip));
    }
    let Some(compression) = compression_of(head) else { return Ok(None) };
    let inner = decoder(path, compression)?;
    let within = sniff::head(inner.take(tar::BLOCK_BYTES as u64))
        .map_err(|e| FetchError::io(format!("decompressing {}", path.display()), e))?;
    Ok(tar::is_header(&within).then_some(Container::CompressedTar(compression)))
}

/// The decompressed bytes of a file.
///
/// # Errors
/// What opening the file reports; reading reports damaged input as `InvalidData` or `InvalidInput`.
pub(crate) fn decoder(path: &Path, compression: Compression) -> Result<Box<dyn Read + Send>, FetchError> {
    let doing = || format!("opening {}", path.display());
    let file = File::open(path).map_err(|e| FetchError::io(doing(), e))?;
    decompressed(Box::new(file), compression).map_err(|e| FetchError::io(doing(), e))
}

/// The decompressed bytes of `reader`.
pub(crate) fn decompressed(
    reader: Box<dyn Read + Send>,
    compression: Compression,
) -> io::Result<Box<dyn Read + Send>> {
    Ok(match compression {
        Compression::Gzip => Box::new(MultiGzDecoder::new(reader)),
        Compression::Xz => {
            let stream = Stream::new_stream_decoder(XZ_MEMORY_LIMIT, CONCATENATED)?;
            Box::new(XzDecoder::new_stream(reader, stream))
        }
    })
}
