//! What the targets of VMDK readers have in common.
//!
//! Invariants: opening, mapping, placing and reading never panic and end; the map covers its range without gaps; of each
//! extent holds what disk.rs says.

use std::sync::Arc;

use h2k::image::{DiskReader, ImageError};
use h2k_transports::RangeRead;

#[path = "disk.rs"]
mod disk;

/// Most guest bytes that are mapped at each end of the disk.
const WINDOW: u64 = 8 << 20;

/// Most bytes that are read at once: more than a grain as VMware writes them.
const READ: u64 = 96 << 10;

/// Opens the bytes and reads them as a disk.
pub fn exercise(data: &[u8], open: fn(Arc<dyn RangeRead>) -> Result<Box<dyn DiskReader>, ImageError>) {
    let image = Arc::new(disk::Memory(data.to_vec()));
    let Ok(reader) = open(image.clone()) else { return };
    let size = reader.size();
    let window = size.min(WINDOW);
    for range in [0..window, size - window..size] {
        let Ok(extents) = reader.extents(range.clone()) else { continue };
        let mut at = range.start;
        for extent in extents {
            assert!(extent.start == at && extent.len > 0);
            at += extent.len;
            disk::check(&*reader, &image, &extent, READ);
        }
        assert_eq!(at, range.end);
    }
}
