//! Any bytes as a catalog and as a program with a signature. Invariants: no panic; the chain of names is bounded.
#![no_main]

use h2k_fixers::windows::drivers::{embedded_signature, signature};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    for found in [signature(bytes), embedded_signature(bytes)].into_iter().flatten() {
        assert!(found.chain.len() <= 65);
        let _ = found.trust();
    }
});
