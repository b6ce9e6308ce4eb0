//! What an archive comes to once the kernel's rules are applied to it: listed by h2k's own reader.

use std::io::Cursor;

use proptest::prelude::*;

use super::*;
use crate::initramfs::{Compression, extract, list, testing};
use crate::{Change, Edit, GuestMut, MemoryGuest};

const IMAGE: &str = "/boot/initrd.img";
const DIR: &str = "usr/lib/modules/6.1";

fn entry(path: &str, content: EntryContent) -> ArchiveEntry {
    ArchiveEntry { path: path.to_owned(), content }
}

fn file(from: &str, size: u64, unpack: bool) -> EntryContent {
    EntryContent::File { from: from.to_owned(), size, unpack }
}

fn lines(add: &[&str]) -> Vec<String> {
    add.iter().map(|l| (*l).to_owned()).collect()
}

/// A guest whose image has an index with one line, and no end of line behind it.
fn guest(compression: Compression) -> MemoryGuest {
    let image = testing::archive(&[
        (&format!("{DIR}/modules.dep"), b"kernel/a.ko:"),
        (&format!("{DIR}/kernel/a.ko"), b"a"),
        ("conf/modules", b"a\n"),
    ]);
    MemoryGuest::new()
        .file(IMAGE, testing::pack(compression, &image))
        .file("/lib/modules/6.1/kernel/b.ko", "bb")
        .file("/lib/modules/6.1/kernel/c.ko.xz", testing::pack(Compression::Xz, b"ccc"))
}

fn edit(guest: &MemoryGuest, entries: Vec<ArchiveEntry>) -> Edit {
    let size = guest.lstat(IMAGE).unwrap().unwrap().size;
    let tail = digest(&guest.tail(IMAGE, TAIL).unwrap());
    let change = Change::AppendArchive { path: IMAGE.to_owned(), size, tail, estimate: 0, entries };
    Edit { fixer: "x".to_owned(), reason: "why".to_owned(), change }
}

fn entries(packed: u64) -> Vec<ArchiveEntry> {
    vec![
        entry(&format!("{DIR}/kernel"), EntryContent::Directory),
        entry(&format!("{DIR}/kernel/b.ko"), file("/lib/modules/6.1/kernel/b.ko", 2, false)),
        entry(&format!("{DIR}/kernel/c.ko"), file("/lib/modules/6.1/kernel/c.ko.xz", packed, true)),
        entry(
            &format!("{DIR}/modules.dep"),
            EntryContent::Index { add: lines(&["kernel/b.ko: kernel/a.ko"]) },
        ),
        entry("conf/modules", EntryContent::Lines { add: lines(&["b"]) }),
        entry("etc/new", EntryContent::Lines { add: lines(&["one", "two"]) }),
    ]
}

fn packed_size(guest: &MemoryGuest) -> u64 {
    guest.lstat("/lib/modules/6.1/kernel/c.ko.xz").unwrap().unwrap().size
}

#[test]
fn what_is_appended_lies_over_what_was_there() {
    for compression in
        [Compression::None, Compression::Gzip, Compression::Xz, Compression::Zstd, Compression::Bzip2]
    {
        let mut guest = guest(compression);
        let edit = edit(&guest, entries(packed_size(&guest)));
        guest.apply(&edit).unwrap();
        let image = guest.read(IMAGE).unwrap().unwrap();
        let listing = list(Cursor::new(&image)).unwrap();
        assert_eq!(listing.all_modules().into_iter().collect::<Vec<_>>(), ["a", "b", "c"], "{compression:?}");
        assert_eq!(listing.load_list, ["a", "b"]);
        assert_eq!((listing.trailing, listing.segments.len()), (None, 2));
        let dep = format!("{DIR}/modules.dep");
        let module = format!("{DIR}/kernel/c.ko");
        let bin = format!("{DIR}/modules.dep.bin");
        let found = extract(Cursor::new(&image), &[&dep, &module, "etc/new", &bin]).unwrap();
        assert_eq!(found[&dep], b"kernel/a.ko:\nkernel/b.ko: kernel/a.ko\n");
        assert_eq!(found[&module], b"ccc");
        assert_eq!(found["etc/new"], b"one\ntwo\n");
        assert!(found[&bin].starts_with(&[0xb0, 0x07, 0xf4, 0x57]));
    }
}

