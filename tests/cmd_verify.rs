//! `h2k verify`: a disk against the digests that were taken when it was copied.

use std::fs::File;
use std::os::unix::fs::FileExt;

use crate::common::Place;
use crate::common::disk::{MIB, image, poke, sample, text};
use crate::common::mount::Mount;

#[test]
fn a_disk_is_what_was_copied_until_one_byte_changes() {
    let place = Place::new();
    let raw = sample(&place, "content.img", 65 * MIB + 512);
    let source = place.path("in.vmdk");
    image(&raw, "vmdk", &[], &source);
    for (name, format) in [("out.raw", "raw"), ("out.qcow2", "qcow2"), ("packed.qcow2", "qcow2")] {
        let (out, digests) = (place.path(name), place.path(&format!("{name}.digests")));
        let packed = if name == "packed.qcow2" { &["--compress", "zstd"][..] } else { &[] };
        place.converted(&source, &out, &[&["--verify", "--digests", text(&digests)], packed].concat());
        let args = ["verify", text(&out), "--digests", text(&digests)];
        let same = place.h2k(args).expect(0);
        assert!(same.stdout.contains("holds what was copied"), "{}", same.stdout);
        // The last sector, which no whole cluster holds.
        poke(&out, format, 65 * MIB + 511, 1, 0xaa);
        let differs = place.h2k(args).expect(5);
        let said = format!("{}: the 4 MiB at byte {} differ", text(&out), 64 * MIB);
        assert!(differs.stdout.contains(&said), "{}", differs.stdout);
        assert!(differs.stderr.contains("1 of 1 disks"), "{}", differs.stderr);
        let json = place.h2k([&args[..], &["--json"]].concat()).expect(5).json();
        assert_eq!((&json["disks"][0]["same"], &json["version"]), (&false.into(), &1.into()));
    }
}

#[test]
fn data_where_there_was_none_and_a_wrong_size_are_seen() {
    let place = Place::new();
    let raw = sample(&place, "content.img", 65 * MIB + 512);
    let (out, digests) = (place.path("out.raw"), place.path("digests"));
    place.converted(&raw, &out, &["--no-reflink", "--digests", text(&digests)]);
    let args = ["verify", text(&out), "--digests", text(&digests)];
    place.h2k(args).expect(0);
    let file = File::options().write(true).open(&out).unwrap();
    file.write_all_at(&[1], 50 * MIB).unwrap();
    let seen = place.h2k(args).expect(5);
    assert!(seen.stdout.contains(&format!("at byte {}", 48 * MIB)), "{}", seen.stdout);
    file.write_all_at(&[0], 50 * MIB).unwrap();
    place.h2k(args).expect(0);
    file.set_len(65 * MIB).unwrap();
    let seen = place.h2k(args).expect(5);
    assert!(seen.stdout.contains("instead of"), "{}", seen.stdout);
}

#[test]
fn what_cannot_be_verified_is_said() {
    let place = Place::new();
    let raw = sample(&place, "content.img", 5 * MIB);
    let none = place.h2k(["verify", text(&raw)]).expect(2);
    assert!(none.stderr.contains("--digests FILE"), "{}", none.stderr);
    let wrong = place.write("digests", "something else\n");
    let said = place.h2k(["verify", text(&raw), "--digests", text(&wrong)]).expect(1);
    assert!(said.stderr.contains("line 1: not a file of content digests"), "{}", said.stderr);
}

#[test]
fn a_copy_that_shares_blocks_has_no_digests_but_can_be_verified() {
    let place = Place::new();
    let xfs = Mount::xfs(&place, "xfs", 400);
    let raw = xfs.path("in.raw");
    File::create(&raw).unwrap().write_all_at(&vec![7; 8 << 20], 0).unwrap();
    let (out, digests) = (xfs.path("out.raw"), xfs.path("digests"));
    let done = place.converted(&raw, &out, &["--verify", "--digests", text(&digests)]);
    assert_eq!(done["copied"]["shared"], 8 * MIB, "{done:#}");
    assert_eq!(done["copied"]["content"]["digest"], serde_json::Value::Null);
    let said = place.h2k(["verify", text(&out), "--digests", text(&digests)]).expect(2);
    for part in ["lacks digests", "shared with the source", "h2k convert --verify"] {
        assert!(said.stderr.contains(part), "{}", said.stderr);
    }
}
