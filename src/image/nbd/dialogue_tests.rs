//! The server by the bytes that it says to those of a client.

use std::io::{self, Cursor};
use std::sync::Arc;

use proptest::prelude::*;

use super::handshake::take;
use super::patchwork::Patchwork;
use super::proto::*;
use super::serve_requests::MAX_LENGTH;
use super::serve_stream;
use crate::image::DiskReader;

fn option(number: u32, data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u32).to_be_bytes();
    [&IHAVEOPT.to_be_bytes()[..], &number.to_be_bytes(), &length, data].concat()
}

fn text(text: &str) -> Vec<u8> {
    [&(text.len() as u32).to_be_bytes()[..], text.as_bytes()].concat()
}

fn go(name: &str) -> Vec<u8> {
    option(OPT_GO, &[&text(name)[..], &[0, 0]].concat())
}

fn set_context(name: &str, query: &str) -> Vec<u8> {
    option(OPT_SET_META_CONTEXT, &[&text(name)[..], &1u32.to_be_bytes(), &text(query)].concat())
}

fn request(flags: u16, command: u16, offset: u64, length: u32) -> Vec<u8> {
    let (cookie, length) = ([7; 8], length.to_be_bytes());
    let head =
        [REQUEST.to_be_bytes(), [(flags >> 8) as u8, flags as u8, (command >> 8) as u8, command as u8]]
            .concat();
    [&head[..], &cookie, &offset.to_be_bytes(), &length].concat()
}

/// What the server says to a client that says all of `parts` after its flags.
fn dialogue(disk: Patchwork, parts: &[Vec<u8>]) -> (io::Result<()>, Vec<u8>) {
    let input = [&3u32.to_be_bytes()[..], &parts.concat()].concat();
    let mut output = Vec::new();
    let exports: Vec<(String, Arc<dyn DiskReader>)> = vec![("x".to_owned(), Arc::new(disk))];
    let ended = serve_stream(Cursor::new(input), &mut output, exports);
    (ended, output)
}

/// The replies to options: option, type, payload.
fn option_replies(output: &[u8]) -> Vec<(u32, u32, Vec<u8>)> {
    let mut rest = &output[18..];
    let mut replies = Vec::new();
    while rest.starts_with(&OPTION_REPLY.to_be_bytes()) {
        let _magic: [u8; 8] = take(&mut rest).unwrap();
        let option = u32::from_be_bytes(take(&mut rest).unwrap());
        let kind = u32::from_be_bytes(take(&mut rest).unwrap());
        let length = u32::from_be_bytes(take(&mut rest).unwrap()) as usize;
        replies.push((option, kind, rest[..length].to_vec()));
        rest = &rest[length..];
    }
    replies
}

/// What follows the negotiation.
fn transmission(output: &[u8]) -> &[u8] {
    let replies: usize = option_replies(output).iter().map(|reply| 20 + reply.2.len()).sum();
    &output[18 + replies..]
}

#[test]
fn options_are_answered() {
    let list_contexts = option(OPT_LIST_META_CONTEXT, &[&text("x")[..], &0u32.to_be_bytes()].concat());
    let parts = [
        option(99, b"what"),
        option(OPT_LIST, b""),
        option(OPT_LIST, b"x"),
        set_context("x", BASE_ALLOCATION),
        option(OPT_STRUCTURED_REPLY, b""),
        list_contexts,
        set_context("y", BASE_ALLOCATION),
        set_context("x", "qemu:dirty-bitmap:b"),
        set_context("x", BASE_ALLOCATION),
        option(OPT_SET_META_CONTEXT, &[0xff; 12]),
        option(OPT_INFO, &[&text("x")[..], &[0, 1], &INFO_NAME.to_be_bytes()].concat()),
        option(OPT_GO, b"\0\0\0\x01x\0\x02\0\0"),
        go("nothing"),
        option(OPT_ABORT, b""),
    ];
    let (ended, output) = dialogue(Patchwork::odd(), &parts);
    ended.unwrap();
    let replies = option_replies(&output);
    let kinds: Vec<(u32, u32)> = replies.iter().map(|(option, kind, _)| (*option, *kind)).collect();
    assert_eq!(
        kinds,
        [
            (99, REP_ERR_UNSUP),
            (OPT_LIST, REP_SERVER),
            (OPT_LIST, REP_ACK),
            (OPT_LIST, REP_ERR_INVALID),
            (OPT_SET_META_CONTEXT, REP_ERR_INVALID),
            (OPT_STRUCTURED_REPLY, REP_ACK),
            (OPT_LIST_META_CONTEXT, REP_META_CONTEXT),
            (OPT_LIST_META_CONTEXT, REP_ACK),
            (OPT_SET_META_CONTEXT, REP_ERR_UNKNOWN),
            (OPT_SET_META_CONTEXT, REP_ACK),
            (OPT_SET_META_CONTEXT, REP_META_CONTEXT),
            (OPT_SET_META_CONTEXT, REP_ACK),
            (OPT_SET_META_CONTEXT, REP_ERR_INVALID),
            (OPT_INFO, REP_INFO),
            (OPT_INFO, REP_INFO),
            (OPT_INFO, REP_INFO),
            (OPT_INFO, REP_ACK),
            (OPT_GO, REP_ERR_INVALID),
            (OPT_GO, REP_ERR_UNKNOWN),
            (OPT_ABORT, REP_ACK),
        ]
    );
    assert_eq!(replies[1].2, text("x"));
    assert_eq!(replies[10].2, b"\0\0\0\x01base:allocation");
}

