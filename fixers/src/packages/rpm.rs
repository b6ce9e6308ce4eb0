//! RPM packages: a lead, a header of signatures, a header of tags (rpm's format_v4.md).

use super::{Format, Package};

const LEAD: usize = 96;
const LEAD_MAGIC: [u8; 4] = [0xed, 0xab, 0xee, 0xdb];
const HEADER_MAGIC: [u8; 3] = [0x8e, 0xad, 0xe8];
/// Header's magic, reserved bytes, number of entries, bytes of data.
const HEADER: usize = 16;
const ENTRY: usize = 16;
/// Most values of a tag: files of a large package.
const MAX_VALUES: usize = 100_000;

/// Tags (rpmtag.h).
const NAME: u32 = 1000;
const VERSION: u32 = 1001;
const RELEASE: u32 = 1002;
const ARCH: u32 = 1022;
const REQUIRE_NAME: u32 = 1049;
const DIR_INDEXES: u32 = 1116;
const BASE_NAMES: u32 = 1117;
const DIR_NAMES: u32 = 1118;

struct Header<'a> {
    entries: &'a [u8],
    data: &'a [u8],
}

pub(super) fn parse(content: &[u8]) -> Result<Package, String> {
    let short = "it ends early";
    if !content.starts_with(&LEAD_MAGIC) {
        return Err("it is no RPM package".to_owned());
    }
    let (_, length) = header(content.get(LEAD..).ok_or(short)?)?;
    // The signatures' header is padded to a multiple of eight bytes.
    let at = LEAD + length.div_ceil(8) * 8;
    let (tags, _) = header(content.get(at..).ok_or(short)?)?;
    let mut package = Package::new(Format::Rpm);
    let one = |tag| tags.strings(tag).into_iter().next().unwrap_or_default();
    package.name = one(NAME);
    package.version = format!("{}-{}", one(VERSION), one(RELEASE));
    package.arch = one(ARCH);
    package.needs = tags.strings(REQUIRE_NAME);
    let dirs = tags.strings(DIR_NAMES);
    for (base, index) in tags.strings(BASE_NAMES).iter().zip(tags.numbers(DIR_INDEXES)) {
        let dir = usize::try_from(index).ok().and_then(|i| dirs.get(i)).ok_or("a file has no directory")?;
        package.paths.push(format!("{dir}{base}"));
    }
    Ok(package)
}

/// A header and its length in bytes.
fn header(bytes: &[u8]) -> Result<(Header<'_>, usize), String> {
    let (start, rest) = bytes.split_at_checked(HEADER).ok_or("it ends early")?;
    if !start.starts_with(&HEADER_MAGIC) {
        return Err("a header is none".to_owned());
    }
    let count = number(start, 8) as usize;
    let size = number(start, 12) as usize;
    let index = count.checked_mul(ENTRY).ok_or("it has too many tags")?;
    let (entries, rest) = rest.split_at_checked(index).ok_or("it ends early")?;
    let data = rest.get(..size).ok_or("it ends early")?;
    Ok((Header { entries, data }, HEADER + index + size))
}

fn number(bytes: &[u8], at: usize) -> u32 {
    let four = at.checked_add(4).and_then(|end| bytes.get(at..end)).and_then(|b| b.try_into().ok());
    four.map(u32::from_be_bytes).unwrap_or_default()
}

impl Header<'_> {
    /// Offset of a tag's values in the data, and how many there are.
    fn find(&self, tag: u32) -> Option<(usize, usize)> {
        let entry = self.entries.chunks_exact(ENTRY).find(|e| number(e, 0) == tag)?;
        Some((number(entry, 8) as usize, (number(entry, 12) as usize).min(MAX_VALUES)))
    }

    fn strings(&self, tag: u32) -> Vec<String> {
        let Some((offset, count)) = self.find(tag) else { return Vec::new() };
        let values = self.data.get(offset..).unwrap_or_default().split(|b| *b == 0);
        values.take(count).map(|v| String::from_utf8_lossy(v).into_owned()).collect()
    }

    fn numbers(&self, tag: u32) -> Vec<u32> {
        let Some((offset, count)) = self.find(tag) else { return Vec::new() };
        self.data
            .get(offset..)
            .unwrap_or_default()
            .chunks_exact(4)
            .take(count)
            .map(|v| number(v, 0))
            .collect()
    }
}
