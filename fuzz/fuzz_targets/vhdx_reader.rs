//! VHDXs: headers, regions, metadata, parent locators, logs, tables, and the disk that they make.
//!
//! The input is a list of patches (4 bytes of offset, 1 of length, so many bytes) to a file of 8 MiB that is empty or
//! holds the seed's structures: most of a VHDX is zeros. Checksums of headers, region tables and log entries are put
//! right first, so that what they cover is looked at. Invariants: opening and reading never panic, take no more memory
//! than bounded tables, and end; extents cover what was asked for without gaps; of each holds what disk.rs says.
#![no_main]

use std::sync::Arc;

use h2k::image::DiskReader;
use h2k::image::vhdx::VhdxReader;
use libfuzzer_sys::fuzz_target;

#[path = "../disk.rs"]
mod disk;

/// Bytes of the file, and the most extents that are asked for: 8 GiB of disk.
const FILE: usize = 8 << 20;
const RANGE: u64 = 8 << 30;

/// CRC-32C of each byte.
const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = (crc >> 1) ^ if crc & 1 == 1 { 0x82f6_3b78 } else { 0 };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
};

/// Of a structure whose checksum, the bytes 4 to 7, counts as zeros.
fn crc32c(bytes: &[u8]) -> u32 {
    let zeroed = bytes[..4].iter().chain(&[0; 4]).chain(&bytes[8..]);
    !zeroed.fold(u32::MAX, |crc, byte| (crc >> 8) ^ TABLE[usize::from(crc as u8 ^ byte)])
}

fn seal(bytes: &mut [u8]) {
    if bytes.len() >= 8 {
        let sum = crc32c(bytes);
        bytes[4..8].copy_from_slice(&sum.to_le_bytes());
    }
}

fn patched(mut data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; FILE];
    while let Some(([a, b, c, d, length], rest)) = data.split_first_chunk::<5>() {
        let at = u32::from_le_bytes([*a, *b, *c, *d]) as usize % FILE;
        let length = usize::from(*length).min(rest.len()).min(FILE - at);
        bytes[at..at + length].copy_from_slice(&rest[..length]);
        data = &rest[length..];
    }
    for (start, length) in [(64 << 10, 4096), (128 << 10, 4096), (192 << 10, 65536), (256 << 10, 65536)] {
        seal(&mut bytes[start..start + length]);
    }
    // Log entries of a log at 1 MiB.
    for sector in 0..8 {
        let start = (1 << 20) + sector * 4096;
        if bytes[start..].starts_with(b"loge") {
            let field = bytes[start + 8..start + 12].try_into().unwrap_or_default();
            let length = (u32::from_le_bytes(field) as usize).min(8 * 4096);
            seal(&mut bytes[start..start + length]);
        }
    }
    bytes
}

fuzz_target!(|data: &[u8]| {
    let image = Arc::new(disk::Memory(patched(data)));
    let Ok(reader) = VhdxReader::open(image.clone()) else { return };
    let end = reader.size().min(RANGE);
    let Ok(extents) = reader.extents(0..end) else { return };
    let mut at = 0;
    for extent in &extents {
        assert_eq!(extent.start, at);
        at += extent.len;
    }
    assert_eq!(at, end);
    for extent in extents.iter().take(64) {
        disk::check(&reader, &image, extent, 3000);
    }
});
