//! A chain read through QEMU's own drivers: the map by `qemu-img map`, the bytes through `qemu-nbd`.

use std::io;
use std::ops::Range;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::chain::ImageChain;
use super::error::ImageError;
use super::link::Image;
use super::map::Map;
use super::nbd::Client;
use super::node::Node;
use super::{DiskReader, Extent, check_range};
use crate::exec::{self, Child, Exec};
use crate::temporary::{Purpose, Temporary};

/// How long `qemu-nbd` may take to listen. It reads the images' tables first, on a busy host with slow disks.
const START_LIMIT: Duration = Duration::from_secs(120);

/// Pause between two attempts to connect.
const START_PAUSE: Duration = Duration::from_millis(10);

/// How long a read may take. QEMU retries nothing, so a medium that is silent for longer is gone.
const READ_LIMIT: Duration = Duration::from_secs(300);

/// Most connections to one server: enough for the threads that read a disk at once to wait for the medium and for
/// decompression side by side.
const CLIENTS: usize = 4;

/// A chain of any format. The map is taken when it is opened; the server starts with the first read and ends with
/// the reader.
#[derive(Debug)]
pub struct QemuReader {
    node: Node,
    size: u64,
    extents: Vec<Extent>,
    server: Mutex<Option<Arc<Server>>>,
}

/// The fields are dropped in this order: the sessions end, the server is killed, its directory goes.
#[derive(Debug)]
struct Server {
    pool: Mutex<Pool>,
    /// Told when a client is given back, or lost.
    free: Condvar,
    size: u64,
    socket: PathBuf,
    _program: Child,
    _directory: Temporary,
}

/// The connections of a server.
#[derive(Debug, Default)]
struct Pool {
    idle: Vec<Client<UnixStream>>,
    /// Connections that are open or being opened, the idle ones among them.
    open: usize,
}

/// A client while one thread reads with it. Without a client it is a place in the pool that becomes free.
struct Lease<'a> {
    server: &'a Server,
    client: Option<Client<UnixStream>>,
}

impl QemuReader {
    /// Has QEMU open the chain and map it.
    ///
    /// # Errors
    /// `Tool` if `qemu-img` fails; `Corrupt` if QEMU sees a disk of another size; `Unsupported` if the chain cannot
    /// be described to QEMU.
    pub fn open(chain: &ImageChain) -> Result<Self, ImageError> {
        let reader = Self::of(Node::of(chain)?)?;
        if reader.size != chain.size() {
            return Err(size_differs(chain, reader.size));
        }
        Ok(reader)
    }

    /// Has QEMU open one image, without its parent, and map it.
    ///
    /// # Errors
    /// As [`QemuReader::open`].
    pub(crate) fn open_image(image: &Image) -> Result<Self, ImageError> {
        let reader = Self::of(Node::alone(image)?)?;
        if reader.size != image.size {
            return Err(ImageError::corrupt(format!(
                "QEMU sees a disk of {} bytes in {}, which had {} before",
                reader.size,
                image.path.display(),
                image.size
            )));
        }
        Ok(reader)
    }

    fn of(node: Node) -> Result<Self, ImageError> {
        let (extents, size) = map(&node)?;
        Ok(Self { node, size, extents, server: Mutex::new(None) })
    }

    /// The server, started by the first thread that needs it. The others wait for it.
    fn server(&self) -> io::Result<Arc<Server>> {
        let mut server = lock(&self.server);
        if let Some(server) = &*server {
            return Ok(Arc::clone(server));
        }
        let started = Arc::new(Server::start(&self.node, self.size)?);
        *server = Some(Arc::clone(&started));
        Ok(started)
    }
}

impl DiskReader for QemuReader {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        check_range(offset, buf.len() as u64, self.size)?;
        self.server()?.read_at(buf, offset)
    }

    fn extents(&self, range: Range<u64>) -> io::Result<Vec<Extent>> {
        check_range(range.start, range.end.saturating_sub(range.start), self.size)?;
        let end = |e: &Extent| e.start.saturating_add(e.len);
        let first = self.extents.partition_point(|e| end(e) <= range.start);
        let touched = self.extents.iter().skip(first).take_while(|e| e.start < range.end);
        let cut = touched.map(|e| {
            let (start, stop) = (e.start.max(range.start), end(e).min(range.end));
            Extent { start, len: stop.saturating_sub(start), kind: e.kind }
        });
        Ok(cut.filter(|e| e.len > 0).collect())
    }
}

