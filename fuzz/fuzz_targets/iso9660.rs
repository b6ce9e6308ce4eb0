//! Any bytes as an ISO 9660 image. Invariants: no panic; the walk ends within its limits; paths have no empty parts and
//! do not lead upwards; what is read of a file is as long as its record says.
#![no_main]

use h2k_fixers::windows::drivers::iso::{IsoImage, MAX_DEPTH, MAX_ENTRIES};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(image) = IsoImage::of(Box::new(bytes.to_vec())) else { return };
    let Ok(files) = image.files() else { return };
    assert!(files.len() <= MAX_ENTRIES);
    for file in files {
        let parts: Vec<&str> = file.path.split('/').collect();
        assert!(parts.len() <= MAX_DEPTH + 1);
        assert!(parts.iter().all(|part| !matches!(*part, "" | "." | "..")));
        if let Ok(content) = image.read(&file.extent) {
            assert_eq!(content.len() as u64, file.extent.len);
            assert!(content.len() <= bytes.len());
        }
    }
});
