//! VHD and VHDX, read natively: what QEMU makes against what QEMU reads, and chains that it cannot make.

use std::io::Read;

use super::*;
use crate::image::link::Image;
use crate::image::vhd::forge as vhd_forge;
use crate::image::vhdx::forge::{Change, DATA_WRITE, Forge, LOG_GUID, spell};

fn layer(image: &Image) -> Box<dyn DiskReader> {
    match image.format {
        DiskFormat::Vhd => vhd::layer(image).unwrap(),
        _ => vhdx::layer(image).unwrap(),
    }
}

/// Every byte of the layer `name` is what QEMU's driver reads, in reads of odd sizes too; places hold it.
fn layer_is_as_qemu_reads(bench: &Bench, driver: &str, name: &str) -> ImageChain {
    let chain = bench.resolve(name).unwrap_or_else(|e| panic!("{}", e.chain()));
    let options = format!("{driver},file.driver=file,file.filename={name}");
    bench.qemu_img(&["convert", "--image-opts", &format!("driver={options}"), "-O", "raw", "expected.raw"]);
    let reader = layer(chain.active().unwrap());
    assert_eq!(std::fs::metadata(bench.path("expected.raw")).unwrap().len(), reader.size());
    bench.map_is_true(&*reader);
    let mut expected = File::open(bench.path("expected.raw")).unwrap();
    let (mut at, mut step) = (0, 3_000_001u64);
    while at < reader.size() {
        let length = step.min(reader.size() - at) as usize;
        let (mut want, mut got) = (vec![0; length], vec![0xee; length]);
        expected.read_exact(&mut want).unwrap();
        reader.read_at(&mut got, at).unwrap();
        assert!(want == got, "{name} differs between {at} and {}", at + length as u64);
        if let Some(place) = reader.place(at).unwrap() {
            let there = place.len.min(length as u64) as usize;
            place.file.read_exact_at(&mut got[..there], place.offset).unwrap();
            assert!(want[..there] == got[..there], "the place of {at} in {name} holds something else");
        }
        at += length as u64;
        step = if step == 3_000_001 { 511 } else { 3_000_001 };
    }
    chain
}

/// Data at the beginning, over a boundary, in the middle, and in the last sector.
fn scatter(bench: &Bench, format: &str, name: &str, size: u64) {
    for (byte, at, length) in [
        (1, 0, 512),
        (2, (2 * MIB).saturating_sub(1024), 2048),
        (3, size / 2 / 512 * 512, 70_144),
        (4, size - 512, 512),
    ] {
        bench.fill(format, name, byte, at, length);
    }
}

#[test]
fn vhds_of_all_sizes_are_read_as_qemu_reads_them() {
    for subformat in ["dynamic", "fixed"] {
        // 40 MiB; 17 sectors more, which no geometry has; a block and a sector; less than a block.
        for size in [40 * MIB, 40 * MIB + 17 * 512, 6 * MIB + 512, 3 * MIB] {
            let bench = Bench::new();
            let options = format!("subformat={subformat},force_size=on");
            bench.create("vpc", &options, "disk.vhd", &size.to_string());
            scatter(&bench, "vpc", "disk.vhd", size);
            let chain = layer_is_as_qemu_reads(&bench, "vpc,force_size_calc=current_size", "disk.vhd");
            assert_eq!(chain.size(), size);
        }
        let bench = Bench::new();
        bench.create("vpc", &format!("subformat={subformat}"), "disk.vhd", "41943552");
        let chain = layer_is_as_qemu_reads(&bench, "vpc,force_size_calc=current_size", "disk.vhd");
        assert!(chain.size() > 41_943_552, "QEMU rounds up to a geometry");
    }
}

#[test]
fn a_vhd_of_2040_gib_is_read() {
    let bench = Bench::new();
    let size = 2040u64 << 30;
    bench.create("vpc", "subformat=dynamic,force_size=on", "disk.vhd", "2040G");
    scatter(&bench, "vpc", "disk.vhd", size);
    let reader = layer(bench.resolve("disk.vhd").unwrap().active().unwrap());
    bench.map_is_true(&*reader);
    let bytes = [0, 2 * MIB, size / 2 / 512 * 512, size - 512, size / 3 / 512 * 512];
    assert_eq!(bytes.map(|at| byte_at(&*reader, at)), [1, 2, 3, 4, 0]);
}

