use std::sync::Arc;

use proptest::prelude::*;

use super::forge::{self, BLOCK, Block, ParentNames, footer, image, seal};
use super::*;
use crate::image::bytes::memory::Memory;
use crate::image::error::ImageErrorKind;
use crate::image::{Extent, ExtentKind};

const ID: [u8; 16] = *b"this disk's own.";

fn open_bytes(bytes: Vec<u8>) -> Result<VhdReader, ImageError> {
    VhdReader::open(Arc::new(Memory(bytes)))
}

fn refusal(bytes: Vec<u8>) -> String {
    open_bytes(bytes).map(|_| ()).unwrap_err().chain()
}

fn read(reader: &VhdReader, at: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0xee; length];
    reader.read_at(&mut bytes, at).unwrap();
    bytes
}

/// 5 blocks less one sector: 0 and 3 are there, each sector with a byte of its own.
fn blocks() -> Vec<Block> {
    let bytes = |first: u8| std::array::from_fn(|at| first + (at / 512) as u8);
    vec![
        (3, [true, false, false, true, true, true, true, false], bytes(0x30)),
        (0, [false; 8], bytes(0x10)),
        (4, [true; 8], bytes(0x40)),
    ]
}

const SIZE: u64 = 5 * BLOCK as u64 - 512;

fn parent() -> ParentNames<'static> {
    ParentNames { id: *b"the parent's id.", relative: Some(r".\base.vhd"), absolute: None, unicode: "" }
}

#[test]
fn a_footer_is_read_with_and_without_its_last_byte() {
    let bytes = footer(3, 4096, ID);
    let want = VhdFooter { data_offset: 512, size: 4096, kind: VhdKind::Dynamic, unique_id: ID };
    assert_eq!(VhdFooter::parse(&bytes).unwrap(), want);
    assert_eq!(VhdFooter::parse(&bytes[..511]).unwrap(), want);
    assert_eq!(VhdFooter::parse(&bytes[..510]).unwrap_err().kind(), ImageErrorKind::Corrupt);
    let mut damaged = bytes;
    damaged[50] ^= 1;
    assert!(VhdFooter::parse(&damaged).unwrap_err().to_string().contains("checksum"));
    assert_eq!(VhdFooter::parse(&footer(9, 1, ID)).unwrap_err().kind(), ImageErrorKind::Unsupported);
}

#[test]
fn the_blocks_of_a_dynamic_disk_are_whole_whatever_their_bitmaps_say() {
    let reader = open_bytes(image(SIZE, ID, None, &blocks())).unwrap();
    assert_eq!(reader.size(), SIZE);
    let extent = |start: u64, len: u64, kind| Extent { start: start * 512, len: len * 512, kind };
    assert_eq!(
        reader.extents(0..SIZE).unwrap(),
        [
            extent(0, 8, ExtentKind::Data),
            extent(8, 16, ExtentKind::Unallocated),
            extent(24, 15, ExtentKind::Data)
        ]
    );
    assert_eq!(read(&reader, 511, 2), [0x10, 0x11]);
    assert_eq!(read(&reader, 4095, 2), [0x17, 0]);
    assert_eq!(read(&reader, SIZE - 1, 1), [0x46]);
    assert_eq!(read(&reader, 3 * 4096 + 512, 1), [0x31]);
    assert!(reader.read_at(&mut [0; 2], SIZE - 1).is_err());
    assert!(reader.extents(5..SIZE + 1).is_err());
    assert_eq!(reader.extents(7..7).unwrap(), []);
}

#[test]
fn the_bitmap_of_a_differencing_disk_decides_by_sector() {
    let reader = open_bytes(image(SIZE, ID, Some(&parent()), &blocks())).unwrap();
    assert_eq!(reader.parent_names().unwrap(), ["base.vhd"]);
    let extent = |start: u64, len: u64, kind| Extent { start: start * 512, len: len * 512, kind };
    assert_eq!(
        reader.extents(0..SIZE).unwrap(),
        [
            extent(0, 24, ExtentKind::Unallocated),
            extent(24, 1, ExtentKind::Data),
            extent(25, 2, ExtentKind::Unallocated),
            extent(27, 4, ExtentKind::Data),
            extent(31, 1, ExtentKind::Unallocated),
            extent(32, 7, ExtentKind::Data),
        ]
    );
    let mut want = vec![0; 8 * 512];
    for sector in [0, 3, 4, 5, 6] {
        want[sector * 512..sector * 512 + 512].fill(0x30 + sector as u8);
    }
    assert_eq!(read(&reader, 3 * 4096, 4096), want);
    assert_eq!(read(&reader, 3 * 4096 + 1000, 1000), want[1000..2000]);
    // Within a sector, too.
    let start = 27 * 512 + 100;
    assert_eq!(
        reader.extents(start..start + 50).unwrap(),
        [Extent { start, len: 50, kind: ExtentKind::Data }]
    );
}

