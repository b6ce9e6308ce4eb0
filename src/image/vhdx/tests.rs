use std::sync::Arc;

use proptest::prelude::*;

use super::forge::{Change, DATA_WRITE, Forge, LOG, LOG_GUID, METADATA_AT, TABLE, spell};
use super::*;
use crate::image::bytes::memory::Memory;
use crate::image::error::ImageErrorKind;
use crate::image::{Extent, ExtentKind};

/// 40 blocks of 1 MiB, the last of them with one sector.
const SIZE: u64 = 39 * MIB + 512;

fn open_forged(forge: &Forge) -> Result<VhdxReader, ImageError> {
    VhdxReader::open(Arc::new(Memory(forge.bytes.clone())))
}

fn refusal(forge: &Forge) -> String {
    open_forged(forge).map(|_| ()).unwrap_err().chain()
}

fn read(reader: &VhdxReader, at: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0xee; length];
    reader.read_at(&mut bytes, at).unwrap();
    bytes
}

fn extent(start: u64, end: u64, kind: ExtentKind) -> Extent {
    Extent { start, len: end - start, kind }
}

fn dynamic() -> Forge {
    let mut forge = Forge::new(SIZE, MIB, 512, None);
    forge.add(1, 6, |sector| sector as u8);
    forge.add(2, 6, |_| 2);
    forge.set_entry(3, 2, 0);
    forge.set_entry(4, 1, 0);
    forge.set_entry(5, 3, 0);
    forge.add(39, 6, |_| 39);
    forge
}

fn differencing(block: u64, sector: u32) -> Forge {
    let linkage = spell(&DATA_WRITE);
    let pairs = [("relative_path", r".\base.vhdx"), ("parent_linkage", &linkage)];
    Forge::new(SIZE.next_multiple_of(4096), block, sector, Some(&pairs))
}

#[test]
fn a_dynamic_disk_is_read() {
    let reader = open_forged(&dynamic()).unwrap();
    assert_eq!(reader.size(), SIZE);
    assert_eq!(
        reader.extents(0..SIZE).unwrap(),
        [
            extent(0, MIB, ExtentKind::Unallocated),
            extent(MIB, 3 * MIB, ExtentKind::Data),
            extent(3 * MIB, 6 * MIB, ExtentKind::Zero),
            extent(6 * MIB, 39 * MIB, ExtentKind::Unallocated),
            extent(39 * MIB, SIZE, ExtentKind::Data),
        ]
    );
    assert_eq!(read(&reader, MIB - 1, 2 + 512), [&[0][..], &[0; 512], &[1]].concat());
    assert_eq!(read(&reader, 2 * MIB - 1, 2), [0xff, 2]);
    assert_eq!(read(&reader, 3 * MIB - 1, 2), [2, 0]);
    assert_eq!(read(&reader, SIZE - 1, 1), [39]);
    assert!(reader.read_at(&mut [0; 2], SIZE - 1).is_err());
    let all = read(&reader, 0, SIZE as usize);
    assert_eq!((all[MIB as usize + 512], all[38 << 20], all[39 << 20]), (1, 0, 39));
}

#[test]
fn sector_bitmaps_decide_in_partial_blocks_only() {
    for (block, sector) in [(MIB, 512), (MIB, 4096), (4 * MIB, 512)] {
        let mut forge = differencing(block, sector);
        forge.add(0, 7, |_| 7);
        forge.set_bitmap(0, |n| n < 3 || n == 9);
        forge.add(2, 7, |_| 8);
        forge.set_bitmap(2, |n| n % 2 == 1);
        forge.set_bitmap(1, |_| true);
        forge.add(3, 6, |_| 6);
        forge.set_entry(4, 3, 0);
        let reader = open_forged(&forge).unwrap();
        let s = u64::from(sector);
        assert_eq!(
            reader.extents(0..block).unwrap(),
            [
                extent(0, 3 * s, ExtentKind::Data),
                extent(3 * s, 9 * s, ExtentKind::Unallocated),
                extent(9 * s, 10 * s, ExtentKind::Data),
                extent(10 * s, block, ExtentKind::Unallocated),
            ]
        );
        let rest: Vec<_> = reader.extents(3 * block..6 * block).unwrap().iter().map(|e| e.kind).collect();
        assert_eq!(rest, [ExtentKind::Data, ExtentKind::Zero, ExtentKind::Unallocated]);
        assert_eq!(read(&reader, 3 * s - 1, 2), [7, 0]);
        assert_eq!(read(&reader, 2 * block + s - 1, 2), [0, 8]);
        assert_eq!(reader.extents(2 * block..3 * block).unwrap().len() as u64, block / s);
        assert_eq!(reader.extents(9 * s + 5..9 * s + 7).unwrap()[0].kind, ExtentKind::Data);
    }
}