#[test]
fn vhdxs_of_all_blocks_and_sizes_are_read_as_qemu_reads_them() {
    for (options, size) in [
        ("subformat=dynamic", 40 * MIB),
        ("subformat=dynamic,block_size=1M", 40 * MIB + 512),
        ("subformat=dynamic,block_size=1M,block_state_zero=off", 7 * MIB - 512),
        ("subformat=dynamic,block_size=64M", 100 * MIB + 1024),
        ("subformat=fixed,block_size=2M", 21 * MIB),
        ("subformat=dynamic,block_size=256M,log_size=2M", 3 * MIB),
    ] {
        let bench = Bench::new();
        bench.create("vhdx", options, "disk.vhdx", &size.to_string());
        scatter(&bench, "vhdx", "disk.vhdx", size);
        let chain = layer_is_as_qemu_reads(&bench, "vhdx", "disk.vhdx");
        assert_eq!((chain.size(), chain.active().unwrap().sector), (size, Some(512)), "{options}");
    }
}

#[test]
fn a_vhdx_of_more_than_2_tib_is_read() {
    // Blocks of 1 MiB: sector bitmap entries stand between those of the payload.
    for (options, size) in [("block_size=1M", (5 << 40) + 512), ("", 64 << 40)] {
        let bench = Bench::new();
        bench.create("vhdx", options, "disk.vhdx", &size.to_string());
        scatter(&bench, "vhdx", "disk.vhdx", size);
        let reader = layer(bench.resolve("disk.vhdx").unwrap().active().unwrap());
        bench.map_is_true(&*reader);
        let bytes = [0, 2 * MIB, size / 2 / 512 * 512, size - 512, size / 3 / 512 * 512];
        assert_eq!(bytes.map(|at| byte_at(&*reader, at)), [1, 2, 3, 4, 0], "{options}");
    }
}

/// Moves the BAT's first sectors, and those of the metadata, into the log of a VHDX that QEMU made.
fn soil(path: &Path) {
    let mut forge = Forge::load(std::fs::read(path).unwrap());
    let places = [forge.region(0), forge.region(0) + 4096, forge.region(1) + 65536];
    let mut next = 250;
    for (n, at) in places.into_iter().enumerate() {
        let (at, sector) = forge.sector_of(at);
        let first = [Change::Zero { at, length: 4096 }, Change::Data { at, sector }];
        next = forge.log(next, 7 + n as u64, 250, &first);
        forge.write(at, &[0xdd; 4096]);
    }
    forge.seal_headers(Some(LOG_GUID));
    std::fs::write(path, &forge.bytes).unwrap();
}

#[test]
fn a_dirty_log_is_replayed_as_qemu_replays_it() {
    for options in ["subformat=dynamic,block_size=1M", "subformat=fixed,block_size=2M"] {
        let bench = Bench::new();
        let path = bench.create("vhdx", options, "disk.vhdx", "41944064");
        scatter(&bench, "vhdx", "disk.vhdx", 41_944_064);
        soil(&path);
        let chain = bench.resolve("disk.vhdx").unwrap_or_else(|e| panic!("{}", e.chain()));
        let ours = layer(chain.active().unwrap());
        std::fs::copy(&path, bench.path("copy.vhdx")).unwrap();
        bench.qemu_img(&["check", "-q", "-r", "all", "-f", "vhdx", "copy.vhdx"]);
        layer_is_as_qemu_reads(&bench, "vhdx", "copy.vhdx");
        let mut bytes = vec![0xee; ours.size() as usize];
        ours.read_at(&mut bytes, 0).unwrap();
        assert!(bytes == std::fs::read(bench.path("expected.raw")).unwrap());
        let theirs = layer(bench.resolve("copy.vhdx").unwrap().active().unwrap());
        assert_eq!(ours.extents(0..ours.size()).unwrap(), theirs.extents(0..theirs.size()).unwrap());
    }
}

