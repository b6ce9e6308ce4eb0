use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use proptest::prelude::*;

use super::super::patchwork::Patchwork;
use super::super::serve_stream;
use crate::image::DiskReader;

use super::super::handshake::take;
use super::*;

/// What a server of the tests says during the handshake.
#[derive(Clone, Copy)]
struct Server {
    flags: u16,
    knows_go: bool,
    blocks: Option<(u32, u32)>,
}

const MODERN: Server = Server { flags: 3, knows_go: true, blocks: Some((1024, 1 << 20)) };

/// Byte `n` of the export.
fn content(n: u64) -> u8 {
    (n % 251) as u8
}

fn option_reply(s: &mut UnixStream, option: u32, kind: u32, payload: &[u8]) {
    s.write_all(&OPTION_REPLY.to_be_bytes()).unwrap();
    for n in [option, kind, payload.len() as u32] {
        s.write_all(&n.to_be_bytes()).unwrap();
    }
    s.write_all(payload).unwrap();
}

fn handshake(s: &mut UnixStream, server: Server, size: u64) {
    s.write_all(&NBDMAGIC.to_be_bytes()).unwrap();
    s.write_all(&IHAVEOPT.to_be_bytes()).unwrap();
    s.write_all(&server.flags.to_be_bytes()).unwrap();
    let client = u32::from_be_bytes(take(s).unwrap());
    assert_eq!(client, u32::from(server.flags));
    loop {
        assert_eq!(u64::from_be_bytes(take(s).unwrap()), IHAVEOPT);
        let option = u32::from_be_bytes(take(s).unwrap());
        let length = u32::from_be_bytes(take(s).unwrap());
        s.read_exact(&mut vec![0; length as usize]).unwrap();
        if option == OPT_EXPORT_NAME {
            s.write_all(&size.to_be_bytes()).unwrap();
            s.write_all(&[0, 1]).unwrap();
            if server.flags & NO_ZEROES == 0 {
                s.write_all(&[0; 124]).unwrap();
            }
            return;
        }
        if option == OPT_STRUCTURED_REPLY || !server.knows_go {
            option_reply(s, option, REP_ERR_UNSUP, b"");
            continue;
        }
        option_reply(s, option, REP_INFO, &[&[0, 0][..], &size.to_be_bytes(), &[0, 1]].concat());
        if let Some((min, max)) = server.blocks {
            let info = [&[0, 3][..], &min.to_be_bytes(), &4096u32.to_be_bytes(), &max.to_be_bytes()].concat();
            option_reply(s, option, REP_INFO, &info);
        }
        option_reply(s, option, REP_INFO, b"\0\x02a description");
        option_reply(s, option, REP_ACK, b"");
        return;
    }
}

/// Serves until the client says goodbye; returns the reads it was asked for.
fn serve(mut s: UnixStream, server: Server, size: u64) -> Vec<(u64, u32)> {
    handshake(&mut s, server, size);
    let mut reads = Vec::new();
    loop {
        assert_eq!(u32::from_be_bytes(take(&mut s).unwrap()), REQUEST);
        let _flags: [u8; 2] = take(&mut s).unwrap();
        let command = u16::from_be_bytes(take(&mut s).unwrap());
        let cookie: [u8; 8] = take(&mut s).unwrap();
        let offset = u64::from_be_bytes(take(&mut s).unwrap());
        let length = u32::from_be_bytes(take(&mut s).unwrap());
        if command == CMD_DISC {
            return reads;
        }
        reads.push((offset, length));
        s.write_all(&SIMPLE_REPLY.to_be_bytes()).unwrap();
        // The last block of the export is bad.
        let bad = offset + u64::from(length) == size && length == 1024;
        s.write_all(&if bad { 5u32 } else { 0 }.to_be_bytes()).unwrap();
        s.write_all(&cookie).unwrap();
        if !bad {
            let data: Vec<u8> = (offset..offset + u64::from(length)).map(content).collect();
            s.write_all(&data).unwrap();
        }
    }
}

