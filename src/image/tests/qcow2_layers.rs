//! The qcow2 reader by itself on images that QEMU writes, in all shapes that it writes: every byte, and what is where.

use std::sync::Arc;

use h2k_transports::range::LocalRange;
use serde_json::json;

use super::*;
use crate::image::map::Map;
use crate::image::qcow2::Qcow2Reader;

/// Noise, text, runs and zeros in no order, the same each time.
pub(super) fn content(length: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut disk = Vec::with_capacity(length + 4096);
    while disk.len() < length {
        let (kind, size) = (next() % 5, 512 * (1 + next() % 300) as usize);
        match kind {
            0 | 1 => disk.resize(disk.len() + size, 0),
            2 => (0..size / 8).for_each(|_| disk.extend_from_slice(&next().to_le_bytes())),
            3 => disk.resize(disk.len() + size, next() as u8),
            _ => (0..size / 8).for_each(|n| disk.extend_from_slice(format!("{n:08}").as_bytes())),
        }
    }
    disk.truncate(length);
    disk
}

/// The image alone, as a QEMU node.
fn alone(path: &Path) -> String {
    let file = json!({ "driver": "file", "filename": path });
    format!("json:{}", json!({ "driver": "qcow2", "backing": null, "file": file }))
}

pub(super) fn reader(path: &Path) -> Qcow2Reader {
    Qcow2Reader::open(Arc::new(LocalRange::open(path).unwrap())).unwrap()
}

impl Bench {
    fn io(&self, name: &str, commands: &[&str]) {
        let commands = commands.iter().flat_map(|command| ["-c", command]);
        let io = Exec::new("qemu-io").args(["-f", "qcow2", "-d", "unmap"]).args(commands).arg(name);
        io.current_dir(self.dir.path()).run().unwrap();
    }

    /// The layer's bytes are those that QEMU reads of the image without its parents, and so is its map. Where QEMU
    /// finds holes in the file under preallocated clusters (`holes`), the layer may call them data.
    fn layer_is_true(&self, name: &str, holes: bool) -> Qcow2Reader {
        let path = self.path(name);
        let node = alone(&path);
        self.qemu_img(&["convert", "-O", "raw", &node, "truth.raw"]);
        let truth = std::fs::read(self.path("truth.raw")).unwrap();
        let reader = reader(&path);
        assert_eq!(reader.size(), truth.len() as u64, "{name}");
        for step in [truth.len(), 4096, 70_001] {
            let mut at = 0;
            for chunk in truth.chunks(step) {
                let mut buf = vec![0xee; chunk.len()];
                reader.read_at(&mut buf, at).unwrap();
                assert!(buf == chunk, "{name}: {step} bytes at {at} differ");
                at += chunk.len() as u64;
            }
        }
        let mut map = Map::default();
        self.qemu_img(&["map", "--output=json", &node]).lines().for_each(|line| map.take(line).unwrap());
        self.same_map(&reader, &map.finish().0, holes);
        self.places_are_true(&reader, &truth);
        reader
    }

    fn same_map(&self, reader: &Qcow2Reader, want: &[Extent], holes: bool) {
        let mut seen = reader.extents(0..reader.size()).unwrap().into_iter().peekable();
        for extent in want {
            let end = extent.start + extent.len;
            let mut at = extent.start;
            while let Some(ours) = seen.next_if(|ours| ours.start < end) {
                let allowed = holes && ours.kind == ExtentKind::Data && extent.kind == ExtentKind::Zero;
                assert!(ours.kind == extent.kind || allowed, "{ours:?} is {extent:?} for QEMU");
                at = ours.start + ours.len;
                if holes && at > end {
                    break;
                }
            }
            assert!(holes || at == end, "{extent:?}");
        }
        // Cut to odd ranges, the kinds stay.
        for (start, length) in [(0, 1), (513, 70_000), (65_536, 65_536), (1_000_001, 999_999)] {
            let range = start..(start + length).min(reader.size());
            let parts = reader.extents(range.clone()).unwrap();
            assert_eq!(parts.first().map(|e| e.start), Some(range.start));
            assert_eq!(parts.last().map(|e| e.start + e.len), Some(range.end));
            assert!(parts.windows(2).all(|w| w[0].start + w[0].len == w[1].start && w[0].kind != w[1].kind));
        }
    }

