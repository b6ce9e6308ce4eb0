//! Directory records (ECMA-119, section 9.1).

use super::{IsoError, SECTOR};

/// Length of a record before its name.
const FIXED: usize = 33;
const BLOCK: usize = 2;
const LENGTH: usize = 10;
const FLAGS: usize = 25;
const UNIT: usize = 26;
const NAME_LENGTH: usize = 32;

const DIRECTORY: u8 = 0x02;
const ASSOCIATED: u8 = 0x04;
/// It is not the last record of its file.
const MULTI_EXTENT: u8 = 0x80;

/// A directory record.
#[derive(Debug, Clone, Copy)]
pub(super) struct Record<'a> {
    /// First block.
    pub(super) block: u32,
    /// Length in bytes.
    pub(super) len: u32,
    flags: u8,
    interleaved: bool,
    name: &'a [u8],
    rest: &'a [u8],
}

/// The records of a directory.
pub(super) fn all(bytes: &[u8]) -> impl Iterator<Item = Result<Record<'_>, IsoError>> {
    bytes.chunks(SECTOR).flat_map(|sector| {
        let mut rest = sector;
        // A length of zero, or a record that is none, ends the sector's.
        std::iter::from_fn(move || {
            let record = Record::parse(rest).transpose()?;
            let len = usize::from(rest.first().copied().unwrap_or_default());
            rest = if record.is_ok() { rest.get(len..).unwrap_or_default() } else { &[] };
            Some(record)
        })
    })
}

impl<'a> Record<'a> {
    /// The record at the start; `None` where there is none.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Option<Self>, IsoError> {
        let len = bytes.first().copied().map_or(0, usize::from);
        if len == 0 {
            return Ok(None);
        }
        let damaged = || IsoError::Damaged("a directory has a record that is none".to_owned());
        let record = bytes.get(..len).filter(|record| record.len() > FIXED).ok_or_else(damaged)?;
        let word =
            |at: usize| record.get(at..).and_then(|b| b.first_chunk()).map(|four| u32::from_le_bytes(*four));
        let byte = |at: usize| record.get(at).copied().unwrap_or_default();
        let name_len = usize::from(byte(NAME_LENGTH));
        let name = record.get(FIXED..FIXED + name_len).ok_or_else(damaged)?;
        // A name of even length is padded.
        let rest = record.get(FIXED + name_len + (name_len + 1) % 2..).unwrap_or_default();
        let attributes = u32::from(byte(1));
        Ok(Some(Self {
            // The file comes after its extended attributes.
            block: word(BLOCK).and_then(|b| b.checked_add(attributes)).ok_or_else(damaged)?,
            len: word(LENGTH).ok_or_else(damaged)?,
            flags: byte(FLAGS),
            interleaved: byte(UNIT) != 0,
            name,
            rest,
        }))
    }

    pub(super) fn is_directory(&self) -> bool {
        self.flags & DIRECTORY != 0
    }

    /// `.` and `..`.
    pub(super) fn is_self_or_parent(&self) -> bool {
        matches!(self.name, [0 | 1])
    }

    /// Whether it is no plain file: associated, of several extents, interleaved.
    pub(super) fn is_apart(&self) -> bool {
        self.flags & (ASSOCIATED | MULTI_EXTENT) != 0 || self.interleaved
    }

    /// What stands after the name, without its first bytes.
    pub(super) fn system_use(&self, skip: usize) -> &'a [u8] {
        self.rest.get(skip..).unwrap_or_default()
    }

    /// The name as ISO 9660 has it, without the version.
    pub(super) fn iso_name(&self) -> String {
        let name = without_version(&String::from_utf8_lossy(self.name));
        // A file without an extension ends with the dot nevertheless.
        name.strip_suffix('.').map_or(name.clone(), str::to_owned)
    }

    /// The name in UCS-2 (Joliet).
    pub(super) fn joliet_name(&self) -> String {
        without_version(&encoding_rs::UTF_16BE.decode_without_bom_handling(self.name).0)
    }
}

/// A name without `;1`. Only a semicolon with digits after it is a version: `w11` keeps its digits.
fn without_version(name: &str) -> String {
    let version = |digits: &str| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    match name.rsplit_once(';') {
        Some((start, digits)) if version(digits) => start.to_owned(),
        _ => name.to_owned(),
    }
}
