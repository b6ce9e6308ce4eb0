//! Invariant: whatever names and contents an archive is asked to hold, it is refused or written so that the lister takes
//! all of it, at any offset, with every file as it was given; and the binary form of any index is made without a panic
//! and without growing far beyond the text.
#![no_main]

use std::collections::BTreeMap;
use std::io::Cursor;

use h2k_fixers::initramfs::modindex::{self, Index};
use h2k_fixers::initramfs::{self, ArchiveWriter};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, Vec<(String, Vec<u8>)>)| {
    let (offset, files) = input;
    let offset = usize::from(offset);
    let mut writer = ArchiveWriter::at(offset as u64);
    let mut written: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for (name, content) in files {
        if writer.file(&name, &content).is_ok() {
            assert!(initramfs::is_plain(&name));
            written.insert(name, content);
        }
    }
    let Ok(archive) = writer.finish() else { return };
    assert_eq!((offset + archive.len()) % 4, 0);
    let image = [vec![0; offset], archive].concat();
    let listing = initramfs::list(Cursor::new(&image)).expect("what was written is listed");
    assert_eq!(listing.trailing, None);
    let names: Vec<&str> = written.keys().map(String::as_str).collect();
    let found = initramfs::extract(Cursor::new(&image), &names).expect("what was written is read");
    assert_eq!(found, written);
    for content in written.values() {
        let text = String::from_utf8_lossy(content);
        for index in [Index::Dependencies, Index::Aliases] {
            // A node has at most 128 children of four bytes for each byte of a key.
            assert!(modindex::binary(index, &text).len() <= 12 + text.len() * 530);
        }
    }
});