fn session(server: Server, size: u64) -> (Client<UnixStream>, JoinHandle<Vec<(u64, u32)>>) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let served = thread::spawn(move || serve(theirs, server, size));
    (Client::connect(ours, "").unwrap(), served)
}

#[test]
fn reads_are_aligned_to_the_servers_blocks() {
    let (mut client, served) = session(MODERN, 4 << 20);
    assert_eq!(client.size(), 4 << 20);
    let mut buf = vec![0; (1 << 20) + 1500];
    client.read_at(&mut buf, 1000).unwrap();
    assert!((1000..).zip(&buf).all(|(n, byte)| *byte == content(n)));
    client.read_at(&mut [], 4 << 20).unwrap();
    drop(client);
    assert_eq!(served.join().unwrap(), [(0, 1 << 20), (1 << 20, 3072)]);
}

#[test]
fn servers_without_go_are_spoken_to_in_the_old_way() {
    for flags in [1, 3] {
        let (mut client, served) = session(Server { flags, knows_go: false, blocks: None }, 1000);
        let mut buf = [0; 10];
        client.read_at(&mut buf, 990).unwrap();
        assert_eq!(buf[0], content(990));
        assert_eq!(client.read_at(&mut buf, 991).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        drop(client);
        // The export ends within a block.
        assert_eq!(served.join().unwrap(), [(512, 488)]);
    }
}

#[test]
fn an_error_of_the_server_does_not_end_the_session() {
    let (mut client, served) = session(MODERN, 8192);
    let mut buf = [0; 4];
    assert_eq!(client.read_at(&mut buf, 8190 - 4).unwrap_err().raw_os_error(), Some(5));
    client.read_at(&mut buf, 0).unwrap();
    drop(client);
    served.join().unwrap();
}

/// A client that hears `bytes`; what it says goes nowhere.
fn hearing(bytes: &[u8]) -> io::Result<Client<Canned>> {
    Client::connect(Canned(io::Cursor::new(bytes.to_vec())), "")
}

#[derive(Debug)]
struct Canned(io::Cursor<Vec<u8>>);

impl Read for Canned {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read(buf)
    }
}

