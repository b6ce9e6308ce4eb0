//! Hosted sparse extents, compressed ones among them, read as disks. Seeds: fuzz/seeds/vmdk_sparse_reader. The invariants stand in vmdk_reader.rs.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../vmdk_reader.rs"]
mod vmdk_reader;

fuzz_target!(|data: &[u8]| vmdk_reader::exercise(data, h2k::image::vmdk::sparse::open));
