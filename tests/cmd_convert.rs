//! `h2k convert`: every format that qemu-img writes, into every format that h2k writes, compared by qemu-img.

use std::path::{Path, PathBuf};

use crate::common::disk::{
    Dice, GIB, MIB, assert_clean, assert_content, assert_same, image, info, poke, sample, text,
};
use crate::common::{Place, digest};

/// A format as qemu-img writes it.
struct Source {
    /// Of the file; what tells two of one format apart.
    name: &'static str,
    format: &'static str,
    options: &'static [&'static str],
}

const fn source(name: &'static str, format: &'static str, options: &'static [&'static str]) -> Source {
    Source { name, format, options }
}

const SOURCES: &[Source] = &[
    source("plain.raw", "raw", &[]),
    source("sparse.vmdk", "vmdk", &["-o", "subformat=monolithicSparse"]),
    source("flat.vmdk", "vmdk", &["-o", "subformat=monolithicFlat"]),
    source("split.vmdk", "vmdk", &["-o", "subformat=twoGbMaxExtentSparse"]),
    source("splitflat.vmdk", "vmdk", &["-o", "subformat=twoGbMaxExtentFlat"]),
    source("stream.vmdk", "vmdk", &["-o", "subformat=streamOptimized"]),
    source("dynamic.vhd", "vpc", &["-o", "subformat=dynamic"]),
    source("exact.vhd", "vpc", &["-o", "subformat=dynamic,force_size=on"]),
    source("fixed.vhd", "vpc", &["-o", "subformat=fixed"]),
    source("dynamic.vhdx", "vhdx", &["-o", "subformat=dynamic"]),
    source("fixed.vhdx", "vhdx", &["-o", "subformat=fixed"]),
    source("plain.qcow2", "qcow2", &[]),
    source("old.qcow2", "qcow2", &["-o", "compat=0.10"]),
    source("zlib.qcow2", "qcow2", &["-c"]),
    source("zstd.qcow2", "qcow2", &["-c", "-o", "compression_type=zstd"]),
    source("subclusters.qcow2", "qcow2", &["-o", "extended_l2=on"]),
    source("disk.vdi", "vdi", &[]),
    source("disk.hds", "parallels", &[]),
    source("disk.qed", "qed", &[]),
];

/// What is written: options, ending and QEMU's name.
const TARGETS: &[(&[&str], &str, &str)] = &[
    (&[], "qcow2", "qcow2"),
    (&[], "raw", "raw"),
    (&["--compress", "zstd"], "qcow2", "qcow2"),
    (&["--compress", "zlib"], "qcow2", "qcow2"),
];

/// Makes the image of a source, of a raw disk.
fn make(place: &Place, raw: &Path, source: &Source) -> PathBuf {
    let path = place.path(source.name);
    image(raw, source.format, source.options, &path);
    path
}

/// Converts to one target and checks all that can be checked of it.
#[track_caller]
fn converts(place: &Place, raw: &Path, path: &Path, source: &Source, target: usize) {
    let (options, ending, format) = TARGETS[target];
    let out = place.path(&format!("out{target}.{ending}"));
    let done = place.converted(path, &out, options);
    eprintln!("{} {options:?} {ending}", source.name);
    assert_eq!(done["engine"], "native", "{done:#}");
    assert_eq!(done["format"], *format);
    let size = &info(path, source.format)["virtual-size"];
    assert_eq!(
        (&done["copied"]["size"], &info(&out, format)["virtual-size"]),
        (size, size),
        "{}",
        source.name
    );
    assert_content(raw, "raw", &out, format);
    // QEMU has no map of a VHDX: it would read terabytes of zeros.
    if size.as_u64().unwrap() < GIB {
        assert_content(path, source.format, &out, format);
    }
    if format == "qcow2" {
        assert_clean(&out);
    }
    std::fs::remove_file(out).unwrap();
}

/// All sources, each to the targets that `targets` gives for its number.
#[track_caller]
fn matrix(size: u64, sources: impl Iterator<Item = &'static Source>, targets: impl Fn(usize) -> Vec<usize>) {
    for (n, source) in sources.enumerate() {
        let place = Place::new();
        let raw = sample(&place, "content.img", size);
        let path = make(&place, &raw, source);
        let before = digest_small(&path);
        for target in targets(n) {
            converts(&place, &raw, &path, source, target);
        }
        assert_eq!(digest_small(&path), before, "{} was touched", source.name);
    }
}

/// Digest of a file that is read fast enough; of others only the size and the time.
fn digest_small(path: &Path) -> String {
    let metadata = std::fs::metadata(path).unwrap();
    match metadata.len() {
        ..=0x1000_0000 => digest(path),
        _ => format!("{} {:?}", metadata.len(), metadata.modified().unwrap()),
    }
}

#[test]
fn a_disk_of_a_cluster_and_a_sector_in_every_format() {
    matrix((64 << 10) + 512, SOURCES.iter(), |n| vec![n % 2, 2 + n / 2 % 2]);
}

#[test]
fn a_disk_of_65_mib_and_a_sector_in_every_format_to_qcow2() {
    matrix(65 * MIB + 512, SOURCES.iter(), |n| vec![[0, 2, 3][n % 3]]);
}

