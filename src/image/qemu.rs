//! A chain read through QEMU's own drivers: the map by `qemu-img map`, the bytes through `qemu-nbd`.

use std::io;
use std::ops::Range;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Deserialize;
use tempfile::TempDir;

use super::chain::ImageChain;
use super::error::ImageError;
use super::map::Map;
use super::nbd::Client;
use super::node::Node;
use super::{DiskReader, Extent, check_range};
use crate::exec::{self, Child, Exec};

/// How long `qemu-nbd` may take to listen. It reads the images' tables first, on a busy host with slow disks.
const START_LIMIT: Duration = Duration::from_secs(120);

/// Pause between two attempts to connect.
const START_PAUSE: Duration = Duration::from_millis(10);

/// How long a read may take. QEMU retries nothing, so a medium that is silent for longer is gone.
const READ_LIMIT: Duration = Duration::from_secs(300);

/// A chain of any format. The map is taken when it is opened; the server starts with the first read and ends with
/// the reader.
#[derive(Debug)]
pub struct QemuReader {
    node: Node,
    size: u64,
    extents: Vec<Extent>,
    server: Mutex<Option<Server>>,
}

/// The fields are dropped in this order: the session ends, the server is killed, its directory goes.
#[derive(Debug)]
struct Server {
    client: Client<UnixStream>,
    _program: Child,
    _directory: TempDir,
}

impl QemuReader {
    /// Has QEMU open the chain and map it.
    ///
    /// # Errors
    /// `Tool` if `qemu-img` fails; `Corrupt` if QEMU sees a disk of another size; `Unsupported` if the chain cannot
    /// be described to QEMU.
    pub fn open(chain: &ImageChain) -> Result<Self, ImageError> {
        let node = Node::of(chain)?;
        let (extents, size) = map(&node)?;
        if size != chain.size() {
            return Err(size_differs(chain, size));
        }
        Ok(Self { node, size, extents, server: Mutex::new(None) })
    }
}

impl DiskReader for QemuReader {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        check_range(offset, buf.len() as u64, self.size)?;
        let mut server = self.server.lock().unwrap_or_else(PoisonError::into_inner);
        if server.is_none() {
            *server = Some(Server::start(&self.node, self.size)?);
        }
        match server.as_mut() {
            Some(server) => server.client.read_at(buf, offset),
            None => Err(io::ErrorKind::NotConnected.into()),
        }
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
        let directory = tempfile::Builder::new().prefix("h2k-nbd-").tempdir()?;
        let socket = directory.path().join("nbd");
        let exec = Exec::new("qemu-nbd").args(["--read-only", "--socket"]);
        let mut program = exec.arg(&socket).arg(node.file_name()).spawn().map_err(io::Error::other)?;
        let stream = connect(&socket, &mut program)?;
        stream.set_read_timeout(Some(READ_LIMIT))?;
        let client = Client::connect(stream, "")?;
        if client.size() != size {
            return Err(io::Error::other(format!(
                "qemu-nbd exports {} bytes instead of {size}",
                client.size()
            )));
        }
        Ok(Self { client, _program: program, _directory: directory })
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

/// What `qemu-img info` says of an image.
#[derive(Debug, Deserialize)]
struct Info {
    filename: String,
    format: String,
    #[serde(rename = "virtual-size")]
    virtual_size: u64,
}

/// Checks that QEMU, left to follow the parents' names, comes to the very images of the chain. `node` is the active
/// image.
///
/// # Errors
/// `Unsupported` if it does not, or if an image leaves its parent's format to be guessed.
pub(super) fn confirm_chain(chain: &ImageChain, node: &Node) -> Result<(), ImageError> {
    let images = chain.images();
    let named = images.iter().rev().skip(1).all(|image| image.names_parent_format);
    let exec = Exec::new("qemu-img").args(["info", "--backing-chain", "--output=json"]).arg(node.file_name());
    let output = exec.run().map_err(|e| ImageError::tool("following the chain", e))?;
    let seen: Vec<Info> = serde_json::from_slice(&output.stdout)
        .map_err(|e| ImageError::io("following the chain", io::Error::other(e)))?;
    let same = |(image, info): (&super::Image, &Info)| {
        let path = std::fs::canonicalize(&info.filename).is_ok_and(|path| path == image.path);
        path && info.virtual_size == image.size && info.format == super::node::driver(image.format)
    };
    if named && seen.len() == images.len() && images.iter().zip(&seen).all(same) {
        return Ok(());
    }
    Err(ImageError::unsupported(format!("a chain of {} images with paths of this length", images.len()))
        .with_hint("consolidate the snapshots on the hypervisor, or move the disk to a directory with a shorter name"))
}
