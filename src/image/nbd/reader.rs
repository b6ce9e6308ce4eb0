//! An NBD export as a disk: a small pool of connections, each with one request under way.

use std::io;
use std::ops::Range;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use h2k_transports::{NbdUri, RangeRead};

use super::client::Client;
use super::stream::Stream;
use crate::image::error::ImageError;
use crate::image::{DiskReader, Extent, check_range};

/// Most connections to a server that says they see the same bytes (`NBD_FLAG_CAN_MULTI_CONN`).
const MAX_CONNECTIONS: usize = 4;

/// How long the other side may be silent within an exchange. Block devices time out after 30 s and are retried, and a
/// server may have to start a medium; after this time it is gone.
const SILENCE_LIMIT: Duration = Duration::from_secs(300);

/// The same while a further connection is made, which can be done without.
const MORE_LIMIT: Duration = Duration::from_secs(10);

/// A disk that an NBD server exports. A request whose connection breaks is tried once more on a new one: a copy may
/// take hours, and servers are restarted.
#[derive(Debug)]
pub struct NbdReader {
    uri: NbdUri,
    size: u64,
    pool: Mutex<Pool>,
    /// A connection was given back or given up.
    freed: Condvar,
}

#[derive(Debug, Default)]
struct Pool {
    idle: Vec<Client<Stream>>,
    /// Connections that stand or are being made, idle or not.
    open: usize,
    /// Most connections at once.
    limit: usize,
}

impl NbdReader {
    /// Connects to the server and takes the export.
    ///
    /// # Errors
    /// `NotFound` or `Io` with the server's URI.
    pub fn open(uri: &NbdUri) -> Result<Self, ImageError> {
        let client = connect(uri, SILENCE_LIMIT).map_err(|e| ImageError::io(format!("opening {uri}"), e))?;
        let size = client.size();
        let limit = if client.multi_conn() { MAX_CONNECTIONS } else { 1 };
        let pool = Mutex::new(Pool { idle: vec![client], open: 1, limit });
        Ok(Self { uri: uri.clone(), size, pool, freed: Condvar::new() })
    }

    /// Has a connection do something; a new one if the first breaks.
    fn with_client<T>(&self, mut act: impl FnMut(&mut Client<Stream>) -> io::Result<T>) -> io::Result<T> {
        let mut client = self.lend()?;
        let mut done = act(&mut client);
        if !client.is_usable() {
            // The broken one is closed first: a server may take only one at a time.
            drop(client);
            client = match self.connect_again(SILENCE_LIMIT) {
                Ok(client) => client,
                Err(e) => {
                    self.give_back(None);
                    return Err(e);
                }
            };
            done = act(&mut client);
        }
        self.give_back(Some(client).filter(Client::is_usable));
        done
    }

    /// An idle connection, or a new one while there may be more, or the first that is given back.
    fn lend(&self) -> io::Result<Client<Stream>> {
        let mut pool = self.lock();
        loop {
            if let Some(client) = pool.idle.pop() {
                return Ok(client);
            }
            if pool.open >= pool.limit {
                pool = self.freed.wait(pool).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let others = pool.open;
            pool.open += 1;
            drop(pool);
            let limit = if others == 0 { SILENCE_LIMIT } else { MORE_LIMIT };
            match self.connect_again(limit) {
                Ok(client) => return Ok(client),
                Err(e) => {
                    self.give_back(None);
                    if others == 0 {
                        return Err(e);
                    }
                    // A server may take fewer connections than it promises: go on with those that stand.
                    pool = self.lock();
                    pool.limit = others.min(pool.limit);
                }
            }
        }
    }

    /// Ends a loan; `None` for a connection that is no more.
    fn give_back(&self, client: Option<Client<Stream>>) {
        let mut pool = self.lock();
        match client {
            Some(client) => pool.idle.push(client),
            None => pool.open = pool.open.saturating_sub(1),
        }
        drop(pool);
        self.freed.notify_one();
    }

    /// Another connection to the same export.
    fn connect_again(&self, limit: Duration) -> io::Result<Client<Stream>> {
        let client = connect(&self.uri, limit)?;
        if client.size() == self.size {
            return Ok(client);
        }
        let (was, is) = (self.size, client.size());
        Err(io::Error::new(io::ErrorKind::InvalidData, format!("the export had {was} bytes and has {is}")))
    }

    fn lock(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An error with the server and the place that it concerns.
    fn placed(&self, doing: &str, length: u64, offset: u64, error: io::Error) -> io::Error {
        let error = hung_up(error);
        io::Error::new(error.kind(), format!("{doing} {length} bytes at {offset} of {}: {error}", self.uri))
    }
}

/// A connection to an export, negotiated within `limit` for each step.
fn connect(uri: &NbdUri, limit: Duration) -> io::Result<Client<Stream>> {
    let negotiated = || {
        let client = Client::connect(Stream::connect(&uri.server, limit)?, &uri.export)?;
        client.stream().set_limit(SILENCE_LIMIT)?;
        Ok(client)
    };
    negotiated().map_err(hung_up)
}

/// The end of the connection is not the end of the disk, and a time limit of a socket says `WouldBlock`.
fn hung_up(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => {
            io::Error::new(io::ErrorKind::ConnectionAborted, "the server closed the connection")
        }
        io::ErrorKind::WouldBlock => io::Error::new(io::ErrorKind::TimedOut, "the server does not answer"),
        _ => error,
    }
}

impl DiskReader for NbdReader {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let length = buf.len() as u64;
        check_range(offset, length, self.size)?;
        if buf.is_empty() {
            return Ok(());
        }
        self.with_client(|client| client.read_at(buf, offset))
            .map_err(|e| self.placed("reading", length, offset, e))
    }

    fn extents(&self, range: Range<u64>) -> io::Result<Vec<Extent>> {
        let length = range.end.saturating_sub(range.start);
        check_range(range.start, length, self.size)?;
        if length == 0 {
            return Ok(Vec::new());
        }
        self.with_client(|client| client.extents(range.clone()))
            .map_err(|e| self.placed("mapping", length, range.start, e))
    }
}

impl RangeRead for NbdReader {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        DiskReader::read_at(self, buf, offset)
    }
}
