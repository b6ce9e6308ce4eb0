//! A line of a descriptor that describes an extent: Virtual Disk Format 5.0, "Extent Description".

use super::descriptor::{BLANKS, DescriptorError, MAX_SECTORS};

/// Longest file name of an extent in bytes. QEMU cuts a longer one and goes on with the rest.
pub const MAX_FILE_NAME: usize = 511;

/// A line that describes an extent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtentLine {
    /// Line number, from 1.
    pub line: usize,
    /// Whether the line before is blank.
    pub after_blank: bool,
    /// How the extent may be accessed.
    pub access: Access,
    /// Size in sectors of 512 bytes, in the guest's view.
    pub sectors: u64,
    /// Type, as spelt there (`FLAT`, `SPARSE` …).
    pub kind: ExtentType,
    /// File name; a ZERO extent has none.
    pub file: Option<String>,
    /// Where a flat extent begins in its file, in sectors.
    pub offset: Option<u64>,
}

/// How an extent may be accessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// `RW`.
    ReadWrite,
    /// `RDONLY`.
    ReadOnly,
    /// `NOACCESS`.
    None,
}

/// Type of an extent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExtentType {
    /// `FLAT`: the bytes as they are.
    Flat,
    /// `SPARSE`: a hosted sparse extent.
    Sparse,
    /// `ZERO`: nothing but zeros, without a file.
    Zero,
    /// `VMFS`: as FLAT, on ESX.
    Vmfs,
    /// `VMFSSPARSE`: a COWD file.
    VmfsSparse,
    /// `SESPARSE`.
    SeSparse,
    /// Raw device mappings, and what is not known: in its own word.
    Other(String),
}

/// `ACCESS SECTORS TYPE ["FILE" [OFFSET]]`, or `None` if the line does not begin with an access.
pub(super) fn parse(line: usize, text: &str) -> Result<Option<ExtentLine>, DescriptorError> {
    let (word, rest) = cut_word(text);
    let access = match word {
        "RW" => Access::ReadWrite,
        "RDONLY" => Access::ReadOnly,
        "NOACCESS" => Access::None,
        _ => return Ok(None),
    };
    let (sectors, rest) = cut_word(rest);
    let (kind, rest) = cut_word(rest);
    let (file, rest) = cut_quoted(rest).map_err(|what| DescriptorError::at(line, what))?;
    let (offset, rest) = cut_word(rest);
    if !rest.is_empty() {
        return Err(DescriptorError::at(line, "an extent with more than an offset behind its file"));
    }
    if kind.is_empty() {
        return Err(DescriptorError::at(line, "an extent without a type"));
    }
    let sectors = decimal(sectors).filter(|n| (1..=MAX_SECTORS).contains(n));
    let sectors =
        sectors.ok_or_else(|| DescriptorError::at(line, "an extent without a usable size in sectors"))?;
    let offset = match offset {
        "" => None,
        text => Some(
            decimal(text)
                .filter(|n| *n <= MAX_SECTORS)
                .ok_or_else(|| DescriptorError::at(line, "an extent without a usable offset in sectors"))?,
        ),
    };
    Ok(Some(ExtentLine { line, after_blank: false, access, sectors, kind: extent_type(kind), file, offset }))
}

fn extent_type(word: &str) -> ExtentType {
    match word {
        "FLAT" => ExtentType::Flat,
        "SPARSE" => ExtentType::Sparse,
        "ZERO" => ExtentType::Zero,
        "VMFS" => ExtentType::Vmfs,
        "VMFSSPARSE" => ExtentType::VmfsSparse,
        "SESPARSE" => ExtentType::SeSparse,
        other => ExtentType::Other(other.to_owned()),
    }
}

/// The first word and what follows, both without blanks around them.
fn cut_word(text: &str) -> (&str, &str) {
    let text = text.trim_matches(BLANKS);
    match text.split_once(BLANKS) {
        Some((word, rest)) => (word, rest.trim_matches(BLANKS)),
        None => (text, ""),
    }
}

/// A name in quotes and what follows; no name where the text is empty.
fn cut_quoted(text: &str) -> Result<(Option<String>, &str), &'static str> {
    if text.is_empty() {
        return Ok((None, ""));
    }
    let (name, rest) = text
        .strip_prefix('"')
        .and_then(|text| text.split_once('"'))
        .ok_or("an extent whose file name is not in quotes")?;
    if name.is_empty() || name.len() > MAX_FILE_NAME {
        return Err("an extent whose file name is empty or too long");
    }
    Ok((Some(name.to_owned()), rest.trim_matches(BLANKS)))
}

/// Digits only: no sign, no blank.
fn decimal(text: &str) -> Option<u64> {
    if text.bytes().all(|b| b.is_ascii_digit()) { text.parse().ok() } else { None }
}
