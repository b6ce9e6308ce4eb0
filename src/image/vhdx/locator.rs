//! The parent locator of a differencing VHDX (2.6.2.6): keys and values in UTF-16LE.

use h2k_transports::DiskFormat;

use super::format::Guid;
use crate::image::bytes::Fields;
use crate::image::error::ImageError;
use crate::image::link::{LinkId, Parent};
use crate::image::vhd::names::{Names, utf16};

/// "LocatorType" of a VHDX parent: B04AEFB7-D19E-4A81-B789-25B8E9445913.
pub(super) const VHDX_PARENT: Guid = *b"\xb7\xef\x4a\xb0\x9e\xd1\x81\x4a\xb7\x89\x25\xb8\xe9\x44\x59\x13";

/// Bytes of the locator's header, and of an entry.
const HEADER: usize = 20;
const ENTRY: usize = 12;

/// Reads the item "Parent Locator".
///
/// # Errors
/// `Unsupported` for a parent that is no VHDX; `Corrupt` for a locator that makes no sense or names no parent.
pub(super) fn parse(item: &[u8]) -> Result<Parent, ImageError> {
    let f = Fields(item);
    let (Some(kind), Some(count)) = (f.array::<16>(0), f.u16_le(18)) else {
        return Err(ImageError::corrupt(format!("the parent locator has {} bytes only", item.len())));
    };
    if kind != VHDX_PARENT {
        return Err(ImageError::unsupported("the parent locator is of a kind that is not known"));
    }
    let mut pairs = Vec::new();
    for number in 0..usize::from(count) {
        let pair = pair(item, number).ok_or_else(|| {
            ImageError::corrupt(format!(
                "entry {number} of the parent locator points beyond its {} bytes",
                item.len()
            ))
        })?;
        pairs.push(pair);
    }
    // Later entries with the same key are ignored: keys must be unique.
    let value = |key: &str| pairs.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str());
    let mut names = Names::default();
    if let Some(path) = value("relative_path") {
        names.relative(path);
    }
    for path in ["absolute_win32_path", "volume_path"].into_iter().filter_map(value) {
        names.bare(path);
    }
    let names = names.into_vec();
    if names.is_empty() {
        return Err(ImageError::corrupt("the differencing VHDX does not name its parent"));
    }
    let linkage = value("parent_linkage").and_then(guid).ok_or_else(|| {
        ImageError::corrupt("the parent locator has no valid parent_linkage, so its parent cannot be told")
    })?;
    // "parent_linkage2" (2.6.2.6.3): what the parent has while a merge into it is under way; all zeros mean none.
    let other = value("parent_linkage2").and_then(guid).filter(|other| *other != [0; 16]);
    let (id, or_id) = (Some(LinkId::VhdxDataWrite(linkage)), other.map(LinkId::VhdxDataWrite));
    Ok(Parent { names, format: Some(DiskFormat::Vhdx), id, or_id })
}

/// Key and value of an entry.
fn pair(item: &[u8], number: usize) -> Option<(String, String)> {
    let at = HEADER.checked_add(number.checked_mul(ENTRY)?)?;
    let f = Fields(item.get(at..at.checked_add(ENTRY)?)?);
    let text = |offset: u32, length: u16| {
        let start = offset as usize;
        Some(utf16(item.get(start..start.checked_add(usize::from(length))?)?, u16::from_le_bytes))
    };
    Some((text(f.u32_le(0)?, f.u16_le(8)?)?, text(f.u32_le(4)?, f.u16_le(10)?)?))
}

/// A GUID in text, with or without braces, as it stands on disk.
fn guid(text: &str) -> Option<Guid> {
    let text = text.trim();
    let inner = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or(text);
    let groups: Vec<&str> = inner.split('-').collect();
    if groups.iter().map(|group| group.len()).ne([8, 4, 4, 4, 12]) {
        return None;
    }
    let digits = groups.concat();
    if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let [a, b, c, d, e, f, g, h, rest @ ..] = u128::from_str_radix(&digits, 16).ok()?.to_be_bytes();
    let [i, j, k, l, m, n, o, p] = rest;
    Some([d, c, b, a, f, e, h, g, i, j, k, l, m, n, o, p])
}

#[cfg(test)]
#[path = "locator_tests.rs"]
mod tests;