#[test]
fn a_log_entry_that_qemu_wrote_is_replayed() {
    let bench = Bench::new();
    let path = bench.create("vhdx", "block_size=1M", "disk.vhdx", "40M");
    bench.fill("vhdx", "disk.vhdx", 5, 3 * MIB, 70_144);
    let before = bench.resolve("disk.vhdx").unwrap();
    let extents = layer(before.active().unwrap()).extents(0..40 * MIB).unwrap();
    // QEMU has applied its entry and emptied the log by its headers: as if it had been killed in between.
    let mut forge = Forge::load(std::fs::read(&path).unwrap());
    let entry = &forge.bytes[MIB as usize..];
    assert!(entry.starts_with(b"loge"));
    let guid = entry[32..48].try_into().unwrap();
    forge.write(forge.region(0), &[0; 4096]);
    forge.seal_headers(Some(guid));
    std::fs::write(&path, &forge.bytes).unwrap();
    let reader = layer(bench.resolve("disk.vhdx").unwrap().active().unwrap());
    assert_eq!(reader.extents(0..40 * MIB).unwrap(), extents);
    assert_eq!((byte_at(&*reader, 3 * MIB), byte_at(&*reader, 3 * MIB + 70_144)), (5, 0));
    bench.qemu_img(&["check", "-q", "-r", "all", "-f", "vhdx", "disk.vhdx"]);
    layer_is_as_qemu_reads(&bench, "vhdx", "disk.vhdx");
}

/// What a guest sees of layers, the active one first.
fn composed(layers: &[Box<dyn DiskReader>]) -> Vec<u8> {
    let size = layers[0].size();
    let mut disk = vec![0; size as usize];
    for layer in layers.iter().rev() {
        let size = size.min(layer.size());
        for extent in layer.extents(0..size).unwrap() {
            let bytes = &mut disk[extent.start as usize..(extent.start + extent.len) as usize];
            match extent.kind {
                ExtentKind::Data => layer.read_at(bytes, extent.start).unwrap(),
                ExtentKind::Zero => bytes.fill(0),
                ExtentKind::Unallocated => {}
            }
        }
    }
    disk
}

fn layers(chain: &ImageChain) -> Vec<Box<dyn DiskReader>> {
    chain.images().iter().map(layer).collect()
}

#[test]
fn a_chain_of_vhds_is_followed_by_id_and_name() {
    let bench = Bench::new();
    let (base, middle) = (*b"the base's id...", *b"the middle's id.");
    let size = 6 * vhd_forge::BLOCK as u64 - 512;
    let names = |id, name| vhd_forge::ParentNames { id, relative: Some(name), absolute: None, unicode: "" };
    let sectors = |bits: u8| std::array::from_fn(|n| bits >> n & 1 == 1);
    let write = |name: &str, bytes: Vec<u8>| std::fs::write(bench.path(name), bytes).unwrap();
    let b = vhd_forge::BLOCK;
    write(
        "base.vhd",
        vhd_forge::image(size, base, None, &[(0, [false; 8], [1; 4096]), (5, [true; 8], [1; 4096])]),
    );
    let blocks = [(0, sectors(0b1100), [2; 4096]), (2, sectors(0xff), [2; 4096])];
    write("middle.avhd", vhd_forge::image(size, middle, Some(&names(base, r".\base.vhd")), &blocks));
    let blocks = [(0, sectors(0b0110), [3; 4096]), (5, sectors(0x80), [3; 4096])];
    write(
        "top.avhd",
        vhd_forge::image(size, *b"the top's id....", Some(&names(middle, r"x\..\middle.avhd")), &blocks),
    );
    let chain = bench.resolve("top.avhd").unwrap_or_else(|e| panic!("{}", e.chain()));
    let subformats: Vec<_> = chain.images().iter().map(|i| i.subformat.as_deref().unwrap()).collect();
    assert_eq!(subformats, ["differencing", "differencing", "dynamic"]);
    let disk = composed(&layers(&chain));
    let sector = |n: usize| disk[n * 512];
    assert_eq!([0, 1, 2, 3, 4].map(sector), [1, 3, 3, 2, 1]);
    assert_eq!([8, 16, 23, 24, 40, 46].map(sector), [0, 2, 2, 0, 1, 1]);
    assert_eq!(disk.len(), 6 * b - 512);
    // A parent of another generation.
    write("base.vhd", vhd_forge::image(size, *b"of another disk.", None, &[]));
    let error = bench.resolve("top.avhd").unwrap_err();
    assert!(error.chain().contains("was made when its parent had the unique id"), "{}", error.chain());
}