#[test]
fn chunks_have_their_own_bitmaps() {
    // Blocks of 256 MiB: 16 of 512-byte sectors to a chunk.
    let block = 256 * MIB;
    let linkage = spell(&DATA_WRITE);
    let pairs = [("relative_path", "a"), ("parent_linkage", linkage.as_str())];
    let mut forge = Forge::new(40 * block, block, 512, Some(&pairs));
    forge.set_entry(17, 7, 16 << 20);
    forge.set_bitmap(17, |n| n == 5 || n == 524_287);
    forge.bytes.resize(300 << 20, 0);
    forge.write((16 << 20) + 5 * 512, &[5; 512]);
    let reader = open_forged(&forge).unwrap();
    let at = 17 * block + 5 * 512;
    assert_eq!(read(&reader, at - 1, 3), [0, 5, 5]);
    assert_eq!(
        reader.extents(0..40 * block).unwrap(),
        [
            extent(0, at, ExtentKind::Unallocated),
            extent(at, at + 512, ExtentKind::Data),
            extent(at + 512, 18 * block - 512, ExtentKind::Unallocated),
            extent(18 * block - 512, 18 * block, ExtentKind::Data),
            extent(18 * block, 40 * block, ExtentKind::Unallocated),
        ]
    );
}

#[test]
fn what_is_damaged_is_named() {
    type Damage = fn(&mut Forge);
    let cases: [(&str, Damage); 18] = [
        ("overlaps another block", |f| f.set_entry(7, 6, 4 * MIB)),
        ("overlaps another block", |f| f.set_entry(7, 6, TABLE)),
        ("overlaps another block", |f| f.set_entry(7, 6, LOG)),
        ("overlaps another block", |f| f.set_entry(7, 6, 0)),
        ("so 1048576 bytes are missing", |f| f.set_entry(7, 6, 7 * MIB)),
        ("ends beyond all files", |f| f.set_entry(7, 6, !0xf_ffff)),
        ("entry 7 of the block allocation table has the state 4", |f| f.set_entry(7, 4, 0)),
        ("entry 7 of the block allocation table has the state 7", |f| f.set_entry(7, 7, 7 * MIB)),
        ("no metadata table at byte 2097152", |f| f.write(METADATA_AT, b"x")),
        ("payload blocks of 1000 bytes", |f| f.write(METADATA_AT + 65536, &1000u32.to_le_bytes())),
        ("logical sectors of 520 bytes", |f| f.write(METADATA_AT + 65536 + 32, &520u32.to_le_bytes())),
        ("the format's limit", |f| f.write(METADATA_AT + 65536 + 8, &[0xff; 8])),
        ("the disk needs", |f| f.write(METADATA_AT + 65536 + 8, &(1u64 << 40).to_le_bytes())),
        ("no metadata item \"Virtual Disk Size\"", |f| f.write(METADATA_AT + 64 + 24, &[1])),
        ("lies outside its region", |f| f.write(METADATA_AT + 32 + 16, &[0; 4])),
        ("needs a metadata item", |f| f.write(METADATA_AT + 32 + 4 * 32, &[0xdd; 28])),
        ("no metadata item \"Parent Locator\"", |f| f.write(METADATA_AT + 65536 + 4, &[2])),
        ("are missing", |f| f.bytes.truncate(f.bytes.len() - 1)),
    ];
    for (want, damage) in cases {
        let mut forge = dynamic();
        damage(&mut forge);
        let text = refusal(&forge);
        assert!(text.contains(want), "{want}: {text}");
    }
}

#[test]
fn regions_that_make_no_sense_are_named() {
    let entry = 192 * 1024 + 16;
    let cases: [(&str, u64, &[u8]); 5] = [
        ("needs a region", 0, &[1]),
        ("places a region at byte 3145729", 16, &[1]),
        ("are missing", 24, &[0, 0, 0, 0x7f]),
        ("names a region twice", 0, b"\x06\xa2\x7c\x8b\x90\x47\x9a\x4b\xb8\xfe\x57\x5f\x05\x0f\x88\x6e"),
        ("entries, more than 2047", 0, b""),
    ];
    for (want, at, bytes) in cases {
        let mut forge = dynamic();
        forge.write(entry + at, bytes);
        if bytes.is_empty() {
            forge.write(entry - 8, &3000u32.to_le_bytes());
        }
        forge.seal(None, DATA_WRITE);
        let text = refusal(&forge);
        assert!(text.contains(want), "{want}: {text}");
    }
    // One of two tables is enough.
    let mut forge = dynamic();
    forge.write(entry, &[0xff]);
    open_forged(&forge).unwrap();
    forge.write(256 * 1024 + 16, &[0xff]);
    assert!(refusal(&forge).contains("neither region table"));
}