    pub(super) fn places_are_true(&self, reader: &Qcow2Reader, truth: &[u8]) {
        for at in (0..truth.len()).step_by(150_001) {
            let Some(place) = reader.place(at as u64).unwrap() else { continue };
            assert!(place.len > 0);
            let end = at + place.len.min(3 << 20) as usize;
            let mut buf = vec![0; end - at];
            place.file.read_exact_at(&mut buf, place.offset).unwrap();
            assert!(buf == truth[at..end], "place of {at}");
        }
    }

    /// An image of `raw.img` with `options`, compressed or not, then written to, zeroed and discarded here and there.
    fn all_in_one(&self, options: &str, compress: bool) {
        let flag: &[&str] = if compress { &["-c"] } else { &[] };
        let convert = [&["convert", "-f", "raw", "-O", "qcow2", "-o", options], flag].concat();
        self.qemu_img(&[&convert[..], &["raw.img", "disk.qcow2"]].concat());
        self.layer_is_true("disk.qcow2", false);
        self.io(
            "disk.qcow2",
            &[
                "write -P 0x41 100k 200k",
                "write -z 700k 300k",
                "discard 1200k 256k",
                "write -P 0x42 1300k 1k",
            ],
        );
        self.io("disk.qcow2", &["write -z -u 2100k 64k", "write -P 0x43 2110k 3k", "discard 0 64k"]);
        self.layer_is_true("disk.qcow2", false);
    }
}

#[test]
fn every_cluster_size_and_compression_is_read() {
    // One sector more than any number of clusters.
    let bench = Bench::new();
    std::fs::write(bench.path("raw.img"), content((3 << 20) + 512)).unwrap();
    for cluster in ["512", "4k", "64k", "256k", "2M"] {
        for compat in ["compat=0.10", "compat=1.1", "compat=1.1,compression_type=zstd"] {
            for compress in [false, true] {
                bench.all_in_one(&format!("{compat},cluster_size={cluster}"), compress);
            }
        }
    }
}

#[test]
fn subclusters_are_read() {
    let bench = Bench::new();
    std::fs::write(bench.path("raw.img"), content((3 << 20) + 512)).unwrap();
    for cluster in ["16k", "64k", "2M"] {
        for kind in ["zlib", "zstd"] {
            for compress in [false, true] {
                let options = format!("extended_l2=on,compression_type={kind},cluster_size={cluster}");
                bench.all_in_one(&options, compress);
            }
        }
    }
}

#[test]
fn lazy_refcounts_and_preallocation_are_read() {
    for (options, holes) in [
        ("lazy_refcounts=on", false),
        ("preallocation=metadata", true),
        ("preallocation=falloc", true),
        ("preallocation=full", true),
        ("preallocation=metadata,extended_l2=on", true),
    ] {
        let bench = Bench::new();
        bench.create("qcow2", options, "disk.qcow2", "5M");
        bench.io("disk.qcow2", &["write -P 7 1M 100k", "write -z 3M 100k"]);
        bench.layer_is_true("disk.qcow2", holes);
    }
}

