//! NBD exports of others as sources: served by `qemu-nbd`.

use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use super::super::nbd::{NbdReader, Patchwork, Server};
use super::*;
use crate::exec::Child;

/// `qemu-nbd` of an image; killed when it is dropped.
fn qemu_nbd(bench: &Bench, args: &[&str], listens: impl Fn() -> bool) -> Child {
    let exec = Exec::new("qemu-nbd").args(["-r", "-t"]).args(args).current_dir(bench.dir.path());
    let mut child = exec.spawn().unwrap();
    let started = Instant::now();
    while !listens() {
        assert!(child.try_wait().unwrap().is_none(), "{}", child.stderr_tail());
        assert!(started.elapsed() < Duration::from_secs(60), "qemu-nbd does not listen");
        std::thread::sleep(Duration::from_millis(10));
    }
    child
}

fn on_socket(bench: &Bench, socket: &Path, args: &[&str]) -> Child {
    let args = [&["-k", socket.to_str().unwrap()], args].concat();
    qemu_nbd(bench, &args, || UnixStream::connect(socket).is_ok())
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn content(bench: &Bench) {
    bench.create("raw", "", "disk.raw", "40M");
    for (at, length) in [(0, 70_000), (5 * MIB + 512, 1 << 20), (20 * MIB, 5 << 20), (40 * MIB - 512, 512)] {
        bench.fill("raw", "disk.raw", 0x5a, at, length);
    }
}

fn resolve_uri(uri: &str) -> Result<ImageChain, ImageError> {
    let found = h2k_transports::recognise(&[uri.into()]).unwrap();
    let vm = h2k_transports::fetch(&found, Path::new("/nonexistent")).unwrap();
    let disk = &vm.disks[0];
    ImageChain::resolve(disk, &OpenGate::for_location(&disk.location)?)
}

/// Every byte and the map, through our reader and through an overlay.
fn same_as_file(bench: &Bench, uri: &str) -> ImageChain {
    let chain = resolve_uri(uri).unwrap();
    let reader = open(&chain).unwrap();
    let want = std::fs::read(bench.path("disk.raw")).unwrap();
    let mut found = vec![0xee; want.len()];
    reader.read_at(&mut found, 0).unwrap();
    assert!(found == want);
    let mut odd = vec![0xee; 5_000_001];
    reader.read_at(&mut odd, 19_999_999).unwrap();
    assert!(odd == want[19_999_999..25_000_000]);
    bench.map_is_true(&*reader);
    let (overlay, _server) = bench.overlay(&chain);
    let said = bench.qemu_img(&["compare", "-f", "raw", "-F", "qcow2", "disk.raw", &overlay]);
    assert_eq!(said, "Images are identical.\n");
    chain
}

#[test]
fn an_export_on_a_unix_socket_is_a_source() {
    let bench = Bench::new();
    content(&bench);
    let socket = bench.path("s");
    let _server = on_socket(&bench, &socket, &["-e", "8", "-x", "vms/web 01", "-f", "raw", "disk.raw"]);
    let uri = format!("nbd+unix:///vms/web%2001?socket={}", socket.display());
    let chain = same_as_file(&bench, &uri);
    assert_eq!(chain.files(), [PathBuf::from(&uri)]);
    // Holes are not read.
    let data: u64 = open(&chain)
        .unwrap()
        .extents(0..40 * MIB)
        .unwrap()
        .iter()
        .filter(|e| e.kind == ExtentKind::Data)
        .map(|e| e.len)
        .sum();
    assert!(data < 8 * MIB, "{data}");
    let stored = serde_json::to_string(&chain).unwrap();
    assert_eq!(serde_json::from_str::<ImageChain>(&stored).unwrap(), chain);
    let error = resolve_uri(&format!("nbd+unix:///other?socket={}", socket.display())).unwrap_err();
    assert!(error.chain().contains("the NBD server refuses"), "{}", error.chain());
}

#[test]
fn an_export_on_a_tcp_port_is_a_source() {
    let bench = Bench::new();
    content(&bench);
    let port = free_port();
    let listens = || TcpStream::connect(("127.0.0.1", port)).is_ok();
    let args = ["-b", "127.0.0.1", "-p", &port.to_string(), "-e", "8", "-f", "raw", "disk.raw"];
    let _server = qemu_nbd(&bench, &args, listens);
    same_as_file(&bench, &format!("nbd://127.0.0.1:{port}/"));
}

#[test]
fn a_qcow2_behind_a_server_has_its_guests_bytes_and_holes() {
    let bench = Bench::new();
    bench.create("qcow2", "cluster_size=512", "disk.qcow2", "40M");
    for at in 0..40 {
        bench.fill("qcow2", "disk.qcow2", at as u8 + 1, at * MIB + 1024, 512);
    }
    bench.qemu_img(&["convert", "-f", "qcow2", "-O", "raw", "disk.qcow2", "disk.raw"]);
    let socket = bench.path("s");
    let _server = on_socket(&bench, &socket, &["-e", "8", "-f", "qcow2", "disk.qcow2"]);
    let uri = format!("nbd+unix:///?socket={}", socket.display());
    let chain = same_as_file(&bench, &uri);
    let extents = open(&chain).unwrap().extents(0..40 * MIB).unwrap();
    let data: Vec<_> =
        extents.iter().filter(|e| e.kind == ExtentKind::Data).map(|e| (e.start, e.len)).collect();
    let want: Vec<_> = (0..40).map(|at| (at * MIB + 1024, 512)).collect();
    assert_eq!(data, want);
}

#[test]
fn an_export_that_holds_an_image_is_not_taken_for_a_disk() {
    let bench = Bench::new();
    bench.create("qcow2", "", "disk.qcow2", "4M");
    let socket = bench.path("s");
    let _server = on_socket(&bench, &socket, &["-e", "8", "-f", "raw", "disk.qcow2"]);
    let error = resolve_uri(&format!("nbd+unix:///?socket={}", socket.display())).unwrap_err();
    assert_eq!(error.kind(), ImageErrorKind::Unsupported);
    assert!(
        error.chain().contains("are those of a qcow2 image") && error.hint().unwrap().contains("qemu-nbd")
    );
}

#[test]
fn a_server_that_comes_back_is_read_on_and_one_that_does_not_is_named() {
    let bench = Bench::new();
    content(&bench);
    let socket = bench.path("s");
    let args = ["-f", "raw", "disk.raw"];
    let server = on_socket(&bench, &socket, &args);
    // Without -e there is one connection at a time: the two that are looked for it with are closed.
    let uri = h2k_transports::NbdUri::parse(&format!("nbd+unix:///?socket={}", socket.display())).unwrap();
    let reader = NbdReader::open(&uri).unwrap();
    assert_eq!(byte_at(&reader, 20 * MIB), 0x5a);
    drop(server);
    let error = DiskReader::read_at(&reader, &mut [0; 512], 21 * MIB).unwrap_err();
    assert!(error.to_string().starts_with(&format!("reading 512 bytes at 22020096 of {uri}: ")), "{error}");
    let _ = std::fs::remove_file(&socket);
    let _server = on_socket(&bench, &socket, &args);
    assert_eq!(byte_at(&reader, 21 * MIB), 0x5a);
    assert_eq!(byte_at(&reader, 30 * MIB), 0);
}

#[test]
fn the_identity_of_an_export_shows_a_change() {
    let bench = Bench::new();
    content(&bench);
    let uri_of = |server: &Server| PathBuf::from(server.uri("x"));
    let chain = bench.resolve("disk.raw").unwrap();
    let server = Server::start(vec![("x".to_owned(), std::sync::Arc::from(open(&chain).unwrap()))]).unwrap();
    let before = SourceIdentity::of([uri_of(&server)]).unwrap();
    assert_eq!((before.files[0].size, before.files[0].mtime), (40 * MIB, 0));
    assert_eq!(before.differs(&SourceIdentity::of(before.paths()).unwrap()), None);
    bench.fill("raw", "disk.raw", 0x66, 0, 512);
    let what = before.differs(&SourceIdentity::of(before.paths()).unwrap()).unwrap();
    assert_eq!(what, format!("{} has another content", uri_of(&server).display()));
    let gone = uri_of(&server);
    drop(server);
    assert!(SourceIdentity::of([&gone]).unwrap_err().to_string().contains(gone.to_str().unwrap()));
}

#[test]
fn an_odd_export_is_refused_and_an_unreadable_place_is_named() {
    let odd = Server::start(vec![("x".to_owned(), std::sync::Arc::new(Patchwork::odd()))]).unwrap();
    let error = resolve_uri(&odd.uri("x")).unwrap_err();
    assert!(error.chain().contains("no whole number of 512-byte sectors"), "{}", error.chain());
    let bad = Patchwork { size: 12 * MIB, bad: Some(9 * MIB), ..Patchwork::odd() };
    let bad = Server::start(vec![("x".to_owned(), std::sync::Arc::new(bad))]).unwrap();
    let reader = open(&resolve_uri(&bad.uri("x")).unwrap()).unwrap();
    let error = reader.read_at(&mut [0; 8192], 9 * MIB - 4096).unwrap_err();
    let said = error.to_string();
    assert!(said.contains("8192 bytes at 9433088 of nbd+unix://") && said.contains("is bad"), "{said}");
}

#[test]
fn a_server_that_takes_fewer_connections_than_it_promises_is_read_with_those() {
    let bench = Bench::new();
    let socket = bench.path("s");
    let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let (ended, end) = std::sync::mpsc::channel();
    let served = std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        drop(listener);
        let exports: Vec<(String, std::sync::Arc<dyn DiskReader>)> =
            vec![(String::new(), std::sync::Arc::new(Patchwork::odd()))];
        ended.send(super::super::nbd::serve_stream(&stream, &stream, exports)).unwrap();
    });
    let uri = h2k_transports::NbdUri::parse(&format!("nbd+unix:///?socket={}", socket.display())).unwrap();
    let reader = NbdReader::open(&uri).unwrap();
    std::thread::scope(|scope| {
        for n in 0..6 {
            let reader = &reader;
            scope.spawn(move || {
                for round in 0..20 {
                    let start = (n * 20 + round) * 7001;
                    let mut found = vec![0; 5000];
                    DiskReader::read_at(reader, &mut found, start).unwrap();
                    assert!(found == Patchwork::odd().bytes(start..start + 5000));
                }
            });
        }
    });
    drop(reader);
    end.recv().unwrap().unwrap();
    served.join().unwrap();
}
