//! An NBD server on a unix socket of its own: how QEMU and libguestfs see our readers.

use std::collections::{BTreeSet, HashMap};
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use h2k_transports::{NbdServer, NbdUri};

use super::serve_options::{Export, negotiate};
use super::serve_replies::{Session, Shared};
use super::serve_requests::transmit;
use crate::image::DiskReader;
use crate::temporary::{Purpose, Temporary};

/// Most connections at once. More are closed as they come.
const MAX_CONNECTIONS: usize = 32;

/// Threads that answer the requests of one connection.
const WORKERS: usize = 3;

/// How long a client may take over each step of the negotiation.
const NEGOTIATION_LIMIT: Duration = Duration::from_secs(30);

/// Longest path of the socket in bytes: `sun_path` has 108 (unix(7)), and some clients keep a few for themselves.
const MAX_SOCKET_PATH: usize = 100;

/// Longest export name in bytes ("String … SHOULD NOT exceed 4096 bytes").
const MAX_NAME: usize = 4096;

/// Serves disks, read-only, until it is dropped. Then its threads end, after the reads that are under way, and its
/// socket goes.
#[derive(Debug)]
pub struct Server {
    socket: PathBuf,
    listener: UnixStream,
    state: Arc<State>,
    acceptor: Option<JoinHandle<()>>,
    _directory: Temporary,
}

struct State {
    exports: Vec<Export>,
    shared: Shared,
    stopped: AtomicBool,
    /// The connections that stand, to be ended from outside.
    connections: Mutex<HashMap<u64, UnixStream>>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.exports.iter().map(|export| export.name.as_str()).collect();
        f.debug_struct("State").field("exports", &names).finish_non_exhaustive()
    }
}

impl Server {
    /// Serves disks under names (an empty one is the default export), on a socket in a fresh directory that only this
    /// user can enter.
    ///
    /// # Errors
    /// `InvalidInput` for names that are too long or given twice; what making the directory, the socket or the thread
    /// reports.
    pub fn start(exports: Vec<(String, Arc<dyn DiskReader>)>) -> io::Result<Self> {
        let state = Arc::new(State {
            exports: checked(exports)?,
            shared: Shared::default(),
            stopped: AtomicBool::new(false),
            connections: Mutex::new(HashMap::new()),
        });
        let directory = directory()?;
        let socket = directory.path().join("nbd");
        let listener = UnixListener::bind(&socket)?;
        // The same socket as a stream, which can be shut down from another thread.
        let closer = UnixStream::from(OwnedFd::from(listener.try_clone()?));
        let accepting = Arc::clone(&state);
        let acceptor =
            thread::Builder::new().name("h2k-nbd".to_owned()).spawn(move || accept(&listener, &accepting))?;
        Ok(Self { socket, listener: closer, state, acceptor: Some(acceptor), _directory: directory })
    }

    /// The URI of an export, as QEMU and libnbd take it.
    pub fn uri(&self, name: &str) -> String {
        let server = NbdServer::Unix(self.socket.clone());
        NbdUri { server, export: name.to_owned() }.to_string()
    }

    /// The socket's path.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Why clients saw I/O errors: the first errors of the readers, with export and offset.
    pub fn errors(&self) -> Vec<String> {
        self.state.shared.errors()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.state.stopped.store(true, Ordering::SeqCst);
        // Wakes the thread that waits in accept(2) (Linux: EINVAL on a listening socket that is shut down).
        let _ended = self.listener.shutdown(Shutdown::Both);
        for connection in self.state.connections().values() {
            let _ended = connection.shutdown(Shutdown::Both);
        }
        if let Some(acceptor) = self.acceptor.take() {
            let _panicked = acceptor.join();
        }
    }
}