#[test]
fn a_layer_leaves_to_its_parent_what_it_does_not_hold() {
    for options in ["", ",extended_l2=on", ",cluster_size=4k"] {
        let bench = Bench::new();
        bench.create("qcow2", "", "base.qcow2", "6M");
        bench.io("base.qcow2", &["write -P 1 0 6M"]);
        let backing = format!("backing_file=base.qcow2,backing_fmt=qcow2{options}");
        bench.qemu_img(&["create", "-q", "-f", "qcow2", "-o", &backing, "top.qcow2", "8M"]);
        bench.io("top.qcow2", &["write -P 2 1M 10k", "write -z 2M 1M", "discard 4M 1M", "write -P 3 7M 4k"]);
        let top = bench.layer_is_true("top.qcow2", false);
        let kind = |at| top.extents(at..at + 512).unwrap()[0].kind;
        assert_eq!(kind(0), ExtentKind::Unallocated);
        assert_eq!(kind(MIB), ExtentKind::Data);
        assert_eq!(kind(2 * MIB + 4096), ExtentKind::Zero);
        // Discarded where the parent has data: zeros, or the parent would be seen again.
        assert_eq!(kind(4 * MIB + 65536), ExtentKind::Zero);
        bench.same_as_qemu("qcow2", "top.qcow2");
    }
}

#[test]
fn internal_snapshots_are_left_out_and_told() {
    let bench = Bench::new();
    bench.create("qcow2", "", "disk.qcow2", "4M");
    bench.io("disk.qcow2", &["write -P 1 0 1M"]);
    assert!(bench.resolve("disk.qcow2").unwrap().active().unwrap().notes.is_empty());
    for (name, note) in [
        ("first", "1 internal snapshot is not carried over"),
        ("second", "2 internal snapshots are not carried over"),
    ] {
        bench.qemu_img(&["snapshot", "-c", name, "disk.qcow2"]);
        bench.io("disk.qcow2", &["write -P 2 64k 64k", "write -z 0 4k"]);
        bench.layer_is_true("disk.qcow2", false);
        assert_eq!(bench.resolve("disk.qcow2").unwrap().active().unwrap().notes, [note]);
    }
}

#[test]
fn resized_images_are_read() {
    for options in ["compat=0.10", "compat=1.1", "cluster_size=512", "extended_l2=on"] {
        let bench = Bench::new();
        bench.create("qcow2", options, "disk.qcow2", "3M");
        bench.io("disk.qcow2", &["write -P 1 1M 2M"]);
        bench.qemu_img(&["resize", "-q", "disk.qcow2", "9M"]);
        bench.io("disk.qcow2", &["write -P 2 8M 70k"]);
        bench.layer_is_true("disk.qcow2", false);
        if options != "compat=0.10" {
            bench.qemu_img(&["resize", "-q", "--shrink", "disk.qcow2", "1537k"]);
            bench.layer_is_true("disk.qcow2", false);
        }
    }
}

#[test]
fn large_disks_are_mapped_without_looking_at_every_cluster() {
    for (options, size) in [
        ("cluster_size=64k", 60 << 40),
        ("cluster_size=2M,extended_l2=on", 64 << 40),
        ("cluster_size=4k", 2 << 40),
    ] {
        let bench = Bench::new();
        bench.create("qcow2", options, "disk.qcow2", &u64::to_string(&size));
        let last = size - 65536;
        bench.io(
            "disk.qcow2",
            &["write -P 1 1M 64k", &format!("write -P 2 {last} 64k"), "write -P 3 1100G 64k"],
        );
        let started = std::time::Instant::now();
        let reader = reader(&bench.path("disk.qcow2"));
        let extents = reader.extents(0..size).unwrap();
        // Minutes, if every cluster were looked at; a busy machine makes a few hundred milliseconds a second.
        assert!(started.elapsed().as_secs() < 20, "{:?} for {options}", started.elapsed());
        let data: Vec<_> = extents.iter().filter(|e| e.kind == ExtentKind::Data).map(|e| e.start).collect();
        assert_eq!(data, [MIB, 1100 << 30, last], "{options}");
        for (at, byte) in [(MIB, 1), (1100 << 30, 3), (last, 2), (2 * MIB, 0), (1 << 40, 0)] {
            assert_eq!(byte_at(&reader, at), byte);
        }
    }
}