#[test]
fn a_disk_of_65_mib_and_a_sector_in_every_format_to_raw() {
    matrix(65 * MIB + 512, SOURCES.iter(), |_| vec![1]);
}

#[test]
fn a_disk_of_5_gib_in_every_format() {
    // What QEMU fills with zeros to its full size is left to the smaller disks.
    let sources = SOURCES.iter().filter(|source| source.name != "fixed.vhdx");
    matrix(5 * GIB, sources, |n| vec![n % 4]);
}

#[test]
fn a_disk_of_3_tib_in_every_format_that_can() {
    let names = ["plain.raw", "plain.qcow2", "subclusters.qcow2", "dynamic.vhdx"];
    let sources = SOURCES.iter().filter(move |source| names.contains(&source.name));
    matrix(3 << 40, sources, |n| vec![n % 2, 2 + n % 2]);
}

#[test]
fn a_vmdk_of_130_gib() {
    // QEMU gives a VMDK all its grain tables: of 3 TiB, h2k's debug build would look at 50 million entries for minutes.
    matrix(130 * GIB + 512, SOURCES.iter().filter(|source| source.name == "sparse.vmdk"), |_| vec![0]);
}

#[test]
fn formats_that_qemu_img_writes() {
    let place = Place::new();
    let raw = sample(&place, "content.img", 65 * MIB + 512);
    let source = make(&place, &raw, &SOURCES[1]);
    for (ending, format) in [("vmdk", "vmdk"), ("vhdx", "vhdx"), ("vdi", "vdi")] {
        let out = place.path(&format!("out.{ending}"));
        let done = place.converted(&source, &out, &[]);
        assert_eq!((&done["format"], &done["copied"]), (&format.into(), &serde_json::Value::Null));
        assert_content(&raw, "raw", &out, format);
        // By its option, whatever the name ends in.
        let named = place.path(&format!("{format}.disk"));
        place.converted(&source, &named, &["--format", format]);
        assert_same(&out, format, &named, format);
    }
    assert_same(&raw, "raw", &place.path("out.vmdk"), "vmdk");
}

#[test]
fn the_qemu_engine_gives_the_same() {
    let place = Place::new();
    let raw = sample(&place, "content.img", 65 * MIB + 512);
    for source in SOURCES.iter().filter(|source| !source.name.contains("fixed")) {
        let path = make(&place, &raw, source);
        let (native, qemu) = (place.path("native.qcow2"), place.path("qemu.qcow2"));
        assert_eq!(place.converted(&path, &native, &[])["engine"], "native");
        assert_eq!(place.converted(&path, &qemu, &["--engine", "qemu"])["engine"], "qemu");
        assert_same(&native, "qcow2", &qemu, "qcow2");
        [native, qemu, path].into_iter().for_each(|file| std::fs::remove_file(file).unwrap());
    }
}

#[test]
fn what_is_zero_is_neither_read_nor_written() {
    let place = Place::new();
    let raw = place.write("content.img", Dice(7).noise(MIB as usize));
    std::fs::File::options().write(true).open(&raw).unwrap().set_len(5 * GIB).unwrap();
    let source = place.path("in.qcow2");
    image(&raw, "qcow2", &[], &source);
    poke(&source, "qcow2", 64 * MIB, MIB, 0);
    for (name, format) in [("out.qcow2", "qcow2"), ("out.raw", "raw")] {
        let out = place.path(name);
        let done = place.converted(&source, &out, &["--no-reflink"]);
        let copied = &done["copied"];
        assert_eq!(copied["read"], 2 * MIB, "{done:#}");
        assert_eq!(copied["zeros"], MIB);
        assert_eq!(copied["skipped"], 5 * GIB - 2 * MIB);
        assert!(done["allocated"].as_u64().unwrap() < 3 * MIB, "{done:#}");
        assert_content(&raw, "raw", &out, format);
    }
}

#[test]
fn raw_disks_can_be_preallocated() {
    let place = Place::new();
    let raw = sample(&place, "content.img", 65 * MIB + 512);
    let out = place.path("out.raw");
    let done = place.converted(&raw, &out, &["--preallocate"]);
    assert!(done["allocated"].as_u64().unwrap() >= 65 * MIB, "{done:#}");
    assert_same(&raw, "raw", &out, "raw");
}

#[test]
fn what_was_done_is_told() {
    let place = Place::new();
    let raw = sample(&place, "content.img", 65 * MIB + 512);
    let source = make(&place, &raw, &SOURCES[1]);
    let told = place.convert(&source, &place.path("out.qcow2"), &["--verify"]).expect(0);
    for part in ["read      ", "sparse.vmdk (VMDK monolithicSparse, 65.0 MiB)", "wrote     ", "verified"] {
        assert!(told.stdout.contains(part), "'{part}' is not said:\n{}", told.stdout);
    }
    let json = place.converted(&source, &place.path("again.qcow2"), &[]);
    assert_eq!(json["chain"][0]["path"], text(&source));
    let content = json["copied"]["content"]["digest"].as_str().unwrap();
    assert!(told.stdout.contains(&format!("content   {content}")), "{}", told.stdout);
}
