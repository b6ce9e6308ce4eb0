//! The listing as a whole: every compression, segments in a row, what replaces what, and how it fails.

use std::error::Error;
use std::io::{Cursor, Read};

use proptest::prelude::*;

use super::testing::{FILE, archive, entry, modules, pack, pad};
use super::*;

const PACKED: &[Compression] = &[
    Compression::Gzip,
    Compression::Bzip2,
    Compression::Lzma,
    Compression::Xz,
    Compression::Lz4,
    Compression::Lz4Frame,
    Compression::Zstd,
];

fn names(bytes: &[u8]) -> Vec<String> {
    list(Cursor::new(bytes)).unwrap().all_modules().into_iter().collect()
}

fn fails(bytes: &[u8]) -> String {
    chain(&list(Cursor::new(bytes)).unwrap_err())
}

/// A reader that gives one byte at a time: nothing may depend on how much a read brings.
struct Drip<'a>(&'a [u8]);

impl Read for Drip<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let count = out.len().min(1);
        (&mut self.0).take(count as u64).read(out)
    }
}

#[test]
fn lists_modules_under_every_compression() {
    let plain = modules("6.1.0-56-amd64", &["virtio-blk", "ext4"]);
    for compression in PACKED {
        let listing = list(Drip(&pack(*compression, &plain))).unwrap();
        assert_eq!(listing.entries(), 2, "{compression:?}");
        assert_eq!(listing.segments[0].compression, *compression);
        let names: Vec<_> = listing.modules["6.1.0-56-amd64"].iter().collect();
        assert_eq!(names, ["ext4", "virtio_blk"]);
    }
}

#[test]
fn takes_segments_in_a_row_whatever_they_are_packed_with() {
    let mut bytes = archive(&[("kernel/x86/microcode/GenuineIntel.bin", &[1; 999])]);
    pad(&mut bytes, 512);
    let mut expected = vec![];
    for (number, compression) in PACKED.iter().enumerate() {
        let name = format!("m{number}");
        bytes.extend(pack(*compression, &modules("6.1", &[&name])));
        // The kernel wants zeros behind lz4's legacy form, which has no end mark.
        if *compression == Compression::Lz4 {
            bytes.extend([0; 4]);
        }
        expected.push(name);
    }
    let listing = list(Cursor::new(&bytes)).unwrap();
    assert_eq!(listing.all_modules().into_iter().collect::<Vec<_>>(), expected);
    let packed: Vec<_> = listing.segments.iter().skip(1).map(|s| s.compression).collect();
    assert_eq!(packed, PACKED);
    assert_eq!(listing.segments[0].compression, Compression::None);
    assert_eq!(listing.size, bytes.len() as u64);
    assert_eq!(listing.trailing, None);
}

#[test]
fn an_archive_that_is_not_packed_may_follow_one_that_is() {
    let mut bytes = pack(Compression::Zstd, &modules("6.1", &["a"]));
    pad(&mut bytes, 4);
    bytes.extend(modules("6.1", &["b"]));
    assert_eq!(names(&bytes), ["a", "b"]);
}

#[test]
fn archives_may_follow_each_other_inside_a_segment() {
    let mut inner = modules("6.1", &["a"]);
    pad(&mut inner, 512);
    inner.extend(modules("6.1", &["b"]));
    pad(&mut inner, 512);
    assert_eq!(names(&pack(Compression::Xz, &inner)), ["a", "b"]);
}

#[test]
fn a_later_entry_replaces_an_earlier_one() {
    let path = "lib/modules/6.1/kernel/virtio_blk.ko";
    let mut bytes = archive(&[("conf/modules", b"vmw_pvscsi\n"), (path, b"x")]);
    let mut second = entry(&format!("./{path}"), 0o040_755, b"");
    second.extend(archive(&[("conf/modules", b"# h2k\nvirtio-blk arg=1\n\n")]));
    bytes.extend(pack(Compression::Gzip, &second));
    let listing = list(Cursor::new(&bytes)).unwrap();
    assert!(listing.all_modules().is_empty());
    assert_eq!(listing.load_list, ["virtio_blk"]);
}

#[test]
fn only_regular_files_with_a_modules_ending_under_lib_modules_are_modules() {
    let mut bytes = entry("lib/modules/6.1/link.ko", 0o120_777, b"other.ko");
    bytes.extend(archive(&[
        ("usr/lib/modules/6.1/a-b.ko.xz", b""),
        ("lib/modules/6.1/c.ko.zst", b""),
        ("/lib/modules/6.1/d.ko.gz", b""),
        ("usr/share/e.ko", b""),
        ("lib/modules/f.ko", b""),
        ("lib/modules/6.1/.ko", b""),
        ("lib/modules/6.1/modules.dep", b""),
    ]));
    assert_eq!(names(&bytes), ["a_b", "c", "d"]);
}

#[test]
fn tells_the_generator() {
    let of = |names: &[&str]| {
        let files: Vec<(&str, &[u8])> = names.iter().map(|n| (*n, b"".as_slice())).collect();
        list(Cursor::new(archive(&files))).unwrap().generator
    };
    assert_eq!(of(&["scripts/functions", "conf/initramfs.conf"]), Some("initramfs-tools"));
    assert_eq!(of(&["usr/lib/dracut/build-parameter.txt"]), Some("dracut"));
    assert_eq!(of(&["buildconfig"]), Some("mkinitcpio"));
    assert_eq!(of(&["sbin/nlplug-findfs"]), Some("mkinitfs"));
    assert_eq!(of(&["scripts/functions"]), None);
}

