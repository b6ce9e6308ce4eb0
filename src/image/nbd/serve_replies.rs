//! The server's answers to requests (proto.md, "Request types").

use std::io::{self, Write};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use super::proto::*;
use super::serve_options::{Agreed, CONTEXT};
use super::serve_requests::{MAX_LENGTH, Request};
use super::serve_wire::{Chunk, Wire};
use crate::image::extent_list::ExtentList;
use crate::image::{DiskReader, Extent, ExtentKind};

/// Reads of fewer bytes are quicker than looking whether anything is there, in bytes; holes of fewer are read too.
const MIN_HOLE: u64 = 64 << 10;

/// Bytes that are read at once where the reply may be cut into chunks.
const PIECE: usize = 2 << 20;

/// Block size that is told to be good for reading, in bytes.
pub(super) const PREFERRED_BLOCK: u32 = 4096;

/// Most extents of one block status: 64 KiB on the wire.
const MAX_EXTENTS: usize = 8192;

/// Bytes that a reader is asked to map at once, so that one answer does not take the map of a whole disk.
const MAP_STEP: u64 = 64 << 20;

/// Read errors that are kept.
const MAX_ERRORS: usize = 16;

/// What the sessions of a server share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// The first read errors.
    errors: Mutex<Vec<String>>,
    /// Held by who reads more than [`PIECE`] bytes that must be sent in one piece: one such buffer at a time.
    large: Mutex<()>,
}

impl Shared {
    /// The first read errors, in order.
    pub(super) fn errors(&self) -> Vec<String> {
        self.errors.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, error: String) {
        let mut errors = self.errors.lock().unwrap_or_else(PoisonError::into_inner);
        if errors.len() < MAX_ERRORS {
            errors.push(error);
        }
    }
}

/// One client that has taken an export.
pub(super) struct Session<'a, W> {
    agreed: Agreed<'a>,
    shared: &'a Shared,
    wire: Wire<W>,
    gone: AtomicBool,
}

impl<'a, W: Write> Session<'a, W> {
    pub(super) fn new(agreed: Agreed<'a>, shared: &'a Shared, writer: W) -> Self {
        let wire = Wire::new(writer, agreed.structured);
        Self { agreed, shared, wire, gone: AtomicBool::new(false) }
    }

