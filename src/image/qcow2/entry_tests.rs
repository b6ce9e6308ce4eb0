use super::*;

fn layout(version: u32, cluster_bits: u32, extended: bool) -> Layout {
    Layout { version, cluster_bits, extended }
}

#[test]
fn standard_entries_are_told_apart() {
    let v3 = layout(3, 16, false);
    let whole = |entry| v3.entry(entry, 0).unwrap();
    assert_eq!(whole(0), Cluster::Whole(Mapping::Unallocated));
    assert_eq!(whole(1 << 63), Cluster::Whole(Mapping::Unallocated));
    assert_eq!(whole(1), Cluster::Whole(Mapping::Zero));
    assert_eq!(whole(1 << 63 | 0x50001), Cluster::Whole(Mapping::Zero));
    assert_eq!(whole(1 << 63 | 0x50000), Cluster::Whole(Mapping::Data(0x50000)));
    for wrong in [0x50000 | 2, 0x50000 | 1 << 56, 0x50200, 1 << 61] {
        assert!(v3.entry(wrong, 0).is_err(), "{wrong:#x}");
    }
    assert!(layout(2, 16, false).entry(1, 0).is_err());
    assert!(layout(3, 16, true).entry(0x50001, 0).is_err());
}

#[test]
fn level_1_entries_are_offsets_of_clusters() {
    let v3 = layout(3, 16, false);
    assert_eq!(v3.table(1 << 63), Ok(None));
    assert_eq!(v3.table(1 << 63 | 0x30000), Ok(Some(0x30000)));
    for wrong in [0x30001, 0x30200, 1 << 62 | 0x30000, 1 << 56] {
        assert!(v3.table(wrong).is_err(), "{wrong:#x}");
    }
}

#[test]
fn the_sectors_of_a_compressed_cluster_are_counted() {
    // 64 KiB: x = 54.
    let Packed { at, len, .. } = layout(3, 16, false).packed(1 << 62 | 3 << 54 | 0x12345);
    assert_eq!((at, len), (0x12345, 4 * 512 - 0x145));
    // 512 bytes: x = 61, one bit of sectors.
    let Packed { at, len, .. } = layout(2, 9, false).packed(1 << 62 | 1 << 61 | 700);
    assert_eq!((at, len), (700, 1024 - 188));
    // 2 MiB: x = 49.
    let Packed { len, .. } = layout(3, 21, false).packed(u64::MAX);
    assert_eq!(len, 4 * (1 << 20) - 511);
}

#[test]
fn subclusters_run_as_far_as_their_bits() {
    let layout = layout(3, 16, true);
    let cluster = layout.entry(0x50000, 0xff00_0000_0000_00f1).unwrap();
    let unit = 2048;
    assert_eq!(layout.unit(), unit);
    for (within, mapping, end) in [
        (0, Mapping::Data(0x50000), 1),
        (100, Mapping::Data(0x50064), 1),
        (unit, Mapping::Unallocated, 4),
        (5 * unit + 7, Mapping::Data(0x50000 + 5 * unit + 7), 8),
        (8 * unit, Mapping::Unallocated, 24),
        (24 * unit, Mapping::Zero, 32),
        (32 * unit - 1, Mapping::Zero, 32),
    ] {
        assert_eq!(cluster.part(layout, within), (mapping, end * unit), "{within}");
    }
    assert_eq!(layout.entry(0x50000, 0xffff_ffff).unwrap(), Cluster::Whole(Mapping::Data(0x50000)));
    assert_eq!(layout.entry(0, u64::MAX << 32).unwrap(), Cluster::Whole(Mapping::Zero));
    assert_eq!(layout.entry(0x50000, 0).unwrap(), Cluster::Whole(Mapping::Unallocated));
    assert!(layout.entry(0x50000, 1 << 32 | 1).is_err());
    assert!(layout.entry(0, 1).is_err());
}
