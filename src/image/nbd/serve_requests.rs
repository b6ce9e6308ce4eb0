//! The server's side of the transmission (proto.md, "Transmission"): requests come one after the other, a few workers
//! answer them, in any order.

use std::io::{self, Read, Write};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::handshake::take;
use super::proto::*;
use super::serve_options::broken;
use super::serve_replies::Session;

/// Longest read in bytes, told to the client ("Block size constraints"), and longest write that is skipped.
pub(super) const MAX_LENGTH: u32 = 32 << 20;

/// Requests that wait for a worker. The client waits when there are more.
const QUEUE: usize = 16;

/// A request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request {
    pub flags: u16,
    pub command: u16,
    /// The client's name of the request.
    pub cookie: u64,
    /// First byte.
    pub offset: u64,
    /// Length in bytes.
    pub length: u32,
}

/// Serves until the client leaves. Without workers, each request is answered before the next one is read.
///
/// # Errors
/// `InvalidData` if the client breaks the protocol; otherwise what the socket reports.
pub(super) fn transmit<W: Write + Send>(
    reader: &mut impl Read,
    session: &Session<'_, W>,
    workers: usize,
) -> io::Result<()> {
    if workers == 0 {
        while let Some(request) = next(reader)? {
            session.answer(&request)?;
        }
        return Ok(());
    }
    let (sender, receiver) = sync_channel(QUEUE);
    let receiver = Mutex::new(receiver);
    thread::scope(|scope| {
        // Owned here, so that the workers end when no more requests come, for whatever reason.
        let sender = sender;
        for _ in 0..workers {
            let work = || work(session, &receiver);
            thread::Builder::new().name("h2k-nbd-worker".to_owned()).spawn_scoped(scope, work)?;
        }
        while let Some(request) = next(reader)? {
            if session.is_gone() || sender.send(request).is_err() {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
        }
        Ok(())
    })
}

fn work<W: Write + Send>(session: &Session<'_, W>, requests: &Mutex<Receiver<Request>>) {
    loop {
        let request = requests.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(request) = request else { return };
        // A client that is gone needs no answer; the queue is emptied, so that its reader does not wait.
        if !session.is_gone() && session.answer(&request).is_err() {
            session.give_up();
        }
    }
}

/// The next request; `None` if the client says goodbye or is gone.
fn next(reader: &mut impl Read) -> io::Result<Option<Request>> {
    let message: [u8; 28] = match take(reader) {
        // Many clients just close the connection.
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        message => message?,
    };
    let mut rest = &message[..];
    if u32::from_be_bytes(take(&mut rest)?) != REQUEST {
        return Err(broken("what comes is no request"));
    }
    let request = Request {
        flags: u16::from_be_bytes(take(&mut rest)?),
        command: u16::from_be_bytes(take(&mut rest)?),
        cookie: u64::from_be_bytes(take(&mut rest)?),
        offset: u64::from_be_bytes(take(&mut rest)?),
        length: u32::from_be_bytes(take(&mut rest)?),
    };
    match request.command {
        CMD_DISC => Ok(None),
        CMD_WRITE => skip(reader, request.length).map(|()| Some(request)),
        _ => Ok(Some(request)),
    }
}

/// Skips the bytes of a write, which is refused.
fn skip(reader: &mut impl Read, length: u32) -> io::Result<()> {
    if length > MAX_LENGTH {
        return Err(broken("a write that is too long"));
    }
    let skipped = io::copy(&mut reader.take(u64::from(length)), &mut io::sink())?;
    if skipped == u64::from(length) { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}
