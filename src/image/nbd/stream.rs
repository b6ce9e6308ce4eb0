//! A connection to an NBD server, by unix socket or TCP, that does not wait for ever.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use h2k_transports::NbdServer;

/// How long a TCP connection may take to stand, for each of the host's addresses.
const CONNECT_LIMIT: Duration = Duration::from_secs(30);

/// A connected socket with time limits.
#[derive(Debug)]
pub(super) enum Stream {
    Unix(UnixStream),
    Tcp(TcpStream),
}

impl Stream {
    /// Connects; see [`Stream::set_limit`] for `limit`.
    ///
    /// # Errors
    /// What the socket reports.
    pub(super) fn connect(server: &NbdServer, limit: Duration) -> io::Result<Self> {
        let stream = match server {
            NbdServer::Unix(path) => Stream::Unix(UnixStream::connect(path)?),
            NbdServer::Tcp { host, port } => {
                let stream = connect_tcp(host, *port)?;
                // Requests are small and each is waited for.
                stream.set_nodelay(true)?;
                Stream::Tcp(stream)
            }
        };
        stream.set_limit(limit)?;
        Ok(stream)
    }

    /// How long one read or write may wait for the other side.
    ///
    /// # Errors
    /// What the socket reports.
    pub(super) fn set_limit(&self, limit: Duration) -> io::Result<()> {
        match self {
            Stream::Unix(stream) => {
                stream.set_read_timeout(Some(limit))?;
                stream.set_write_timeout(Some(limit))
            }
            Stream::Tcp(stream) => {
                stream.set_read_timeout(Some(limit))?;
                stream.set_write_timeout(Some(limit))
            }
        }
    }
}

fn connect_tcp(host: &str, port: u16) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for address in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, CONNECT_LIMIT) {
            Ok(stream) => return Ok(stream),
            Err(e) => last = e,
        }
    }
    Err(last)
}

impl Read for Stream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Unix(stream) => stream.read(buf),
            Stream::Tcp(stream) => stream.read(buf),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Unix(stream) => stream.write(buf),
            Stream::Tcp(stream) => stream.write(buf),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Stream::Unix(stream) => stream.flush(),
            Stream::Tcp(stream) => stream.flush(),
        }
    }
}
