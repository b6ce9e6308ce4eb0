//! What the targets of VMDK readers have in common.
//!
//! Invariants: opening, mapping, placing and reading never panic and end; the map covers its range without gaps; what
//! it calls zero or unallocated reads as zeros; a read in two parts gives what it gives in one.

use std::io;
use std::sync::Arc;

use h2k::image::{DiskReader, ExtentKind, ImageError};
use h2k_transports::RangeRead;

/// Most guest bytes that are mapped at each end of the disk.
const WINDOW: u64 = 8 << 20;

/// Most bytes that are read at once.
const READ: u64 = 256 << 10;

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

/// Opens the bytes and reads them as a disk.
pub fn exercise(data: &[u8], open: fn(Arc<dyn RangeRead>) -> Result<Box<dyn DiskReader>, ImageError>) {
    let Ok(reader) = open(Arc::new(Memory(data.to_vec()))) else { return };
    let size = reader.size();
    let window = size.min(WINDOW);
    for range in [0..window, size - window..size] {
        let Ok(extents) = reader.extents(range.clone()) else { continue };
        let mut at = range.start;
        for extent in extents {
            assert!(extent.start == at && extent.len > 0);
            at += extent.len;
            let mut whole = vec![0xee; extent.len.min(READ) as usize];
            let read = reader.read_at(&mut whole, extent.start);
            let _ = reader.place(extent.start);
            if extent.kind != ExtentKind::Data {
                assert!(read.is_ok() && whole.iter().all(|byte| *byte == 0));
            }
            if read.is_ok() {
                let middle = whole.len() / 3;
                let mut parts = vec![0xdd; whole.len()];
                let (first, second) = parts.split_at_mut(middle);
                reader.read_at(first, extent.start).expect("the whole was read");
                reader.read_at(second, extent.start + middle as u64).expect("the whole was read");
                assert_eq!(parts, whole);
            }
        }
        assert_eq!(at, range.end);
    }
}
