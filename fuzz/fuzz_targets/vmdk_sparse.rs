//! Hosted sparse, COWD and seSparse extents. The first byte chooses which.
//!
//! Invariants: reading and verifying never panic, take no more memory than a table, and end; an extent that is
//! verified has its grain directory inside the file.
#![no_main]

use std::io;

use h2k::image::vmdk::{cowd::CowdHeader, sesparse::SeSparseHeader, sparse::SparseHeader};
use h2k_transports::RangeRead;
use libfuzzer_sys::fuzz_target;

struct Memory<'a>(&'a [u8]);

impl RangeRead for Memory<'_> {
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
    let Some((choice, data)) = data.split_first() else { return };
    let file = Memory(data);
    let directory = match choice % 3 {
        0 => SparseHeader::read(&file).and_then(|h| {
            let _ = h.embedded_descriptor(&file);
            h.verify(&file).map(|()| h.directory)
        }),
        1 => CowdHeader::read(&file).and_then(|h| h.verify(&file).map(|()| u64::from(h.directory))),
        _ => SeSparseHeader::read(&file).and_then(|h| h.verify(&file).map(|()| h.directory)),
    };
    if let Ok(sectors) = directory {
        assert!(sectors * 512 < file.size());
    }
});
