use proptest::prelude::*;

use super::*;
use crate::image::bytes::memory::Memory;
use crate::image::error::ImageErrorKind;

/// A header of an extent of 3 grains of 8 sectors, tables of 2 entries.
fn header(flags: u32, directory: u64, compression: u16) -> Vec<u8> {
    let mut h = vec![0; 512];
    h[..4].copy_from_slice(b"KDMV");
    h[4..8].copy_from_slice(&1u32.to_le_bytes());
    h[8..12].copy_from_slice(&flags.to_le_bytes());
    for (at, value) in [(12, 24u64), (20, 8), (28, 1), (36, 1), (56, directory), (64, 4)] {
        h[at..at + 8].copy_from_slice(&value.to_le_bytes());
    }
    h[44..48].copy_from_slice(&2u32.to_le_bytes());
    h[73..77].copy_from_slice(b"\n \r\n");
    h[77..79].copy_from_slice(&compression.to_le_bytes());
    h
}

/// Header, descriptor, directory in sector 2, tables in sector 3, grains from sector 4.
fn image(entries: [u32; 4]) -> Vec<u8> {
    let mut bytes = header(FLAG_LINE_ENDS, 2, 0);
    bytes.resize(512, 0);
    bytes.extend_from_slice(b"# Disk DescriptorFile\nversion=1\n");
    bytes.resize(1024, 0);
    for entry in [3u32, 4, 0, 0] {
        bytes.extend_from_slice(&entry.to_le_bytes());
    }
    bytes.resize(1536, 0);
    for entry in &entries[..2] {
        bytes.extend_from_slice(&entry.to_le_bytes());
    }
    bytes.resize(2048, 0);
    for entry in &entries[2..] {
        bytes.extend_from_slice(&entry.to_le_bytes());
    }
    bytes.resize(2048 + 3 * 4096 + 512, 0);
    bytes
}

fn verify(bytes: Vec<u8>) -> Result<(), ImageError> {
    let file = Memory(bytes);
    SparseHeader::read(&file)?.verify(&file)
}

#[test]
fn a_whole_extent_is_verified() {
    let bytes = image([5, 0, 13, 999]);
    let file = Memory(bytes.clone());
    let h = SparseHeader::read(&file).unwrap();
    assert_eq!((h.version, h.capacity, h.grain_size, h.table_entries, h.compressed), (1, 24, 8, 2, false));
    assert!(h.embedded_descriptor(&file).unwrap().unwrap().starts_with("# Disk DescriptorFile\nversion=1\n"));
    // The fourth grain is beyond the capacity, so nobody reads it.
    verify(bytes).unwrap();
}

#[test]
fn a_grain_beyond_the_end_is_counted_in_bytes() {
    let mut bytes = image([5, 0, 13, 0]);
    let needed = 13 * 512 + 8 * 512;
    bytes.truncate(needed - 1000);
    let error = verify(bytes).unwrap_err();
    assert_eq!(error.kind(), ImageErrorKind::Corrupt);
    assert!(error.to_string().contains("so 1000 bytes are missing"), "{error}");
    let mut bytes = image([5, 0, 13, 0]);
    bytes.truncate(1700);
    assert!(verify(bytes).unwrap_err().to_string().contains("at least "));
}

#[test]
fn a_zeroed_grain_needs_no_place() {
    let mut bytes = image([u32::MAX, 0, 0, 0]);
    assert!(verify(bytes.clone()).is_err());
    bytes[1536..1540].copy_from_slice(&1u32.to_le_bytes());
    bytes[8] |= FLAG_ZEROED_GRAIN as u8;
    verify(bytes).unwrap();
}

/// A stream: header, descriptor, one compressed grain, table, directory, footer.
fn stream(grain_size: u32) -> Vec<u8> {
    let mut bytes = header(FLAG_LINE_ENDS | 3 << 16, GD_AT_END, 1);
    bytes.resize(2048, 0);
    bytes.extend_from_slice(&0u64.to_le_bytes());
    bytes.extend_from_slice(&grain_size.to_le_bytes());
    bytes.resize(5 * 512, 0);
    bytes.extend_from_slice(&[4u32.to_le_bytes(), 0u32.to_le_bytes()].concat());
    bytes.resize(6 * 512, 0);
    bytes.extend_from_slice(&[5u32.to_le_bytes(), 0u32.to_le_bytes()].concat());
    bytes.resize(7 * 512, 0);
    bytes.extend_from_slice(&1u64.to_le_bytes());
    bytes.extend_from_slice(&0u32.to_le_bytes());
    bytes.extend_from_slice(&MARKER_FOOTER.to_le_bytes());
    bytes.resize(8 * 512, 0);
    let mut footer = header(FLAG_LINE_ENDS | 3 << 16, 6, 1);
    footer[28..44].fill(0);
    bytes.extend_from_slice(&footer);
    bytes.resize(10 * 512, 0);
    bytes
}