#[test]
fn a_guest_that_is_not_as_the_plan_saw_it_is_refused() {
    let guest = guest(Compression::Gzip);
    let edit = edit(&guest, entries(packed_size(&guest)));
    let fails = |change: &dyn Fn(&mut MemoryGuest)| {
        let mut guest = guest.clone();
        change(&mut guest);
        let before = guest.clone();
        let error = guest.apply(&edit).unwrap_err().to_string();
        assert_eq!(guest, before);
        error
    };
    let image = guest.read(IMAGE).unwrap().unwrap();
    let longer = [image.as_slice(), b"\0"].concat();
    assert!(fails(&|g| g.put(IMAGE, &longer)).ends_with("its size differs"));
    let mut other = image.clone();
    *other.last_mut().unwrap() ^= 1;
    assert!(fails(&|g| g.put(IMAGE, &other)).ends_with("its last bytes differ"));
    assert!(fails(&|g| g.delete(IMAGE)).ends_with("its size differs"));
    assert!(fails(&|g| g.put("/lib/modules/6.1/kernel/b.ko", b"b")).ends_with("it has 1 bytes, not 2"));
    assert!(fails(&|g| g.delete("/lib/modules/6.1/kernel/b.ko")).ends_with("no such file in the guest"));
    let broken = vec![7; usize::try_from(packed_size(&guest)).unwrap()];
    assert!(fails(&|g| g.put("/lib/modules/6.1/kernel/c.ko.xz", &broken)).contains("unpacking it: no known"));
}

#[test]
fn a_path_that_leads_out_of_the_image_is_refused() {
    for path in ["/etc/x", "../x", "a//b", "a/./b", ""] {
        let guest = guest(Compression::Gzip);
        let lines = EntryContent::Lines { add: vec![] };
        let error = build(&guest, IMAGE, 0, &[entry(path, lines)]).unwrap_err().to_string();
        assert!(error.contains("is no name for an entry"), "{error}");
    }
}

#[test]
fn edits_read_well_and_come_back_from_json() {
    let guest = guest(Compression::Gzip);
    let edit = edit(&guest, entries(9));
    let json = serde_json::to_string(&edit).unwrap();
    assert!(json.contains(r#"{"path":"conf/modules","source":"lines","add":["b"]}"#), "{json}");
    assert_eq!(serde_json::from_str::<Edit>(&json).unwrap(), edit);
    assert_eq!(edit.paths(), [IMAGE]);
}

#[test]
fn the_tail_is_the_end_whatever_a_read_brings() {
    let bytes: Vec<u8> = (0..300_000u32).flat_map(u32::to_le_bytes).collect();
    for keeper in [TailKeeper::new(Cursor::new(&bytes)), TailKeeper::new(Cursor::new(&bytes))] {
        let tail = keeper.into_tail(u64::MAX).unwrap();
        assert_eq!(tail, bytes[bytes.len() - TAIL..]);
    }
    assert_eq!(TailKeeper::new(Cursor::new(b"ab")).into_tail(u64::MAX).unwrap(), b"ab");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn whatever_is_appended_is_listed(
        before in prop::collection::vec(any::<u8>(), 0..40),
        names in prop::collection::btree_set("[a-z_]{1,20}", 0..20),
        size in 0usize..300,
    ) {
        // A file of any length whose end is padded with zeros, as bootloaders leave it.
        let mut image = testing::pack(Compression::Gzip, &testing::archive(&[("init", &before)]));
        image.extend(vec![0; before.len()]);
        let mut guest = MemoryGuest::new().file(IMAGE, &image);
        let mut entries = vec![];
        for name in &names {
            let from = format!("/lib/modules/6.1/{name}.ko");
            guest.put(&from, &vec![0xff; size]);
            entries.push(entry(&format!("{DIR}/{name}.ko"), file(&from, size as u64, false)));
        }
        let edit = edit(&guest, entries);
        guest.apply(&edit).unwrap();
        let listing = list(Cursor::new(guest.read(IMAGE).unwrap().unwrap())).unwrap();
        prop_assert_eq!(listing.all_modules().into_iter().collect::<Vec<_>>(), names.into_iter().collect::<Vec<_>>());
        prop_assert_eq!(listing.trailing, None);
        prop_assert_eq!(listing.size % 4, 0);
    }
}
