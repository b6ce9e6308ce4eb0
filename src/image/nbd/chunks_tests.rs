use std::io::Cursor;

use proptest::prelude::*;

use super::*;

const ASKED: Asked = Asked { cookie: 5, offset: 1000, structured: true };

fn chunk(done: bool, kind: u16, payload: &[&[u8]]) -> Vec<u8> {
    let payload = payload.concat();
    let head =
        [&STRUCTURED_REPLY.to_be_bytes()[..], &u16::from(done).to_be_bytes(), &kind.to_be_bytes()].concat();
    [&head[..], &5u64.to_be_bytes(), &(payload.len() as u32).to_be_bytes(), &payload].concat()
}

fn data(done: bool, at: u64, bytes: &[u8]) -> Vec<u8> {
    chunk(done, CHUNK_DATA, &[&at.to_be_bytes(), bytes])
}

fn hole(done: bool, at: u64, length: u32) -> Vec<u8> {
    chunk(done, CHUNK_HOLE, &[&at.to_be_bytes(), &length.to_be_bytes()])
}

fn read(chunks: &[Vec<u8>]) -> (Outcome<()>, [u8; 10]) {
    let mut buf = [0xee; 10];
    let outcome = read_reply(&mut Cursor::new(chunks.concat()), &ASKED, &mut buf);
    (outcome, buf)
}

#[test]
fn chunks_of_any_order_fill_the_buffer() {
    let (outcome, buf) = read(&[
        data(false, 1007, b"xyz"),
        hole(false, 1002, 5),
        data(false, 1000, b"ab"),
        chunk(true, CHUNK_NONE, &[]),
    ]);
    outcome.unwrap().unwrap();
    assert_eq!(&buf, b"ab\0\0\0\0\0xyz");
    let (outcome, _) = read(&[hole(true, 1000, 10)]);
    outcome.unwrap().unwrap();
}

#[test]
fn an_error_among_chunks_is_the_servers() {
    let error = |kind, rest: &[u8]| {
        chunk(false, kind, &[&EIO.to_be_bytes(), &9u16.to_be_bytes(), b"disk\ngone", rest])
    };
    for kind in [CHUNK_ERROR, CHUNK_ERROR + 1, CHUNK_ERROR + 700] {
        let (outcome, _) = read(&[error(kind, &[0; 8]), data(true, 1000, b"0123456789")]);
        let text = outcome.unwrap().unwrap_err().to_string();
        assert!(text.ends_with("the NBD server says: diskgone"), "{text}");
    }
    let simple = [&SIMPLE_REPLY.to_be_bytes()[..], &EPERM.to_be_bytes(), &5u64.to_be_bytes()].concat();
    assert_eq!(read(&[simple]).0.unwrap().unwrap_err().raw_os_error(), Some(1));
}

#[test]
fn bytes_that_do_not_come_or_come_twice_are_never_passed_on() {
    let simple = [&SIMPLE_REPLY.to_be_bytes()[..], &[0; 4], &5u64.to_be_bytes(), &[1; 10]].concat();
    let mut other = data(true, 1000, b"0123456789");
    other[15] = 6;
    for (what, chunks) in [
        ("a gap", vec![data(false, 1000, b"ab"), hole(true, 1003, 7)]),
        ("nothing", vec![chunk(true, CHUNK_NONE, &[])]),
        ("twice", vec![hole(false, 1000, 5), hole(false, 1004, 6), chunk(true, CHUNK_NONE, &[])]),
        ("the same", vec![hole(false, 1000, 10), hole(true, 1000, 10)]),
        ("around", vec![hole(false, 1004, 2), hole(true, 1000, 10)]),
        ("before", vec![hole(true, 999, 11)]),
        ("beyond", vec![hole(true, 1000, 11)]),
        ("far beyond", vec![hole(true, u64::MAX, u32::MAX)]),
        ("an empty hole", vec![hole(false, 1000, 0), hole(true, 1000, 10)]),
        ("no data", vec![chunk(true, CHUNK_DATA, &[&[0; 8]])]),
        ("a short hole", vec![chunk(true, CHUNK_HOLE, &[&[0; 11]])]),
        ("an unknown chunk", vec![chunk(true, 77, &[])]),
        ("an endless reply", vec![chunk(false, CHUNK_NONE, &[])]),
        ("a status", vec![chunk(true, CHUNK_STATUS, &[&[0; 12]])]),
        ("a simple reply", vec![simple]),
        ("another's reply", vec![other]),
        ("a short error", vec![chunk(true, CHUNK_ERROR, &[&[0; 5]])]),
        ("a cut error", vec![chunk(true, CHUNK_ERROR, &[&EIO.to_be_bytes(), &[0, 9], b"x"])]),
    ] {
        assert_eq!(read(&chunks).0.unwrap_err().kind(), io::ErrorKind::InvalidData, "{what}");
    }
    let long = [&chunk(true, CHUNK_ERROR, &[])[..16], &[0xff; 4]].concat();
    assert_eq!(read(&[long]).0.unwrap_err().kind(), io::ErrorKind::InvalidData);
    assert_eq!(read(&[data(false, 1000, b"ab")]).0.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
}

#[test]
fn a_block_status_is_of_the_context_and_has_extents() {
    let status = |context: u32, numbers: &[u32]| {
        let numbers: Vec<u8> = numbers.iter().flat_map(|n| n.to_be_bytes()).collect();
        chunk(true, CHUNK_STATUS, &[&context.to_be_bytes(), &numbers])
    };
    let take = |bytes: Vec<u8>| status_reply(&mut Cursor::new(bytes), &ASKED, 3);
    assert_eq!(take(status(3, &[4096, 0, 8192, 3])).unwrap().unwrap(), [(4096, 0), (8192, 3)]);
    let twice = [chunk(false, CHUNK_STATUS, &[&3u32.to_be_bytes(), &[1; 8]]), status(3, &[1, 0])].concat();
    let long = [&chunk(true, CHUNK_STATUS, &[])[..16], &[0x7f; 4]].concat();
    for bytes in [
        status(4, &[4096, 0]),
        status(3, &[]),
        status(3, &[0, 0]),
        chunk(true, CHUNK_NONE, &[]),
        data(true, 1000, b"x"),
        twice,
        long,
    ] {
        assert_eq!(take(bytes).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
    assert!(take(status(3, &[1, 0, 1])).is_err());
}

proptest! {
    #[test]
    fn any_reply_is_taken_or_refused(
        chunks in prop::collection::vec((any::<bool>(), 0u16..7, prop::collection::vec(any::<u8>(), 0..20)), 0..6),
        tail in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let mut bytes: Vec<u8> =
            chunks.iter().flat_map(|(done, kind, payload)| chunk(*done, *kind, &[payload])).collect();
        bytes.extend(tail);
        let mut buf = [0; 10];
        let _ = read_reply(&mut Cursor::new(&bytes), &ASKED, &mut buf);
        let _ = status_reply(&mut Cursor::new(&bytes), &ASKED, 0);
    }
}
