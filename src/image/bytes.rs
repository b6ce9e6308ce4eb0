//! On-disk fields: checked look-ups with the byte order in the name.

use std::io;

use h2k_transports::RangeRead;

/// Bytes of a sector. VMDK, VHD and QEMU's raw driver count in these, whatever the medium has.
pub(crate) const SECTOR: u64 = 512;

/// A structure as it stands on disk. Look-ups beyond its end are `None`.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'a>(pub &'a [u8]);

impl<'a> Fields<'a> {
    pub(crate) fn array<const N: usize>(self, at: usize) -> Option<[u8; N]> {
        self.0.get(at..at.checked_add(N)?)?.try_into().ok()
    }

    pub(crate) fn u16_le(self, at: usize) -> Option<u16> {
        self.array(at).map(u16::from_le_bytes)
    }

    pub(crate) fn u32_le(self, at: usize) -> Option<u32> {
        self.array(at).map(u32::from_le_bytes)
    }

    pub(crate) fn u64_le(self, at: usize) -> Option<u64> {
        self.array(at).map(u64::from_le_bytes)
    }

    pub(crate) fn u32_be(self, at: usize) -> Option<u32> {
        self.array(at).map(u32::from_be_bytes)
    }

    pub(crate) fn u64_be(self, at: usize) -> Option<u64> {
        self.array(at).map(u64::from_be_bytes)
    }
}

/// `len` bytes from `offset`. The caller bounds `len`.
///
/// # Errors
/// `UnexpectedEof` if the range ends beyond the reader's size; otherwise what the medium reports.
pub(crate) fn read_vec(from: &dyn RangeRead, offset: u64, len: usize) -> io::Result<Vec<u8>> {
    // Before the memory is taken: a hostile length costs nothing then.
    let end = offset.checked_add(len as u64).filter(|end| *end <= from.size());
    if end.is_none() {
        return Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            format!("{len} bytes at {offset} are needed, the image has {}", from.size()),
        ));
    }
    let mut bytes = vec![0; len];
    from.read_at(&mut bytes, offset)?;
    Ok(bytes)
}

/// Whether all bytes are zero.
pub(crate) fn is_zero(bytes: &[u8]) -> bool {
    // Words of 16 bytes in blocks of 128 are what the compiler turns into vector code; most data ends in the first.
    let (blocks, rest) = bytes.as_chunks::<128>();
    let zero = |block: &[u8; 128]| {
        let (words, _) = block.as_chunks::<16>();
        words.iter().fold(0, |sum, word| sum | u128::from_ne_bytes(*word)) == 0
    };
    blocks.iter().all(zero) && rest.iter().all(|byte| *byte == 0)
}

#[cfg(test)]
pub(crate) mod memory {
    use super::*;

    /// Bytes in memory as a reader.
    pub(crate) struct Memory(pub Vec<u8>);

    impl RangeRead for Memory {
        fn size(&self) -> u64 {
            self.0.len() as u64
        }

        fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
            let start = usize::try_from(offset).map_err(|_| io::ErrorKind::UnexpectedEof)?;
            let end = start.checked_add(buf.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
            buf.copy_from_slice(self.0.get(start..end).ok_or(io::ErrorKind::UnexpectedEof)?);
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::memory::Memory;
    use super::*;

    #[test]
    fn fields_end_with_their_structure() {
        let fields = Fields(&[1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(fields.u16_le(6), Some(0x0807));
        assert_eq!(fields.u32_be(0), Some(0x0102_0304));
        assert_eq!(fields.u64_le(0), Some(0x0807_0605_0403_0201));
        assert_eq!(fields.u64_be(1), None);
        assert_eq!(fields.u32_le(usize::MAX), None);
    }

    #[test]
    fn a_range_beyond_the_end_takes_no_memory() {
        let reader = Memory(vec![7; 10]);
        assert_eq!(read_vec(&reader, 8, 2).unwrap(), [7, 7]);
        for (offset, len) in [(8, 3), (u64::MAX, 1), (0, usize::MAX)] {
            assert_eq!(read_vec(&reader, offset, len).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        }
    }

    #[test]
    fn a_single_bit_is_seen_wherever_it_is() {
        for len in [1, 15, 127, 128, 129, 4096, 5000] {
            let mut bytes = vec![0; len];
            assert!(is_zero(&bytes));
            for at in [0, len / 2, len - 1] {
                bytes[at] = 0x80;
                assert!(!is_zero(&bytes), "{at} of {len}");
                bytes[at] = 0;
            }
        }
        assert!(is_zero(&[]));
    }
}
