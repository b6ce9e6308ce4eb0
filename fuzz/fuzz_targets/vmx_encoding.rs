//! The dictionary format of VMX files in any encoding. The first byte chooses the encoding, the rest are the
//! lines.
//!
//! Invariants: reading never fails or panics; what was read, written and read again is the same, without a
//! warning.
#![no_main]

use h2k_transports::vmx::Dictionary;
use libfuzzer_sys::fuzz_target;

const LABELS: [&str; 8] =
    ["UTF-8", "windows-1252", "GBK", "Shift_JIS", "Big5", "EUC-KR", "windows-1251", "unknown"];

fuzz_target!(|data: &[u8]| {
    let Some((choice, lines)) = data.split_first() else { return };
    let label = LABELS[usize::from(*choice) % LABELS.len()];
    let mut file = format!(".encoding = \"{label}\"\n").into_bytes();
    file.extend_from_slice(lines);
    let (mut first, _) = Dictionary::parse(&file);
    // What is written is UTF-8 and says so.
    first.insert(".encoding", "UTF-8");
    let (second, warnings) = Dictionary::parse(first.to_text().as_bytes());
    assert_eq!(first, second);
    assert!(warnings.is_empty(), "{warnings:?}");
});
