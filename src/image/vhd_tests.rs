use proptest::prelude::*;

use super::*;
use crate::image::bytes::memory::Memory;
use crate::image::error::ImageErrorKind;

fn footer(kind: u32, size: u64) -> Vec<u8> {
    let mut f = vec![0; 512];
    f[..8].copy_from_slice(b"conectix");
    f[12..16].copy_from_slice(&0x1_0000u32.to_be_bytes());
    f[16..24].copy_from_slice(&512u64.to_be_bytes());
    f[48..56].copy_from_slice(&size.to_be_bytes());
    f[60..64].copy_from_slice(&kind.to_be_bytes());
    let sum = !f.iter().map(|b| u32::from(*b)).sum::<u32>();
    f[64..68].copy_from_slice(&sum.to_be_bytes());
    f
}

#[test]
fn a_footer_is_read_with_and_without_its_last_byte() {
    let bytes = footer(2, 4096);
    let want = VhdFooter { data_offset: 512, size: 4096, kind: VhdKind::Fixed };
    assert_eq!(VhdFooter::parse(&bytes).unwrap(), want);
    assert_eq!(VhdFooter::parse(&bytes[..511]).unwrap(), want);
    assert_eq!(VhdFooter::parse(&bytes[..510]).unwrap_err().kind(), ImageErrorKind::Corrupt);
    let mut damaged = bytes;
    damaged[50] ^= 1;
    assert!(VhdFooter::parse(&damaged).unwrap_err().to_string().contains("checksum"));
    assert_eq!(VhdFooter::parse(&footer(9, 1)).unwrap_err().kind(), ImageErrorKind::Unsupported);
}

fn dynamic(entries: &[u32], block: u32, size: u64) -> Memory {
    let mut bytes = footer(3, size);
    bytes.extend_from_slice(b"cxsparse");
    bytes.resize(512 + 1024, 0);
    bytes[512 + 16..512 + 24].copy_from_slice(&1536u64.to_be_bytes());
    bytes[512 + 28..512 + 32].copy_from_slice(&(entries.len() as u32).to_be_bytes());
    bytes[512 + 32..512 + 36].copy_from_slice(&block.to_be_bytes());
    for entry in entries {
        bytes.extend_from_slice(&entry.to_be_bytes());
    }
    bytes.resize(2048 + 512 + 4096, 0);
    Memory(bytes)
}

fn blocks(entries: &[u32], block: u32, size: u64) -> Result<(), ImageError> {
    let file = dynamic(entries, block, size);
    VhdFooter::parse(&file.0[..512])?.check_blocks(&file)
}

#[test]
fn blocks_must_lie_in_the_file() {
    blocks(&[u32::MAX, 4], 4096, 8192).unwrap();
    assert!(blocks(&[5, 4], 4096, 8192).unwrap_err().to_string().contains("so 512 bytes are missing"));
    for (entries, block, size) in
        [(&[4][..], 4096, 8192), (&[4], 0, 100), (&[4], 1000, 100), (&[4], 256, 100)]
    {
        assert_eq!(blocks(entries, block, size).unwrap_err().kind(), ImageErrorKind::Corrupt);
    }
}

proptest! {
    #[test]
    fn any_footer_is_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let _ = VhdFooter::parse(&bytes);
    }

    #[test]
    fn any_table_is_read_or_refused(entries in prop::collection::vec(any::<u32>(), 0..8), block: u32, size: u64) {
        let _ = blocks(&entries, block, size);
    }
}
