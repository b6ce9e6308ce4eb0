use proptest::prelude::*;

use super::forge::{Forge, deflate, extended, small, zstd};
use super::*;
use crate::image::bytes::memory::Memory;

#[test]
fn each_kind_of_cluster_is_read() {
    let forge = small();
    for (n, byte) in [(0, 1), (1, 2), (2, 3), (3, 0), (4, 0), (5, 6), (6, 7), (70, 4), (99, 5)] {
        assert_eq!(forge.read(n).unwrap(), [byte; 512], "cluster {n}");
    }
    let reader = forge.open().unwrap();
    let extents: Vec<_> = reader.extents(100..50_000).unwrap().iter().map(|e| (e.start, e.kind)).collect();
    let (data, nothing) = (ExtentKind::Data, ExtentKind::Unallocated);
    assert_eq!(
        extents,
        [
            (100, data),
            (1536, ExtentKind::Zero),
            (2048, nothing),
            (2560, data),
            (3584, nothing),
            (35840, data),
            (36352, nothing)
        ]
    );
    let mut across = [0; 1200];
    reader.read_at(&mut across, 2500).unwrap();
    assert_eq!((across[0], across[60], across[572], across[1083], across[1084]), (0, 6, 7, 7, 0));
}

#[test]
fn subclusters_are_read() {
    let forge = extended();
    let first = forge.read(0).unwrap();
    assert_eq!((first[0], first[2047], first[2048]), (1, 1, 0));
    assert_eq!(forge.read(1).unwrap(), [2; 16 << 10]);
    assert_eq!(forge.read(3).unwrap(), [9; 16 << 10]);
    let extents = forge.open().unwrap().extents(0..(20 << 10)).unwrap();
    let kinds: Vec<_> = extents.iter().map(|e| (e.start, e.len, e.kind)).collect();
    assert_eq!(
        kinds,
        [
            (0, 2048, ExtentKind::Data),
            (2048, 2048, ExtentKind::Unallocated),
            (4096, 4096, ExtentKind::Zero),
            (8192, 8192, ExtentKind::Unallocated),
            (16384, 4096, ExtentKind::Data)
        ]
    );
}

#[test]
fn a_cluster_in_several_frames_is_read() {
    let mut forge = Forge::new(12, 2, false, true);
    let frames = [zstd(&[1; 4000]), zstd(&[]), zstd(&[2; 96])].concat();
    forge.packed(0, &frames, 200);
    let read = forge.read(0).unwrap();
    assert_eq!((read[3999], read[4000], read[4095]), (1, 2, 2));
}

#[test]
fn what_was_never_written_in_the_last_cluster_is_zero() {
    let mut forge = Forge::new(12, 2, false, false);
    forge.data(0, 1, 0);
    forge.data(1, 2, 0);
    forge.bytes.truncate(forge.bytes.len() - 1000);
    let read = forge.read(1).unwrap();
    assert_eq!((read[3095], read[3096], read[4095]), (2, 0, 0));
    let reader = forge.open().unwrap();
    let mut across = [9; 8192];
    reader.read_at(&mut across, 0).unwrap();
    assert_eq!((across[4095], across[4096], across[7191], across[7192]), (1, 2, 2, 0));
    let mut end = [9; 10];
    reader.read_at(&mut end, 8182).unwrap();
    assert_eq!(end, [0; 10]);
}

#[test]
fn entries_that_make_no_sense_are_refused() {
    let beyond = 1 << 40;
    for (entry, bitmap, text) in [
        (beyond, u64::from(u32::MAX), "points to byte 1099511627776, beyond the file's end"),
        (1 << 62 | beyond, 0, "beyond the file's end"),
        (512, u64::from(u32::MAX), "no cluster of 16384 bytes begins"),
        (2 << 14 | 4, 0, "reserved bits"),
        (1, 0, "reserved bits"),
        (0, 1, "no cluster"),
        (2 << 14, 1 << 32 | 1, "both data and zeros"),
    ] {
        let mut forge = extended();
        forge.set(2, entry, bitmap);
        let said = forge.refusal(2);
        assert!(said.contains(text) && said.contains("table at byte 32768"), "{said}");
        assert!(forge.open().unwrap().extents(0..64 << 10).is_err());
        // What does not need the entry is read.
        assert_eq!(forge.read(1).unwrap()[0], 2);
    }
}

