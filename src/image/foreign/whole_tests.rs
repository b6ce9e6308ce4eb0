use proptest::prelude::*;

use super::*;
use crate::image::bytes::memory::Memory;
use crate::image::error::ImageErrorKind;

const FORMATS: [DiskFormat; 5] =
    [DiskFormat::Vdi, DiskFormat::Parallels, DiskFormat::Qed, DiskFormat::Qcow, DiskFormat::Dmg];

/// Little-endian 32-bit fields in a file of `length` bytes.
fn file(length: usize, fields: &[(usize, u32)]) -> Vec<u8> {
    let mut bytes = vec![0; length];
    for (at, value) in fields {
        bytes[*at..at + 4].copy_from_slice(&value.to_le_bytes());
    }
    bytes
}

fn missing(bytes: Vec<u8>, format: DiskFormat) -> Option<String> {
    check_whole(&Memory(bytes), format).err().map(|e| {
        assert_eq!(e.kind(), ImageErrorKind::Corrupt, "{}", e.chain());
        e.to_string()
    })
}

/// A VDI of three blocks of 4 KiB; the second is not allocated, the third is zeros, `first` is the first.
fn vdi(length: usize, first: u32) -> Vec<u8> {
    let map = [(512, first), (516, u32::MAX), (520, u32::MAX - 1)];
    let header = [(0x4c, 1), (0x154, 512), (0x158, 1024), (0x178, 4096), (0x180, 3)];
    file(length, &[&header[..], &map].concat())
}

#[test]
fn a_vdi_reaches_to_its_last_block() {
    assert_eq!(missing(vdi(1024 + 4096, 0), DiskFormat::Vdi), None);
    assert!(missing(vdi(1024 + 4095, 0), DiskFormat::Vdi).unwrap().contains("so 1 bytes are missing"));
    assert!(missing(vdi(1024 + 4096, 1), DiskFormat::Vdi).unwrap().contains("so 4096 bytes are missing"));
    assert!(missing(vdi(1024 + 4096, u32::MAX - 2), DiskFormat::Vdi).is_some());
    assert_eq!(missing(vdi(1024, u32::MAX), DiskFormat::Vdi), None);
}

#[test]
fn a_parallels_image_counts_in_sectors_or_clusters() {
    let fields = [(28, 8), (32, 2), (36, 16), (64, 4)];
    let mut old = file(6144, &fields);
    old[..16].copy_from_slice(b"WithoutFreeSpace");
    assert_eq!(missing(old.clone(), DiskFormat::Parallels), None);
    assert!(missing(old[..6143].to_vec(), DiskFormat::Parallels).is_some());
    let mut new = file(4 * 4096 + 4096, &fields);
    new[..16].copy_from_slice(b"WithouFreSpacExt");
    assert_eq!(missing(new.clone(), DiskFormat::Parallels), None);
    assert!(missing(new[..20000].to_vec(), DiskFormat::Parallels).is_some());
}

#[test]
fn a_qed_ends_with_its_tables_and_clusters() {
    // Clusters and tables of 4 KiB: level 1, level 2, a cluster, and one that is zeros.
    let fields = [(4, 4096), (8, 1), (40, 4096), (4096, 8192), (8192, 12288), (8200, 1)];
    assert_eq!(missing(file(16384, &fields), DiskFormat::Qed), None);
    // The rest of the last cluster was never written.
    assert_eq!(missing(file(12800, &fields), DiskFormat::Qed), None);
    for length in [12288, 12287, 8300] {
        assert!(missing(file(length, &fields), DiskFormat::Qed).unwrap().contains("missing"), "{length}");
    }
    for wrong in [(4, 4095), (4, 1 << 31), (8, 0), (8, 17)] {
        let fields = [&fields[..], &[wrong]].concat();
        assert!(missing(file(16384, &fields), DiskFormat::Qed).unwrap().starts_with("QED header"));
    }
    // All level 2 tables are one.
    let mut overlapping = file(16384, &fields);
    (0..512).for_each(|n| overlapping.copy_within(4096..4104, 4096 + n * 8));
    assert_eq!(missing(overlapping, DiskFormat::Qed).unwrap(), "level 2 tables overlap");
}

proptest! {
    #[test]
    fn any_header_is_accepted_or_refused(
        patch in prop::collection::vec((0usize..520, any::<u8>()), 0..300),
        length in 0usize..20_000,
    ) {
        let mut bytes = vdi(20_000, 0);
        for (at, byte) in patch {
            bytes[at] = byte;
            bytes[19_488 + at.min(511)] = byte;
        }
        bytes.truncate(length);
        for format in FORMATS {
            let _ = check_whole(&Memory(bytes.clone()), format);
        }
    }
}
