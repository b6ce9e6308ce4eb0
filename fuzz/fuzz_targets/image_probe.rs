//! Telling formats apart, and the headers of VHD, VHDX and qcow2. Seeds: fixtures/hostile.
//!
//! Invariants: probing never fails on bytes that can be read; reading and verifying never panic, take no more memory
//! than a table, and end.
#![no_main]

use std::io;

use h2k::image::probe::{Magic, probe};
use h2k::image::qcow2::header::Qcow2Header;
use h2k::image::vhd::VhdFooter;
use h2k::image::vhdx::VhdxFacts;
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
    let file = Memory(data);
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