impl State {
    fn connections(&self) -> MutexGuard<'_, HashMap<u64, UnixStream>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn checked(exports: Vec<(String, Arc<dyn DiskReader>)>) -> io::Result<Vec<Export>> {
    let names: BTreeSet<&str> = exports.iter().map(|(name, _)| name.as_str()).collect();
    if names.len() != exports.len() || names.iter().any(|name| name.len() > MAX_NAME) {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "names of exports that are alike or too long",
        ));
    }
    Ok(exports.into_iter().map(|(name, reader)| Export { name, reader }).collect())
}

/// A directory that only this user can enter, with a path that leaves room for a socket's name.
fn directory() -> io::Result<Temporary> {
    let make = |parent: &Path| Temporary::new(parent, Purpose::Nbd).map_err(|f| io::Error::other(f.chain()));
    let directory = make(&std::env::temp_dir())?;
    let fits = directory.path().as_os_str().as_bytes().len() + "/nbd".len() < MAX_SOCKET_PATH;
    // A path that is not UTF-8 cannot be told in a URI.
    if fits && directory.path().is_absolute() && directory.path().to_str().is_some() {
        return Ok(directory);
    }
    make(Path::new("/tmp"))
}

/// Takes connections until the server is dropped, then waits for them to end.
fn accept(listener: &UnixListener, state: &Arc<State>) {
    let mut threads: Vec<JoinHandle<()>> = Vec::new();
    let mut number = 0u64;
    while !state.stopped.load(Ordering::SeqCst) {
        let Ok((stream, _)) = listener.accept() else {
            // Out of file descriptors, or the end: not a busy loop in either case.
            thread::sleep(Duration::from_millis(10));
            continue;
        };
        threads.retain(|thread| !thread.is_finished());
        number = number.wrapping_add(1);
        if threads.len() < MAX_CONNECTIONS {
            threads.extend(begin(stream, number, state));
        }
    }
    for thread in threads {
        let _panicked = thread.join();
    }
}

/// Starts a connection's thread. A connection that cannot be had is closed, which tells the client.
fn begin(stream: UnixStream, number: u64, state: &Arc<State>) -> Option<JoinHandle<()>> {
    state.connections().insert(number, stream.try_clone().ok()?);
    let served = Arc::clone(state);
    let serve = move || {
        // `Drop` ends the connections that it finds; this one may have come right after.
        if !served.stopped.load(Ordering::SeqCst) {
            // The client's mistakes and its leaving concern nobody else.
            let _left = connection(&stream, &served);
        }
        let _ended = stream.shutdown(Shutdown::Both);
        served.connections().remove(&number);
    };
    let thread = thread::Builder::new().name("h2k-nbd-client".to_owned()).spawn(serve).ok();
    if thread.is_none() {
        state.connections().remove(&number);
    }
    thread
}

fn connection(stream: &UnixStream, state: &State) -> io::Result<()> {
    let (mut reader, mut writer) = (stream, stream);
    stream.set_read_timeout(Some(NEGOTIATION_LIMIT))?;
    stream.set_write_timeout(Some(NEGOTIATION_LIMIT))?;
    let Some(agreed) = negotiate(&mut reader, &mut writer, &state.exports)? else { return Ok(()) };
    stream.set_read_timeout(None)?;
    stream.set_write_timeout(None)?;
    transmit(&mut reader, &Session::new(agreed, &state.shared, writer), WORKERS)
}

/// Serves one client over any stream, its requests one after the other, until it leaves.
///
/// # Errors
/// `InvalidInput` as [`Server::start`]; `InvalidData` if the client breaks the protocol; otherwise what the stream
/// reports.
pub fn serve_stream(
    mut input: impl Read,
    mut output: impl Write + Send,
    exports: Vec<(String, Arc<dyn DiskReader>)>,
) -> io::Result<()> {
    let (exports, shared) = (checked(exports)?, Shared::default());
    match negotiate(&mut input, &mut output, &exports)? {
        Some(agreed) => transmit(&mut input, &Session::new(agreed, &shared, output), 0),
        None => Ok(()),
    }
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;
