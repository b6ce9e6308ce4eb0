//! Our NBD server, seen by QEMU.

use std::sync::Arc;
use std::thread;

use super::super::nbd::{NbdReader, Patchwork, Server};
use super::*;

fn served(disk: Arc<dyn DiskReader>) -> (Server, String) {
    let server =
        Server::start(vec![("other".to_owned(), Arc::new(Patchwork::odd())), ("a/b disk".to_owned(), disk)]);
    let server = server.unwrap();
    let uri = server.uri("a/b disk");
    (server, uri)
}

/// A disk of 40 MiB with data here and there, as a file and as a reader.
fn sparse(bench: &Bench) -> Arc<dyn DiskReader> {
    bench.create("raw", "", "disk.raw", "40M");
    for (at, length) in [(0, 70_000), (5 * MIB + 512, 1 << 20), (20 * MIB, 3 << 20), (40 * MIB - 512, 512)] {
        bench.fill("raw", "disk.raw", 0x5a, at, length);
    }
    let chain = bench.resolve("disk.raw").unwrap();
    Arc::from(open(&chain).unwrap())
}

#[test]
fn qemu_reads_the_same_bytes_and_map() {
    let bench = Bench::new();
    let (server, uri) = served(sparse(&bench));
    assert_eq!(
        bench.qemu_img(&["compare", "-f", "raw", "-F", "raw", "disk.raw", &uri]),
        "Images are identical.\n"
    );
    let map = |name: &str| {
        let text = bench.qemu_img(&["map", "-f", "raw", "--output=json", name]);
        let parsed: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
        let extent = |e: &serde_json::Value| (e["start"].clone(), e["length"].clone(), e["data"].clone());
        parsed.iter().map(extent).collect::<Vec<_>>()
    };
    assert_eq!(map("disk.raw"), map(&uri));
    let info = bench.qemu_img(&["info", "--output=json", "-f", "raw", &uri]);
    let info: serde_json::Value = serde_json::from_str(&info).unwrap();
    assert_eq!(info["virtual-size"], 40 * MIB);
    assert_eq!(server.errors(), Vec::<String>::new());
}

#[test]
fn a_disk_of_an_odd_size_is_served_to_its_last_byte() {
    let bench = Bench::new();
    let disk = Arc::new(Patchwork::odd());
    std::fs::write(bench.path("want.raw"), disk.bytes(0..disk.size)).unwrap();
    let (server, uri) = served(disk.clone());
    bench.qemu_img(&["convert", "-f", "raw", "-O", "raw", &uri, "got.raw"]);
    let (want, mut got) =
        (std::fs::read(bench.path("want.raw")).unwrap(), std::fs::read(bench.path("got.raw")).unwrap());
    // QEMU's own disks end with a sector.
    assert!(got.len() - want.len() < 512 && got.drain(want.len()..).all(|byte| byte == 0));
    assert!(got == want);
    assert_eq!(server.errors(), Vec::<String>::new());
}

#[test]
fn an_overlay_over_it_is_read_and_written() {
    let bench = Bench::new();
    let (_server, uri) = served(sparse(&bench));
    bench.qemu_img(&["create", "-q", "-f", "qcow2", "-b", &uri, "-F", "raw", "over.qcow2"]);
    let compare = ["compare", "-f", "raw", "-F", "qcow2", "disk.raw", "over.qcow2"];
    assert_eq!(bench.qemu_img(&compare), "Images are identical.\n");
    bench.fill("qcow2", "over.qcow2", 0x11, 21 * MIB + 100, 1000);
    bench.fill("raw", "disk.raw", 0x11, 21 * MIB + 100, 1000);
    assert_eq!(bench.qemu_img(&compare), "Images are identical.\n");
    bench.qemu_img(&["convert", "-m", "16", "-W", "-f", "qcow2", "-O", "raw", "over.qcow2", "flat.raw"]);
    let same = bench.qemu_img(&["compare", "-f", "raw", "-F", "raw", "disk.raw", "flat.raw"]);
    assert_eq!(same, "Images are identical.\n");
}

#[test]
fn qemu_sees_an_error_where_the_reader_has_one_and_the_reason_is_kept() {
    let bench = Bench::new();
    let bad = Patchwork { bad: Some(8 * MIB), size: 12 * MIB, ..Patchwork::odd() };
    let (server, uri) = served(Arc::new(bad));
    let io = |command: &str| {
        let exec = Exec::new("qemu-io").args(["-r", "-f", "raw", "-c", command, &uri]);
        exec.run().map(|output| output.text().into_owned())
    };
    let good = io("read 0 1M").unwrap();
    assert!(good.contains("read 1048576/1048576"), "{good}");
    assert!(io("read 7M 2M").is_err());
    assert_eq!(
        server.errors().first().map(String::as_str),
        Some("reading 2097152 bytes at 7340032 of \"a/b disk\", at byte 7340032: the byte 8388608 is bad")
    );
    let convert = ["convert", "-f", "raw", "-O", "raw", &uri, "out.raw"];
    let failed = Exec::new("qemu-img").args(convert).current_dir(bench.dir.path()).run();
    assert!(format!("{failed:?}").contains("Input/output error"), "{failed:?}");
    // Writing is refused when it is opened.
    let write = Exec::new("qemu-io").args(["-f", "raw", "-c", "write 0 512", &uri]).run();
    assert!(format!("{write:?}").contains("Permission denied"), "{write:?}");
}

#[test]
fn many_threads_and_clients_read_at_once() {
    let disk = Arc::new(Patchwork::odd());
    let (_server, uri) = served(disk.clone());
    let reader = NbdReader::open(&h2k_transports::NbdUri::parse(&uri).unwrap()).unwrap();
    thread::scope(|scope| {
        for n in 0..8u64 {
            let (reader, disk) = (&reader, &disk);
            scope.spawn(move || {
                for round in 0..20u64 {
                    let start = (n * 1_234_567 + round * 99_991) % (disk.size - 100_000);
                    let mut found = vec![0; 100_000];
                    DiskReader::read_at(reader, &mut found, start).unwrap();
                    assert!(found == disk.bytes(start..start + 100_000));
                }
            });
        }
    });
}
