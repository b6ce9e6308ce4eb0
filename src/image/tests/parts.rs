//! Images inside an uncompressed tar, read in place.

use super::*;

/// Packs a file behind another one, and returns the archive with the place of its bytes.
fn packed(bench: &Bench, name: &str) -> (PathBuf, u64, u64) {
    let archive = bench.path("vm.ova");
    let mut tar = tar::Builder::new(File::create(&archive).unwrap());
    tar.sparse(false);
    let mut header = tar::Header::new_ustar();
    header.set_size(1000);
    tar.append_data(&mut header, "vm.ovf", &[b'x'; 1000][..]).unwrap();
    tar.append_path_with_name(bench.path(name), name).unwrap();
    tar.finish().unwrap();
    let mut archive_file = tar::Archive::new(File::open(&archive).unwrap());
    let disk = archive_file.entries().unwrap().map(Result::unwrap).nth(1).unwrap();
    (archive, disk.raw_file_position(), disk.size())
}

fn packed_disk(bench: &Bench, name: &str) -> (SourceDisk, OpenGate) {
    let (path, offset, length) = packed(bench, name);
    let disk = source(DiskLocation::Range { path, offset, length }, None);
    let gate = OpenGate::for_location(&disk.location).unwrap();
    (disk, gate)
}

#[test]
fn an_image_inside_a_tar_is_the_same() {
    for (format, options, name) in [
        ("vmdk", "subformat=streamOptimized", "disk.vmdk"),
        ("vmdk", "subformat=monolithicSparse", "disk.vmdk"),
        ("qcow2", "", "disk.qcow2"),
        ("vpc", "subformat=dynamic", "disk.vhd"),
        ("vpc", "subformat=fixed", "disk.vhd"),
        ("vhdx", "", "disk.vhdx"),
        ("raw", "", "disk.raw"),
    ] {
        let bench = Bench::new();
        bench.create("raw", "", "content.raw", "40M");
        bench.fill("raw", "content.raw", 0x77, 20 * MIB, 65536);
        let options = if options.is_empty() { vec![] } else { vec!["-o", options] };
        let convert =
            [&["convert", "-f", "raw", "-O", format][..], &options, &["content.raw", name]].concat();
        bench.qemu_img(&convert);
        let (disk, gate) = packed_disk(&bench, name);
        let chain = ImageChain::resolve(&disk, &gate).unwrap();
        assert_eq!(chain.files(), [bench.path("vm.ova")]);
        let (overlay, _server) = bench.overlay(&chain);
        let said = bench.qemu_img(&["compare", "-f", format, "-F", "qcow2", name, &overlay]);
        assert_eq!(said, "Images are identical.\n");
        let reader = open(&chain).unwrap();
        assert_eq!((byte_at(&*reader, 20 * MIB), byte_at(&*reader, 30 * MIB)), (0x77, 0), "{name}");
        bench.map_is_true(&*reader);
    }
}

#[test]
fn what_an_image_in_a_tar_names_is_not_opened() {
    let bench = Bench::new();
    bench.create("vmdk", "subformat=monolithicFlat", "disk.vmdk", "4M");
    let (disk, gate) = packed_disk(&bench, "disk.vmdk");
    let error = ImageChain::resolve(&disk, &gate).unwrap_err();
    assert_eq!(error.kind(), ImageErrorKind::Unsupported, "{}", error.chain());

    bench.create("qcow2", "", "base.qcow2", "4M");
    bench.qemu_img(&["create", "-q", "-f", "qcow2", "-b", "base.qcow2", "-F", "qcow2", "top.qcow2"]);
    let (disk, gate) = packed_disk(&bench, "top.qcow2");
    assert_eq!(ImageChain::resolve(&disk, &gate).unwrap_err().kind(), ImageErrorKind::Unsafe);
}

#[test]
fn a_part_beyond_its_archive_is_refused() {
    let bench = Bench::new();
    bench.create("raw", "", "disk.raw", "4M");
    let (path, offset, length) = packed(&bench, "disk.raw");
    for (offset, length) in [(offset, length * 2), (u64::MAX - 511, 512), (1 << 40, 512)] {
        let disk = source(DiskLocation::Range { path: path.clone(), offset, length }, None);
        let gate = OpenGate::for_location(&disk.location).unwrap();
        assert!(ImageChain::resolve(&disk, &gate).is_err());
    }
}