#[test]
fn level_1_that_leads_nowhere_is_refused() {
    for (entry, text) in [
        (1u64 << 50, "the level 2 table at byte 1125899906842624 reaches beyond the file's end"),
        (1, "level 1 entry 1: it has reserved bits"),
        (1 << 63 | 0x200 | 0x100, "reserved bits"),
        (1 << 62, "reserved bits"),
    ] {
        let mut forge = small();
        forge.word(512 + 8, entry);
        assert!(forge.refusal(70).contains(text), "{}", forge.refusal(70));
        assert_eq!(forge.read(5).unwrap(), [6; 512]);
    }
    // Level 1 as its own level 2: its entry, which is the table's first, points to where it stands.
    let mut forge = small();
    forge.word(512, 512);
    assert_eq!(forge.read(0).unwrap(), forge.bytes[512..1024]);
    let mut forge = small();
    forge.word(40, 1 << 30);
    assert!(forge.open().is_err());
    let mut forge = small();
    forge.bytes[36..40].copy_from_slice(&1u32.to_be_bytes());
    assert!(forge.open().err().unwrap().to_string().contains("level 1 table is smaller"));
}

#[test]
fn compressed_clusters_that_hold_more_or_less_than_a_cluster_are_refused() {
    for zstd_image in [false, true] {
        let pack: fn(&[u8]) -> Vec<u8> = if zstd_image { zstd } else { deflate };
        let refusal = |packed: &[u8]| {
            let mut forge = Forge::new(16, 1, false, zstd_image);
            forge.packed(0, packed, 0);
            forge.refusal(0)
        };
        // 16 MiB of zeros in a few KiB.
        let said = refusal(&pack(&vec![0; 16 << 20]));
        assert!(said.starts_with("compressed cluster at byte 196608: "), "{said}");
        let short = refusal(&pack(&[1; 65535]));
        assert!(
            short.contains(if zstd_image { "damaged" } else { "65535 bytes come out instead of 65536" }),
            "{short}"
        );
        refusal(&[0xff; 300]);
        let noise: Vec<u8> = (0..65536u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        let whole = pack(&noise);
        refusal(&whole[..whole.len() - 700]);
    }
}

#[test]
fn a_compressed_cluster_may_end_with_the_file_inside_its_last_sector() {
    for zstd_image in [false, true] {
        let mut forge = Forge::new(16, 1, false, zstd_image);
        let content = [3; 65536];
        forge.packed(0, &if zstd_image { zstd(&content) } else { deflate(&content) }, 0);
        assert!(!forge.bytes.len().is_multiple_of(512));
        assert_eq!(forge.read(0).unwrap(), content);
    }
}

/// Opens, maps and reads whatever it is; every answer must agree with itself.
fn read_or_refuse(bytes: Vec<u8>) {
    let Ok(reader) = Qcow2Reader::open(Arc::new(Memory(bytes))) else { return };
    let size = reader.size();
    // A larger disk would need a larger level 1 than the image has room for.
    if let Ok(extents) = reader.extents(0..size) {
        assert_eq!(extents.iter().map(|e| e.len).sum::<u64>(), size);
    }
    let mut buf = vec![0; 3000];
    for at in [0, 511, 1 << 10, 2500, size / 2, size.saturating_sub(3000)] {
        let length = (size.saturating_sub(at)).min(3000) as usize;
        let _ = reader.read_at(&mut buf[..length], at);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn any_patched_bytes_are_read_or_refused(
        patch in prop::collection::vec((0usize..4096, any::<u8>()), 0..24),
        tail in 0usize..3000,
    ) {
        for forge in [small(), extended()] {
            let mut bytes = forge.bytes;
            // The header's first bytes, and the first entries of the tables, which are most of all.
            let l2 = forge.l2;
            for (at, byte) in &patch {
                let at = if at % 2 == 0 { *at } else { l2 + at / 2 };
                if let Some(place) = bytes.get_mut(at) {
                    *place = *byte;
                }
            }
            bytes.truncate(bytes.len() - tail.saturating_sub(1500));
            read_or_refuse(bytes);
        }
    }
}
