//! VHD: Microsoft Virtual Hard Disk Image Format Specification 1.0. All fields are big-endian.
//!
//! ```text
//!  footer's copy │ dynamic disk header │ block allocation table │ bitmap, block │ bitmap, block │ … │ footer
//! ```
//!
//! A fixed disk is the guest's bytes and the footer.

use std::sync::Arc;

use h2k_transports::{DiskFormat, RangeRead};

use super::error::ImageError;
use super::link::{FlatBytes, Image, Link, LinkId, Part, Source};
use super::truncated::Reach;
use super::{DiskReader, RawReader};

mod format;
mod locator;
pub(in crate::image) mod names;
mod reader;
mod table;

use format::{DynamicHeader, Found};
pub use format::{VhdFooter, VhdKind};
pub use reader::VhdReader;

/// Reads the VHD at `source` and checks that it is whole.
///
/// # Errors
/// `Corrupt`, with the number of missing bytes where the file is truncated; `Unsupported` for an unknown version.
pub(crate) fn open(source: &Source) -> Result<Link, ImageError> {
    let file = &source.bytes;
    let found = format::find_footer(file)?;
    check(&found, file)?;
    let footer = found.footer;
    let mut image = Image::new(source, DiskFormat::Vhd, footer.size);
    let mut parent = None;
    match footer.kind {
        VhdKind::Fixed => {
            let part = Part { offset: source.extent().offset, length: footer.size };
            image.flat = Some(FlatBytes { path: source.path.clone(), part });
            image.subformat = Some("fixed".to_owned());
        }
        VhdKind::Dynamic => image.subformat = Some("dynamic".to_owned()),
        VhdKind::Differencing => {
            image.subformat = Some("differencing".to_owned());
            let header = DynamicHeader::read(file, &footer)?;
            parent = Some(locator::read_parent(&header.bytes, file)?);
        }
    }
    Ok(Link { image, parent, id: Some(LinkId::VhdUuid(footer.unique_id)) })
}

/// Checks that the file holds all of the disk.
fn check(found: &Found, file: &dyn RangeRead) -> Result<(), ImageError> {
    let (footer, end) = (&found.footer, file.size().saturating_sub(found.trailer));
    if footer.kind == VhdKind::Fixed {
        // The footer is at the end, so a fixed disk that is too short lost something in its middle.
        let mut reach = Reach::default();
        reach.extend(footer.size.checked_add(found.trailer));
        return reach.check(file.size());
    }
    table::check(&DynamicHeader::read(file, footer)?, footer, file, end)
}

/// A reader of this image alone, without its parent.
///
/// # Errors
/// As [`open`].
pub(crate) fn layer(image: &Image) -> Result<Box<dyn DiskReader>, ImageError> {
    if let Some(flat) = &image.flat {
        return Ok(Box::new(RawReader::open(flat)?));
    }
    Ok(Box::new(VhdReader::open(Arc::new(Source::open(&image.path, image.part)?.bytes))?))
}

#[cfg(test)]
pub(in crate::image) mod forge;
#[cfg(test)]
mod tests;