#[test]
fn one_of_two_footers_is_enough() {
    let whole = image(SIZE, ID, None, &blocks());
    let end = whole.len();
    let mut damaged = whole.clone();
    damaged[70] ^= 1;
    open_bytes(damaged.clone()).unwrap();
    damaged[0] = 0;
    open_bytes(damaged.clone()).unwrap();
    damaged[end - 100] ^= 1;
    assert!(refusal(damaged).contains("checksum of the VHD footer"));
    let mut damaged = whole.clone();
    damaged[end - 100] ^= 1;
    open_bytes(damaged).unwrap();
    let mut other = whole.clone();
    other[end - 512..].copy_from_slice(&footer(3, SIZE - 512, ID));
    assert!(refusal(other).contains("contradict each other"));
    open_bytes(whole[..end - 512].to_vec()).unwrap();
    open_bytes(whole[..end - 1].to_vec()).unwrap();
    assert!(refusal(whole[..end - 513].to_vec()).contains("so 1 bytes are missing"));
}

#[test]
fn the_guest_of_a_fixed_disk_cannot_make_it_another() {
    let mut bytes = image(8192, ID, Some(&parent()), &[]);
    bytes.resize(8192, 0);
    bytes.extend(footer(2, 8192, ID));
    let reader = open_bytes(bytes.clone()).unwrap();
    assert_eq!(read(&reader, 0, 8), b"conectix");
    assert_eq!(reader.extents(0..8192).unwrap()[0].kind, ExtentKind::Data);
    // Nor is a dynamic disk that ends in the footer of a disk inside it a fixed one.
    let mut longer = vec![0; 512];
    longer.splice(0..0, bytes.clone());
    longer.extend(footer(2, 8192, ID));
    assert!(refusal(longer).contains("contradict each other"));
    // Without its footer it is no VHD, or the guest's.
    bytes.truncate(8192);
    bytes[..512].copy_from_slice(&footer(2, 8192, ID));
    assert!(refusal(bytes).contains("no footer"));
}

/// A dynamic disk with some of its structures changed; the checksum of the header is put right.
fn changed(change: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = image(SIZE, ID, None, &blocks());
    change(&mut bytes);
    seal(&mut bytes[512..1536], 36);
    bytes
}

fn table(entries: [u32; 2]) -> Vec<u8> {
    changed(|bytes| {
        bytes[1536..1540].copy_from_slice(&entries[0].to_be_bytes());
        bytes[1548..1552].copy_from_slice(&entries[1].to_be_bytes());
    })
}

#[test]
fn blocks_lie_apart_and_in_the_file() {
    // Blocks of 9 sectors from sector 4 on; the last footer is in sector 31.
    open_bytes(table([4, 13])).unwrap();
    for (entries, want) in [
        ([13, 13], "two blocks of 4608 bytes overlap at byte 6656"),
        ([4, 12], "two blocks of 4608 bytes overlap at byte 6144"),
        ([0, 13], "the block at byte 0 overlaps the copy of the footer at byte 0"),
        ([2, u32::MAX], "the block at byte 1024 overlaps the dynamic disk header at byte 512"),
        ([3, 13], "the block at byte 1536 overlaps the block allocation table at byte 1536"),
        ([4, 24], "so 1024 bytes are missing"),
        ([4, u32::MAX - 1], "are missing"),
    ] {
        // Without block 4, which lies in 22..31.
        let mut bytes = table(entries);
        bytes[1552..1556].fill(0xff);
        let text = refusal(bytes);
        assert!(text.contains(want), "{entries:?}: {text}");
    }
}

