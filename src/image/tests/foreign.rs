//! Formats that only QEMU reads: as whole disks, as layers, truncated, with parents, inside an archive.

use super::*;
use crate::image::foreign;

const FORMATS: [(&str, &str, DiskFormat); 4] = [
    ("vdi", "disk.vdi", DiskFormat::Vdi),
    ("parallels", "disk.hdd", DiskFormat::Parallels),
    ("qed", "disk.qed", DiskFormat::Qed),
    ("qcow", "disk.qcow", DiskFormat::Qcow),
];

/// Data at 1 MiB, 20 MiB and at the end of 40 MiB.
fn filled(bench: &Bench, format: &str, options: &str, name: &str) {
    bench.create(format, options, name, "40M");
    for (at, byte) in [(MIB, 0x11), (20 * MIB, 0x22), (40 * MIB - 65536, 0x33)] {
        bench.fill(format, name, byte, at, 65536);
    }
}

fn markers_are_read(reader: &dyn DiskReader) {
    for (at, byte) in [(0, 0), (MIB, 0x11), (20 * MIB, 0x22), (20 * MIB + 65536, 0), (40 * MIB - 512, 0x33)] {
        assert_eq!(byte_at(reader, at), byte, "at {at}");
    }
}

#[test]
fn each_is_read() {
    for (format, name, expected) in FORMATS {
        let bench = Bench::new();
        filled(&bench, format, "", name);
        let chain = bench.same_as_qemu(format, name);
        let image = chain.active().unwrap();
        assert_eq!((image.format, chain.size()), (expected, 40 * MIB));
        markers_are_read(&*open(&chain).unwrap());
        let layer = foreign::layer(image).unwrap();
        markers_are_read(&*layer);
        bench.map_is_true(&*layer);
        // Bytes beat the ending, which promises another format here.
        std::fs::rename(bench.path(name), bench.path("disk.raw")).unwrap();
        assert_eq!(bench.resolve("disk.raw").unwrap().active().unwrap().format, expected);
    }
}

/// A qcow of 4 clusters of 4 KiB, of which the second is compressed; QEMU 10 writes none.
fn compressed_qcow() -> Vec<u8> {
    let mut compressor = libdeflater::Compressor::new(libdeflater::CompressionLvl::default());
    let mut packed = vec![0; 100];
    let length = compressor.deflate_compress(&[0x77; 4096], &mut packed).unwrap();
    packed.truncate(length);
    let mut bytes = b"QFI\xfb\0\0\0\x01".to_vec();
    bytes.resize(12288, 0);
    bytes[24..32].copy_from_slice(&(4u64 << 12).to_be_bytes());
    bytes[32..34].copy_from_slice(&[12, 9]);
    bytes[40..48].copy_from_slice(&512u64.to_be_bytes());
    bytes[512..520].copy_from_slice(&4096u64.to_be_bytes());
    let entry = 1 << 63 | (length as u64) << (63 - 12) | 8192;
    bytes[4104..4112].copy_from_slice(&entry.to_be_bytes());
    bytes[8192..8192 + length].copy_from_slice(&packed);
    bytes
}

#[test]
fn a_static_vdi_and_a_compressed_qcow_are_read() {
    let bench = Bench::new();
    filled(&bench, "vdi", "static=on", "disk.vdi");
    markers_are_read(&*open(&bench.same_as_qemu("vdi", "disk.vdi")).unwrap());
    std::fs::write(bench.path("disk.qcow"), compressed_qcow()).unwrap();
    let reader = open(&bench.same_as_qemu("qcow", "disk.qcow")).unwrap();
    assert_eq!([0, 4096, 8192].map(|at| byte_at(&*reader, at)), [0, 0x77, 0]);
    std::fs::write(bench.path("disk.qcow"), &compressed_qcow()[..8192]).unwrap();
    assert_eq!(bench.resolve("disk.qcow").unwrap_err().kind(), ImageErrorKind::Corrupt);
}

#[test]
fn truncated_ones_are_refused() {
    for (format, name, _) in FORMATS {
        let bench = Bench::new();
        filled(&bench, format, "", name);
        bench.resolve(name).unwrap();
        let size = std::fs::metadata(bench.path(name)).unwrap().len();
        let mut ends = vec![40, 300, 700, size / 2, size - 65536];
        if format == "vdi" {
            ends.push(size - 1);
        }
        for end in ends {
            File::options().write(true).open(bench.path(name)).unwrap().set_len(end).unwrap();
            let error = bench.resolve(name).unwrap_err();
            assert_eq!(error.kind(), ImageErrorKind::Corrupt, "{format} of {end}: {}", error.chain());
            assert!(error.hint().is_some(), "{format} of {end}: {}", error.chain());
            filled(&bench, format, "", name);
        }
    }
}

#[test]
fn those_with_a_parent_or_encrypted_are_refused() {
    for format in ["qed", "qcow"] {
        let bench = Bench::new();
        bench.create("raw", "", "base.raw", "4M");
        bench.qemu_img(&["create", "-q", "-f", format, "-b", "base.raw", "-F", "raw", "top"]);
        let error = bench.resolve("top").unwrap_err();
        assert_eq!(error.kind(), ImageErrorKind::Unsupported);
        assert!(error.chain().contains("the parent \"base.raw\""), "{}", error.chain());
    }
    let bench = Bench::new();
    let path = bench.create("qcow", "", "disk.qcow", "4M");
    overwrite(&path, 36, &1u32.to_be_bytes());
    assert!(bench.resolve("disk.qcow").unwrap_err().chain().contains("encrypted"));
    let path = bench.create("vdi", "", "disk.vdi", "4M");
    overwrite(&path, 0x4c, &4u32.to_le_bytes());
    let error = bench.resolve("disk.vdi").unwrap_err();
    assert_eq!(error.kind(), ImageErrorKind::Unsupported);
    assert!(error.hint().unwrap().contains("VBoxManage"));
}