impl Write for Canned {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        Ok(buf.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The start of a server that knows no structured replies.
fn greeting() -> Vec<u8> {
    let mut refusal = reply(REP_ERR_UNSUP, 0, b"");
    refusal[8..12].copy_from_slice(&OPT_STRUCTURED_REPLY.to_be_bytes());
    [&NBDMAGIC.to_be_bytes()[..], &IHAVEOPT.to_be_bytes(), &[0, 3], &refusal].concat()
}

fn reply(kind: u32, length: u32, payload: &[u8]) -> Vec<u8> {
    [
        &OPTION_REPLY.to_be_bytes()[..],
        &OPT_GO.to_be_bytes(),
        &kind.to_be_bytes(),
        &length.to_be_bytes(),
        payload,
    ]
    .concat()
}

#[test]
fn a_server_that_breaks_the_protocol_is_left() {
    let size = reply(REP_INFO, 12, &[0, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0, 1]);
    let cases: [(&str, Vec<u8>, io::ErrorKind); 10] = [
        ("oldstyle", [&NBDMAGIC.to_be_bytes()[..], &[0; 200]].concat(), io::ErrorKind::InvalidData),
        ("not fixed", [&greeting()[..16], &[0, 0]].concat(), io::ErrorKind::InvalidData),
        ("silent", greeting(), io::ErrorKind::UnexpectedEof),
        ("long reply", [greeting(), reply(REP_INFO, u32::MAX, b"")].concat(), io::ErrorKind::InvalidData),
        ("no size", [greeting(), reply(REP_ACK, 0, b"")].concat(), io::ErrorKind::InvalidData),
        ("short info", [greeting(), reply(REP_INFO, 3, &[0, 0, 1])].concat(), io::ErrorKind::UnexpectedEof),
        (
            "odd blocks",
            [greeting(), reply(REP_INFO, 14, &[0, 3, 0, 0, 0, 3, 0, 0, 0, 0, 1, 0, 0, 0])].concat(),
            io::ErrorKind::InvalidData,
        ),
        ("endless", [greeting(), size.repeat(100)].concat(), io::ErrorKind::InvalidData),
        ("TLS", [greeting(), reply(REP_ERR_TLS_REQD, 0, b"")].concat(), io::ErrorKind::ConnectionRefused),
        (
            "refusal",
            [greeting(), reply(REP_FLAG_ERROR + 6, 4, b"gone")].concat(),
            io::ErrorKind::ConnectionRefused,
        ),
    ];
    for (what, bytes, kind) in cases {
        assert_eq!(hearing(&bytes).unwrap_err().kind(), kind, "{what}");
    }
}

#[test]
fn a_connection_that_broke_stays_broken() {
    let size = reply(REP_INFO, 12, &[0, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0, 1]);
    let wrong_cookie = [&SIMPLE_REPLY.to_be_bytes()[..], &[0; 4], &[9; 8], &[0; 4096]].concat();
    let mut client = hearing(&[greeting(), size, reply(REP_ACK, 0, b""), wrong_cookie].concat()).unwrap();
    let mut buf = [0; 512];
    assert_eq!(client.read_at(&mut buf, 0).unwrap_err().kind(), io::ErrorKind::InvalidData);
    assert_eq!(client.read_at(&mut buf, 0).unwrap_err().kind(), io::ErrorKind::NotConnected);
}

/// A stream that writes down what it hears.
struct Heard(UnixStream, Arc<Mutex<Vec<u8>>>);

impl Read for Heard {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let count = self.0.read(buf)?;
        self.1.lock().unwrap().extend_from_slice(&buf[..count]);
        Ok(count)
    }
}

impl Write for Heard {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.write(buf)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// A whole session: what is asked for does not depend on what is heard, but for the size.
fn session_of<S: Read + Write>(stream: S) -> io::Result<(Vec<u8>, Vec<Extent>)> {
    let mut client = Client::connect(stream, "x")?;
    let end = client.size().min(200_000);
    let extents = client.extents(0..end)?;
    let mut bytes = vec![0; end as usize];
    client.read_at(&mut bytes, 0)?;
    Ok((bytes, extents))
}

fn small() -> Patchwork {
    use ExtentKind::{Data, Zero};
    Patchwork {
        size: 200_000,
        stretches: vec![(1000, Data), (150_000, Zero), (200_000, Data)],
        ..Patchwork::default()
    }
}

/// What our server says in that session.
fn recorded() -> Vec<u8> {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let exports: Vec<(String, Arc<dyn DiskReader>)> = vec![("x".to_owned(), Arc::new(small()))];
    let served = thread::spawn(move || serve_stream(&theirs, &theirs, exports));
    let heard = Arc::new(Mutex::new(Vec::new()));
    let (bytes, extents) = session_of(Heard(ours, heard.clone())).unwrap();
    assert_eq!(bytes, small().bytes(0..200_000));
    assert_eq!(extents.len(), 3);
    served.join().unwrap().unwrap();
    let heard = heard.lock().unwrap();
    heard.clone()
}

#[test]
fn a_session_is_the_same_when_it_is_heard_again() {
    let (bytes, _) = session_of(Canned(io::Cursor::new(recorded()))).unwrap();
    assert_eq!(bytes, small().bytes(0..200_000));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn any_patched_session_is_read_or_refused(
        patches in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        static SESSION: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
        let mut heard = SESSION.get_or_init(recorded).clone();
        // The headers: what the disk's own bytes are is nobody's business here.
        let headers = heard.len().min(400);
        for (index, byte) in patches {
            heard[index.index(headers)] = byte;
        }
        if let Some(cut) = cut {
            heard.truncate(cut.index(heard.len()));
        }
        if let Ok((bytes, extents)) = session_of(Canned(io::Cursor::new(heard))) {
            let covered: u64 = extents.iter().map(|e| e.len).sum();
            prop_assert_eq!(covered, bytes.len() as u64);
        }
    }
}
