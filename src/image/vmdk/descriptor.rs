//! The text part of a VMDK: Virtual Disk Format 5.0 (VMware technical note), "The Descriptor File". Text in,
//! values out; no file is opened here.

use thiserror::Error;

use super::extent_line;
pub use super::extent_line::{Access, ExtentLine, ExtentType, MAX_FILE_NAME};
use crate::image::bytes::SECTOR;

/// Largest descriptor in bytes. QEMU reads no more of one; a disk of 62 TiB in flat extents has far less.
pub const MAX_DESCRIPTOR_BYTES: usize = (1 << 20) - 1;

/// Most extents. Workstation's largest disk, 8 TiB, cut in 2 GiB files has half of them.
pub const MAX_EXTENTS: usize = 8192;

/// Largest capacity in sectors: 64 TiB, above vSphere's largest disk of 62 TiB.
pub const MAX_SECTORS: u64 = (64 << 40) / SECTOR;

/// `parentCID` of a disk without a parent.
pub const NO_PARENT: u32 = 0xffff_ffff;

/// Digits of a world-wide name of 16 bytes.
const WWN_DIGITS: usize = 32;

/// What separates words. Only these: QEMU goes by ASCII, so a no-break space makes another word there.
pub(super) const BLANKS: [char; 2] = [' ', '\t'];

/// What a descriptor says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descriptor {
    /// `version`.
    pub version: u32,
    /// `encoding` of the text, as named there.
    pub encoding: Option<String>,
    /// `CID`: changes when the disk's content does.
    pub cid: u32,
    /// `parentCID`: the parent's CID when the snapshot was taken; [`NO_PARENT`] without a parent.
    pub parent_cid: u32,
    /// `createType`.
    pub create_type: String,
    /// `parentFileNameHint`.
    pub parent_hint: Option<String>,
    /// `ddb.uuid`, as 32 lower-case hexadecimal digits; `None` where it is no world-wide name.
    pub uuid: Option<String>,
    /// The extents in the order of guest addresses.
    pub extents: Vec<ExtentLine>,
}

/// Why a text is no descriptor.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("descriptor line {line}: {what}")]
pub struct DescriptorError {
    /// Line number, from 1; 0 for the descriptor as a whole.
    pub line: usize,
    /// What is wrong there.
    pub what: String,
}

impl DescriptorError {
    pub(super) fn at(line: usize, what: impl Into<String>) -> Self {
        Self { line, what: what.into() }
    }
}

impl Descriptor {
    /// Capacity in sectors: the sum over the extents.
    pub fn sectors(&self) -> u64 {
        // `parse` has bounded the sum.
        self.extents.iter().fold(0, |sum, e| sum.saturating_add(e.sectors))
    }

    /// Whether it stands on a parent.
    pub fn has_parent(&self) -> bool {
        self.parent_cid != NO_PARENT || self.parent_hint.is_some()
    }
}

/// Reads a descriptor. It ends at the first NUL: an embedded one is padded with these.
///
/// Every line must be blank, a comment, `key = value` or an extent: what is not understood here could be understood
/// by QEMU.
///
/// # Errors
/// The first line that is none of these, a missing or doubled key, or a limit that is passed.
pub fn parse(text: &str) -> Result<Descriptor, DescriptorError> {
    let text = text.split('\0').next().unwrap_or_default();
    if text.len() > MAX_DESCRIPTOR_BYTES {
        return Err(DescriptorError::at(0, format!("longer than {MAX_DESCRIPTOR_BYTES} bytes")));
    }
    let mut keys = Keys::default();
    let mut extents = Vec::new();
    let mut after_blank = false;
    for (number, line) in (1..).zip(text.split('\n')) {
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.chars().any(|c| c.is_control() && c != '\t') {
            return Err(DescriptorError::at(number, "holds control characters"));
        }
        let line = line.trim_matches(BLANKS);
        if let Some(mut extent) = extent_line::parse(number, line)? {
            extent.after_blank = after_blank;
            extents.push(extent);
        } else if !line.is_empty() && !line.starts_with('#') {
            keys.take(number, line)?;
        }
        after_blank = line.is_empty();
    }
    check_extents(&extents)?;
    keys.finish(extents)
}