#[test]
fn what_would_write_is_refused_and_the_session_goes_on() {
    let write = [request(0, CMD_WRITE, 0, 5), b"bytes".to_vec()].concat();
    let parts = [
        go("x"),
        write,
        request(0, CMD_TRIM, 0, 5),
        request(0, CMD_WRITE_ZEROES, 0, 5),
        request(0, CMD_FLUSH, 0, 0),
        request(0, 99, 0, 5),
        request(0, CMD_READ, u64::MAX, 5),
        request(0, CMD_READ, 0, MAX_LENGTH + 1),
        request(FLAG_DF, CMD_READ, 0, 0),
        request(1 << 9, CMD_READ, 0, 1),
        request(0, CMD_BLOCK_STATUS, 0, 1),
        request(0, CMD_READ, 1, 2),
        request(0, CMD_DISC, 0, 0),
    ];
    let (ended, output) = dialogue(Patchwork::odd(), &parts);
    ended.unwrap();
    let mut rest = transmission(&output);
    for error in [EPERM, EPERM, EPERM, 0, EINVAL, EINVAL, EINVAL, 0, EINVAL, EINVAL, 0] {
        assert_eq!(rest[..16], [&SIMPLE_REPLY.to_be_bytes()[..], &error.to_be_bytes(), &[7; 8]].concat());
        rest = &rest[16..];
    }
    assert_eq!(rest, Patchwork::odd().bytes(1..3));
}

#[test]
fn df_is_one_chunk_and_req_one_is_one_extent() {
    let parts = [
        option(OPT_STRUCTURED_REPLY, b""),
        set_context("x", BASE_ALLOCATION),
        go("x"),
        request(FLAG_DF, CMD_READ, 0, 12 << 20),
        request(FLAG_DF, CMD_READ, 0, 8 << 20),
        request(FLAG_REQ_ONE, CMD_BLOCK_STATUS, (1 << 20) + 1, 10 << 20),
    ];
    let disk = Patchwork::odd();
    let want = disk.bytes(0..8 << 20);
    let (ended, output) = dialogue(disk, &parts);
    ended.unwrap();
    let mut rest = transmission(&output);
    let mut chunk = || {
        let head: [u8; 20] = take(&mut rest).unwrap();
        let length = u32::from_be_bytes(head[16..].try_into().unwrap()) as usize;
        let payload = rest[..length].to_vec();
        rest = &rest[length..];
        assert_eq!(head[..6], [&STRUCTURED_REPLY.to_be_bytes()[..], &CHUNK_DONE.to_be_bytes()].concat());
        (u16::from_be_bytes(head[6..8].try_into().unwrap()), payload)
    };
    // The first ends beyond the disk.
    assert_eq!(chunk().0, CHUNK_ERROR);
    let (kind, payload) = chunk();
    assert!(kind == CHUNK_DATA && payload[..8] == [0; 8] && payload[8..] == want);
    let (kind, payload) = chunk();
    let length = (4u32 << 20) + 512 - 1;
    assert_eq!(kind, CHUNK_STATUS);
    assert_eq!(payload, [&1u32.to_be_bytes()[..], &length.to_be_bytes(), &3u32.to_be_bytes()].concat());
}

#[test]
fn clients_that_break_the_protocol_are_left() {
    for (what, parts) in [
        ("no option", vec![vec![0; 16]]),
        ("a long option", vec![[&option(OPT_GO, b"")[..12], &[0xff; 4]].concat()]),
        ("no request", vec![go("x"), vec![1; 28]]),
        ("a long write", vec![go("x"), request(0, CMD_WRITE, 0, u32::MAX)]),
        ("endless options", vec![option(99, b"").repeat(2000)]),
    ] {
        let (ended, _) = dialogue(Patchwork::odd(), &parts);
        assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::InvalidData, "{what}");
    }
    let (ended, output) = dialogue(Patchwork::odd(), &[option(OPT_EXPORT_NAME, b"nothing")]);
    ended.unwrap();
    assert_eq!(output.len(), 18);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_client_is_served_or_left(
        tail in prop::collection::vec(any::<u8>(), 0..400),
        patches in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
    ) {
        let mut input = [
            &3u32.to_be_bytes()[..],
            &option(OPT_STRUCTURED_REPLY, b""),
            &set_context("x", BASE_ALLOCATION),
            &go("x"),
            &request(0, CMD_READ, 100, 70_000),
            &request(0, CMD_BLOCK_STATUS, 100, 1 << 20),
            &tail,
        ]
        .concat();
        for (index, byte) in patches {
            let at = index.index(input.len());
            input[at] = byte;
        }
        let disk = Patchwork { size: 1 << 18, ..Patchwork::odd() };
        let _ = serve_stream(Cursor::new(input), io::sink(), vec![("x".to_owned(), Arc::new(disk))]);
    }
}
