//! libvirt XML. Seeds: fuzz/seeds/domain_xml.
//!
//! Invariants: reading ends with a domain or a refusal, never with a panic; no document type is taken; and what was
//! read and can be written comes out alike however often it is read and written again.
#![no_main]

use std::path::Path;

use h2k::emit::{from_xml, libvirt_xml};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(domain) = from_xml(text) else { return };
    assert!(!text.contains("<!DOCTYPE") || text.contains("<!--") || text.contains("<![CDATA[") || text.contains("<?"));
    let Ok(written) = libvirt_xml(&domain, Path::new("/result")) else { return };
    let again = from_xml(&written).expect("what was written can be read");
    assert_eq!(libvirt_xml(&again, Path::new("/elsewhere")).expect("and written"), written);
});
