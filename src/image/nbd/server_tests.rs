use std::os::unix::fs::MetadataExt;
use std::time::Instant;

use super::super::Client;
use super::super::patchwork::Patchwork;
use super::*;
use crate::image::ExtentKind;

fn serving(disk: Patchwork) -> (Server, Arc<Patchwork>) {
    let disk = Arc::new(disk);
    let exports: Vec<(String, Arc<dyn DiskReader>)> = vec![("a disk".to_owned(), disk.clone())];
    (Server::start(exports).unwrap(), disk)
}

fn client(server: &Server) -> Client<UnixStream> {
    Client::connect(UnixStream::connect(server.socket()).unwrap(), "a disk").unwrap()
}

#[test]
fn every_byte_arrives_whatever_the_offset_and_length() {
    let (server, disk) = serving(Patchwork::odd());
    let mut client = client(&server);
    let size = disk.size;
    assert_eq!(client.size(), size);
    for (start, end) in
        [(0, size), (size - 1, size), (1 << 20, (3 << 20) + 1), (6 << 20, (6 << 20) + 99), (5, 5)]
    {
        let mut found = vec![0xee; (end - start) as usize];
        client.read_at(&mut found, start).unwrap();
        assert!(found == disk.bytes(start..end), "{start}..{end}");
    }
    let data = |e: &crate::image::Extent| (e.start, e.len, e.kind == ExtentKind::Data);
    let told: Vec<_> = client.extents(0..size).unwrap().iter().map(data).collect();
    let mib = 1u64 << 20;
    assert_eq!(
        told,
        [
            (0, mib, true),
            (mib, 4 * mib + 512, false),
            (5 * mib + 512, mib - 512, true),
            (6 * mib, 4096, false),
            (6 * mib + 4096, 3 * mib - 4089, true),
            (9 * mib + 7, mib - 7, false),
            (10 * mib, 2 * mib - 1000, true),
        ]
    );
    let told = client.extents(mib + 1..mib + 2).unwrap();
    assert_eq!(told.iter().map(data).collect::<Vec<_>>(), [(mib + 1, 1, false)]);
}

#[test]
fn a_read_error_is_told_and_kept() {
    let (server, _) = serving(Patchwork { bad: Some(700_000), ..Patchwork::odd() });
    let mut client = client(&server);
    let mut buf = vec![0; 1 << 20];
    for _ in 0..20 {
        let error = client.read_at(&mut buf, 0).unwrap_err();
        assert!(error.to_string().contains("the byte 700000 is bad"), "{error}");
    }
    client.read_at(&mut buf[..4096], 0).unwrap();
    let errors = server.errors();
    assert_eq!(errors.len(), 16);
    assert_eq!(errors[0], "reading 1048576 bytes at 0 of \"a disk\", at byte 0: the byte 700000 is bad");
}

#[test]
fn the_socket_is_private_and_goes_with_the_server() {
    let (server, _) = serving(Patchwork::odd());
    let directory = server.socket().parent().unwrap().to_path_buf();
    assert_eq!(std::fs::metadata(&directory).unwrap().mode() & 0o777, 0o700);
    assert!(server.socket().as_os_str().len() < MAX_SOCKET_PATH);
    let uri = server.uri("a disk");
    assert_eq!(uri, format!("nbd+unix:///a%20disk?socket={}", server.socket().display()));
    let mut open = client(&server);
    let half = UnixStream::connect(server.socket()).unwrap();
    let started = Instant::now();
    drop(server);
    assert!(started.elapsed() < Duration::from_secs(5));
    assert!(!directory.exists());
    assert!(open.read_at(&mut [0; 10], 0).is_err());
    drop(half);
}

#[test]
fn connections_are_bounded_and_come_free_again() {
    let (server, _) = serving(Patchwork::odd());
    let mut clients: Vec<_> = (0..MAX_CONNECTIONS).map(|_| client(&server)).collect();
    let more = UnixStream::connect(server.socket()).unwrap();
    assert!(Client::connect(more, "a disk").is_err());
    clients.truncate(1);
    let started = Instant::now();
    while Client::connect(UnixStream::connect(server.socket()).unwrap(), "a disk").is_err() {
        assert!(started.elapsed() < Duration::from_secs(10));
        thread::sleep(Duration::from_millis(10));
    }
    clients[0].read_at(&mut [0; 10], 0).unwrap();
}

#[test]
fn names_must_differ() {
    let disk = || Arc::new(Patchwork::odd()) as Arc<dyn DiskReader>;
    let error = Server::start(vec![("a".to_owned(), disk()), ("a".to_owned(), disk())]).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
}
