//! Hosted sparse, COWD and seSparse extents. The first byte chooses which.
//!
//! Invariants: reading and verifying never panic, take no more memory than a table, and end; an extent that is
//! verified has its grain directory inside the file.
#![no_main]

use h2k::image::vmdk::{cowd::CowdHeader, sesparse::SeSparseHeader, sparse::SparseHeader};
use h2k_transports::RangeRead;
use libfuzzer_sys::fuzz_target;

#[path = "../memory.rs"]
mod memory;

use memory::Memory;

fuzz_target!(|data: &[u8]| {
    let Some((choice, data)) = data.split_first() else { return };
    let file = Memory(data.to_vec());
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
