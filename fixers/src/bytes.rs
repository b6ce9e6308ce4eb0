//! Little-endian numbers and GUIDs in what a guest stores. Nothing here trusts an offset: what lies behind the end is
//! `None`.

/// `length` bytes at `at`.
pub(crate) fn slice(bytes: &[u8], at: usize, length: usize) -> Option<&[u8]> {
    bytes.get(at..at.checked_add(length)?)
}

/// The number of 16 bits at `at`.
pub(crate) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|b| u16::from_le_bytes(*b))
}

/// The number of 32 bits at `at`.
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|b| u32::from_le_bytes(*b))
}

/// The number of 64 bits at `at`.
pub(crate) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|b| u64::from_le_bytes(*b))
}

/// A GUID as text, in lower case: its first three numbers are little-endian (UEFI specification, appendix A).
pub fn guid_text(bytes: &[u8; 16]) -> String {
    let [a, b, c, d, e, f, g, h, i, j, rest @ ..] = bytes;
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let parts = [hex(&[*d, *c, *b, *a]), hex(&[*f, *e]), hex(&[*h, *g]), hex(&[*i, *j]), hex(rest)];
    parts.join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_behind_the_end_are_none() {
        let bytes = [1, 2, 3, 4, 5, 6, 7, 8];
        assert_eq!((u16_at(&bytes, 6), u16_at(&bytes, 7)), (Some(0x0807), None));
        assert_eq!((u32_at(&bytes, 4), u32_at(&bytes, usize::MAX)), (Some(0x0807_0605), None));
        assert_eq!((u64_at(&bytes, 0), u64_at(&bytes, 1)), (Some(0x0807_0605_0403_0201), None));
        assert_eq!((slice(&bytes, 6, 2), slice(&bytes, 6, usize::MAX)), (Some(&[7, 8][..]), None));
    }

    #[test]
    fn a_guid_is_written_as_windows_does() {
        let efi =
            [0x28, 0x73, 0x2a, 0xc1, 0x1f, 0xf8, 0xd2, 0x11, 0xba, 0x4b, 0, 0xa0, 0xc9, 0x3e, 0xc9, 0x3b];
        assert_eq!(guid_text(&efi), "c12a7328-f81f-11d2-ba4b-00a0c93ec93b");
    }
}
