//! Replies as they go over the wire (proto.md, "Simple reply message", "Structured reply chunk message"): each
//! message whole, whichever worker sends it.

use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use super::proto::*;

/// Payloads of at most so many bytes are copied behind their header: one system call instead of two.
const SMALL: usize = 16 << 10;

/// Longest error text that is sent, in bytes ("SHOULD NOT exceed 4096").
const MAX_TEXT: usize = 4096;

/// The way to one client, shared by its workers.
pub(super) struct Wire<W> {
    writer: Mutex<W>,
    /// Whether the client takes structured replies.
    pub structured: bool,
}

/// A chunk of the reply to the request `cookie`, its payload in two parts.
pub(super) struct Chunk<'a> {
    pub cookie: u64,
    /// The last one of its reply.
    pub done: bool,
    pub kind: u16,
    pub payload: [&'a [u8]; 2],
}

impl<W: Write> Wire<W> {
    pub(super) fn new(writer: W, structured: bool) -> Self {
        Self { writer: Mutex::new(writer), structured }
    }

    /// An error, and why if the client takes words.
    pub(super) fn refuse(&self, cookie: u64, value: u32, why: &str) -> io::Result<()> {
        if !self.structured {
            return self.simple(cookie, value, &[]);
        }
        let why = why.as_bytes().get(..MAX_TEXT).unwrap_or(why.as_bytes());
        let mut head = value.to_be_bytes().to_vec();
        head.extend_from_slice(&(why.len() as u16).to_be_bytes());
        self.chunk(&Chunk { cookie, done: true, kind: CHUNK_ERROR, payload: [&head, why] })
    }

    /// A reply without content, to a request of any command but read and block status.
    pub(super) fn done(&self, cookie: u64) -> io::Result<()> {
        self.simple(cookie, 0, &[])
    }

    /// Bytes of a read, or all of a read of nothing.
    pub(super) fn data(&self, cookie: u64, offset: u64, bytes: &[u8], done: bool) -> io::Result<()> {
        if !self.structured {
            return self.simple(cookie, 0, bytes);
        }
        let at = offset.to_be_bytes();
        // "MUST NOT send an NBD_REPLY_TYPE_OFFSET_DATA without data".
        let (kind, at) = if bytes.is_empty() { (CHUNK_NONE, &[][..]) } else { (CHUNK_DATA, &at[..]) };
        self.chunk(&Chunk { cookie, done, kind, payload: [at, bytes] })
    }

    /// A chunk. Only for clients that take structured replies.
    pub(super) fn chunk(&self, chunk: &Chunk<'_>) -> io::Result<()> {
        let [first, second] = chunk.payload;
        let mut message = Vec::with_capacity(20 + first.len());
        message.extend_from_slice(&STRUCTURED_REPLY.to_be_bytes());
        message.extend_from_slice(&(u16::from(chunk.done) * CHUNK_DONE).to_be_bytes());
        message.extend_from_slice(&chunk.kind.to_be_bytes());
        message.extend_from_slice(&chunk.cookie.to_be_bytes());
        // A chunk holds an offset and at most the bytes of one request, 32 MiB.
        message.extend_from_slice(&((first.len() + second.len()) as u32).to_be_bytes());
        message.extend_from_slice(first);
        self.send(message, second)
    }

    fn simple(&self, cookie: u64, error: u32, bytes: &[u8]) -> io::Result<()> {
        let mut message = Vec::with_capacity(16);
        message.extend_from_slice(&SIMPLE_REPLY.to_be_bytes());
        message.extend_from_slice(&error.to_be_bytes());
        message.extend_from_slice(&cookie.to_be_bytes());
        self.send(message, bytes)
    }

    fn send(&self, mut head: Vec<u8>, body: &[u8]) -> io::Result<()> {
        let (joined, rest) = if body.len() <= SMALL { (body, &[][..]) } else { (&[][..], body) };
        head.extend_from_slice(joined);
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        writer.write_all(&head)?;
        writer.write_all(rest)
    }
}
