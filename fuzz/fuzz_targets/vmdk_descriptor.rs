//! VMDK descriptors. Seeds: fixtures/hostile/*.vmdk.
//!
//! Invariants: parsing never panics; what it accepts stays within the limits, and every line that QEMU could take
//! for an extent (its scanf needs `RW` at the start of a line) is an extent here too.
#![no_main]

use h2k::image::vmdk::descriptor::{self, MAX_EXTENTS, MAX_FILE_NAME, MAX_SECTORS};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let Ok(descriptor) = descriptor::parse(&text) else { return };
    assert!(descriptor.extents.len() <= MAX_EXTENTS);
    assert!(descriptor.sectors() <= MAX_SECTORS);
    let names = descriptor.extents.iter().filter_map(|extent| extent.file.as_ref());
    assert!(names.clone().all(|name| (1..=MAX_FILE_NAME).contains(&name.len())));
    let text = text.split('\0').next().unwrap_or_default();
    let lines = text.lines().filter(|line| line.split_ascii_whitespace().next() == Some("RW")).count();
    let writable = descriptor.extents.iter().filter(|e| e.access == descriptor::Access::ReadWrite).count();
    assert_eq!(lines, writable);
});
