//! The client's side of replies: simple ones, and structured ones in chunks of any order (proto.md, "Simple reply
//! message", "Structured reply chunk message").

use std::collections::BTreeMap;
use std::io::{self, Read};

use super::handshake::take;
use super::proto::*;

/// Most chunks of one reply: a read in single sectors has 8192.
const MAX_CHUNKS: u32 = 32 << 10;

/// Longest payload of an error chunk that is taken, in bytes: a text of 4096 and some numbers.
const MAX_ERROR_PAYLOAD: u32 = 16 << 10;

/// Longest payload of a block status that is taken, in bytes. QEMU's server stops at 1 MiB of extents.
const MAX_STATUS_PAYLOAD: u32 = 2 << 20;

/// What the server did: `Err` outside means that the connection is of no more use, `Err` inside that the server
/// refused or failed.
pub(super) type Outcome<T> = io::Result<io::Result<T>>;

/// Extents of a block status: lengths in bytes and states, in order.
pub(super) type Extents = Vec<(u32, u32)>;

/// The request that is answered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    pub cookie: u64,
    /// First byte of the range.
    pub offset: u64,
    /// Whether structured replies were negotiated.
    pub structured: bool,
}

/// Header of a reply or of a chunk of one.
enum Header {
    Simple { error: u32 },
    Chunk(Chunk),
}

#[derive(Clone, Copy)]
struct Chunk {
    kind: u16,
    done: bool,
    /// Of the payload, in bytes.
    length: u32,
}

fn header(stream: &mut impl Read, asked: &Asked) -> io::Result<Header> {
    // A simple reply, or a chunk but for its length: both are of one size, with the cookie in one place.
    let message: [u8; 16] = take(stream)?;
    let mut rest = &message[..];
    let magic = u32::from_be_bytes(take(&mut rest)?);
    let (flags, kind): ([u8; 2], [u8; 2]) = (take(&mut rest)?, take(&mut rest)?);
    if u64::from_be_bytes(take(&mut rest)?) != asked.cookie {
        return Err(violated("a reply to no request"));
    }
    let (flags, kind) = (u16::from_be_bytes(flags), u16::from_be_bytes(kind));
    match magic {
        SIMPLE_REPLY => Ok(Header::Simple { error: u32::from(flags) << 16 | u32::from(kind) }),
        STRUCTURED_REPLY if asked.structured => {
            let length = u32::from_be_bytes(take(stream)?);
            Ok(Header::Chunk(Chunk { kind, done: flags & CHUNK_DONE != 0, length }))
        }
        _ => Err(violated("what comes is no reply")),
    }
}

/// Takes the reply to a read.
pub(super) fn read_reply(stream: &mut impl Read, asked: &Asked, buf: &mut [u8]) -> Outcome<()> {
    let mut covered = Coverage::default();
    let found = in_chunks(stream, asked, |stream, first| {
        let Some(chunk) = first else {
            if asked.structured {
                return Err(violated("a simple reply to a read"));
            }
            covered.add(0, buf.len())?;
            return stream.read_exact(buf);
        };
        let start = |stream: &mut _| Ok::<_, io::Error>(u64::from_be_bytes(take(stream)?));
        match (chunk.kind, chunk.length) {
            (CHUNK_DATA, 9..) => {
                let (start, length) = (start(stream)?, chunk.length - 8);
                stream.read_exact(covered.part(buf, asked, start, length)?)
            }
            (CHUNK_HOLE, 12) => {
                let (start, length) = (start(stream)?, u32::from_be_bytes(take(stream)?));
                covered.part(buf, asked, start, length)?.fill(0);
                Ok(())
            }
            (kind, length) => Err(violated(format!("a chunk of type {kind} with {length} bytes in a read"))),
        }
    })?;
    // What no chunk filled must never pass for the disk's bytes.
    if found.is_ok() && covered.bytes != buf.len() {
        return Err(violated(format!("{} of {} bytes come", covered.bytes, buf.len())));
    }
    Ok(found)
}