#[test]
fn tells_that_the_rest_is_in_a_file_system_image() {
    let listing = list(Cursor::new(archive(&[("init", b""), ("./squash-root.img", b"hsqs")]))).unwrap();
    assert_eq!(listing.nested, Some("squash-root.img"));
}

#[test]
fn ends_at_padding_and_at_bytes_that_are_no_segment() {
    let whole = pack(Compression::Gzip, &modules("6.1", &["a"]));
    let mut padded = whole.clone();
    padded.extend([0; 70_000]);
    assert_eq!(list(Cursor::new(&padded)).unwrap().trailing, None);
    let mut dirty = whole.clone();
    dirty.extend(b"\0\0garbage");
    let listing = list(Cursor::new(&dirty)).unwrap();
    assert_eq!(listing.trailing, Some(whole.len() as u64 + 2));
    assert_eq!(listing.all_modules().len(), 1);
}

#[test]
fn the_trailer_may_be_missing() {
    assert_eq!(names(&entry("lib/modules/6.1/a.ko", FILE, b"x")), ["a"]);
}

#[test]
fn passes_over_names_longer_than_the_kernel_takes() {
    let mut bytes = entry(&format!("lib/modules/6.1/{}.ko", "n".repeat(5000)), FILE, b"x");
    bytes.extend(modules("6.1", &["a"]));
    assert_eq!(names(&bytes), ["a"]);
}

#[test]
fn truncation_is_an_error_with_the_offset() {
    let plain = modules("6.1", &["a", "b"]);
    assert_eq!(
        fails(&plain[..plain.len() / 2 + 4]),
        "segment 1 (none from byte 0, broken before byte 222): truncated in an entry's header at position 156"
    );
    for compression in PACKED {
        let packed = pack(*compression, &plain);
        let error = fails(&packed[..packed.len() - 9]);
        assert!(error.contains("segment 1 ("), "{compression:?}: {error}");
    }
}

#[test]
fn names_what_it_cannot_read() {
    assert_eq!(fails(b""), "empty");
    assert_eq!(fails(&[0; 1000]), "empty");
    assert_eq!(fails(b"MZ\x90\0"), "no cpio archive and no known compression at its start");
    assert_eq!(
        fails(&[0x89, 0x4c, 0x5a, 0x4f, 0]),
        "the segment at byte 0 is packed with lzo, which is not read here"
    );
    assert_eq!(
        fails(&pack(Compression::Gzip, &[b'x'; 200])),
        "segment 1 (gzip from byte 0, broken before byte 25): no newc entry (\"xxxxxx\") at position 0"
    );
    let old = fails(b"070707000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000");
    assert!(old.contains("no newc entry (\"070707\")"), "{old}");
}

#[test]
fn a_bomb_ends_at_a_limit() {
    let packed = pack(Compression::Zstd, &archive(&[("a", &vec![0; 64 * 1024 * 1024])]));
    let mut bytes = vec![];
    while bytes.len() < packed.len() * 40 {
        bytes.extend(&packed);
    }
    assert!(fails(&bytes).ends_with("more than 2147483648 unpacked bytes"), "{}", fails(&bytes));
    // A header that claims 4 GiB is refused before any of it is read.
    let mut claim = entry("a", FILE, b"");
    claim.splice(54..62, *b"FFFFFFF0");
    assert!(fails(&claim).ends_with("more than 2147483648 unpacked bytes"));
    let segments = pack(Compression::Gzip, &archive(&[])).repeat(MAX_SEGMENTS + 1);
    assert_eq!(fails(&segments), "more than 256 segments");
}

#[test]
fn a_lz4_block_larger_than_the_format_allows_is_refused() {
    let mut bytes = pack(Compression::Lz4, &modules("6.1", &["a"]));
    bytes.extend(pack(Compression::Zstd, &modules("6.1", &["b"])));
    assert!(fails(&bytes).contains("an lz4 block of 4247762216 bytes"), "{}", fails(&bytes));
}

#[test]
fn errors_keep_their_cause() {
    let error = list(Cursor::new(b"0707xx")).unwrap_err();
    assert!(error.source().is_some());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        let _ = list(Cursor::new(&bytes));
    }

    #[test]
    fn a_damaged_image_never_panics(
        which in 0..PACKED.len(),
        at in any::<prop::sample::Index>(),
        to in any::<u8>(),
    ) {
        let mut bytes = archive(&[("early", b"123")]);
        bytes.extend(pack(PACKED[which], &modules("6.1", &["virtio_blk", "ext4"])));
        let at = at.index(bytes.len());
        bytes[at] = to;
        let _ = list(Cursor::new(&bytes));
    }

    #[test]
    fn what_was_packed_is_listed(
        which in 0..PACKED.len(),
        files in prop::collection::btree_map("[a-z_]{1,20}", prop::collection::vec(any::<u8>(), 0..300), 0..20),
    ) {
        let paths: Vec<String> = files.keys().map(|n| format!("lib/modules/6.1/kernel/{n}.ko")).collect();
        let pairs: Vec<(&str, &[u8])> =
            paths.iter().map(String::as_str).zip(files.values().map(Vec::as_slice)).collect();
        let packed = pack(PACKED[which], &archive(&pairs));
        let listing = list(Cursor::new(&packed)).unwrap();
        prop_assert_eq!(listing.entries(), files.len() as u64);
        let expected: Vec<&String> = files.keys().collect();
        let all = listing.all_modules();
        prop_assert_eq!(all.iter().collect::<Vec<_>>(), expected);
    }
}
