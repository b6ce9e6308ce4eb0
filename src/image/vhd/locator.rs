//! What a differencing VHD says of its parent: "Parent Unique ID", "Parent Unicode Name" and the parent locators of
//! the dynamic disk header.

use h2k_transports::{DiskFormat, RangeRead};

use super::names::{Names, utf16};
use crate::image::bytes::{Fields, read_vec};
use crate::image::error::ImageError;
use crate::image::link::{LinkId, Parent};

/// "Parent Unicode Name": 512 bytes of UTF-16BE.
const UNICODE_NAME: std::ops::Range<usize> = 64..576;
/// Where the locators stand, how many there are, and the bytes of each.
const LOCATORS: (usize, usize, usize) = (576, 8, 24);
/// Most bytes of a locator's text: Windows paths have at most 32,767 characters.
const MAX_TEXT: u32 = 64 << 10;

/// Reads what the dynamic disk header `header` says of the parent.
///
/// # Errors
/// `Corrupt` for a locator that makes no sense or a header that names no parent; `Io` if the medium fails.
pub(super) fn read_parent(header: &[u8], file: &dyn RangeRead) -> Result<Parent, ImageError> {
    let mut names = Names::default();
    // A relative path survives a move of both files.
    for path in texts(header, file, *b"W2ru")? {
        names.relative(&path);
    }
    for path in texts(header, file, *b"W2ku")? {
        names.bare(&path);
    }
    names.bare(&utf16(header.get(UNICODE_NAME).unwrap_or_default(), u16::from_be_bytes));
    let names = names.into_vec();
    if names.is_empty() {
        return Err(ImageError::corrupt("the differencing VHD does not name its parent"));
    }
    let id = Fields(header).array(40).map(LinkId::VhdUuid);
    Ok(Parent { names, format: Some(DiskFormat::Vhd), id, or_id: None })
}

/// The texts of the locators with a platform code, in UTF-16LE ("Parent Locator Entry").
fn texts(header: &[u8], file: &dyn RangeRead, code: [u8; 4]) -> Result<Vec<String>, ImageError> {
    let (first, count, bytes) = LOCATORS;
    let entries = header.get(first..).unwrap_or_default().chunks_exact(bytes).take(count);
    let mut texts = Vec::new();
    for entry in entries.map(Fields).filter(|entry| entry.array(0) == Some(code)) {
        let (length, at) = (entry.u32_be(8).unwrap_or_default(), entry.u64_be(16).unwrap_or_default());
        let name = String::from_utf8_lossy(&code).into_owned();
        if length > MAX_TEXT {
            return Err(ImageError::corrupt(format!(
                "the parent locator {name} has {length} bytes of text, more than {MAX_TEXT}"
            )));
        }
        let text = read_vec(file, at, length as usize)
            .map_err(|e| ImageError::io(format!("reading the parent locator {name} at byte {at}"), e))?;
        texts.push(utf16(&text, u16::from_le_bytes));
    }
    Ok(texts)
}
