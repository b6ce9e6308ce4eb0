//! `h2k convert` into a file system that fills up, and within one that shares blocks.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::common::disk::{
    Dice, MIB, assert_clean, assert_same, child, image, noise, poke, sample, text, unfinished,
};
use crate::common::mount::Mount;
use crate::common::{Place, digest, ok};

#[test]
fn a_full_file_system_is_said_and_the_same_command_goes_on_when_there_is_room() {
    for (name, format, options) in [
        ("out.qcow2", "qcow2", &["--no-reflink"][..]),
        ("out.raw", "raw", &["--no-reflink"]),
        ("packed.qcow2", "qcow2", &["--compress", "zlib"]),
    ] {
        let place = Place::new();
        let source = noise(&place, "in.raw", 160 * MIB);
        let small = Mount::tmpfs(&place, "small", 120);
        let out = small.path(name);
        let says = ["make room in", "the same command goes on", "No space left"];
        place.refused(&source, &out, options, 1, &says);
        assert!(unfinished(&out));
        // Still none: nothing is lost by trying.
        place.refused(&source, &out, options, 1, &says);
        small.resize(400);
        let done = place.converted(&source, &out, options);
        let count = |what: &str| done["copied"][what].as_u64().unwrap();
        assert!(count("taken_over") >= 64 * MIB, "{done:#}");
        assert_eq!(count("taken_over") + count("read"), 160 * MIB, "{done:#}");
        assert_same(&source, "raw", &out, format);
    }
}

/// A raw disk whose data lies in whole clusters: 40 MiB in two runs.
fn aligned(path: &Path) -> u64 {
    let file = File::create(path).unwrap();
    file.set_len(200 * MIB).unwrap();
    let mut dice = Dice(9);
    file.write_all_at(&dice.noise(32 << 20), 0).unwrap();
    file.write_all_at(&dice.noise(8 << 20), 101 * MIB).unwrap();
    file.sync_all().unwrap();
    40 * MIB
}

/// Converts within the file system, and expects that so much is shared and nothing read; what is written to the
/// target afterwards does not reach the source.
#[track_caller]
fn shares(place: &Place, source: (&Path, &str), out: &Path, data: u64) {
    let (from, from_format) = source;
    let out_format = out.extension().unwrap().to_str().unwrap();
    let before = digest(from);
    let done = place.converted(from, out, &[]);
    let copied = &done["copied"];
    assert_eq!((&copied["shared"], &copied["read"]), (&data.into(), &0.into()), "{done:#}");
    assert_same(from, from_format, out, out_format);
    if out_format == "qcow2" {
        assert_clean(out);
    }
    poke(out, out_format, 0, 2 * MIB, 0x55);
    assert_eq!(digest(from), before, "the source changed with the target");
    std::fs::remove_file(out).unwrap();
    let done = place.converted(from, out, &["--no-reflink"]);
    let copied = &done["copied"];
    assert_eq!((&copied["shared"], &copied["read"]), (&0.into(), &data.into()), "{done:#}");
    assert_same(from, from_format, out, out_format);
    std::fs::remove_file(out).unwrap();
}

#[test]
fn blocks_are_shared_where_the_file_system_can() {
    let place = Place::new();
    let xfs = Mount::xfs(&place, "xfs", 800);
    let raw = xfs.path("in.raw");
    let data = aligned(&raw);
    shares(&place, (&raw, "raw"), &xfs.path("out.raw"), data);
    shares(&place, (&raw, "raw"), &xfs.path("out.qcow2"), data);
    let flat = xfs.path("flat.vmdk");
    image(&raw, "vmdk", &["-o", "subformat=monolithicFlat"], &flat);
    let extent = xfs.path("flat-flat.vmdk");
    let before = digest(&extent);
    shares(&place, (&flat, "vmdk"), &xfs.path("out.raw"), data);
    shares(&place, (&flat, "vmdk"), &xfs.path("out.qcow2"), data);
    assert_eq!(digest(&extent), before, "the extent changed with the target");
    let sparse = xfs.path("sparse.vmdk");
    image(&raw, "vmdk", &["-o", "subformat=monolithicSparse"], &sparse);
    shares(&place, (&sparse, "vmdk"), &xfs.path("out.qcow2"), data);
    shares(&place, (&sparse, "vmdk"), &xfs.path("out.raw"), data);
    let qcow2 = xfs.path("in.qcow2");
    image(&raw, "qcow2", &[], &qcow2);
    shares(&place, (&qcow2, "qcow2"), &xfs.path("out.raw"), data);
}

#[test]
fn what_does_not_lie_in_whole_blocks_is_copied() {
    let place = Place::new();
    let xfs = Mount::xfs(&place, "xfs", 800);
    let raw = sample(&place, "xfs/in.raw", 65 * MIB + 512);
    for (name, format, options) in [
        ("sparse.vmdk", "vmdk", &["-o", "subformat=monolithicSparse"][..]),
        ("flat.vmdk", "vmdk", &["-o", "subformat=monolithicFlat"]),
        ("stream.vmdk", "vmdk", &["-o", "subformat=streamOptimized"]),
        ("disk.vhd", "vpc", &["-o", "force_size=on"]),
        ("disk.vhdx", "vhdx", &[]),
        ("disk.vdi", "vdi", &[]),
    ] {
        let source = xfs.path(name);
        image(&raw, format, options, &source);
        for (out, out_format) in [("out.qcow2", "qcow2"), ("out.raw", "raw")] {
            let out = xfs.path(out);
            let done = place.converted(&source, &out, &["--verify"]);
            eprintln!("{name} to {out_format}: {} shared", done["copied"]["shared"]);
            assert_same(&source, format, &out, out_format);
            std::fs::remove_file(&out).unwrap();
        }
    }
}

#[test]
fn a_chain_shares_the_blocks_of_all_its_images() {
    let place = Place::new();
    let xfs = Mount::xfs(&place, "xfs", 800);
    let raw = xfs.path("in.raw");
    let data = aligned(&raw);
    let base = xfs.path("base.qcow2");
    image(&raw, "qcow2", &[], &base);
    let top = child(&place, "qcow2", "base.qcow2", "xfs/top.qcow2");
    poke(&top, "qcow2", 10 * MIB, MIB, 0x11);
    poke(&top, "qcow2", 60 * MIB, MIB, 0x22);
    ok("qemu-io", &["-f", "qcow2", "-c", "write -z 0 2M", text(&top)]);
    let before = digest(&base);
    shares(&place, (&top, "qcow2"), &xfs.path("out.qcow2"), data + MIB - 2 * MIB);
    assert_eq!(digest(&base), before, "the base changed with the target");
}
