use libdeflater::{CompressionLvl, Compressor};

use super::*;
use crate::image::bytes::memory::Memory;

fn zlib(data: &[u8]) -> Vec<u8> {
    let mut compressor = Compressor::new(CompressionLvl::default());
    let mut out = vec![0; compressor.zlib_compress_bound(data.len())];
    let length = compressor.zlib_compress(data, &mut out).unwrap();
    out.truncate(length);
    out
}

fn marked(lba: u64, data: &[u8]) -> Vec<u8> {
    [&lba.to_le_bytes()[..], &(data.len() as u32).to_le_bytes(), data].concat()
}

fn unpack(bytes: Vec<u8>, packing: Packing, needed: u64) -> io::Result<Vec<u8>> {
    let mut out = vec![0xee; 4096];
    let bytes = Memory([vec![9; 100], bytes].concat());
    let grain = PackedGrain { bytes: &bytes, at: 100, packing, start: 8192, needed };
    grain.unpack(&mut out).map(|()| out)
}

#[test]
fn grains_with_and_without_markers_are_unpacked() {
    let data: Vec<u8> = (0..4096u32).map(|n| (n % 251) as u8).collect();
    assert_eq!(unpack(marked(16, &zlib(&data)), Packing::Marked, 4096).unwrap(), data);
    assert_eq!(unpack([zlib(&data), vec![1; 9000]].concat(), Packing::Bare, 4096).unwrap(), data);
}

#[test]
fn the_last_grain_may_be_padded_or_not() {
    for length in [4096, 1024] {
        let out = unpack(marked(16, &zlib(&vec![5; length])), Packing::Marked, 1024).unwrap();
        assert_eq!(out[..1024], [5; 1024]);
    }
    for length in [512, 2048, 4095] {
        assert!(unpack(marked(16, &zlib(&vec![5; length])), Packing::Marked, 1024).is_err());
    }
    assert!(unpack(marked(16, &zlib(&[5; 1024])), Packing::Marked, 4096).is_err());
}

#[test]
fn what_is_not_there_is_not_read() {
    let whole = marked(16, &zlib(&[5; 4096]));
    for length in 0..whole.len() {
        let error = unpack(whole[..length].to_vec(), Packing::Marked, 4096).unwrap_err();
        assert!(error.to_string().contains(&format!("file's end {}", 100 + length)), "{error}");
    }
}
