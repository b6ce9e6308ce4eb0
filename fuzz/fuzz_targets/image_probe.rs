//! Telling formats apart, and the headers of VHD, VHDX and qcow2. Seeds: fixtures/hostile.
//!
//! Invariants: probing never fails on bytes that can be read; reading and verifying never panic, take no more memory
//! than a table, and end.
#![no_main]

use h2k::image::probe::{Magic, probe};
use h2k::image::qcow2::header::Qcow2Header;
use h2k::image::vhd::VhdFooter;
use h2k::image::vhdx::VhdxFacts;
use libfuzzer_sys::fuzz_target;

#[path = "../memory.rs"]
mod memory;

use memory::Memory;

fuzz_target!(|data: &[u8]| {
    let file = Memory(data.to_vec());
    match probe(&file).expect("memory can be read") {
        Magic::Qcow2 => {
            let _ = Qcow2Header::read(&file).and_then(|h| h.verify(&file));
        }
        Magic::Vhd => {
            let _ = VhdFooter::parse(data.get(..512).unwrap_or(data)).and_then(|f| f.check_blocks(&file));
        }
        Magic::Vhdx => {
            let _ = VhdxFacts::read(&file);
        }
        _ => {}
    }
});
