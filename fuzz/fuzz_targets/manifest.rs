//! Manifests of OVF packages. Seeds: fixtures/manifests.
//!
//! Invariants: reading never fails or panics; every digest that is taken has the length of its algorithm and
//! lower-case digits, and can be written and read back; warnings are bounded.
#![no_main]

use h2k_transports::ovf::manifest::{Algorithm, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let (digests, warnings) = parse(data, "fuzz.mf");
    assert!(warnings.len() <= 21);
    for digest in &digests {
        let length = match digest.algorithm {
            Algorithm::Sha1 => 40,
            Algorithm::Sha256 => 64,
            Algorithm::Sha512 => 128,
        };
        assert_eq!(digest.expected.len(), length);
        let line = format!("{}({})= {}\n", digest.algorithm, digest.file, digest.expected);
        let (again, warnings) = parse(line.as_bytes(), "again.mf");
        assert_eq!(again, [digest.clone()]);
        assert!(warnings.is_empty());
    }
});