#[test]
fn the_footer_of_a_stream_counts() {
    let file = Memory(stream(100));
    let h = SparseHeader::read(&file).unwrap();
    assert_eq!((h.directory, h.from_footer, h.compressed, h.descriptor_offset), (6, true, true, 1));
    h.verify(&file).unwrap();
    assert!(verify(stream(1 << 20)).unwrap_err().to_string().contains("bytes are missing"));
}

#[test]
fn a_stream_without_its_footer_is_truncated() {
    for cut in [1, 512, 1024, 9 * 512 + 511] {
        let mut bytes = stream(100);
        bytes.truncate(bytes.len() - cut);
        let error = verify(bytes).unwrap_err();
        assert!(error.to_string().starts_with("truncated: ") || cut > 9 * 512, "{error}");
        assert_eq!(error.kind(), ImageErrorKind::Corrupt);
    }
    let mut bytes = stream(100);
    bytes[8 * 512 + 12] = 99;
    assert!(verify(bytes).unwrap_err().to_string().contains("disagree"));
    let mut bytes = stream(100);
    bytes[8 * 512 + 56..8 * 512 + 64].fill(0xff);
    assert_eq!(verify(bytes).unwrap_err().kind(), ImageErrorKind::Corrupt);
}

#[test]
fn fields_out_of_bounds_are_refused() {
    let good = header(FLAG_LINE_ENDS, 2, 0);
    SparseHeader::parse(&good).unwrap();
    for (at, value, kind) in [
        (0, 0u64, ImageErrorKind::Corrupt),
        (4, 4, ImageErrorKind::Unsupported),
        (4, 0, ImageErrorKind::Unsupported),
        (12, 0, ImageErrorKind::Corrupt),
        (12, MAX_SECTORS + 1, ImageErrorKind::Corrupt),
        (20, 0, ImageErrorKind::Corrupt),
        (20, 12, ImageErrorKind::Corrupt),
        (20, 1 << 32, ImageErrorKind::Corrupt),
        (44, 0, ImageErrorKind::Corrupt),
        (44, 513, ImageErrorKind::Corrupt),
        (56, 0, ImageErrorKind::Corrupt),
        (73, u64::from_le_bytes(*b"\n\n\r\n\0\0\0\0"), ImageErrorKind::Corrupt),
        (73, u64::from_le_bytes(*b"\n \r\n\x02\0\0\0"), ImageErrorKind::Unsupported),
    ] {
        let mut bytes = good.clone();
        let width = if matches!(at, 4 | 44) { 4 } else { 8 };
        bytes[at..at + width].copy_from_slice(&value.to_le_bytes()[..width]);
        assert_eq!(SparseHeader::parse(&bytes).unwrap_err().kind(), kind, "{at} {value:#x}");
    }
    assert!(SparseHeader::parse(&good[..78]).is_err());
    for flag in [16, 17] {
        assert!(SparseHeader::parse(&header(FLAG_LINE_ENDS | 1 << flag, 2, 0)).is_err());
        SparseHeader::parse(&header(FLAG_LINE_ENDS | 1 << flag, 2, 1)).unwrap();
    }
}

proptest! {
    #[test]
    fn any_header_is_read_or_refused(
        patch in prop::collection::vec((4usize..80, any::<u8>()), 0..12), entries in any::<[u32; 4]>()
    ) {
        let mut bytes = image(entries);
        for (at, byte) in patch {
            bytes[at] = byte;
        }
        let file = Memory(bytes);
        if let Ok(h) = SparseHeader::read(&file) {
            let _ = h.verify(&file);
            let _ = h.embedded_descriptor(&file);
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..2048)) {
        let file = Memory([b"KDMV".to_vec(), bytes].concat());
        if let Ok(h) = SparseHeader::read(&file) {
            let _ = h.verify(&file);
        }
    }
}
