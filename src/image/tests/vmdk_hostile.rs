//! VMDK extents that are wrong on purpose, read by the readers without the check of a chain before them.

use std::sync::Arc;

use libdeflater::{CompressionLvl, Compressor};
use proptest::prelude::*;

use super::crafted::{content, cowd, sesparse, stream};
use super::*;
use crate::image::bytes::memory::Memory;
use crate::image::vmdk;

type Opened = Result<Box<dyn DiskReader>, ImageError>;

fn sparse(bytes: Vec<u8>) -> Opened {
    vmdk::sparse::open(Arc::new(Memory(bytes)))
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

/// The stream of the usual content, with the places of its first grain, of that grain's entry, and of its directory.
fn broken_stream() -> (Vec<u8>, usize, usize, usize) {
    let bytes = stream(&content());
    let footer = bytes.len() - 1024;
    let directory = word(&bytes, footer + 56) as usize * 512;
    let table = word(&bytes, directory) as usize * 512;
    let entry = table + 16 * 4;
    let grain = word(&bytes, entry) as usize * 512;
    (bytes, grain, entry, directory)
}

/// What a read of the first grain with data reports.
fn refused(bytes: Vec<u8>, at: u64) -> String {
    let reader = sparse(bytes).unwrap();
    let whole = reader.read_at(&mut vec![0; 65536], at).unwrap_err();
    let part = reader.read_at(&mut [0; 512], at).unwrap_err();
    assert_eq!((whole.kind(), whole.to_string()), (io::ErrorKind::InvalidData, part.to_string()));
    whole.to_string()
}

#[test]
fn a_marker_of_another_grain_is_refused() {
    let (mut bytes, grain, _, _) = broken_stream();
    bytes[grain] ^= 1;
    assert_eq!(
        refused(bytes, 1 << 20),
        format!(
            "the compressed grain of guest offset 1048576 at byte {grain} has a marker of sector 2049 instead of 2048"
        )
    );
}

#[test]
fn absurd_lengths_of_compressed_grains_are_refused() {
    for length in [0u32, 131073, u32::MAX] {
        let (mut bytes, grain, _, _) = broken_stream();
        bytes[grain + 8..grain + 12].copy_from_slice(&length.to_le_bytes());
        assert!(refused(bytes, 1 << 20).ends_with(&format!("has a marker of {length} compressed bytes")));
    }
}

#[test]
fn a_damaged_or_cut_compressed_grain_is_refused() {
    let (mut bytes, grain, _, _) = broken_stream();
    bytes[grain + 12 + 100] ^= 1;
    assert!(refused(bytes, 1 << 20).ends_with("does not decompress"));
    let (mut bytes, grain, _, _) = broken_stream();
    let length = word(&bytes, grain + 8);
    bytes[grain + 8..grain + 12].copy_from_slice(&(length - 1).to_le_bytes());
    assert!(refused(bytes, 1 << 20).ends_with("does not decompress"));
}

#[test]
fn a_grain_beyond_the_end_is_refused() {
    let (mut bytes, _, entry, _) = broken_stream();
    let end = bytes.len() as u32;
    for sector in [end / 512, u32::MAX] {
        bytes[entry..entry + 4].copy_from_slice(&sector.to_le_bytes());
        let said = refused(bytes.clone(), 1 << 20);
        assert!(said.ends_with(&format!("beyond the file's end {end}")), "{said}");
    }
    // Its marker is there, its data is not.
    let marker = end / 512 - 1;
    bytes[entry..entry + 4].copy_from_slice(&marker.to_le_bytes());
    let at = marker as usize * 512;
    bytes[at..at + 12].copy_from_slice(&[&2048u64.to_le_bytes()[..], &1000u32.to_le_bytes()].concat());
    // The end of the stream is no longer one, so its footer is not found.
    assert!(sparse(bytes).is_err());
}

/// Replaces the compressed bytes of the first grain with data.
fn with_grain(data: &[u8]) -> Vec<u8> {
    let (mut bytes, grain, _, _) = broken_stream();
    let mut packed = vec![0; 131072];
    let mut compressor = Compressor::new(CompressionLvl::best());
    let length = compressor.zlib_compress(data, &mut packed).unwrap();
    assert!(length <= word(&bytes, grain + 8) as usize);
    bytes[grain + 8..grain + 12].copy_from_slice(&(length as u32).to_le_bytes());
    bytes[grain + 12..grain + 12 + length].copy_from_slice(&packed[..length]);
    bytes
}

#[test]
fn a_bomb_and_a_short_grain_are_refused() {
    for (length, said) in [
        (16 << 20, "decompresses to more than 65536 bytes"),
        (65537, "decompresses to more than 65536 bytes"),
        (65535, "decompresses to 65535 bytes instead of 65536"),
        (0, "decompresses to 0 bytes instead of 65536"),
    ] {
        let found = refused(with_grain(&vec![7; length]), 1 << 20);
        assert!(found.ends_with(said), "{found}");
    }
    let reader = sparse(with_grain(&[7; 65536])).unwrap();
    assert_eq!(byte_at(&*reader, 1 << 20), 7);
}

#[test]
fn directories_that_point_astray_are_refused() {
    let (mut bytes, _, _, directory) = broken_stream();
    let end = bytes.len();
    for (sector, said) in [
        ((end / 512) as u32, format!("beyond the file's end {end}")),
        (u32::MAX, format!("beyond the file's end {end}")),
        ((directory / 512) as u32, format!("into the grain directory at byte {directory}")),
    ] {
        bytes[directory..directory + 4].copy_from_slice(&sector.to_le_bytes());
        let reader = sparse(bytes.clone()).unwrap();
        let error = reader.read_at(&mut [0; 512], 0).unwrap_err();
        let place = u64::from(sector) * 512;
        assert_eq!(error.to_string(), format!("grain table 0 at byte {place} {said}"));
        assert_eq!(reader.extents(0..512).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}

#[test]
fn plain_grains_that_point_astray_are_refused() {
    let good = cowd(&content());
    let table = word(&good, 4 * 512) as usize * 512;
    let end = good.len() as u64;
    for (sector, said) in [
        (u32::MAX, format!("beyond the file's end {end}")),
        (4, "into the grain directory at byte 2048".to_owned()),
    ] {
        let mut bytes = good.clone();
        bytes[table + 40..table + 44].copy_from_slice(&sector.to_le_bytes());
        let reader = vmdk::cowd::open(Arc::new(Memory(bytes))).unwrap();
        let error = reader.read_at(&mut [0; 512], 10 * 512).unwrap_err();
        let place = u64::from(sector) * 512;
        assert_eq!(
            error.to_string(),
            format!("grain table 0 at byte {table} points to byte {place}, {said}")
        );
        assert_eq!(reader.read_at(&mut vec![0; 65536], 0).unwrap_err().to_string(), error.to_string());
        assert!(reader.extents(0..65536).is_err());
        reader.read_at(&mut [0; 512], 11 * 512).unwrap();
    }
}

#[test]
fn sesparse_entries_of_no_kind_are_refused() {
    let good = sesparse(&content());
    let table = 16 * 512;
    for (entry, said) in [
        (4u64 << 60, "seSparse table entry 0x4000000000000000"),
        (7, "seSparse table entry 0x7"),
        (3 << 60 | 0xffff_ffff_ffff, "makes no sense"),
        (3 << 60 | 0xff_ffff, "beyond the file's end"),
    ] {
        let mut bytes = good.clone();
        bytes[table..table + 8].copy_from_slice(&entry.to_le_bytes());
        let reader = vmdk::sesparse::open(Arc::new(Memory(bytes))).unwrap();
        let error = reader.read_at(&mut [0; 512], 0).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert!(error.to_string().contains(said), "{error}");
    }
    let mut bytes = good;
    bytes[8 * 512..8 * 512 + 8].copy_from_slice(&5u64.to_le_bytes());
    let reader = vmdk::sesparse::open(Arc::new(Memory(bytes))).unwrap();
    assert!(reader.read_at(&mut [0; 512], 0).unwrap_err().to_string().contains("directory entry 0x5"));
}

#[test]
fn the_seeds_of_the_fuzz_targets_are_read() {
    let seed = |name: &str| {
        let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds");
        Arc::new(Memory(std::fs::read(seeds.join(name)).unwrap()))
    };
    let cowd = vmdk::cowd::open(seed("vmdk_cowd_reader/small")).unwrap();
    let sesparse = vmdk::sesparse::open(seed("vmdk_sesparse_reader/small")).unwrap();
    let read = |reader: &dyn DiskReader, at: u64| byte_at(reader, at * 512);
    assert_eq!([0, 1, 2, 7, 4095, 4096].map(|at| read(&*cowd, at)), [37, 38, 0, 39, 40, 0]);
    assert_eq!([0, 8, 16, 24, 72, 39999].map(|at| read(&*sesparse, at)), [1, 2, 0, 0, 3, 0]);
    for reader in [cowd, sesparse] {
        survive(Ok(reader));
    }
}

/// Opens, maps and reads; nothing may panic, and what is mapped as no data must read as zeros.
fn survive(opened: Opened) {
    let Ok(reader) = opened else { return };
    let size = reader.size();
    let window = size.min(64 << 20);
    for range in [0..window, size - window..size] {
        for extent in reader.extents(range).unwrap_or_default() {
            let mut read = vec![0xee; extent.len.min(8192) as usize];
            let result = reader.read_at(&mut read, extent.start);
            assert!(extent.kind == ExtentKind::Data || (result.is_ok() && read.iter().all(|b| *b == 0)));
            let _ = reader.place(extent.start);
        }
    }
    for at in [0, size / 2, size - 512] {
        let _ = reader.read_at(&mut [0; 512], at);
    }
    let _ = reader.read_at(&mut vec![0; window.min(1 << 20) as usize], 0);
}

fn small() -> Vec<u8> {
    content()[(1 << 20) - 4096..(1 << 20) + 200 * 512].to_vec()
}

fn patched(mut bytes: Vec<u8>, patches: &[(prop::sample::Index, u8)], cut: usize) -> Vec<u8> {
    let length = bytes.len();
    bytes.truncate(length - cut.min(length));
    for (at, byte) in patches {
        if !bytes.is_empty() {
            let at = at.index(bytes.len());
            bytes[at] = *byte;
        }
    }
    bytes
}

/// Mostly in headers and tables, where a byte changes most.
fn patches() -> impl Strategy<Value = Vec<(prop::sample::Index, u8)>> {
    prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..24)
}

proptest! {
    #[test]
    fn any_patched_stream_is_read_or_refused(patches in patches(), cut in 0usize..3, header in prop::collection::vec((4usize..80, any::<u8>()), 0..4)) {
        let mut bytes = patched(stream(&small()), &patches, cut * 512);
        for (at, byte) in header {
            bytes[at] = byte;
        }
        survive(sparse(bytes));
    }

    #[test]
    fn any_patched_cowd_extent_is_read_or_refused(patches in patches(), cut in 0usize..4096, header in prop::collection::vec((4usize..28, any::<u8>()), 0..4)) {
        let mut bytes = patched(cowd(&small()), &patches, cut);
        for (at, byte) in header {
            bytes[at] = byte;
        }
        survive(vmdk::cowd::open(Arc::new(Memory(bytes))));
    }

    #[test]
    fn any_patched_sesparse_extent_is_read_or_refused(patches in patches(), cut in 0usize..4096, words in prop::collection::vec((0usize..4096, any::<u64>()), 0..6)) {
        let mut bytes = patched(sesparse(&small()), &patches, cut);
        for (n, word) in words {
            let at = [n % 26 * 8, 8 * 512 + n % 4 * 8, 16 * 512 + n * 8][n % 3];
            bytes[at..at + 8].copy_from_slice(&word.to_le_bytes());
        }
        survive(vmdk::sesparse::open(Arc::new(Memory(bytes))));
    }
}
