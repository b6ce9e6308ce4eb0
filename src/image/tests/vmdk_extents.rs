//! VMDK layers of extents in other files: of ESX, of mixed kinds, and as QEMU misreads them.

use super::crafted::{content, cowd, descriptor, sesparse};
use super::vmdk_layers::{by_qemu, is, kinds, layer_of};
use super::*;
use crate::image::vmdk::{layer, unfit_for_qemu};

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
fn a_flat_extent_is_placed_up_to_its_next_hole() {
    let bench = Bench::new();
    bench.create("vmdk", "subformat=monolithicFlat", "disk.vmdk", "60M");
    bench.fill("vmdk", "disk.vmdk", 0x11, 2 * MIB, 50 * MIB);
    bench.fill("vmdk", "disk.vmdk", 0x22, 59 * MIB, MIB);
    let layer = layer_of(&bench, "disk.vmdk");
    // QEMU fills the first block of a file that it creates.
    let kinds: Vec<_> = kinds(&*layer).into_iter().filter(|(at, ..)| *at >= 2 * MIB).collect();
    let (zero, data) = (ExtentKind::Zero, ExtentKind::Data);
    let want = [(2, 50, data), (52, 7, zero), (59, 1, data)];
    assert_eq!(kinds, want.map(|(at, len, kind)| (at * MIB, len * MIB, kind)));
    let placed = |at| layer.place(at).unwrap().map(|place| (place.offset, place.len));
    assert_eq!(placed(2 * MIB), Some((2 * MIB, 50 * MIB)));
    assert_eq!(placed(51 * MIB + 1), Some((51 * MIB + 1, MIB - 1)));
    assert_eq!((placed(MIB), placed(55 * MIB)), (None, None));
    assert_eq!(placed(59 * MIB), Some((59 * MIB, MIB)));
}
