//! RPM packages: a lead, a header of signatures, a header of tags (rpm's format_v4.md).

use super::{Format, Package};
use crate::rpm::header::{Header, tag};

const LEAD: usize = 96;
const LEAD_MAGIC: [u8; 4] = [0xed, 0xab, 0xee, 0xdb];
const HEADER_MAGIC: [u8; 3] = [0x8e, 0xad, 0xe8];
/// Header's magic with its version, and reserved bytes.
const BEFORE_HEADER: usize = 8;

pub(super) fn parse(content: &[u8]) -> Result<Package, String> {
    let short = "it ends early";
    if !content.starts_with(&LEAD_MAGIC) {
        return Err("it is no RPM package".to_owned());
    }
    let (_, length) = header(content.get(LEAD..).ok_or(short)?)?;
    // The signatures' header is padded to a multiple of eight bytes.
    let at = LEAD + length.div_ceil(8) * 8;
    let (tags, _) = header(content.get(at..).ok_or(short)?)?;
    Ok(Package {
        name: tags.string(tag::NAME),
        version: tags.version(),
        arch: tags.string(tag::ARCH),
        needs: tags.strings(tag::REQUIRE_NAME),
        provides: tags.strings(tag::PROVIDE_NAME),
        paths: tags.files()?.into_iter().map(|(path, _)| path).collect(),
        ..Package::new(Format::Rpm)
    })
}

/// A header and its length in bytes, magic included.
fn header(bytes: &[u8]) -> Result<(Header<'_>, usize), String> {
    let (start, rest) = bytes.split_at_checked(BEFORE_HEADER).ok_or("it ends early")?;
    if !start.starts_with(&HEADER_MAGIC) {
        return Err("a header is none".to_owned());
    }
    let (header, length) = Header::parse(rest)?;
    Ok((header, BEFORE_HEADER + length))
}
