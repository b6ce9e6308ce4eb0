//! `h2k convert` of a disk that an NBD server exports.

use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use crate::common::Place;
use crate::common::disk::{
    MIB, assert_clean, assert_content, assert_same, image, noise, sample, text, unfinished,
};

/// A server, until it is dropped.
struct Server(Child);

impl Server {
    /// Exports an image; `ready` tells that it takes connections.
    fn start(image: &Path, format: &str, args: &[&str], ready: impl Fn() -> bool) -> Self {
        let mut command = Command::new("qemu-nbd");
        command.args(["-r", "-t", "-e", "8", "-f", format]).args(args).arg(image);
        let server = Self(command.stdin(Stdio::null()).spawn().unwrap());
        for _ in 0..200 {
            if ready() {
                return server;
            }
            sleep(Duration::from_millis(50));
        }
        panic!("qemu-nbd takes no connections");
    }

    fn unix(place: &Place, image: &Path, format: &str) -> (Self, String) {
        let socket = place.path("nbd.sock");
        let server =
            Self::start(image, format, &["-k", text(&socket)], || UnixStream::connect(&socket).is_ok());
        (server, format!("nbd+unix:///?socket={}", text(&socket)))
    }

    fn tcp(image: &Path, format: &str, export: &str) -> (Self, String) {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let args = ["-b", "127.0.0.1", "-p", &port.to_string(), "-x", export];
        let server = Self::start(image, format, &args, || TcpStream::connect(("127.0.0.1", port)).is_ok());
        (server, format!("nbd://127.0.0.1:{port}/{export}"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_disk_over_a_unix_socket_and_over_tcp() {
    let place = Place::new();
    let raw = sample(&place, "content.img", 65 * MIB + 512);
    let qcow2 = place.path("in.qcow2");
    image(&raw, "qcow2", &[], &qcow2);
    for (source, format) in [(&raw, "raw"), (&qcow2, "qcow2")] {
        let servers = [Server::unix(&place, source, format), Server::tcp(source, format, "disk-0")];
        for (_, uri) in &servers {
            for (name, options) in [("out.qcow2", &[][..]), ("out.raw", &["--verify"])] {
                let out = place.path(name);
                let done = place.converted(Path::new(uri), &out, options);
                assert_eq!(done["chain"][0]["path"], **uri, "{done:#}");
                let to = out.extension().unwrap().to_str().unwrap();
                assert_content(source, format, &out, to);
                if to == "qcow2" {
                    assert_clean(&out);
                }
                std::fs::remove_file(&out).unwrap();
            }
        }
    }
}

#[test]
fn holes_of_an_export_are_not_read() {
    let place = Place::new();
    let raw = noise(&place, "in.raw", MIB);
    std::fs::File::options().write(true).open(&raw).unwrap().set_len(1 << 40).unwrap();
    let (_server, uri) = Server::unix(&place, &raw, "raw");
    let out = place.path("out.qcow2");
    let done = place.converted(Path::new(&uri), &out, &[]);
    assert_eq!(done["copied"]["read"], MIB, "{done:#}");
    assert_same(&raw, "raw", &out, "qcow2");
}

#[test]
fn a_server_that_dies_in_the_middle_is_named_with_the_offset_and_the_copy_goes_on_when_it_is_back() {
    let place = Place::new();
    let raw = noise(&place, "in.raw", 160 * MIB);
    let (server, uri) = Server::unix(&place, &raw, "raw");
    let out = place.path("out.qcow2");
    let mut command = place.command();
    command.args(["convert", &uri, text(&out), "-q", "--limit-rate", "80M"]);
    let child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    sleep(Duration::from_millis(1400));
    drop(server);
    let ended = child.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(1), "{told}");
    for part in ["reading the disk at byte", &uri, "the same command goes on"] {
        assert!(told.contains(part), "'{part}' is not said:\n{told}");
    }
    assert!(!out.exists() && unfinished(&out));
    // A server that does not answer is no reason to give up what is there.
    std::fs::remove_file(place.path("nbd.sock")).ok();
    place.refused(Path::new(&uri), &out, &[], 1, &["nbd.sock"]);
    let (_server, again) = Server::unix(&place, &raw, "raw");
    assert_eq!(again, uri);
    let done = place.converted(Path::new(&uri), &out, &[]);
    assert!(done["copied"]["taken_over"].as_u64().unwrap() > 0, "{done:#}");
    assert_same(&raw, "raw", &out, "qcow2");
}

#[test]
fn what_is_no_export_is_refused() {
    let place = Place::new();
    let raw = sample(&place, "in.raw", MIB);
    let out = place.path("out.qcow2");
    let gone = format!("nbd+unix:///?socket={}", text(&place.path("none.sock")));
    place.refused(Path::new(&gone), &out, &[], 1, &["none.sock"]);
    let (_server, uri) = Server::tcp(&raw, "raw", "disk");
    let other = uri.replace("/disk", "/other");
    place.refused(Path::new(&other), &out, &[], 1, &["other"]);
    place.refused(Path::new("nbd:///no-host"), &out, &[], 2, &["NBD URI is not understood", "nbd://HOST"]);
}
