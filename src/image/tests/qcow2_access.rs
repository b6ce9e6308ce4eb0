//! The qcow2 reader from several threads, inside an archive, and on a file that is another one by now.

use std::sync::Arc;

use h2k_transports::range::LocalRange;

use super::qcow2_layers::{content, reader};
use super::*;
use crate::image::qcow2::Qcow2Reader;

#[test]
fn threads_read_the_same_image() {
    let bench = Bench::new();
    let raw = content(4 << 20);
    std::fs::write(bench.path("raw.img"), &raw).unwrap();
    bench.qemu_img(&["convert", "-c", "-f", "raw", "-O", "qcow2", "raw.img", "disk.qcow2"]);
    let reader = reader(&bench.path("disk.qcow2"));
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (reader, raw) = (&reader, &raw);
            scope.spawn(move || {
                for n in 0..200 {
                    let at = (n * 20_011 + thread * 977) % (raw.len() - 9000);
                    let mut buf = [0; 9000];
                    reader.read_at(&mut buf, at as u64).unwrap();
                    assert!(buf == raw[at..at + 9000], "{at}");
                }
            });
        }
    });
}

#[test]
fn an_image_inside_an_archive_is_read_in_place() {
    let bench = Bench::new();
    let raw = content(2 << 20);
    std::fs::write(bench.path("raw.img"), &raw).unwrap();
    bench.qemu_img(&["convert", "-f", "raw", "-O", "qcow2", "raw.img", "disk.qcow2"]);
    let image = std::fs::read(bench.path("disk.qcow2")).unwrap();
    let archive = [&vec![0xaa; 1536][..], &image, &vec![0xbb; 5000]].concat();
    std::fs::write(bench.path("vm.ova"), archive).unwrap();
    let bytes = LocalRange::open_part(&bench.path("vm.ova"), 1536, image.len() as u64).unwrap();
    let reader = Qcow2Reader::open(Arc::new(bytes)).unwrap();
    let mut buf = vec![0; raw.len()];
    reader.read_at(&mut buf, 0).unwrap();
    assert!(buf == raw);
    bench.places_are_true(&reader, &raw);
    assert!(reader.extents(0..2 << 20).unwrap().iter().any(|e| e.kind == ExtentKind::Data
        && reader.place(e.start).unwrap().is_some_and(|place| place.offset > 1536)));
}

#[test]
fn an_image_that_changed_since_it_was_resolved_is_noticed() {
    let bench = Bench::new();
    bench.create("qcow2", "", "disk.qcow2", "4M");
    let chain = bench.resolve("disk.qcow2").unwrap();
    assert_eq!(qcow2::layer(chain.active().unwrap()).unwrap().size(), 4 * MIB);
    bench.qemu_img(&["resize", "-q", "disk.qcow2", "5M"]);
    let error = qcow2::layer(chain.active().unwrap()).err().unwrap();
    assert_eq!(error.kind(), ImageErrorKind::Corrupt);
}
