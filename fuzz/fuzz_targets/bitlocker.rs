//! Any bytes as the headers of a BitLocker volume, with a checksum that fits. Invariants: no panic; a table of
//! device-mapper covers the volume once, without a gap.
#![no_main]

use h2k_fixers::windows::bitlocker::{FirstSector, METADATA_SIZE, Metadata, clear_key, table};
use libfuzzer_sys::fuzz_target;

const SIZE: u64 = 1 << 30;

fuzz_target!(|bytes: &[u8]| {
    let _ = FirstSector::parse(bytes);
    let mut block = bytes.to_vec();
    block.resize(METADATA_SIZE, 0);
    block[..8].copy_from_slice(b"-FVE-FS-");
    block[10..12].copy_from_slice(&[2, 0]);
    let whole = usize::from(u16::from_le_bytes([block[8], block[9]])) * 16;
    if whole + 8 <= block.len() {
        let mut sum = flate2::Crc::new();
        sum.update(&block[..whole]);
        block[whole + 4..whole + 8].copy_from_slice(&sum.sum().to_le_bytes());
    }
    let Ok(metadata) = Metadata::parse(&block) else { return };
    let _ = (metadata.facts(false), metadata.guid(), clear_key(&metadata));
    let Ok(text) = table(&metadata, &[0; 64], "/dev/sda2", 512, SIZE) else { return };
    let mut next = 0;
    for line in text.lines() {
        let mut numbers = line.split(' ').map(|n| n.parse::<u64>());
        assert_eq!(numbers.next(), Some(Ok(next)));
        next += numbers.next().unwrap().unwrap();
    }
    assert_eq!(next, SIZE / 512);
});
