//! What a hostile NBD client says: flags, options, requests.
//!
//! Invariants: the server never panics, takes no more memory than one request's worth, and ends with its input.
#![no_main]

use std::io::{self, Cursor};
use std::ops::Range;
use std::sync::Arc;

use h2k::image::nbd::serve_stream;
use h2k::image::{DiskReader, Extent, ExtentKind};
use libfuzzer_sys::fuzz_target;

/// 1 MiB: every other 128 KiB are zeros.
struct Striped;

const SIZE: u64 = 1 << 20;
const STRIPE: u64 = 128 << 10;

impl DiskReader for Striped {
    fn size(&self) -> u64 {
        SIZE
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        assert!(offset + buf.len() as u64 <= SIZE, "the server asks beyond the disk");
        for (byte, at) in buf.iter_mut().zip(offset..) {
            *byte = (at / STRIPE % 2) as u8;
        }
        Ok(())
    }

    fn extents(&self, range: Range<u64>) -> io::Result<Vec<Extent>> {
        assert!(range.start <= range.end && range.end <= SIZE, "the server asks beyond the disk");
        let mut extents = Vec::new();
        let mut start = range.start;
        while start < range.end {
            let end = (start / STRIPE + 1) * STRIPE;
            let len = end.min(range.end) - start;
            let kind = if start / STRIPE % 2 == 0 { ExtentKind::Zero } else { ExtentKind::Data };
            extents.push(Extent { start, len, kind });
            start += len;
        }
        Ok(extents)
    }
}

fuzz_target!(|data: &[u8]| {
    let exports: Vec<(String, Arc<dyn DiskReader>)> = vec![("disk".to_owned(), Arc::new(Striped))];
    let _ = serve_stream(Cursor::new(data), io::sink(), exports);
});
