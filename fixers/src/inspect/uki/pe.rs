//! The header of a PE image (Microsoft "PE Format"): at 0x3c the offset of the signature `PE\0\0`, then the COFF header
//! of 20 bytes, the optional header, and 40 bytes for each section.

use crate::bytes::{u16_at, u32_at};

/// Sections; the Windows loader's limit, and a unified kernel image has about ten.
const MAX_SECTIONS: usize = 96;

const SIGNATURE_AT: usize = 0x3c;
const COFF_HEADER: usize = 20;
/// Bytes of an entry of the section table.
pub(super) const SECTION: usize = 40;

/// Fields of the optional header: its kind, the image's size in memory, how many directories there are and where; of
/// those, the certificate table is the fifth ("Optional Header Data Directories").
const PE32: u16 = 0x10b;
const PE32_PLUS: u16 = 0x20b;
const IMAGE_SIZE: usize = 56;
const CERTIFICATES: u32 = 4;

/// A section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Section {
    pub name: [u8; 8],
    /// Its place in the file, in bytes.
    pub offset: u32,
    /// Bytes in memory, and where there, relative to the image.
    memory: u32,
    address: u32,
    /// Bytes in the file, filled up to the file's alignment.
    raw: u32,
    /// Where in the file its size in memory stands.
    pub size_field: u64,
}

impl Section {
    /// Bytes that are its own: those in the file are filled up, and what is longer in memory is zero there.
    pub fn size(&self) -> u32 {
        self.memory.min(self.raw)
    }
}

/// What the header says.
#[derive(Debug)]
pub(super) struct Image {
    pub sections: Vec<Section>,
    optional: Option<Optional>,
}

#[derive(Debug, Clone, Copy)]
struct Optional {
    /// Bytes of the whole image in memory.
    image: u32,
    /// Bytes of the certificate table.
    certificates: u32,
}

impl Image {
    /// The header; `None` if the bytes are no PE image's.
    pub fn parse(head: &[u8]) -> Option<Self> {
        let signature = usize::try_from(u32_at(head, SIGNATURE_AT)?).ok()?;
        if !head.starts_with(b"MZ") || head.get(signature..signature.checked_add(4)?)? != b"PE\0\0" {
            return None;
        }
        let coff = signature + 4;
        let count = usize::from(u16_at(head, coff + 2)?);
        let optional = coff + COFF_HEADER;
        let length = usize::from(u16_at(head, coff + 16)?);
        if count > MAX_SECTIONS {
            return None;
        }
        let table = optional + length;
        let sections = (0..count).map(|n| section(head, table + n * SECTION)).collect::<Option<_>>()?;
        Some(Self { sections, optional: optional_header(head.get(optional..table)?) })
    }

    /// Why its bytes must stay as they are, in words that follow "it".
    pub fn sealed(&self) -> Option<&'static str> {
        let count = |name: &[u8; 8]| self.sections.iter().filter(|s| s.name == *name).count();
        match self.optional {
            None => Some("has a header that h2k does not know"),
            Some(optional) if optional.certificates > 0 => Some("is signed"),
            _ if count(b".pcrsig\0") > 0 => Some("holds signatures of what a TPM measures of it"),
            _ if count(b".cmdline") > 1 || count(b".profile") > 0 => Some("has several profiles"),
            _ => None,
        }
    }

    /// Bytes that a section may have without any other's in the file or in memory, at least what it has.
    pub fn room(&self, section: &Section) -> u32 {
        let others = || self.sections.iter().filter(|other| other.size_field != section.size_field);
        let after = |own: u32, other: u32| other.checked_sub(own).filter(|distance| *distance > 0);
        let in_memory = others().filter_map(|other| after(section.address, other.address));
        let in_file = others().filter_map(|other| after(section.offset, other.offset));
        let end = self.optional.map_or(0, |o| o.image.saturating_sub(section.address));
        let room = in_memory.chain(in_file).chain([end, section.raw]).min().unwrap_or(0);
        room.max(section.size())
    }
}

fn section(head: &[u8], at: usize) -> Option<Section> {
    Some(Section {
        name: head.get(at..at.checked_add(8)?)?.try_into().ok()?,
        memory: u32_at(head, at + 8)?,
        address: u32_at(head, at + 12)?,
        raw: u32_at(head, at + 16)?,
        offset: u32_at(head, at + 20)?,
        size_field: (at + 8) as u64,
    })
}

fn optional_header(header: &[u8]) -> Option<Optional> {
    let directories = match u16_at(header, 0)? {
        PE32 => 96,
        PE32_PLUS => 112,
        _ => return None,
    };
    let count = u32_at(header, directories - 4)?;
    let entry = directories + 8 * CERTIFICATES as usize;
    // A header that ends before the entry has no such table; one that is counted must be there.
    let certificates =
        if count > CERTIFICATES { u32_at(header, entry + 4)?.max(u32_at(header, entry)?) } else { 0 };
    Some(Optional { image: u32_at(header, IMAGE_SIZE)?, certificates })
}