fn check_extents(extents: &[ExtentLine]) -> Result<(), DescriptorError> {
    if extents.len() > MAX_EXTENTS {
        return Err(DescriptorError::at(0, format!("more than {MAX_EXTENTS} extents")));
    }
    let mut sum = 0u64;
    for extent in extents {
        sum = sum.saturating_add(extent.sectors);
        if sum > MAX_SECTORS {
            return Err(DescriptorError::at(
                extent.line,
                format!("the disk has more than {MAX_SECTORS} sectors"),
            ));
        }
    }
    Ok(())
}

/// The keys that count, as they are found.
#[derive(Default)]
struct Keys {
    version: Option<String>,
    encoding: Option<String>,
    cid: Option<String>,
    parent_cid: Option<String>,
    create_type: Option<String>,
    parent_hint: Option<String>,
    uuid: Vec<String>,
}

impl Keys {
    fn take(&mut self, number: usize, line: &str) -> Result<(), DescriptorError> {
        let pair = line.split_once('=').filter(|(key, _)| key.starts_with(|c: char| c.is_ascii_alphabetic()));
        let Some((key, value)) = pair else {
            return Err(DescriptorError::at(
                number,
                "neither a comment, nor a key with a value, nor an extent",
            ));
        };
        let place = match key.trim_matches(BLANKS).to_ascii_lowercase().as_str() {
            "version" => &mut self.version,
            "encoding" => &mut self.encoding,
            "cid" => &mut self.cid,
            "parentcid" => &mut self.parent_cid,
            "createtype" => &mut self.create_type,
            "parentfilenamehint" => &mut self.parent_hint,
            "ddb.uuid" => {
                self.uuid.push(unquoted(value).to_owned());
                return Ok(());
            }
            _ => return Ok(()),
        };
        if place.is_some() {
            return Err(DescriptorError::at(number, format!("{} is there twice", key.trim_matches(BLANKS))));
        }
        *place = Some(unquoted(value).to_owned());
        Ok(())
    }

    fn finish(self, extents: Vec<ExtentLine>) -> Result<Descriptor, DescriptorError> {
        let missing = |key: &str| DescriptorError::at(0, format!("{key} is missing"));
        let number = |key: &str, text: &str, radix| {
            u32::from_str_radix(text, radix)
                .map_err(|_| DescriptorError::at(0, format!("{key} is no number: {text:?}")))
        };
        let cid = self.cid.ok_or_else(|| missing("CID"))?;
        let parent_cid = self.parent_cid.ok_or_else(|| missing("parentCID"))?;
        Ok(Descriptor {
            version: number("version", &self.version.ok_or_else(|| missing("version"))?, 10)?,
            encoding: self.encoding,
            cid: number("CID", &cid, 16)?,
            parent_cid: number("parentCID", &parent_cid, 16)?,
            create_type: self.create_type.ok_or_else(|| missing("createType"))?,
            parent_hint: self.parent_hint.filter(|hint| !hint.is_empty()),
            uuid: wwn(&self.uuid),
            extents,
        })
    }
}

/// The world-wide name that `ddb.uuid` is: 16 bytes as `60 00 C2 9a …-…`, which a guest with `disk.EnableUUID` is shown
/// as the disk's "NAA IEEE Registered Extended" designator (SPC-4; its first digit is 6). No disk's bytes depend on it: a
/// value that is none, or two of them, is passed over.
fn wwn(values: &[String]) -> Option<String> {
    let [value] = values else { return None };
    let digits: String = value.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
    let fits = digits.len() == WWN_DIGITS && digits.bytes().all(|b| b.is_ascii_hexdigit());
    (fits && digits.starts_with('6')).then(|| digits.to_ascii_lowercase())
}

fn unquoted(value: &str) -> &str {
    let value = value.trim_matches(BLANKS);
    value.strip_prefix('"').and_then(|v| v.strip_suffix('"')).unwrap_or(value)
}

#[cfg(test)]
#[path = "descriptor_tests.rs"]
mod tests;