/// A base that QEMU made with our own data, and two children.
fn vhdx_chain(bench: &Bench, sector: u32) -> Vec<u8> {
    let size = 40 * MIB + 4096;
    let mut base = Forge::new(size, MIB, sector, None);
    for block in [0, 1, 2, 3, 4, 40] {
        base.add(block, 6, |n| (n % 100) as u8 + 1);
    }
    let mut id = *b"base generation.";
    base.seal(None, id);
    std::fs::write(bench.path("base.vhdx"), &base.bytes).unwrap();
    for (name, parent, fill, next) in [
        ("middle.avhdx", "base.vhdx", 0x81u8, *b"the middle's...."),
        ("top.avhdx", "middle.avhdx", 0x91, *b"the top's......."),
    ] {
        let linkage = spell(&id);
        let relative = format!(r".\{parent}");
        let absolute = format!(r"C:\VMs\{parent}");
        let pairs = [
            ("parent_linkage", linkage.as_str()),
            ("relative_path", relative.as_str()),
            ("absolute_win32_path", absolute.as_str()),
        ];
        let mut child = Forge::new(size, MIB, sector, Some(&pairs));
        child.add(0, 7, |_| fill);
        child.set_bitmap(0, |n| n % 3 == u64::from(fill >> 4) % 3 || n > 250);
        child.add(40, 7, |_| fill);
        child.set_bitmap(40, |n| n == 0);
        if fill == 0x81 {
            child.add(1, 6, |_| fill);
            child.set_entry(2, 2, 0);
        } else {
            child.set_entry(3, 3, 0);
        }
        child.seal(None, next);
        id = next;
        std::fs::write(bench.path(name), &child.bytes).unwrap();
    }
    let sector = sector as usize;
    let mut want = vec![0; size as usize];
    for (number, bytes) in want.chunks_mut(sector).enumerate() {
        let (block, n) = ((number * sector) >> 20, number * sector % (1 << 20) / sector);
        let of_base = (n % 100) as u8 + 1;
        bytes.fill(match block {
            0 if n % 3 == 0 || n > 250 => 0x91,
            0 if n % 3 == 2 => 0x81,
            40 if n == 0 => 0x91,
            1 => 0x81,
            0 | 4 | 40 => of_base,
            _ => 0,
        });
    }
    want
}

#[test]
fn a_chain_of_vhdxs_is_followed_by_linkage_and_name() {
    for sector in [512, 4096] {
        let bench = Bench::new();
        let want = vhdx_chain(&bench, sector);
        let chain = bench.resolve("top.avhdx").unwrap_or_else(|e| panic!("{}", e.chain()));
        assert_eq!(chain.images().len(), 3);
        assert_eq!(chain.active().unwrap().sector, Some(sector));
        assert!(composed(&layers(&chain)) == want);
        let mut other = Forge::load(std::fs::read(bench.path("base.vhdx")).unwrap());
        other.seal(None, DATA_WRITE);
        std::fs::write(bench.path("base.vhdx"), &other.bytes).unwrap();
        let error = bench.resolve("top.avhdx").unwrap_err();
        assert!(error.chain().contains("parent had the DataWriteGuid"), "{}", error.chain());
        std::fs::remove_file(bench.path("base.vhdx")).unwrap();
        assert_eq!(bench.resolve("top.avhdx").unwrap_err().kind(), ImageErrorKind::NotFound);
    }
}

#[test]
fn what_qemu_makes_of_a_forged_vhdx_is_what_was_forged() {
    let bench = Bench::new();
    let mut forge = Forge::new(40 * MIB + 512, MIB, 512, None);
    forge.add(3, 6, |n| n as u8);
    forge.add(40, 6, |n| 7 | n as u8);
    forge.set_entry(5, 2, 0);
    std::fs::write(bench.path("disk.vhdx"), &forge.bytes).unwrap();
    layer_is_as_qemu_reads(&bench, "vhdx", "disk.vhdx");
}

#[test]
fn several_threads_read_at_once() {
    let bench = Bench::new();
    bench.create("vhdx", "block_size=1M", "disk.vhdx", "64M");
    for n in 0..64 {
        bench.fill("vhdx", "disk.vhdx", n + 1, u64::from(n) * MIB + 512, 1024);
    }
    let reader = layer(bench.resolve("disk.vhdx").unwrap().active().unwrap());
    let reader = &*reader;
    std::thread::scope(|scope| {
        for start in 0..4u64 {
            scope.spawn(move || {
                for n in (start..64).chain(0..start) {
                    assert_eq!(byte_at(reader, n * MIB + 512), n as u8 + 1);
                }
            });
        }
    });
}