impl Server {
    fn start(node: &Node, size: u64) -> io::Result<Self> {
        let directory =
            Temporary::new(&std::env::temp_dir(), Purpose::Nbd).map_err(|f| io::Error::other(f.chain()))?;
        let socket = directory.path().join("nbd");
        // It lives as long as its guard, however many connections come and go.
        let exec = Exec::new("qemu-nbd").args(["--read-only", "--persistent", "--shared"]);
        let exec = exec.arg(CLIENTS.to_string()).arg("--socket").arg(&socket);
        let mut program = exec.arg(node.file_name()).spawn().map_err(io::Error::other)?;
        let first = session(connect(&socket, &mut program)?, size)?;
        Ok(Self {
            pool: Mutex::new(Pool { idle: vec![first], open: 1 }),
            free: Condvar::new(),
            size,
            socket,
            _program: program,
            _directory: directory,
        })
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let mut lease = self.lease()?;
        let client = lease.client.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        let read = client.read_at(buf, offset);
        if read.is_err() {
            // The connection may be broken; the next read opens another.
            lease.client = None;
        }
        read
    }

    /// A client that is idle, or a new one; waits where all are in use.
    fn lease(&self) -> io::Result<Lease<'_>> {
        let mut pool = lock(&self.pool);
        while pool.idle.is_empty() && pool.open >= CLIENTS {
            pool = self.free.wait(pool).unwrap_or_else(PoisonError::into_inner);
        }
        let mut lease = Lease { server: self, client: pool.idle.pop() };
        if lease.client.is_none() {
            pool.open += 1;
            drop(pool);
            lease.client = Some(session(UnixStream::connect(&self.socket)?, self.size)?);
        }
        Ok(lease)
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let mut pool = lock(&self.server.pool);
        match self.client.take() {
            Some(client) => pool.idle.push(client),
            None => pool.open = pool.open.saturating_sub(1),
        }
        self.server.free.notify_one();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A session with the server, which must export a disk of this size.
fn session(stream: UnixStream, size: u64) -> io::Result<Client<UnixStream>> {
    stream.set_read_timeout(Some(READ_LIMIT))?;
    let client = Client::connect(stream, "")?;
    match client.size() {
        seen if seen == size => Ok(client),
        seen => Err(io::Error::other(format!("qemu-nbd exports {seen} bytes instead of {size}"))),
    }
}

fn connect(socket: &Path, program: &mut Child) -> io::Result<UnixStream> {
    let started = Instant::now();
    loop {
        if let Ok(stream) = UnixStream::connect(socket) {
            return Ok(stream);
        }
        exec::check_cancelled().map_err(io::Error::other)?;
        if let Some(status) = program.wait_timeout(START_PAUSE)? {
            return Err(io::Error::other(format!("qemu-nbd failed ({status}): {}", program.stderr_tail())));
        }
        if started.elapsed() > START_LIMIT {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "qemu-nbd does not listen"));
        }
    }
}

/// The extents and the size that QEMU sees.
fn map(node: &Node) -> Result<(Vec<Extent>, u64), ImageError> {
    let mut map = Map::default();
    let mut wrong = None;
    let exec = Exec::new("qemu-img").args(["map", "--output=json"]).arg(node.file_name());
    exec.run_with_stdout_lines(|line| {
        if wrong.is_none() {
            wrong = map.take(line).err();
        }
    })
    .map_err(|e| ImageError::tool("mapping the disk", e))?;
    match wrong {
        Some(why) => Err(ImageError::io("mapping the disk", io::Error::other(why))),
        None => Ok(map.finish()),
    }
}

pub(super) fn size_differs(chain: &ImageChain, seen: u64) -> ImageError {
    let path = chain.images().first().map(|image| image.path.display().to_string()).unwrap_or_default();
    ImageError::corrupt(format!(
        "QEMU sees a disk of {seen} bytes in {path}, whose images describe {}",
        chain.size()
    ))
    .with_hint("convert the disk on the source to another type, for example with `vmkfstools -i`")
}
