//! Files of content digests.
//!
//! Invariants: reading never panics, takes no more memory than a few times the file, and ends; what was read is
//! written and read again as the same.
#![no_main]

use h2k::image::copy::Content;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(content) = Content::read(data) else { return };
    assert_eq!(content.digest.is_some(), content.shared == 0);
    let mut text = Vec::new();
    content.write(&mut text).expect("memory can be written");
    assert_eq!(Content::read(text.as_slice()).expect("it was written"), content);
});
