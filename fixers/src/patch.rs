//! Bytes that an edit writes over inside of a file whose size stays.

use serde::{Deserialize, Serialize};

use crate::edit::Content;
use crate::error::{GuestError, Result};
use crate::guest::{FileKind, Guest};
use crate::memory::content_bytes;

/// Most bytes of one piece: it is one message to the appliance, and no more than a command line or a field of a header.
const MAX_PIECE: usize = 64 * 1024;

/// Bytes at one place of a file. The shorter of the two contents is filled up with zero bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// Bytes from the file's start.
    pub offset: u64,
    /// What is there before.
    pub before: Content,
    /// What is there after.
    pub after: Content,
}

impl Piece {
    /// The bytes before and after, of one length.
    ///
    /// # Errors
    /// A saved plan is broken.
    pub fn bytes(&self, path: &str) -> Result<(Vec<u8>, Vec<u8>)> {
        let (mut before, mut after) = (content_bytes(path, &self.before)?, content_bytes(path, &self.after)?);
        let length = before.len().max(after.len());
        if length > MAX_PIECE {
            let what = format!("the plan writes {length} bytes in place, more than {MAX_PIECE}");
            return Err(GuestError::Malformed { path: path.to_owned(), what });
        }
        before.resize(length, 0);
        after.resize(length, 0);
        Ok((before, after))
    }

    /// The piece that takes this one back.
    #[must_use]
    pub fn reversed(&self) -> Self {
        Self { offset: self.offset, before: self.after.clone(), after: self.before.clone() }
    }
}

/// Whether the file has its size and holds, in every place, what was there before the edit.
///
/// # Errors
/// [`GuestError::Changed`] if not; the guest could not be read.
pub fn check(guest: &dyn Guest, path: &str, size: u64, pieces: &[Piece]) -> Result<()> {
    let changed = |what: &str| Err(GuestError::Changed { path: path.to_owned(), what: what.to_owned() });
    if guest.lstat(path)?.is_none_or(|s| s.kind != FileKind::File || s.size != size) {
        return changed("its size differs");
    }
    for piece in pieces {
        let (before, _) = piece.bytes(path)?;
        if guest.read_at(path, piece.offset, before.len())? != before {
            return changed("the bytes that the plan writes over differ");
        }
    }
    Ok(())
}

/// `content` with the pieces written over it.
///
/// # Errors
/// A saved plan is broken, or a piece lies beyond the end.
pub fn patched(path: &str, mut content: Vec<u8>, pieces: &[Piece]) -> Result<Vec<u8>> {
    for piece in pieces {
        let (_, after) = piece.bytes(path)?;
        let start = usize::try_from(piece.offset).unwrap_or(usize::MAX);
        let place =
            content.get_mut(start..start.saturating_add(after.len())).ok_or_else(|| GuestError::Changed {
                path: path.to_owned(),
                what: "it ends before what is written over".to_owned(),
            })?;
        place.copy_from_slice(&after);
    }
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Change, Edit, GuestMut, MemoryGuest};

    fn edit(pieces: Vec<Piece>) -> Edit {
        Edit::new("test", "why", Change::Patch { path: "/a".to_owned(), size: 10, pieces })
    }

    fn piece(offset: u64, before: &str, after: &str) -> Piece {
        let text = |text: &str| Content::Text(text.to_owned());
        Piece { offset, before: text(before), after: text(after) }
    }

    #[test]
    fn bytes_are_written_in_place_and_nothing_else() {
        let mut guest = MemoryGuest::new().file("/a", b"0123\0\0\0\0ab");
        guest.apply(&edit(vec![piece(2, "23", "xyzw"), piece(8, "a", "")])).unwrap();
        assert_eq!(guest.read("/a").unwrap().unwrap(), b"01xyzw\0\0\0b");
    }

    #[test]
    fn what_is_not_as_planned_is_left() {
        for (content, pieces) in [
            (&b"0123\0\0\0\0ab"[..], vec![piece(2, "24", "xy")]),
            // What the longer text would be written over is no zero byte.
            (b"0123\0\0\0\0ab", vec![piece(2, "23", "xyzwvut")]),
            (b"0123\0\0\0\0a", vec![piece(2, "23", "xy")]),
            (b"0123\0\0\0\0ab", vec![piece(9, "b", "xy")]),
        ] {
            let mut guest = MemoryGuest::new().file("/a", content);
            let error = guest.apply(&edit(pieces)).unwrap_err();
            assert!(matches!(error, GuestError::Changed { .. }), "{error}");
            assert_eq!(guest.read("/a").unwrap().unwrap(), content);
        }
        let long = "x".repeat(MAX_PIECE + 1);
        assert!(piece(0, "", &long).bytes("/a").is_err());
    }
}
