//! Any bytes as a database of rpm, in each of its formats: the first byte says which. Invariants: no panic; what is read is
//! not larger than what was there, but for the paths, which have their directory each.
#![no_main]

use h2k_fixers::MemoryGuest;
use h2k_fixers::rpm::Database;
use h2k_fixers::rpm::header::tag;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((format, content)) = bytes.split_first() else { return };
    let name = ["Packages", "Packages.db", "rpmdb.sqlite"][usize::from(*format) % 3];
    let guest = MemoryGuest::new().file(&format!("/var/lib/rpm/{name}"), content);
    let database = Database::open(&guest).expect("a guest in memory is read").expect("its database is there");
    let _ = database.each(&mut |header| {
        // Bytes that are no text become three each.
        assert!(header.version().len() <= 3 * 2 * content.len() + 1);
        let names = header.strings(tag::PROVIDE_NAME);
        assert!(names.iter().map(String::len).sum::<usize>() <= 3 * content.len());
        header.files().map(|files| assert!(files.len() <= 2 * content.len()))
    });
});
