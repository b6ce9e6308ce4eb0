//! Volume descriptors (ECMA-119, section 8; Joliet Specification, "SVD Escape Sequences").

use super::record::{self, Record};
use super::{Bytes, Extent, IsoError, SECTOR, susp};

/// Sector of the first descriptor.
const FIRST: u64 = 16;
/// Most descriptors that are looked at.
const MAX_DESCRIPTORS: u64 = 64;
/// Offset and length of the root directory's record.
const ROOT: std::ops::Range<usize> = 156..190;
/// Offset of the block size.
const BLOCK: usize = 128;
/// Offset of the escape sequences, which tell the characters of names.
const ESCAPES: usize = 88;

/// What names are taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    /// Rock Ridge; so many bytes of each system use area come before it.
    RockRidge { skip: usize },
    /// Joliet.
    Joliet,
    /// ISO 9660 itself.
    Iso,
}

/// The tree that is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Volume {
    /// Size of a block in bytes.
    pub(super) block: u32,
    /// The root directory.
    pub(super) root: Extent,
    /// What names are taken from.
    pub(super) names: Names,
}

/// Reads the descriptors and chooses a tree.
pub(super) fn read(bytes: &dyn Bytes) -> Result<Volume, IsoError> {
    let (mut primary, mut joliet) = (None, None);
    for sector in FIRST..FIRST + MAX_DESCRIPTORS {
        let mut descriptor = vec![0; SECTOR];
        let offset = sector * SECTOR as u64;
        match bytes.read_exact_at(&mut descriptor, offset) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => break,
            Err(cause) => return Err(IsoError::Read { offset, cause }),
        }
        if descriptor.get(1..6) != Some(b"CD001") {
            break;
        }
        match descriptor.first() {
            Some(1) if primary.is_none() => primary = Some(volume(&descriptor, Names::Iso)?),
            Some(2) if joliet.is_none() && is_joliet(&descriptor) => {
                joliet = Some(volume(&descriptor, Names::Joliet)?);
            }
            Some(255) => break,
            _ => {}
        }
    }
    let primary = primary.ok_or(IsoError::NoImage)?;
    if let Some(skip) = rock_ridge(bytes, &primary)? {
        return Ok(Volume { names: Names::RockRidge { skip }, ..primary });
    }
    Ok(joliet.unwrap_or(primary))
}

fn volume(descriptor: &[u8], names: Names) -> Result<Volume, IsoError> {
    let block = descriptor.get(BLOCK..).and_then(|b| b.first_chunk()).map(|two| u16::from_le_bytes(*two));
    let block = block.filter(|block| block.is_power_of_two() && (512..=2048).contains(block));
    let block = u32::from(block.ok_or_else(|| IsoError::Damaged("its block size is none".to_owned()))?);
    let root = descriptor.get(ROOT).and_then(|bytes| Record::parse(bytes).ok().flatten());
    let root = root.ok_or_else(|| IsoError::Damaged("its root directory is none".to_owned()))?;
    let offset = u64::from(root.block) * u64::from(block);
    Ok(Volume { block, root: Extent { offset, len: u64::from(root.len) }, names })
}

/// UCS-2 of level 1, 2 or 3.
fn is_joliet(descriptor: &[u8]) -> bool {
    matches!(descriptor.get(ESCAPES..ESCAPES + 3), Some([b'%', b'/', b'@' | b'C' | b'E']))
}

/// Whether the root directory's own record says that there are Rock Ridge entries, and how many bytes come before them
/// elsewhere.
fn rock_ridge(bytes: &dyn Bytes, volume: &Volume) -> Result<Option<usize>, IsoError> {
    let mut sector = vec![0; SECTOR];
    let offset = volume.root.offset;
    if offset.checked_add(SECTOR as u64).is_none_or(|end| end > bytes.size()) {
        return Ok(None);
    }
    bytes.read_exact_at(&mut sector, offset).map_err(|cause| IsoError::Read { offset, cause })?;
    let Some(Ok(own)) = record::all(&sector).next() else { return Ok(None) };
    let area = own.system_use(0);
    // RRIP has no reliable sign of its own: names do.
    Ok(susp::indicator(area).filter(|_| has_names(&sector, area)))
}

/// Whether any record of the root directory's first sector has an entry of Rock Ridge.
fn has_names(sector: &[u8], own: &[u8]) -> bool {
    susp::is_rock_ridge(own)
        || record::all(sector).flatten().skip(1).any(|record| susp::is_rock_ridge(record.system_use(0)))
}
