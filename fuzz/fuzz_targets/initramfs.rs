//! Invariant: whatever the bytes are, listing them ends with a result, never with a panic or in more memory than the
//! named limits allow; and the result does not depend on how many bytes a read brings.
#![no_main]

use std::io::{Cursor, Read};

use h2k_fixers::initramfs;
use libfuzzer_sys::fuzz_target;

/// Brings seven bytes at a time.
struct Drip<'a>(&'a [u8]);

impl Read for Drip<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let count = out.len().min(7) as u64;
        (&mut self.0).take(count).read(out)
    }
}

fuzz_target!(|bytes: &[u8]| {
    let whole = initramfs::list(Cursor::new(bytes));
    let dripped = initramfs::list(Drip(bytes));
    match (whole, dripped) {
        (Ok(whole), Ok(dripped)) => {
            assert_eq!(whole, dripped);
            assert!(whole.size <= bytes.len() as u64);
            assert!(whole.segments.len() <= initramfs::MAX_SEGMENTS);
        }
        (Err(_), Err(_)) => {}
        (whole, dripped) => panic!("whole: {whole:?}\ndripped: {dripped:?}"),
    }
});
