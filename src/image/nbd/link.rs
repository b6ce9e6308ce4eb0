//! An NBD export as the image of a chain: raw, and without a parent.

use std::path::{Path, PathBuf};

use h2k_transports::{DiskFormat, NbdUri};

use super::NbdReader;
use crate::image::error::ImageError;
use crate::image::link::{Image, ImageFile, check_size};
use crate::image::probe;

/// What `uri` exports, as an image that the URI stands for.
///
/// # Errors
/// `Unsupported` for a URI that is not read and for an export that holds an image of another format; what connecting
/// and reading report.
pub(crate) fn image(uri: &str) -> Result<Image, ImageError> {
    let reader = open(uri)?;
    let path = PathBuf::from(uri);
    let magic = probe::probe(&reader).map_err(|e| ImageError::io("looking at the first bytes", e))?;
    let format = probe::settle(magic, Some(DiskFormat::Raw), &path).map_err(|e| {
        e.with_hint("export what the image holds instead of its file, for example with `qemu-nbd -f FORMAT`")
    })?;
    let size = crate::image::DiskReader::size(&reader);
    check_size(size).map_err(|e| e.context(format!("opening {uri}")))?;
    let files = vec![ImageFile { path: path.clone(), size }];
    let nbd = Some(uri.to_owned());
    Ok(Image {
        path,
        part: None,
        format,
        subformat: None,
        size,
        files,
        flat: None,
        orphan: false,
        notes: Vec::new(),
        sector: None,
        wwn: None,
        nbd,
    })
}

/// Opens the export that a URI names.
///
/// # Errors
/// As [`image`].
pub(crate) fn open(uri: &str) -> Result<NbdReader, ImageError> {
    NbdReader::open(&parse(uri)?)
}

/// Whether a source's path is in truth the URI of an NBD export.
pub(crate) fn uri_of(path: &Path) -> Option<&str> {
    path.to_str().filter(|_| NbdUri::is_uri(path))
}

/// The export that a stored URI names.
///
/// # Errors
/// `Unsupported` for what is none.
pub(crate) fn parse(uri: &str) -> Result<NbdUri, ImageError> {
    NbdUri::parse(uri).map_err(|e| ImageError::unsupported(e.chain()))
}