/// Takes the reply to a block status.
pub(super) fn status_reply(stream: &mut impl Read, asked: &Asked, context: u32) -> Outcome<Extents> {
    let mut extents = Vec::new();
    let found = in_chunks(stream, asked, |stream, chunk| {
        let known = |c: &&Chunk| c.kind == CHUNK_STATUS && (12..=MAX_STATUS_PAYLOAD).contains(&c.length);
        let chunk = chunk.as_ref().filter(known).ok_or_else(|| violated("no block status"))?;
        if u32::from_be_bytes(take(stream)?) != context || !extents.is_empty() {
            return Err(violated("a block status that was not asked for"));
        }
        let mut payload = vec![0; chunk.length as usize - 4];
        stream.read_exact(&mut payload)?;
        let mut rest = &payload[..];
        while !rest.is_empty() {
            let length = u32::from_be_bytes(take(&mut rest)?);
            let state = u32::from_be_bytes(take(&mut rest)?);
            if length == 0 {
                return Err(violated("an empty extent"));
            }
            extents.push((length, state));
        }
        Ok(())
    })?;
    if found.is_ok() && extents.is_empty() {
        return Err(violated("no block status"));
    }
    Ok(found.map(|()| extents))
}

/// Takes all chunks of a reply. `content` takes those that are neither empty nor errors; it is given `None` for a
/// simple reply without error.
fn in_chunks<S: Read>(
    stream: &mut S,
    asked: &Asked,
    mut content: impl FnMut(&mut S, Option<Chunk>) -> io::Result<()>,
) -> Outcome<()> {
    let mut failure = None;
    for count in 0..MAX_CHUNKS {
        let chunk = match header(stream, asked)? {
            Header::Simple { .. } if count > 0 => return Err(violated("a simple reply among chunks")),
            Header::Simple { error: 0 } => return content(stream, None).map(Ok),
            Header::Simple { error } => return Ok(Err(server_error(error, ""))),
            Header::Chunk(chunk) => chunk,
        };
        match chunk {
            Chunk { kind: CHUNK_NONE, done: true, length: 0 } => {}
            Chunk { kind: CHUNK_NONE, .. } => return Err(violated("an empty chunk that is none")),
            Chunk { kind, .. } if kind & CHUNK_FLAG_ERROR != 0 => {
                let error = error_chunk(stream, chunk.length)?;
                failure = failure.or(Some(error));
            }
            _ => content(stream, Some(chunk))?,
        }
        if chunk.done {
            return Ok(failure.map_or(Ok(()), Err));
        }
    }
    Err(violated("a reply without end"))
}

/// The payload of an error chunk: all kinds begin with the error and a text.
fn error_chunk(stream: &mut impl Read, length: u32) -> io::Result<io::Error> {
    if length > MAX_ERROR_PAYLOAD {
        return Err(violated(format!("an error of {length} bytes")));
    }
    let mut payload = vec![0; length as usize];
    stream.read_exact(&mut payload)?;
    let mut rest = &payload[..];
    let short = |_| violated("an error that is cut off");
    let value = u32::from_be_bytes(take(&mut rest).map_err(short)?);
    let length = u16::from_be_bytes(take(&mut rest).map_err(short)?);
    let text = rest.get(..usize::from(length)).ok_or_else(|| violated("an error that is cut off"))?;
    Ok(server_error(value, &String::from_utf8_lossy(text)))
}

/// Which bytes of a buffer have come: start and end of each chunk.
#[derive(Default)]
struct Coverage {
    chunks: BTreeMap<usize, usize>,
    bytes: usize,
}

impl Coverage {
    /// The part of `buf` that a chunk fills. Chunks may come in any order, but each byte only once.
    fn part<'a>(
        &mut self,
        buf: &'a mut [u8],
        asked: &Asked,
        start: u64,
        length: u32,
    ) -> io::Result<&'a mut [u8]> {
        let beyond = || violated(format!("{length} bytes at {start}, which were not asked for"));
        let start =
            start.checked_sub(asked.offset).and_then(|s| usize::try_from(s).ok()).ok_or_else(beyond)?;
        let end = start.checked_add(length as usize).ok_or_else(beyond)?;
        let part = buf.get_mut(start..end).ok_or_else(beyond)?;
        self.add(start, end)?;
        Ok(part)
    }

    fn add(&mut self, start: usize, end: usize) -> io::Result<()> {
        if start == end {
            return Err(violated("an empty chunk"));
        }
        let before = self.chunks.range(..end).next_back();
        if before.is_some_and(|(_, before)| *before > start) {
            return Err(violated("bytes that come twice"));
        }
        self.chunks.insert(start, end);
        self.bytes = self.bytes.saturating_add(end - start);
        Ok(())
    }
}

#[cfg(test)]
#[path = "chunks_tests.rs"]
mod tests;
