//! VMDK layers against what QEMU reads of the same files, and against the disk that went in.

use std::sync::Arc;

use h2k_transports::RangeRead;
use h2k_transports::range::LocalRange;

use super::crafted::{content, stream};
use super::*;
use crate::image::vmdk::{self, layer};

/// The layer of the active image.
pub(super) fn layer_of(bench: &Bench, name: &str) -> Box<dyn DiskReader> {
    let chain = bench.resolve(name).unwrap_or_else(|e| panic!("{name}: {}", e.chain()));
    layer(chain.active().unwrap()).unwrap_or_else(|e| panic!("{name}: {}", e.chain()))
}

/// What QEMU reads of a VMDK.
pub(super) fn by_qemu(bench: &Bench, name: &str) -> Vec<u8> {
    bench.qemu_img(&["convert", "-f", "vmdk", "-O", "raw", name, "by-qemu.raw"]);
    std::fs::read(bench.path("by-qemu.raw")).unwrap()
}

/// Reads of all sizes give `disk`; the map covers it and tells the truth; places hold what the guest sees.
pub(super) fn is(reader: &dyn DiskReader, disk: &[u8]) {
    assert_eq!(reader.size(), disk.len() as u64);
    for step in [1 << 20, 65536, (1 << 20) + 1536, 7777] {
        let mut read = vec![0xee; step];
        for (at, want) in (0..).step_by(step).zip(disk.chunks(step)) {
            let read = &mut read[..want.len()];
            reader.read_at(read, at).unwrap();
            assert!(read == want, "{step} bytes at {at} differ");
        }
    }
    let mut read = vec![0xee; disk.len()];
    reader.read_at(&mut read, 0).unwrap();
    assert!(read == disk, "all at once differs");
    let mut at = 0;
    for extent in reader.extents(0..reader.size()).unwrap() {
        assert_eq!(extent.start, at);
        at += extent.len;
        let bytes = &disk[extent.start as usize..at as usize];
        assert!(extent.kind == ExtentKind::Data || bytes.iter().all(|b| *b == 0), "{extent:?} is not zero");
        let place = reader.place(extent.start).unwrap();
        let Some(place) = place else { continue };
        assert_eq!(extent.kind, ExtentKind::Data);
        let mut there = vec![0; place.len as usize];
        place.file.read_exact_at(&mut there, place.offset).unwrap();
        assert!(there == disk[extent.start as usize..][..there.len()], "{extent:?} is elsewhere");
    }
    assert_eq!(at, reader.size());
    assert_eq!(reader.read_at(&mut [0; 2], at - 1).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    assert!(reader.extents(0..at + 1).is_err() && reader.place(at).is_err());
}

pub(super) fn kinds(reader: &dyn DiskReader) -> Vec<(u64, u64, ExtentKind)> {
    reader.extents(0..reader.size()).unwrap().iter().map(|e| (e.start, e.len, e.kind)).collect()
}

/// A raw disk of `sectors` with bytes that cannot be compressed at both ends and across the seams of grains.
fn patterned(sectors: u64) -> Vec<u8> {
    let mut disk = vec![0u8; sectors as usize * 512];
    let end = disk.len();
    let mut seed = 1u32;
    let mut noise = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 24) as u8
    };
    for (at, length) in
        [(0, 3000), (65536 - 512, 1024), (20 * 65536 - 7, 3 * 65536), (end.saturating_sub(700), 700)]
    {
        let from = at.min(end);
        disk[from..(from + length).min(end)].iter_mut().for_each(|b| *b = noise());
    }
    // A grain of one byte compresses well.
    if end > 40 * 65536 {
        disk[30 * 65536..33 * 65536].fill(0x5a);
    }
    disk
}

#[test]
fn every_subformat_of_qemu_is_read_as_qemu_reads_it() {
    for subformat in [
        "monolithicSparse",
        "monolithicFlat",
        "twoGbMaxExtentSparse",
        "twoGbMaxExtentFlat",
        "streamOptimized",
    ] {
        // A sector; a grain and a sector; a table and some; one table and three sectors.
        for sectors in [1, 127, 129, 5000, 512 * 128 + 3] {
            let bench = Bench::new();
            let disk = patterned(sectors);
            std::fs::write(bench.path("in.raw"), &disk).unwrap();
            let option = format!("subformat={subformat}");
            bench.qemu_img(&["convert", "-f", "raw", "-O", "vmdk", "-o", &option, "in.raw", "disk.vmdk"]);
            let read = by_qemu(&bench, "disk.vmdk");
            assert!(read == disk, "{subformat} of {sectors} sectors");
            let layer = layer_of(&bench, "disk.vmdk");
            is(&*layer, &disk);
            let placed = layer.place(0).unwrap();
            assert_eq!(placed.is_some(), subformat != "streamOptimized", "{subformat}");
        }
    }
}

