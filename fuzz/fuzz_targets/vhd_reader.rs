//! VHDs: footers, headers, tables, parent locators, and the disk that they make.
//!
//! Checksums are put right first, so that what they cover is looked at. Invariants: opening and reading never panic,
//! take no more memory than the tables, and end; extents cover the disk without gaps; of each holds what disk.rs says.
#![no_main]

use std::sync::Arc;

use h2k::image::DiskReader;
use h2k::image::vhd::{VhdFooter, VhdReader};
use libfuzzer_sys::fuzz_target;

#[path = "../disk.rs"]
mod disk;

fn seal(bytes: &mut [u8], field: usize) {
    if let Some(sum) = bytes.get_mut(field..field + 4) {
        sum.fill(0);
        let sum = !bytes.iter().fold(0u32, |sum, byte| sum.wrapping_add(u32::from(*byte)));
        bytes[field..field + 4].copy_from_slice(&sum.to_be_bytes());
    }
}

fuzz_target!(|data: &[u8]| {
    let mut bytes = data.to_vec();
    if let Some(footer) = bytes.get_mut(..512) {
        seal(footer, 64);
    }
    if let Some(at) = bytes.len().checked_sub(512) {
        seal(&mut bytes[at..], 64);
    }
    let header = bytes.get(..512).and_then(|bytes| VhdFooter::parse(bytes).ok());
    let at = header.and_then(|footer| usize::try_from(footer.data_offset).ok());
    if let Some(header) = at.and_then(|at| bytes.get_mut(at..)).and_then(|rest| rest.get_mut(..1024)) {
        seal(header, 36);
    }
    let image = Arc::new(disk::Memory(bytes));
    let Ok(reader) = VhdReader::open(image.clone()) else { return };
    let _ = reader.parent_names();
    // Extents of the whole disk: the table has at most four million entries.
    let size = reader.size();
    let Ok(extents) = reader.extents(0..size) else { return };
    let mut at = 0;
    for extent in &extents {
        assert_eq!(extent.start, at);
        at += extent.len;
    }
    assert_eq!(at, size);
    for extent in extents.iter().take(64) {
        disk::check(&reader, &image, extent, 3000);
    }
});
