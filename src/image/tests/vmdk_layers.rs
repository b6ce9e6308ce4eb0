//! VMDK layers against what QEMU reads of the same files, and against the disk that went in.

use std::sync::Arc;

use h2k_transports::RangeRead;
use h2k_transports::range::LocalRange;

use super::crafted::{content, cowd, descriptor, sesparse, stream};
use super::*;
use crate::image::vmdk::{self, layer, unfit_for_qemu};

/// The layer of the active image.
fn layer_of(bench: &Bench, name: &str) -> Box<dyn DiskReader> {
    let chain = bench.resolve(name).unwrap_or_else(|e| panic!("{name}: {}", e.chain()));
    layer(chain.active().unwrap()).unwrap_or_else(|e| panic!("{name}: {}", e.chain()))
}

/// What QEMU reads of a VMDK.
fn by_qemu(bench: &Bench, name: &str) -> Vec<u8> {
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

fn kinds(reader: &dyn DiskReader) -> Vec<(u64, u64, ExtentKind)> {
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

/// A descriptor with one extent, of a forge that is named by its type.
fn forged(bench: &Bench, create_type: &str, kind: &str, bytes: &[u8], sectors: u64) {
    std::fs::write(bench.path("vm-delta.vmdk"), bytes).unwrap();
    let line = format!("RW {sectors} {kind} \"vm-delta.vmdk\"");
    std::fs::write(bench.path("vm.vmdk"), descriptor(create_type, &line)).unwrap();
}

#[test]
fn esx_extents_are_read_with_and_without_their_descriptor() {
    for (create_type, kind, forge, alone) in [
        ("vmfsSparse", "VMFSSPARSE", cowd as fn(&[u8]) -> Vec<u8>, "vmfsSparse extent alone"),
        ("seSparse", "SESPARSE", sesparse, "seSparse extent alone"),
    ] {
        let bench = Bench::new();
        forged(&bench, create_type, kind, &forge(&content()), 36864);
        let by_qemu = by_qemu(&bench, "vm.vmdk");
        let mut disk = content();
        if create_type == "seSparse" {
            disk[16 << 20..(16 << 20) + 4096].fill(0);
        }
        assert!(by_qemu == disk, "{create_type}");
        is(&*layer_of(&bench, "vm.vmdk"), &by_qemu);
        is(&*layer_of(&bench, "vm-delta.vmdk"), &by_qemu);
        let chain = bench.resolve("vm-delta.vmdk").unwrap();
        let image = chain.active().unwrap();
        assert_eq!((image.subformat.as_deref(), image.orphan), (Some(alone), true));
        assert_eq!((chain.files(), chain.images().len()), (vec![bench.path("vm-delta.vmdk")], 1));
        assert!(unfit_for_qemu(image).unwrap_err().chain().contains("without its descriptor"));
        assert!(!bench.resolve("vm.vmdk").unwrap().active().unwrap().orphan);
    }
}

#[test]
fn a_zeroed_grain_of_an_esxi_extent_hides_the_parent() {
    let bench = Bench::new();
    forged(&bench, "seSparse", "SESPARSE", &sesparse(&content()), 36864);
    let kinds = kinds(&*layer_of(&bench, "vm.vmdk"));
    assert!(kinds.contains(&(16 << 20, 4096, ExtentKind::Zero)), "{kinds:?}");
    assert!(kinds.contains(&(0, 1 << 20, ExtentKind::Unallocated)), "{kinds:?}");
}

#[test]
fn a_split_extent_alone_stays_refused() {
    let bench = Bench::new();
    bench.create("vmdk", "subformat=twoGbMaxExtentSparse", "disk.vmdk", "4M");
    let error = bench.resolve("disk-s001.vmdk").unwrap_err();
    assert_eq!(error.kind(), ImageErrorKind::Unsupported);
    assert!(error.chain().contains("is an extent of a disk"), "{}", error.chain());
}

/// A hosted sparse extent without a descriptor, from QEMU.
fn split_extent(bench: &Bench, disk: &[u8], name: &str) {
    std::fs::write(bench.path("split.raw"), disk).unwrap();
    let options = ["convert", "-f", "raw", "-O", "vmdk", "-o", "subformat=twoGbMaxExtentSparse"];
    bench.qemu_img(&[&options[..], &["split.raw", "split.vmdk"]].concat());
    std::fs::rename(bench.path("split-s001.vmdk"), bench.path(name)).unwrap();
}

/// Files of all kinds, 2 MiB of guest bytes each; what they hold, in the order of the names.
fn files_of_all_kinds(bench: &Bench) -> Vec<Vec<u8>> {
    let disks: Vec<Vec<u8>> = (1..5u8)
        .map(|n| {
            let mut disk = vec![0; 2 << 20];
            for at in [0, 300_000, (2 << 20) - 1] {
                disk[at] = n;
            }
            disk
        })
        .collect();
    let flat = [&[0xff; 3 * 512], &disks[0][..], &[0xff; 1024]].concat();
    std::fs::write(bench.path("a-flat.vmdk"), flat).unwrap();
    split_extent(bench, &disks[1], "b-s001.vmdk");
    std::fs::write(bench.path("c-delta.vmdk"), cowd(&disks[2])).unwrap();
    std::fs::write(bench.path("d-sesparse.vmdk"), sesparse_of(&disks[3])).unwrap();
    disks
}

/// As [`sesparse`], for a disk of less than two tables.
fn sesparse_of(disk: &[u8]) -> Vec<u8> {
    let mut bytes = sesparse(disk);
    bytes[(16 + 64) * 512..(16 + 64) * 512 + 8].fill(0);
    bytes
}

#[test]
fn extents_of_mixed_kinds_are_read_as_qemu_reads_them() {
    let bench = Bench::new();
    let disks = files_of_all_kinds(&bench);
    let lines = "RW 4096 FLAT \"a-flat.vmdk\" 3\nRW 4096 SPARSE \"b-s001.vmdk\"\nRW 4096 SPARSE \"c-delta.vmdk\"\n\
                 RW 4096 VMFSSPARSE \"b-s001.vmdk\"\nRW 1000 VMFS \"a-flat.vmdk\"\nRW 1000 FLAT \"a-flat.vmdk\" 7";
    std::fs::write(bench.path("vm.vmdk"), descriptor("twoGbMaxExtentSparse", lines)).unwrap();
    let flat = std::fs::read(bench.path("a-flat.vmdk")).unwrap();
    let (head, tail) = (&flat[..1000 * 512], &flat[7 * 512..1007 * 512]);
    let disk = [&disks[0][..], &disks[1], &disks[2], &disks[1], head, tail].concat();
    let by_qemu = by_qemu(&bench, "vm.vmdk");
    assert!(by_qemu == disk);
    is(&*layer_of(&bench, "vm.vmdk"), &disk);
    unfit_for_qemu(bench.resolve("vm.vmdk").unwrap().active().unwrap()).unwrap();
}

#[test]
fn what_qemu_misreads_is_read_as_it_is_meant() {
    let bench = Bench::new();
    let disks = files_of_all_kinds(&bench);
    let zeros = vec![0; 8 * 512];
    for (create_type, lines, want, why) in [
        ("custom", "RW 4096 SPARSE \"b-s001.vmdk\"", vec![&disks[1]], "\"custom\""),
        ("vmfsThin", "RW 4096 SESPARSE \"d-sesparse.vmdk\"", vec![&disks[3]], "\"vmfsThin\""),
        ("vmfs", "\nRW 4096 SPARSE \"b-s001.vmdk\"", vec![&disks[1]], "twice"),
        ("vmfs", "RDONLY 4096 FLAT \"a-flat.vmdk\" 3", vec![&disks[0]], "not RW"),
        (
            "vmfs",
            "RW 8 ZERO\nRDONLY 4096 SPARSE \"c-delta.vmdk\"\nRW 8 ZERO\nRW 4096 VMFS \"a-flat.vmdk\" 3\nNOACCESS 8 ZERO",
            vec![&zeros, &disks[2], &zeros, &disks[0], &zeros],
            "ZERO",
        ),
    ] {
        std::fs::write(bench.path("vm.vmdk"), descriptor(create_type, lines)).unwrap();
        let disk: Vec<u8> = want.into_iter().flatten().copied().collect();
        is(&*layer_of(&bench, "vm.vmdk"), &disk);
        let error = unfit_for_qemu(bench.resolve("vm.vmdk").unwrap().active().unwrap()).unwrap_err();
        assert_eq!(error.kind(), ImageErrorKind::Unsupported);
        assert!(error.chain().contains(why), "{}", error.chain());
    }
    // Nobody may read the first, and nothing says what the offset of the second means.
    for (line, why) in [
        ("NOACCESS 4096 FLAT \"a-flat.vmdk\" 3", "NOACCESS"),
        ("RW 4096 SPARSE \"b-s001.vmdk\" 8", "sparse and has an offset"),
    ] {
        std::fs::write(bench.path("vm.vmdk"), descriptor("vmfs", line)).unwrap();
        let error = bench.resolve("vm.vmdk").unwrap_err();
        assert!(error.chain().contains(why), "{}", error.chain());
    }
}

#[test]
fn more_extents_than_files_that_may_be_open() {
    let bench = Bench::new();
    let mut lines = Vec::new();
    let mut disk = Vec::new();
    for n in 0..200u8 {
        let name = format!("vm-f{n:03}.vmdk");
        std::fs::write(bench.path(&name), [n; 1024]).unwrap();
        lines.push(format!("RW 2 FLAT \"{name}\" 0"));
        disk.extend_from_slice(&[n; 1024]);
    }
    std::fs::write(bench.path("vm.vmdk"), descriptor("twoGbMaxExtentFlat", &lines.join("\n"))).unwrap();
    let layer = layer_of(&bench, "vm.vmdk");
    is(&*layer, &disk);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| is(&*layer, &disk));
        }
    });
}