    /// Whether the client takes no more answers.
    pub(super) fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Relaxed)
    }

    /// Notes that the client takes no more answers.
    pub(super) fn give_up(&self) {
        self.gone.store(true, Ordering::Relaxed);
    }

    /// Answers a request, in full.
    ///
    /// # Errors
    /// What the socket reports; the reader's errors are told to the client.
    pub(super) fn answer(&self, request: &Request) -> io::Result<()> {
        let known = match request.command {
            CMD_READ => FLAG_FUA | FLAG_DF,
            CMD_BLOCK_STATUS => FLAG_FUA | FLAG_REQ_ONE,
            // The others are refused whatever their flags say.
            _ => u16::MAX,
        };
        if request.flags & !known != 0 {
            return self.wire.refuse(request.cookie, EINVAL, "flags that are not known");
        }
        match request.command {
            CMD_READ => self.read(request),
            CMD_BLOCK_STATUS => self.status(request),
            CMD_FLUSH => self.wire.done(request.cookie),
            CMD_WRITE | CMD_TRIM | CMD_WRITE_ZEROES => {
                self.wire.refuse(request.cookie, EPERM, "the export is read-only")
            }
            _ => self.wire.refuse(request.cookie, EINVAL, "the command is not known"),
        }
    }

    fn disk(&self) -> &dyn DiskReader {
        &*self.agreed.export.reader
    }

    fn is_inside(&self, request: &Request) -> bool {
        let end = request.offset.checked_add(u64::from(request.length));
        end.is_some_and(|end| end <= self.disk().size())
    }

    fn read(&self, request: &Request) -> io::Result<()> {
        if request.length > MAX_LENGTH {
            return self.wire.refuse(request.cookie, EINVAL, "more bytes than can be read at once");
        }
        if !self.is_inside(request) {
            return self.wire.refuse(request.cookie, EINVAL, "the range ends beyond the disk");
        }
        if request.length == 0 {
            return self.wire.data(request.cookie, request.offset, &[], true);
        }
        if self.wire.structured && request.flags & FLAG_DF == 0 {
            self.read_in_chunks(request)
        } else {
            self.read_whole(request)
        }
    }

    /// One piece, whatever its length.
    fn read_whole(&self, request: &Request) -> io::Result<()> {
        let large = request.length as usize > PIECE;
        let _held = large.then(|| self.shared.large.lock().unwrap_or_else(PoisonError::into_inner));
        let mut bytes = vec![0; request.length as usize];
        if let Err(e) = self.fill(&mut bytes, request.offset) {
            return self.failed(request, request.offset, &e);
        }
        self.wire.data(request.cookie, request.offset, &bytes, true)
    }

    fn read_in_chunks(&self, request: &Request) -> io::Result<()> {
        let end = request.offset.saturating_add(u64::from(request.length));
        let holes = match self.holes(request.offset, end) {
            Ok(holes) => holes,
            Err(e) => return self.failed(request, request.offset, &e),
        };
        let mut buf = vec![0; PIECE.min(request.length as usize)];
        let mut at = request.offset;
        for hole in holes {
            if let Some(failed) = self.pieces(request, &mut buf, at..hole.start, end)? {
                return self.failed(request, failed.0, &failed.1);
            }
            at = hole.start.saturating_add(hole.len);
            // Holes are cut to the request, whose length has 32 bits.
            let length = (hole.len as u32).to_be_bytes();
            let payload = [&hole.start.to_be_bytes()[..], &length];
            self.wire.chunk(&Chunk { cookie: request.cookie, done: at == end, kind: CHUNK_HOLE, payload })?;
        }
        match self.pieces(request, &mut buf, at..end, end)? {
            Some(failed) => self.failed(request, failed.0, &failed.1),
            None => Ok(()),
        }
    }

    /// Reads and sends a range; what cannot be read is returned with its offset. `end` is that of the request.
    fn pieces(
        &self,
        request: &Request,
        buf: &mut [u8],
        range: Range<u64>,
        end: u64,
    ) -> io::Result<Option<(u64, io::Error)>> {
        let mut at = range.start;
        while at < range.end {
            let length = buf.len().min((range.end - at) as usize);
            let (piece, _) = buf.split_at_mut(length);
            if let Err(e) = self.fill(piece, at) {
                return Ok(Some((at, e)));
            }
            let next = at.saturating_add(length as u64);
            self.wire.data(request.cookie, at, piece, next == end)?;
            at = next;
        }
        Ok(None)
    }

    /// Ranges that are known to be zeros and long enough to be worth a chunk, in order.
    fn holes(&self, from: u64, to: u64) -> io::Result<Vec<Extent>> {
        if to.saturating_sub(from) < MIN_HOLE {
            return Ok(Vec::new());
        }
        let mut holes = self.map(from, to)?;
        holes.retain(|extent| extent.kind != ExtentKind::Data && extent.len >= MIN_HOLE);
        Ok(holes)
    }

    fn status(&self, request: &Request) -> io::Result<()> {
        if !self.agreed.allocation {
            return self.wire.refuse(request.cookie, EINVAL, "no metadata context was chosen");
        }
        if request.length == 0 || !self.is_inside(request) {
            return self.wire.refuse(request.cookie, EINVAL, "the range is empty or ends beyond the disk");
        }
        let end = request.offset.saturating_add(u64::from(request.length));
        let extents = match self.states(request.offset, end, request.flags & FLAG_REQ_ONE != 0) {
            Ok(extents) => extents,
            Err(e) => return self.failed(request, request.offset, &e),
        };
        let mut payload = Vec::with_capacity(extents.len() * 8);
        for extent in &extents {
            let state = if extent.kind == ExtentKind::Data { 0 } else { STATE_HOLE | STATE_ZERO };
            // Extents are cut to the request, whose length has 32 bits.
            payload.extend_from_slice(&(extent.len as u32).to_be_bytes());
            payload.extend_from_slice(&state.to_be_bytes());
        }
        let payload = [&CONTEXT.to_be_bytes()[..], &payload];
        self.wire.chunk(&Chunk { cookie: request.cookie, done: true, kind: CHUNK_STATUS, payload })
    }

    /// The beginning of a range as extents that differ from their neighbours: all of it, one extent, or as many as an
    /// answer takes.
    fn states(&self, from: u64, to: u64, one: bool) -> io::Result<Vec<Extent>> {
        let limit = if one { 1 } else { MAX_EXTENTS };
        let mut found: Vec<Extent> = Vec::new();
        let mut at = from;
        // One more than is told: the last one may go on.
        while at < to && found.len() <= limit {
            let stop = to.min(at.saturating_add(MAP_STEP));
            for extent in self.map(at, stop)? {
                // What is no data is zeros to a client, allocated or not.
                let kind = if extent.kind == ExtentKind::Data { ExtentKind::Data } else { ExtentKind::Zero };
                match found.last_mut() {
                    Some(last) if last.kind == kind => last.len = last.len.saturating_add(extent.len),
                    _ => found.push(Extent { kind, ..extent }),
                }
            }
            at = stop;
        }
        found.truncate(limit);
        Ok(found)
    }

    /// What the reader says of a range, made sure of to be in order and without gaps: where it says nothing is data.
    fn map(&self, from: u64, to: u64) -> io::Result<Vec<Extent>> {
        let found = caught(|| self.disk().extents(from..to))?;
        let mut list = ExtentList::new(from..to);
        for extent in found {
            list.push_to(extent.start, ExtentKind::Data);
            list.push_to(extent.start.saturating_add(extent.len), extent.kind);
        }
        list.push_to(to, ExtentKind::Data);
        Ok(list.finish())
    }

    fn fill(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        caught(|| self.disk().read_at(buf, offset))
    }

    /// A range that cannot be read: the client learns that, the caller of the server why.
    fn failed(&self, request: &Request, offset: u64, error: &io::Error) -> io::Result<()> {
        let (name, length) = (&self.agreed.export.name, request.length);
        let from = request.offset;
        let what = if request.command == CMD_READ { "reading" } else { "mapping" };
        self.shared.note(format!("{what} {length} bytes at {from} of {name:?}, at byte {offset}: {error}"));
        self.wire.refuse(request.cookie, EIO, &error.to_string())
    }
}

/// A reader that panics is a medium that fails: a worker that is gone would leave its client waiting.
fn caught<T>(act: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    catch_unwind(AssertUnwindSafe(act)).unwrap_or_else(|_| Err(io::Error::other("the reader panicked")))
}