#[test]
fn headers_that_make_no_sense_are_refused() {
    let be32 = |at: usize, value: u32| {
        changed(move |bytes| bytes[512 + at..516 + at].copy_from_slice(&value.to_be_bytes()))
    };
    for (bytes, want) in [
        (be32(0, 0), "no dynamic disk header at byte 512"),
        (be32(24, 0x2_0000), "version 0x20000"),
        (be32(28, 4), "smaller than its disk"),
        (be32(28, u32::MAX), "makes no sense"),
        (be32(32, 0), "makes no sense"),
        (be32(32, 1000), "makes no sense"),
        (be32(32, 256), "makes no sense"),
        (be32(16, 1), "reading the block allocation table"),
    ] {
        let text = refusal(bytes);
        assert!(text.contains(want), "{text}");
    }
    let mut bytes = image(SIZE, ID, None, &blocks());
    bytes[600] ^= 1;
    assert!(refusal(bytes).contains("checksum of the dynamic disk header at byte 512"));
}

fn parent_of(names: &ParentNames<'_>) -> Result<crate::image::link::Parent, ImageError> {
    let file = Memory(image(SIZE, ID, Some(names), &blocks()));
    let found = format::find_footer(&file)?;
    locator::read_parent(&DynamicHeader::read(&file, &found.footer)?.bytes, &file)
}

#[test]
fn parents_are_named_by_their_locators() {
    let names = ParentNames {
        relative: Some(r".\disks\base é.vhd"),
        absolute: Some(r"D:\VMs\other.vhd"),
        unicode: r"C:\somewhere\unicode.vhd",
        ..parent()
    };
    let found = parent_of(&names).unwrap();
    assert_eq!(found.names, ["disks/base é.vhd", "base é.vhd", "other.vhd", "unicode.vhd"]);
    assert_eq!(found.id, Some(LinkId::VhdUuid(*b"the parent's id.")));
    assert_eq!(found.format, Some(DiskFormat::Vhd));
    let nameless = ParentNames { relative: Some(".."), ..parent() };
    assert!(parent_of(&nameless).unwrap_err().to_string().contains("does not name its parent"));
}

#[test]
fn locators_end_with_their_file() {
    let whole = image(SIZE, ID, Some(&parent()), &blocks());
    let parent = |at: usize, value: u32| {
        let mut bytes = whole.clone();
        // The third locator of the header is the relative path's.
        let at = 512 + 576 + 48 + at;
        bytes[at..at + 4].copy_from_slice(&value.to_be_bytes());
        let file = Memory(bytes);
        locator::read_parent(&file.0[512..1536], &file).map(|_| ()).unwrap_err().chain()
    };
    assert!(parent(8, 100_000).contains("more than 65536"));
    assert!(parent(8, 60_000).contains("reading the parent locator W2ru"));
    assert!(parent(16, u32::MAX).contains("reading the parent locator W2ru"));
}

/// Reads all that a reader offers.
fn exercise(reader: &dyn DiskReader) {
    let size = reader.size();
    let _ = reader.extents(0..size.min(1 << 30));
    let mut buf = [0; 3000];
    for at in (0..size.min(1 << 20)).step_by(2999) {
        let length = (size - at).min(3000) as usize;
        let _ = reader.read_at(&mut buf[..length], at);
        let _ = reader.place(at);
    }
}

proptest! {
    #[test]
    fn any_footer_is_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let _ = VhdFooter::parse(&bytes);
        let _ = open_bytes(bytes);
    }

    #[test]
    fn any_change_is_read_or_refused(
        patch in prop::collection::vec((0usize..2560, any::<u8>()), 1..8),
        entries in prop::option::of(prop::array::uniform5(0u32..40)),
        differencing: bool,
    ) {
        let names = parent();
        let mut bytes = image(SIZE, ID, differencing.then_some(&names), &blocks());
        if let Some(entries) = entries {
            for (n, entry) in entries.into_iter().enumerate() {
                bytes[1536 + n * 4..1540 + n * 4].copy_from_slice(&entry.to_be_bytes());
            }
        }
        for (at, byte) in patch {
            bytes[at] = byte;
        }
        let end = bytes.len();
        forge::seal(&mut bytes[..512], 64);
        forge::seal(&mut bytes[512..1536], 36);
        let copy = bytes[..512].to_vec();
        bytes[end - 512..].copy_from_slice(&copy);
        if let Ok(reader) = open_bytes(bytes) {
            let _ = reader.parent_names();
            exercise(&reader);
        }
    }
}