#[test]
fn a_source_that_has_changed_is_noticed() {
    let bench = Bench::new();
    files_of_all_kinds(&bench);
    let lines = "RW 4096 FLAT \"a-flat.vmdk\" 3\nRW 4096 SPARSE \"b-s001.vmdk\"";
    std::fs::write(bench.path("vm.vmdk"), descriptor("vmfs", lines)).unwrap();
    let image = bench.resolve("vm.vmdk").unwrap().active().unwrap().clone();
    layer(&image).unwrap();
    let changed = |image: &Image| match layer(image) {
        Ok(_) => panic!("the change was not noticed"),
        Err(error) => assert!(error.chain().contains("has changed since"), "{}", error.chain()),
    };
    let text = std::fs::read_to_string(bench.path("vm.vmdk")).unwrap();
    std::fs::copy(bench.path("a-flat.vmdk"), bench.path("e-flat.vmdk")).unwrap();
    std::fs::write(bench.path("vm.vmdk"), text.replace("a-flat", "e-flat")).unwrap();
    changed(&image);
    std::fs::write(bench.path("vm.vmdk"), text.replace("RW 4096 FLAT", "RW 4095 FLAT")).unwrap();
    changed(&image);
    std::fs::write(bench.path("vm.vmdk"), &text).unwrap();
    layer(&image).unwrap();
    bench.truncate_by("a-flat.vmdk", 512);
    changed(&image);
    changed(&Image { path: bench.path("c-delta.vmdk"), files: vec![], ..image.clone() });
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
