//! The qcow2 reader over any bytes.
//!
//! Invariants: opening, mapping and reading never panic, take no more memory than a few tables and a cluster, and
//! end; extents cover their range without gaps; of each holds what disk.rs says.
#![no_main]

use std::sync::Arc;

use h2k::image::DiskReader;
use h2k::image::qcow2::Qcow2Reader;
use libfuzzer_sys::fuzz_target;

#[path = "../disk.rs"]
mod disk;

/// Bytes that are mapped at the start and at the end of the disk, and read of each extent there.
const PART: u64 = 64 << 20;

fuzz_target!(|data: &[u8]| {
    let image = Arc::new(disk::Memory(data.to_vec()));
    let Ok(reader) = Qcow2Reader::open(image.clone()) else { return };
    let size = reader.size();
    for range in [0..size.min(PART), size.saturating_sub(PART)..size] {
        let Ok(extents) = reader.extents(range.clone()) else { continue };
        let mut at = range.start;
        for extent in &extents {
            assert_eq!(extent.start, at);
            at += extent.len;
        }
        assert_eq!(at, range.end);
        for extent in extents.iter().take(64) {
            disk::check(&reader, &image, extent, 5000);
        }
    }
});
