use proptest::prelude::*;

use super::*;
use crate::image::bytes::memory::Memory;
use crate::image::error::ImageErrorKind;

/// A version 3 header of 1 MiB in clusters of 64 KiB, with its backing file's name and format.
fn image() -> Vec<u8> {
    let mut h = vec![0; 1 << 16];
    h[..4].copy_from_slice(b"QFI\xfb");
    for (at, value) in [(4, 3u32), (16, 9), (20, 16), (36, 1), (100, 104)] {
        h[at..at + 4].copy_from_slice(&value.to_be_bytes());
    }
    for (at, value) in [(8, 200u64), (24, 1 << 20), (40, 1 << 16)] {
        h[at..at + 8].copy_from_slice(&value.to_be_bytes());
    }
    h[104..112].copy_from_slice(&[0x68, 0x03, 0xf8, 0x57, 0, 0, 0, 3]);
    h[120..128].copy_from_slice(&[0xe2, 0x79, 0x2a, 0xca, 0, 0, 0, 3]);
    h[128..131].copy_from_slice(b"raw");
    h[200..209].copy_from_slice(b"base.raw!");
    h.resize(1 << 17, 0);
    h
}

#[test]
fn header_extension_and_backing_name_are_read() {
    let file = Memory(image());
    let h = Qcow2Header::read(&file).unwrap();
    assert_eq!((h.version, h.size, h.cluster_bits, h.l1_entries, h.l1_offset), (3, 1 << 20, 16, 1, 1 << 16));
    assert_eq!(h.backing.as_deref(), Some("base.raw!"));
    assert_eq!(h.backing_format.as_deref(), Some("raw"));
    h.verify(&file).unwrap();
}

#[test]
fn fields_out_of_bounds_are_refused() {
    for (at, value, kind) in [
        (4usize, 1u64, ImageErrorKind::Unsupported),
        (4, 4, ImageErrorKind::Unsupported),
        (16, 0, ImageErrorKind::Corrupt),
        (16, 1024, ImageErrorKind::Corrupt),
        (20, 8, ImageErrorKind::Corrupt),
        (20, 22, ImageErrorKind::Corrupt),
        (32, 1, ImageErrorKind::Unsupported),
        (36, 1 << 31, ImageErrorKind::Corrupt),
        (100, 103, ImageErrorKind::Corrupt),
        (100, 1 << 20, ImageErrorKind::Corrupt),
    ] {
        let mut bytes = image();
        bytes[at..at + 4].copy_from_slice(&(value as u32).to_be_bytes());
        assert_eq!(Qcow2Header::read(&Memory(bytes)).unwrap_err().kind(), kind, "{at}");
    }
    for (at, value, kind) in [
        (24usize, 0u64, ImageErrorKind::Corrupt),
        (24, 1 << 63, ImageErrorKind::Corrupt),
        (8, u64::MAX, ImageErrorKind::Corrupt),
        (72, FEATURE_DATA_FILE, ImageErrorKind::Unsafe),
        (72, FEATURE_CORRUPT, ImageErrorKind::Corrupt),
        (72, 1 << 40, ImageErrorKind::Unsupported),
    ] {
        let mut bytes = image();
        bytes[at..at + 8].copy_from_slice(&value.to_be_bytes());
        assert_eq!(Qcow2Header::read(&Memory(bytes)).unwrap_err().kind(), kind, "{at}");
    }
}

#[test]
fn tables_that_lead_out_or_overlap_are_refused() {
    let with = |words: &[(usize, u64)]| {
        let mut bytes = image();
        bytes[36..40].copy_from_slice(&8u32.to_be_bytes());
        for (at, word) in words {
            bytes[*at..at + 8].copy_from_slice(&word.to_be_bytes());
        }
        let file = Memory(bytes);
        Qcow2Header::read(&file).unwrap().verify(&file).map_err(|e| e.to_string())
    };
    with(&[]).unwrap();
    let l1 = 1 << 16;
    assert!(with(&[(l1, 1 << 20)]).unwrap_err().contains("at least"));
    assert!(with(&[(40, u64::MAX)]).unwrap_err().contains("truncated"));
    let same: Vec<_> = (0..8).map(|n| (l1 + n * 8, 0)).collect();
    let same: Vec<_> = same.iter().map(|(at, _)| (*at, 1u64 << 63)).collect();
    with(&same).unwrap();
    let same: Vec<_> = (0..8).map(|n| (l1 + n * 8, 1u64 << 16)).collect();
    assert!(with(&same).is_err());
}

proptest! {
    #[test]
    fn any_header_is_read_or_refused(patch in prop::collection::vec((4usize..256, any::<u8>()), 0..16)) {
        let mut bytes = image();
        for (at, byte) in patch {
            bytes[at] = byte;
        }
        let file = Memory(bytes);
        if let Ok(h) = Qcow2Header::read(&file) {
            let _ = h.verify(&file);
        }
    }
}
