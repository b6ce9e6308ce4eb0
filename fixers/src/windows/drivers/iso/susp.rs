//! System use entries (SUSP, IEEE P1281) and the names in them (RRIP, IEEE P1282).

use super::{IsoError, SECTOR};

/// Most areas that an entry's fields may be continued in.
const MAX_CONTINUED: usize = 16;
/// Longest name in bytes.
const MAX_NAME: usize = 255;
const SELF_OR_PARENT: u8 = 2 | 4;

/// What the entries say of a name.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Name {
    /// Nothing: the name is that of ISO 9660.
    Absent,
    /// The name.
    Given(String),
    /// It is no file and no directory: a symbolic link, a device, or a directory that was moved.
    Other,
}

/// The entries of an area: signature and data after length and version.
fn entries(area: &[u8]) -> impl Iterator<Item = ([u8; 2], &[u8])> {
    let mut rest = area;
    std::iter::from_fn(move || {
        let (&[a, b, len, _], _) = rest.split_first_chunk()?;
        let (entry, after) = rest.split_at_checked(usize::from(len))?;
        rest = after;
        // ST ends the area.
        let data = entry.get(4..)?;
        ([a, b] != *b"ST").then_some(([a, b], data))
    })
}

/// SP, which the root directory's own record begins with: how many bytes to skip in other records.
pub(super) fn indicator(area: &[u8]) -> Option<usize> {
    let (signature, data) = entries(area).next()?;
    match data {
        [0xbe, 0xef, skip, ..] if signature == *b"SP" => Some(usize::from(*skip)),
        _ => None,
    }
}

/// Whether an area has an entry of Rock Ridge.
pub(super) fn is_rock_ridge(area: &[u8]) -> bool {
    entries(area).any(|(signature, _)| matches!(&signature, b"NM" | b"PX" | b"RR"))
}

/// The name in an area and those that it is continued in; `read` brings the bytes of a block at an offset.
pub(super) fn name(
    area: &[u8],
    mut read: impl FnMut(u32, u32, u32) -> Result<Vec<u8>, IsoError>,
) -> Result<Name, IsoError> {
    let mut name = Vec::new();
    let mut given = false;
    let mut current = area.to_vec();
    for _ in 0..=MAX_CONTINUED {
        let mut continued = None;
        for (signature, data) in entries(&current) {
            match (&signature, data) {
                (b"NM", [flags, text @ ..]) if flags & SELF_OR_PARENT == 0 => {
                    given = true;
                    name.extend_from_slice(text);
                }
                (b"SL" | b"CL" | b"PN", _) => return Ok(Name::Other),
                (b"CE", data) => continued = continuation(data),
                _ => {}
            }
        }
        match continued {
            Some((block, offset, len)) => current = read(block, offset, len)?,
            None => break,
        }
    }
    if name.len() > MAX_NAME {
        return Err(IsoError::Damaged(format!("a name of more than {MAX_NAME} bytes")));
    }
    Ok(if given { Name::Given(String::from_utf8_lossy(&name).into_owned()) } else { Name::Absent })
}

/// Block, offset and length of a CE entry; each is there twice, the little-endian one first.
fn continuation(data: &[u8]) -> Option<(u32, u32, u32)> {
    let word = |at: usize| data.get(at..).and_then(|b| b.first_chunk()).map(|four| u32::from_le_bytes(*four));
    let (block, offset, len) = (word(0)?, word(8)?, word(16)?);
    (len as usize <= SECTOR).then_some((block, offset, len))
}