#[test]
fn what_is_not_there_is_left_to_the_parent() {
    let bench = Bench::new();
    bench.create("vmdk", "subformat=monolithicSparse", "base.vmdk", "100M");
    bench.fill("vmdk", "base.vmdk", 0x77, 0, 100 * MIB);
    bench.qemu_img(&[
        "create",
        "-q",
        "-f",
        "vmdk",
        "-o",
        "zeroed_grain=on",
        "-b",
        "base.vmdk",
        "-F",
        "vmdk",
        "top.vmdk",
    ]);
    bench.fill("vmdk", "top.vmdk", 0x11, 50 * MIB, 131072);
    let io = Exec::new("qemu-io").args(["-f", "vmdk", "-c", "write -z 60M 64k", "top.vmdk"]);
    io.current_dir(bench.dir.path()).run().unwrap();
    let layer = layer_of(&bench, "top.vmdk");
    assert_eq!(
        kinds(&*layer),
        [
            (0, 50 * MIB, ExtentKind::Unallocated),
            (50 * MIB, 131072, ExtentKind::Data),
            (50 * MIB + 131072, 10 * MIB - 131072, ExtentKind::Unallocated),
            (60 * MIB, 65536, ExtentKind::Zero),
            (60 * MIB + 65536, 40 * MIB - 65536, ExtentKind::Unallocated),
        ]
    );
    assert_eq!(byte_at(&*layer, 10 * MIB), 0);
    assert_eq!(byte_at(&*layer, 50 * MIB), 0x11);
}

#[test]
fn a_disk_over_two_tib_is_read_at_its_far_end() {
    let bench = Bench::new();
    let far = (2u64 << 40) + (10 << 30);
    bench.create("vmdk", "subformat=monolithicSparse", "disk.vmdk", "2100G");
    for (at, byte) in [(0, 0x11), ((2 << 40) - 65536, 0x22), (far, 0x33), ((2100 << 30) - 512, 0x44)] {
        bench.fill("vmdk", "disk.vmdk", byte, at, 512);
    }
    bench.fill("vmdk", "disk.vmdk", 0x55, (2 << 40) - 4096, 8192);
    let layer = layer_of(&bench, "disk.vmdk");
    assert_eq!(layer.size(), 2100 << 30);
    for (at, byte) in [
        (0, 0x11),
        ((2 << 40) - 65536, 0x22),
        ((2 << 40) - 4096, 0x55),
        ((2 << 40) + 4096 - 512, 0x55),
        ((2 << 40) + 4096, 0),
        (far, 0x33),
        ((2100 << 30) - 512, 0x44),
        ((2100 << 30) - 1024, 0),
    ] {
        assert_eq!(byte_at(&*layer, at), byte, "at {at}");
    }
    let last = layer.extents(2099 << 30..2100 << 30).unwrap();
    let data: Vec<_> = last.iter().filter(|e| e.kind == ExtentKind::Data).map(|e| (e.start, e.len)).collect();
    assert_eq!(data, [((2100 << 30) - 65536, 65536)]);
}

#[test]
fn streams_with_a_footer_are_read() {
    let bench = Bench::new();
    std::fs::write(bench.path("disk.vmdk"), stream(&content())).unwrap();
    assert!(by_qemu(&bench, "disk.vmdk") == content());
    is(&*layer_of(&bench, "disk.vmdk"), &content());
}

#[test]
fn a_padded_last_grain_of_a_stream_is_read() {
    // ovftool compresses the whole grain, qemu-img what the disk has of it.
    let bench = Bench::new();
    let disk = content()[..18 * (1 << 20) - 2048].to_vec();
    let mut padded = disk.clone();
    padded.resize(18 << 20, 0);
    let mut bytes = stream(&padded);
    let footer = bytes.len() - 1024;
    for header in [0, footer] {
        bytes[header + 12..header + 20].copy_from_slice(&(disk.len() as u64 / 512).to_le_bytes());
    }
    let text = String::from_utf8_lossy(&bytes[512..1024]).into_owned();
    let text = text.replace("RDONLY 36864", "RDONLY 36860");
    bytes[512..1024].copy_from_slice(text.as_bytes());
    std::fs::write(bench.path("disk.vmdk"), bytes).unwrap();
    assert!(by_qemu(&bench, "disk.vmdk") == disk);
    is(&*layer_of(&bench, "disk.vmdk"), &disk);
}

#[test]
fn an_image_inside_an_archive_is_read_and_placed() {
    let bench = Bench::new();
    let disk = patterned(5000);
    std::fs::write(bench.path("in.raw"), &disk).unwrap();
    bench.qemu_img(&["convert", "-f", "raw", "-O", "vmdk", "in.raw", "disk.vmdk"]);
    let image = std::fs::read(bench.path("disk.vmdk")).unwrap();
    std::fs::write(bench.path("archive"), [&[0xaa; 1500][..], &image, &[0xaa; 900]].concat()).unwrap();
    let part = LocalRange::open_part(&bench.path("archive"), 1500, image.len() as u64).unwrap();
    let part: Arc<dyn RangeRead> = Arc::new(part);
    is(&*vmdk::sparse::open(part).unwrap(), &disk);
}

#[test]
fn many_threads_read_the_same_stream() {
    let bench = Bench::new();
    std::fs::write(bench.path("disk.vmdk"), stream(&content())).unwrap();
    let layer = layer_of(&bench, "disk.vmdk");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| is(&*layer, &content()));
        }
    });
}

#[test]
fn small_streams_and_extents_are_read_as_qemu_reads_them() {
    // Tables of 4 entries, grains of 4 KiB, directories in the header and in the footer, with and without markers.
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds/vmdk_sparse_reader");
    let mut names = Vec::new();
    for seed in seeds.read_dir().unwrap() {
        let seed = seed.unwrap();
        let bench = Bench::new();
        std::fs::copy(seed.path(), bench.path("disk.vmdk")).unwrap();
        let disk = by_qemu(&bench, "disk.vmdk");
        assert!(disk.len() == 45 * 512 && disk.iter().any(|b| *b != 0));
        is(&*layer_of(&bench, "disk.vmdk"), &disk);
        names.push(seed.file_name().into_string().unwrap());
    }
    names.sort();
    assert_eq!(names, ["plain", "stream-bare", "stream-footer", "stream-header"]);
}
