//! Each format and subformat by itself, whole and broken.

use h2k_transports::range::LocalRange;

use super::*;

/// An image of 40 MiB with data at 1 MiB, 20 MiB and in its last sectors.
fn filled(bench: &Bench, format: &str, options: &str, name: &str) {
    bench.create(format, options, name, "40M");
    for (at, byte) in [(MIB, 0x11), (20 * MIB, 0x22), (40 * MIB - 4096, 0x33)] {
        bench.fill(format, name, byte, at, 4096);
    }
}

fn markers_are_read(chain: &ImageChain) {
    // Both ways: flat bytes are read without QEMU, but QEMU must see the same disk.
    for reader in [open(chain).unwrap(), Box::new(QemuReader::open(chain).unwrap())] {
        for (at, byte) in
            [(0, 0), (MIB, 0x11), (20 * MIB, 0x22), (20 * MIB + 4096, 0), (40 * MIB - 512, 0x33)]
        {
            assert_eq!(byte_at(&*reader, at), byte, "at {at}");
        }
    }
}

#[test]
fn vmdk_subformats_are_read() {
    for subformat in ["monolithicSparse", "monolithicFlat", "twoGbMaxExtentSparse", "twoGbMaxExtentFlat"] {
        let bench = Bench::new();
        filled(&bench, "vmdk", &format!("subformat={subformat}"), "disk.vmdk");
        let chain = bench.same_as_qemu("vmdk", "disk.vmdk");
        let image = chain.active().unwrap();
        assert_eq!((image.format, image.subformat.as_deref()), (DiskFormat::Vmdk, Some(subformat)));
        assert_eq!(image.flat.is_some(), subformat.ends_with("Flat"), "one extent of 40 MiB");
        markers_are_read(&chain);
    }
}

#[test]
fn a_stream_optimized_vmdk_is_read() {
    let bench = Bench::new();
    filled(&bench, "raw", "", "disk.raw");
    bench.qemu_img(&[
        "convert",
        "-f",
        "raw",
        "-O",
        "vmdk",
        "-o",
        "subformat=streamOptimized",
        "disk.raw",
        "disk.vmdk",
    ]);
    let chain = bench.same_as_qemu("vmdk", "disk.vmdk");
    assert_eq!(chain.active().unwrap().subformat.as_deref(), Some("streamOptimized"));
    markers_are_read(&chain);
    // Three grains of less than a sector each; the last is cut in its compressed data, then in its marker.
    let last =
        vmdk::sparse::SparseHeader::read(&LocalRange::open(&bench.path("disk.vmdk")).unwrap()).unwrap();
    let last = (last.overhead + 2) * 512;
    for end in [last + 50, last + 5, last, 1000] {
        File::options().write(true).open(bench.path("disk.vmdk")).unwrap().set_len(end).unwrap();
        let error = bench.resolve("disk.vmdk").unwrap_err();
        assert!(error.chain().contains("bytes are missing"), "{}", error.chain());
    }
}

#[test]
fn vhds_are_read_with_their_current_size() {
    for (subformat, options) in
        [("dynamic", ""), ("fixed", ""), ("dynamic", ",force_size=on"), ("fixed", ",force_size=on")]
    {
        let bench = Bench::new();
        let options = format!("subformat={subformat}{options}");
        filled(&bench, "vpc", &options, "disk.vhd");
        let chain = bench.same_as_qemu("vpc", "disk.vhd");
        let image = chain.active().unwrap();
        assert_eq!((image.format, image.subformat.as_deref()), (DiskFormat::Vhd, Some(subformat)));
        assert_eq!(chain.size() == 40 * MIB, options.contains("force_size"), "QEMU rounds up to a geometry");
        markers_are_read(&chain);
    }
}

#[test]
fn a_fixed_vhd_with_an_old_footer_is_read() {
    let bench = Bench::new();
    filled(&bench, "vpc", "subformat=fixed,force_size=on", "disk.vhd");
    bench.truncate_by("disk.vhd", 1);
    let chain = bench.resolve("disk.vhd").unwrap();
    assert_eq!(chain.size(), 40 * MIB);
    markers_are_read(&chain);
}

#[test]
fn a_vhdx_is_read() {
    for subformat in ["dynamic", "fixed"] {
        let bench = Bench::new();
        filled(&bench, "vhdx", &format!("subformat={subformat}"), "disk.vhdx");
        let chain = bench.same_as_qemu("vhdx", "disk.vhdx");
        assert_eq!((chain.active().unwrap().format, chain.size()), (DiskFormat::Vhdx, 40 * MIB));
        markers_are_read(&chain);
    }
}

#[test]
fn qcow2_in_all_its_shapes_is_read() {
    for options in [
        "compat=0.10",
        "compat=1.1",
        "cluster_size=4k",
        "extended_l2=on,cluster_size=128k",
        "compression_type=zstd",
        "preallocation=metadata",
        "lazy_refcounts=on",
    ] {
        let bench = Bench::new();
        filled(&bench, "qcow2", options, "disk.qcow2");
        bench.same_as_qemu("qcow2", "disk.qcow2");
        markers_are_read(&bench.resolve("disk.qcow2").unwrap());
        bench.qemu_img(&["convert", "-c", "-O", "qcow2", "disk.qcow2", "compressed.qcow2"]);
        bench.same_as_qemu("qcow2", "compressed.qcow2");
    }
}

#[test]
fn a_raw_disk_is_read() {
    let bench = Bench::new();
    filled(&bench, "raw", "", "disk.img");
    let chain = bench.same_as_qemu("raw", "disk.img");
    assert_eq!(chain.active().unwrap().format, DiskFormat::Raw);
    markers_are_read(&chain);
    bench.truncate_by("disk.img", 100);
    assert_eq!(bench.resolve("disk.img").unwrap_err().kind(), ImageErrorKind::Corrupt);
}

#[test]
fn truncated_images_are_refused_with_the_missing_bytes() {
    for (format, options, name, cut, missing) in [
        ("vmdk", "subformat=monolithicFlat", "disk-flat.vmdk", 1000, "so 1000 bytes are missing"),
        ("vmdk", "subformat=twoGbMaxExtentFlat", "disk-f001.vmdk", 4096, "so 4096 bytes are missing"),
        ("vmdk", "subformat=monolithicSparse", "disk.vmdk", 700, "so 700 bytes are missing"),
        ("vmdk", "subformat=twoGbMaxExtentSparse", "disk-s001.vmdk", 65536, "so 65536 bytes are missing"),
        ("qcow2", "", "disk.qcow2", 65536, "so 65536 bytes are missing"),
        ("vpc", "subformat=dynamic", "disk.vhd", 4096, "so 3584 bytes are missing"),
    ] {
        let bench = Bench::new();
        let disk = if format == "vpc" { "disk.vhd".to_owned() } else { format!("disk.{format}") };
        filled(&bench, format, options, &disk);
        bench.truncate_by(name, cut);
        let error = bench.resolve(&disk).unwrap_err();
        assert_eq!(error.kind(), ImageErrorKind::Corrupt, "{}", error.chain());
        assert!(error.chain().contains(missing) && error.chain().contains(name), "{}", error.chain());
        assert!(error.hint().is_some());
    }
}

#[test]
fn a_truncated_vhdx_is_not_opened() {
    let bench = Bench::new();
    filled(&bench, "vhdx", "", "disk.vhdx");
    bench.truncate_by("disk.vhdx", MIB);
    let failed = bench.resolve("disk.vhdx").and_then(|chain| open(&chain).map(|_| ()));
    assert!(failed.is_err());
}
