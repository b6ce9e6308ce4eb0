//! The superblock of md's metadata 0.90, which has no name: the array is called by a number (md(4), "MD SUPERBLOCK";
//! Linux' include/uapi/linux/raid/md_p.h, `mdp_super_t`).

/// Bytes of the superblock that are looked at.
pub(super) const SIZE: i32 = 64;
/// The superblock lies in the last 64 KiB of a member that begin at a multiple of 64 KiB.
const RESERVED: u64 = 64 * 1024;
const MAGIC: u32 = 0xa92b_4efc;
/// Word of `md_minor`.
const MINOR: usize = 11;

/// Where it begins on a member of `size` bytes.
pub(super) fn place(size: u64) -> Option<u64> {
    (size / RESERVED * RESERVED).checked_sub(RESERVED)
}

/// The array's minor number: `md7` has 7. The superblock is in the byte order of the machine that made it.
pub(super) fn minor(superblock: &[u8]) -> Option<u32> {
    let word = |n: usize| -> Option<[u8; 4]> { superblock.get(4 * n..4 * n + 4)?.try_into().ok() };
    let read: fn([u8; 4]) -> u32 = match word(0)? {
        magic if u32::from_le_bytes(magic) == MAGIC => u32::from_le_bytes,
        magic if u32::from_be_bytes(magic) == MAGIC => u32::from_be_bytes,
        _ => return None,
    };
    word(MINOR).map(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_is_read_in_either_byte_order() {
        let mut block = vec![0u8; 64];
        block[..4].copy_from_slice(&MAGIC.to_le_bytes());
        block[44..48].copy_from_slice(&7_u32.to_le_bytes());
        assert_eq!(minor(&block), Some(7));
        for word in block.chunks_mut(4) {
            word.reverse();
        }
        assert_eq!(minor(&block), Some(7));
        assert_eq!(minor(&block[..44]), None);
        assert_eq!(minor(&[0; 64]), None);
    }

    #[test]
    fn it_lies_near_the_end() {
        for (size, at) in
            [(1 << 20, Some((1 << 20) - (64 << 10))), ((1 << 20) + 512, Some(960 << 10)), (100, None)]
        {
            assert_eq!(place(size), at, "{size}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..80), size in 0_u64..) {
            minor(&bytes);
            proptest::prop_assert!(place(size).is_none_or(|at| at < size));
        }
    }
}
