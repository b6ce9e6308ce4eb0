//! Images that QEMU does not read or write: forged from their specifications, and read by another reader that shares
//! no code with h2k (see fixtures/oracle).

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::disk::{MIB, assert_content, assert_same, image, sample, text};
use crate::common::{Place, digest, ok, oracle as oracle_file, run};

/// What the oracle reads of an image, as a raw file.
fn oracle(image: &Path) -> PathBuf {
    let raw = image.with_extension("oracle.raw");
    run(Command::new(oracle_file("bin/python3")).args([
        "fixtures/oracle/read-disk",
        "--raw",
        text(&raw),
        text(image),
    ]))
    .expect(0);
    raw
}

fn forge(args: &[&str]) {
    run(Command::new("python3").arg("fixtures/oracle/forge").args(args)).expect(0);
}

/// h2k reads what the oracle reads.
#[track_caller]
fn agree(place: &Place, image: &Path) {
    let expected = oracle(image);
    for name in ["out.raw", "out.qcow2"] {
        let out = place.path(name);
        place.converted(image, &out, &["--verify"]);
        assert_same(&expected, "raw", &out, out.extension().unwrap().to_str().unwrap());
    }
}

#[test]
fn a_differencing_vhdx() {
    for subformat in
        ["subformat=dynamic,block_size=1M", "subformat=dynamic,block_size=32M", "subformat=fixed"]
    {
        let place = Place::new();
        let raw = sample(&place, "content.img", 66 * MIB);
        let (base, child) = (place.path("base.vhdx"), place.path("child.avhdx"));
        image(&raw, "vhdx", &["-o", subformat], &base);
        forge(&["vhdx-child", text(&base), text(&child)]);
        agree(&place, &child);
        // The forge has changed something, and the parent is read where it has not.
        assert_ne!(digest(&raw), digest(&place.path("out.raw")));
    }
}

#[test]
fn a_differencing_vhdx_whose_parent_was_changed_or_is_gone() {
    let place = Place::new();
    let raw = sample(&place, "content.img", 66 * MIB);
    let (base, child) = (place.path("base.vhdx"), place.path("child.avhdx"));
    image(&raw, "vhdx", &["-o", "subformat=dynamic,block_size=1M"], &base);
    forge(&["vhdx-child", text(&base), text(&child)]);
    crate::common::disk::poke(&base, "vhdx", 0, 512, 0x77);
    place.refused(&child, &place.path("out.raw"), &[], 1, &["DataWriteGuid", "base.vhdx"]);
    std::fs::remove_file(&base).unwrap();
    place.refused(&child, &place.path("out.raw"), &[], 1, &["base.vhdx"]);
}

#[test]
fn a_vhdx_whose_log_was_not_applied() {
    let place = Place::new();
    let raw = sample(&place, "content.img", 66 * MIB);
    let (dirty, replayed) = (place.path("dirty.vhdx"), place.path("replayed.vhdx"));
    image(&raw, "vhdx", &["-o", "subformat=dynamic,block_size=1M"], &dirty);
    forge(&["vhdx-log", text(&dirty)]);
    // QEMU applies a log only where it may write.
    std::fs::copy(&dirty, &replayed).unwrap();
    ok("qemu-img", &["check", "-q", "-r", "all", "-f", "vhdx", text(&replayed)]);
    let before = digest(&dirty);
    let out = place.path("out.qcow2");
    place.converted(&dirty, &out, &["--verify"]);
    assert_same(&replayed, "vhdx", &out, "qcow2");
    assert_eq!(digest(&dirty), before, "the source was touched");
    let same = ["compare", "-q", "-f", "raw", "-F", "qcow2", text(&raw), text(&out)];
    assert_eq!(run(Command::new("qemu-img").args(same)).code, 1, "the log changed nothing");
}

#[test]
fn a_sesparse_snapshot() {
    for subformat in ["subformat=monolithicSparse", "subformat=monolithicFlat"] {
        let place = Place::new();
        let raw = sample(&place, "content.img", 35 * MIB + 512);
        let (base, child) = (place.path("base.vmdk"), place.path("child.vmdk"));
        image(&raw, "vmdk", &["-o", subformat], &base);
        forge(&["sesparse", text(&base), text(&child)]);
        agree(&place, &child);
        // QEMU knows the format too, behind a descriptor.
        assert_content(&child, "vmdk", &place.path("out.raw"), "raw");
        assert_ne!(digest(&raw), digest(&place.path("out.raw")));
    }
}

#[test]
fn a_sesparse_extent_alone_reads_as_zeros_where_its_parent_is_missing() {
    let place = Place::new();
    let raw = sample(&place, "content.img", 35 * MIB + 512);
    let base = place.path("base.vmdk");
    image(&raw, "vmdk", &[], &base);
    forge(&["sesparse", text(&base), text(&place.path("child.vmdk"))]);
    // Not even QEMU knows it: it would take the file for a raw disk.
    let extent = place.path("child-sesparse.vmdk");
    agree(&place, &extent);
    let told = place.convert(&extent, &place.path("again.raw"), &[]).expect(0);
    assert!(told.stdout.contains("VMDK seSparse extent alone"), "{}", told.stdout);
}