#[test]
fn a_qcow2_above_one_is_read() {
    let bench = Bench::new();
    filled(&bench, "vdi", "", "base.vdi");
    bench.qemu_img(&["create", "-q", "-f", "qcow2", "-b", "base.vdi", "-F", "vdi", "top.qcow2"]);
    bench.fill("qcow2", "top.qcow2", 0x44, 4 * MIB, 4096);
    let chain = bench.same_as_qemu("qcow2", "top.qcow2");
    let reader = open(&chain).unwrap();
    markers_are_read(&*reader);
    assert_eq!(byte_at(&*reader, 4 * MIB), 0x44);
}

#[test]
fn one_inside_an_archive_is_read_in_place() {
    let bench = Bench::new();
    filled(&bench, "vdi", "", "disk.vdi");
    let bytes = std::fs::read(bench.path("disk.vdi")).unwrap();
    let archive = [&vec![0xaa; 1024][..], &bytes, &vec![0xbb; 3000]].concat();
    std::fs::write(bench.path("vm.ova"), archive).unwrap();
    let location =
        DiskLocation::Range { path: bench.path("vm.ova"), offset: 1024, length: bytes.len() as u64 };
    let disk = source(location, None);
    let chain = ImageChain::resolve(&disk, &OpenGate::for_location(&disk.location).unwrap()).unwrap();
    markers_are_read(&*open(&chain).unwrap());
    markers_are_read(&*foreign::layer(chain.active().unwrap()).unwrap());
}

/// A DMG of one mish block table with raw chunks: data, zeros, data.
fn dmg() -> Vec<u8> {
    let sectors = [(1u32, 0u64, 8u64), (2, 8, 100), (1, 108, 4)];
    let mut bytes = [vec![0x5a; 8 * 512], vec![0x6b; 4 * 512]].concat();
    let mut mish = b"mish".to_vec();
    mish.extend_from_slice(&1u32.to_be_bytes());
    for field in [0u64, 112, 0] {
        mish.extend_from_slice(&field.to_be_bytes());
    }
    mish.resize(200, 0);
    mish.extend_from_slice(&4u32.to_be_bytes());
    let mut at = 0;
    for (kind, sector, count) in sectors {
        mish.extend_from_slice(&[&kind.to_be_bytes()[..], &[0; 4]].concat());
        let length = if kind == 1 { count * 512 } else { 0 };
        for field in [sector, count, at, length] {
            mish.extend_from_slice(&field.to_be_bytes());
        }
        at += length;
    }
    mish.extend_from_slice(&[&0xffff_ffffu32.to_be_bytes()[..], &[0; 4]].concat());
    for field in [112u64, 0, at, 0] {
        mish.extend_from_slice(&field.to_be_bytes());
    }
    use base64::Engine;
    let data = base64::engine::general_purpose::STANDARD.encode(&mish);
    let plist = format!(
        "<plist><dict><key>blkx</key><array><dict><data>\n{data}\n</data></dict></array></dict></plist>"
    );
    let xml = (bytes.len() as u64, plist.len() as u64);
    bytes.extend_from_slice(plist.as_bytes());
    let mut koly = vec![0; 512];
    koly[..12].copy_from_slice(b"koly\0\0\0\x04\0\0\x02\0");
    for (place, value) in [(32, at), (216, xml.0), (224, xml.1), (492, 112)] {
        koly[place..place + 8].copy_from_slice(&value.to_be_bytes());
    }
    bytes.extend_from_slice(&koly);
    bytes
}

#[test]
fn a_dmg_is_read() {
    let bench = Bench::new();
    std::fs::write(bench.path("disk.dmg"), dmg()).unwrap();
    let chain = bench.same_as_qemu("dmg", "disk.dmg");
    assert_eq!((chain.active().unwrap().format, chain.size()), (DiskFormat::Dmg, 112 * 512));
    let reader = open(&chain).unwrap();
    assert_eq!([0, 7 * 512, 8 * 512, 108 * 512].map(|at| byte_at(&*reader, at)), [0x5a, 0x5a, 0, 0x6b]);
    // Its first half is lost: the trailer speaks of bytes that are not there.
    std::fs::write(bench.path("disk.dmg"), &dmg()[6000..]).unwrap();
    assert_eq!(bench.resolve("disk.dmg").unwrap_err().kind(), ImageErrorKind::Corrupt);
    // Its end is lost: it is no DMG any more.
    std::fs::write(bench.path("disk.dmg"), &dmg()[..6000]).unwrap();
    assert_eq!(bench.resolve("disk.dmg").unwrap_err().kind(), ImageErrorKind::Corrupt);
}

#[test]
fn several_threads_read_through_qemu() {
    let bench = Bench::new();
    filled(&bench, "vdi", "", "disk.vdi");
    let reader = open(&bench.resolve("disk.vdi").unwrap()).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..9 {
            scope.spawn(|| (0..30).for_each(|_| markers_are_read(&*reader)));
        }
    });
    // A read that fails costs one connection, not the reader.
    let mut buf = [0; 512];
    assert!(reader.read_at(&mut buf, 40 * MIB).is_err());
    markers_are_read(&*reader);
}