#[test]
fn a_partial_block_needs_its_bitmap() {
    let mut forge = differencing(MIB, 512);
    forge.add(3, 7, |_| 3);
    let text = refusal(&forge);
    assert!(text.contains("of entry 3 ") && text.contains("bitmap of entry 4096"), "{text}");
}

#[test]
fn the_current_header_is_the_valid_one_with_the_higher_number() {
    let mut forge = dynamic();
    let of = |forge: &Forge| Header::current(&Memory(forge.bytes.clone()));
    assert_eq!(of(&forge).unwrap().data_write, DATA_WRITE);
    let first = forge.bytes[65536..65536 + 4096].to_vec();
    let mut header = first.clone();
    header[8] = 9;
    header[32..48].fill(9);
    forge::seal(&mut header);
    forge.write(65536, &header);
    assert_eq!(of(&forge).unwrap().data_write, [9; 16]);
    forge.write(65536 + 100, &[1]);
    assert_eq!(of(&forge).unwrap().data_write, DATA_WRITE);
    header[8] = 2;
    forge::seal(&mut header);
    forge.write(65536, &header);
    assert!(of(&forge).unwrap_err().to_string().contains("they differ"));
    forge.write(65536, &[0]);
    forge.write(131_072, &[0]);
    assert!(of(&forge).unwrap_err().to_string().contains("neither header"));
}

/// A disk whose block 1 is only known to its log, in two entries over the end of the ring.
fn dirty() -> Forge {
    let mut forge = dynamic();
    let (at, sector) = forge.sector_of(TABLE);
    let mut other = sector.clone();
    other[8..16].fill(0xff);
    forge.write(at, &[0xee; 4096]);
    let next =
        forge.log(250, 7, 250, &[Change::Zero { at, length: 4096 }, Change::Data { at, sector: other }]);
    let changes = [
        Change::Data { at: 10 * MIB, sector: vec![1; 4096] },
        Change::Data { at: 10 * MIB + 4096, sector: vec![2; 4096] },
        Change::Data { at: 10 * MIB + 8192, sector: vec![2; 4096] },
        Change::Data { at: 10 * MIB + 8192, sector: vec![2; 4096] },
        Change::Data { at, sector },
        Change::Zero { at: 10 * MIB, length: 8192 },
    ];
    assert_eq!(forge.log(next, 8, 250, &changes), 2);
    forge.seal(Some(LOG_GUID), DATA_WRITE);
    forge
}

#[test]
fn a_log_is_replayed_in_memory() {
    let forge = dirty();
    let reader = open_forged(&forge).unwrap();
    let clean = open_forged(&dynamic()).unwrap();
    assert!(read(&reader, 0, SIZE as usize) == read(&clean, 0, SIZE as usize));
    assert_eq!(reader.extents(0..SIZE).unwrap(), clean.extents(0..SIZE).unwrap());
    assert!(VhdxFacts::read(&Memory(forge.bytes)).unwrap().dirty_log);
}

#[test]
fn of_a_log_only_the_active_sequence_counts() {
    let wrong = |sector: &[u8]| Change::Data { at: TABLE, sector: sector.to_vec() };
    let bad = [0xff; 4096];
    // Behind a gap, torn, of another log, with a tail that is not there: none of them counts.
    let others: [fn(&mut Forge, Change); 5] = [
        |f, change| {
            f.log(20, 9, 20, &[change]);
            f.write(LOG + 21 * 4096 + 100, &[0]);
        },
        |f, change| {
            f.log(20, 90, 19, &[change]);
        },
        |f, change| {
            f.log(20, 5, 20, &[change]);
        },
        |f, change| {
            f.log(2, 10, 2, &[change]);
            f.write(LOG + 2 * 4096 + 4, &[0; 4]);
        },
        |f, change| {
            f.log(2, 9, 250, &[change]);
            f.write(LOG + 3 * 4096, b"dotu");
        },
    ];
    let clean = open_forged(&dynamic()).unwrap().extents(0..SIZE).unwrap();
    for other in others {
        let mut forge = dirty();
        other(&mut forge, wrong(&bad));
        assert_eq!(open_forged(&forge).unwrap().extents(0..SIZE).unwrap(), clean);
    }
    // A later sequence does.
    let mut forge = dirty();
    let (_, sector) = dynamic().sector_of(TABLE);
    forge.log(20, 90, 20, &[wrong(&sector)]);
    open_forged(&forge).unwrap();
    forge.log(2, 9, 250, &[wrong(&bad)]);
    open_forged(&forge).unwrap();
    forge.log(20, 90, 20, &[wrong(&bad)]);
    assert!(refusal(&forge).contains("entry 0 of the block allocation table has the state 7"));
}

