//! Captures of a guest's frames. Seeds: fuzz/seeds/pcap.
//!
//! Invariants: reading and counting never panic; a capture gives the same frames however it grows; and they are no
//! more than what was captured.
#![no_main]

use h2k::validate::pcap::Reader;
use h2k::validate::traffic::Traffic;
use libfuzzer_sys::fuzz_target;

/// The address that the seeds' guest has.
const MAC: [u8; 6] = [0x00, 0x50, 0x56, 0x9e, 0x57, 0x03];

fn read(file: &[u8], step: usize) -> (Traffic, usize) {
    let mut reader = Reader::new();
    let (mut traffic, mut bytes) = (Traffic::default(), 0);
    for piece in file.chunks(step) {
        let fed = reader.feed(piece, |frame| {
            bytes += frame.len();
            traffic.count(MAC, frame);
        });
        if fed.is_err() {
            break;
        }
    }
    (traffic, bytes)
}

fuzz_target!(|file: &[u8]| {
    let whole = read(file, usize::MAX);
    assert_eq!(whole, read(file, 7));
    assert!(whole.1 <= file.len());
});
