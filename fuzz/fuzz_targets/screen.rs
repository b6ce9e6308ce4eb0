//! Pictures of a guest's screen. Seeds: fuzz/seeds/screen.
//!
//! Invariants: reading and looking never panic; what is read has as many pixels as its header says; a picture of one colour
//! shows nothing.
#![no_main]

use h2k::validate::screen::picture::Picture;
use h2k::validate::screen::{Shows, look};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|file: &[u8]| {
    let Ok(picture) = Picture::from_ppm(file) else { return };
    assert!(picture.pixels() * 3 <= file.len());
    let seen = look(&picture);
    assert!(!seen.words().is_empty());
    if picture.background().1 == picture.pixels() {
        assert_eq!(seen.shows, Shows::Nothing);
    }
});