#[test]
fn a_tail_within_a_row_leaves_out_what_was_applied_before() {
    let mut forge = dynamic();
    let (at, sector) = forge.sector_of(TABLE);
    let next = forge.log(0, 1, 0, &[Change::Data { at: 5 * MIB, sector: vec![0xdd; 4096] }]);
    forge.log(next, 2, next, &[Change::Data { at, sector }]);
    forge.seal(Some(LOG_GUID), DATA_WRITE);
    let clean = read(&open_forged(&dynamic()).unwrap(), 0, SIZE as usize);
    assert!(read(&open_forged(&forge).unwrap(), 0, SIZE as usize) == clean);
    forge.log(next, 2, 0, &[Change::Data { at, sector: forge.sector_of(TABLE).1 }]);
    assert!(read(&open_forged(&forge).unwrap(), 0, SIZE as usize) != clean);
}

#[test]
fn a_log_that_cannot_be_replayed_is_refused_with_advice() {
    let mut forge = dynamic();
    forge.seal(Some(LOG_GUID), DATA_WRITE);
    let error = open_forged(&forge).map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), ImageErrorKind::Corrupt);
    assert!(error.hint().unwrap().contains("Mount-VHD"));
    let size = forge.bytes.len() as u64;
    forge.log_with(0, 1, 0, &[], (size + 5, size));
    assert!(refusal(&forge).contains("so 5 bytes are missing"));
    // The file was to be extended: what is missing was never written.
    let last = forge.sector_of(TABLE + 39 * 8).1;
    forge.bytes.truncate(6 << 20);
    forge.log_with(0, 1, 0, &[Change::Data { at: TABLE, sector: last }], (6 << 20, size));
    let reader = open_forged(&forge).unwrap();
    assert_eq!(read(&reader, SIZE - 1, 1), [0]);
    assert_eq!(reader.extents(39 * MIB..SIZE).unwrap()[0].kind, ExtentKind::Data);
}

#[test]
fn a_log_of_lying_lengths_does_not_take_for_ever() {
    let mut forge = dynamic();
    forge.log(0, 1, 0, &[Change::Zero { at: 0, length: 4096 }]);
    let mut entry = forge.bytes[LOG as usize..LOG as usize + 4096].to_vec();
    entry[8..12].copy_from_slice(&(MIB as u32).to_le_bytes());
    for sector in 0..256 {
        forge.write(LOG + sector * 4096, &entry);
    }
    forge.seal(Some(LOG_GUID), DATA_WRITE);
    assert!(refusal(&forge).contains("overlap"));
}

/// Reads all that a reader offers, sparsely.
fn exercise(reader: &dyn DiskReader) {
    let size = reader.size();
    let _ = reader.extents(0..size.min(1 << 33));
    let mut buf = vec![0; 70_000];
    for at in (0..size.min(64 * MIB)).step_by(999_999) {
        let length = (size - at).min(70_000) as usize;
        let _ = reader.read_at(&mut buf[..length], at);
        let _ = reader.place(at);
    }
}

/// Where structures stand: headers, region tables, log entries, metadata table and items, BAT.
fn somewhere() -> impl Strategy<Value = (u64, u8)> {
    let ranges = [
        (65536u64, 96u64),
        (192 << 10, 96),
        (LOG, 256),
        (LOG + 250 * 4096, 160),
        (METADATA_AT, 256),
        (METADATA_AT + 65536, 400),
        (TABLE, 400),
        (TABLE + 4096 * 8, 8),
    ];
    let one = prop::sample::select(ranges.to_vec()).prop_flat_map(|(start, length)| start..start + length);
    (one, any::<u8>())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn any_change_is_read_or_refused(patch in prop::collection::vec(somewhere(), 1..6), kind in 0..3) {
        let mut forge = match kind {
            0 => dynamic(),
            1 => {
                let mut forge = differencing(MIB, 512);
                forge.add(0, 7, |_| 7);
                forge.set_bitmap(0, |n| n < 3);
                forge
            }
            _ => dirty(),
        };
        for (at, byte) in patch {
            forge.write(at, &[byte]);
        }
        // Checksums hold, so that what they cover is looked at.
        for (at, length) in [(65536, 4096), (192 << 10, 65536), (LOG + 250 * 4096, 8192), (LOG + 252 * 4096, 24576)] {
            let mut bytes: Vec<u8> = (0..length).map(|n| forge.bytes[ring(at, n)]).collect();
            forge::seal(&mut bytes);
            let sum = bytes[4..8].to_vec();
            forge.write(at + 4, &sum);
        }
        if let Ok(reader) = open_forged(&forge) {
            exercise(&reader);
        }
    }
}

/// The byte `n` of a structure at `at`, around the log's end.
fn ring(at: u64, n: u64) -> usize {
    let log = LOG..LOG + MIB;
    (if log.contains(&at) { LOG + (at - LOG + n) % MIB } else { at + n }) as usize
}
