//! A connection to an NBD server, by unix socket or TCP, that does not wait for ever.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use h2k_transports::NbdServer;

/// How long a TCP connection may take to stand, for each of the host's addresses.
const CONNECT_LIMIT: Duration = Duration::from_secs(30);

/// How long the other side may be silent within an exchange. Block devices time out after 30 s and are retried, and a
/// server may have to start a medium; after this time it is gone.
const SILENCE_LIMIT: Duration = Duration::from_secs(300);

/// A connected socket with time limits.
#[derive(Debug)]
pub(super) enum Stream {
    Unix(UnixStream),
    Tcp(TcpStream),
}

impl Stream {
    /// Connects.
    ///
    /// # Errors
    /// What the socket reports.
    pub(super) fn connect(server: &NbdServer) -> io::Result<Self> {
        match server {
            NbdServer::Unix(path) => {
                let stream = UnixStream::connect(path)?;
                stream.set_read_timeout(Some(SILENCE_LIMIT))?;
                stream.set_write_timeout(Some(SILENCE_LIMIT))?;
                Ok(Stream::Unix(stream))
            }
            NbdServer::Tcp { host, port } => {
                let stream = connect_tcp(host, *port)?;
                stream.set_read_timeout(Some(SILENCE_LIMIT))?;
                stream.set_write_timeout(Some(SILENCE_LIMIT))?;
                // Requests are small and each is waited for.
                stream.set_nodelay(true)?;
                Ok(Stream::Tcp(stream))
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
