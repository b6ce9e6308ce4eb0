//! The header block of a tar member: POSIX.1-1988 (ustar), GNU's variant and the old V7 form.
//!
//! Field offsets are those of POSIX.1-2017, pax, "ustar Interchange Format".

use std::ops::Range;

/// Size of a header, and the unit that data is padded to.
pub(crate) const BLOCK_BYTES: usize = 512;

const NAME: Range<usize> = 0..100;
const SIZE: Range<usize> = 124..136;
const CHECKSUM: Range<usize> = 148..156;
const TYPE: usize = 156;
const MAGIC: Range<usize> = 257..263;
const PREFIX: Range<usize> = 345..500;

/// What a member is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    /// A regular file.
    Regular,
    /// A directory.
    Directory,
    /// A symbolic or hard link.
    Link,
    /// A device or FIFO.
    Device,
    /// GNU: the next member's name is this member's data.
    LongName,
    /// GNU: the next member's link target is this member's data.
    LongLink,
    /// pax: attributes of the next member.
    Attributes,
    /// pax: attributes of all that follow.
    GlobalAttributes,
    /// GNU: a file with holes, whose data is not one piece.
    Sparse,
    /// Something else, such as a continued volume.
    Other(u8),
}

/// A header block.
#[derive(Debug, Clone, Copy)]
pub(super) struct Header<'a>(&'a [u8; BLOCK_BYTES]);

impl<'a> Header<'a> {
    /// The header in `block`, if its checksum fits.
    pub(super) fn parse(block: &'a [u8; BLOCK_BYTES]) -> Option<Self> {
        let header = Self(block);
        let stored = octal(header.field(CHECKSUM))?;
        let sum = |value: fn(u8) -> i64| -> i64 {
            // The checksum counts its own field as blanks.
            let each = |(i, b): (usize, &u8)| if CHECKSUM.contains(&i) { 32 } else { value(*b) };
            block.iter().enumerate().map(each).sum()
        };
        let stored = i64::try_from(stored).ok()?;
        // Old implementations summed signed bytes.
        let fits = stored == sum(i64::from) || stored == sum(|b| i64::from(b.cast_signed()));
        fits.then_some(header)
    }

    fn field(&self, range: Range<usize>) -> &'a [u8] {
        self.0.get(range).unwrap_or_default()
    }

    /// Name, with the prefix that ustar keeps apart. GNU uses the prefix's place for times.
    pub(super) fn name(&self) -> String {
        let name = text(self.field(NAME));
        let prefix = if self.field(MAGIC) == b"ustar\0" { text(self.field(PREFIX)) } else { String::new() };
        if prefix.is_empty() { name } else { format!("{prefix}/{name}") }
    }

    /// Size of the data in bytes; `None` if the field is no number.
    pub(super) fn size(&self) -> Option<u64> {
        let field = self.field(SIZE);
        match field.split_first() {
            // GNU: a big-endian binary number for what octal digits cannot hold.
            Some((0x80, digits)) => digits
                .iter()
                .try_fold(0u64, |value, byte| value.checked_mul(256)?.checked_add(u64::from(*byte))),
            _ => octal(field),
        }
    }

    /// What the member is.
    pub(super) fn kind(&self) -> Type {
        match self.0.get(TYPE).copied().unwrap_or_default() {
            // V7 has no type for directories; their names end in a slash.
            0 | b'0' | b'7' if text(self.field(NAME)).ends_with('/') => Type::Directory,
            0 | b'0' | b'7' => Type::Regular,
            b'1' | b'2' => Type::Link,
            b'3' | b'4' | b'6' => Type::Device,
            b'5' => Type::Directory,
            b'L' => Type::LongName,
            b'K' => Type::LongLink,
            b'x' => Type::Attributes,
            b'g' => Type::GlobalAttributes,
            b'S' => Type::Sparse,
            other => Type::Other(other),
        }
    }
}

/// Octal digits, with blanks before and blanks or NUL behind; an empty field is 0.
fn octal(field: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(field).ok()?;
    let digits = text.trim_matches(|c| matches!(c, ' ' | '\0'));
    if digits.is_empty() {
        return Some(0);
    }
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    u64::from_str_radix(digits, 8).ok()
}

/// Bytes up to the first NUL as text.
pub(super) fn text(field: &[u8]) -> String {
    let end = field.iter().position(|b| *b == 0).unwrap_or(field.len());
    String::from_utf8_lossy(field.get(..end).unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        assert_eq!(octal(b"00000000017\0"), Some(15));
        assert_eq!(octal(b"    17 \0"), Some(15));
        assert_eq!(octal(b"\0\0\0\0"), Some(0));
        for bad in [b"18".as_slice(), b"-1", b"+1", b"\xff", b"1 1"] {
            assert_eq!(octal(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn sizes_beyond_octal() {
        let mut block = [0; BLOCK_BYTES];
        block[124] = 0x80;
        block[130] = 1;
        assert_eq!(Header(&block).size(), Some(1 << 40));
        block[126] = 1;
        assert_eq!(Header(&block).size(), None);
    }
}
