//! The qcow2 reader over any bytes.
//!
//! Invariants: opening, mapping and reading never panic, take no more memory than a few tables and a cluster, and
//! end; extents cover their range without gaps; what is no data reads as zeros.
#![no_main]

use std::io;
use std::sync::Arc;

use h2k::image::qcow2::Qcow2Reader;
use h2k::image::{DiskReader, ExtentKind};
use h2k_transports::RangeRead;
use libfuzzer_sys::fuzz_target;

/// Bytes that are mapped at the start and at the end of the disk, and read of each extent there.
const PART: u64 = 64 << 20;

struct Memory(Vec<u8>);

impl RangeRead for Memory {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let start = usize::try_from(offset).map_err(|_| io::ErrorKind::UnexpectedEof)?;
        let end = start.checked_add(buf.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        buf.copy_from_slice(self.0.get(start..end).ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

fuzz_target!(|data: &[u8]| {
    let Ok(reader) = Qcow2Reader::open(Arc::new(Memory(data.to_vec()))) else { return };
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
            let mut buf = vec![0xee; extent.len.min(5000) as usize];
            let read = reader.read_at(&mut buf, extent.start);
            if extent.kind != ExtentKind::Data {
                read.expect("what is mapped is read");
                assert!(buf.iter().all(|b| *b == 0));
            }
            let _ = reader.place(extent.start);
        }
    }
});
