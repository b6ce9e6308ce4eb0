//! ISO 9660 images, read in place: never mounted, nothing unpacked.
//!
//! ```text
//!  descriptors (volume.rs) ─▶ root directory ─▶ records (record.rs) ─▶ files with their paths
//!                                                    └▶ Rock Ridge names (susp.rs)
//! ```
//!
//! Names are Rock Ridge's where the image has them, else Joliet's, else those of ISO 9660 itself without their version
//! number. The structures are those of ECMA-119; Joliet's and IEEE P1281/P1282 are cited where they are read. An image
//! comes from anywhere: every walk is bounded, and a directory that was seen is not entered again.

mod record;
mod susp;
mod volume;

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(super) mod writer;

use std::collections::BTreeSet;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use thiserror::Error;

use super::error::DriverError;
use record::Record;
use volume::{Names, Volume};

/// Most files and directories that an image may have.
pub const MAX_ENTRIES: usize = 100_000;
/// Deepest directory below the root.
pub const MAX_DEPTH: usize = 16;
/// Largest directory, in bytes.
pub const MAX_DIRECTORY: u32 = 8 * 1024 * 1024;
/// Most bytes of directories in all.
const MAX_DIRECTORIES: u64 = 64 * 1024 * 1024;
/// Size of a sector in bytes; a record never crosses one.
const SECTOR: usize = 2048;

/// Where an image's bytes come from.
pub trait Bytes: Send + Sync + std::fmt::Debug {
    /// Size in bytes.
    fn size(&self) -> u64;

    /// Fills the buffer from an offset.
    ///
    /// # Errors
    /// It cannot be read, or ends before.
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;
}

/// A file of the host.
#[derive(Debug)]
struct HostFile {
    file: std::fs::File,
    size: u64,
}

impl Bytes for HostFile {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_exact_at(buffer, offset)
    }
}

impl Bytes for Vec<u8> {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let at = usize::try_from(offset).ok();
        let part = at.and_then(|at| self.get(at..)).and_then(|rest| rest.get(..buffer.len()));
        buffer.copy_from_slice(part.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

/// Why an image cannot be read.
#[derive(Debug, Error)]
pub enum IsoError {
    /// It cannot be read from.
    #[error("reading at offset {offset}: {cause}")]
    Read {
        /// Offset in bytes.
        offset: u64,
        /// The cause.
        cause: io::Error,
    },
    /// It is no ISO 9660 image.
    #[error("it is no ISO 9660 image")]
    NoImage,
    /// A structure is not as the standard says.
    #[error("{0}")]
    Damaged(String),
    /// There is more in it than is looked at.
    #[error("it has {0}")]
    TooMuch(String),
}

impl IsoError {
    /// The error of a source of drivers.
    pub(super) fn of(self, image: &str) -> DriverError {
        match self {
            Self::TooMuch(what) => DriverError::TooMuch { place: image.to_owned(), what },
            other => DriverError::Image { image: image.to_owned(), what: other.to_string() },
        }
    }
}

/// Where a file's bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Offset in the image, in bytes.
    pub offset: u64,
    /// Length in bytes.
    pub len: u64,
}

/// A file of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Path from the root, with `/`.
    pub path: String,
    /// Its bytes.
    pub extent: Extent,
}

/// An ISO 9660 image.
#[derive(Debug)]
pub struct IsoImage {
    bytes: Box<dyn Bytes>,
    volume: Volume,
}

/// What a walk has used up of its limits.
#[derive(Default)]
struct Walk {
    files: Vec<File>,
    entries: usize,
    directory_bytes: u64,
    seen: BTreeSet<u64>,
}

impl IsoImage {
    /// Opens an image that is a file of the host.
    ///
    /// # Errors
    /// It cannot be read, or is no ISO 9660 image.
    pub fn open(path: &Path) -> Result<Self, IsoError> {
        let failed = |cause| IsoError::Read { offset: 0, cause };
        // Opening a FIFO would wait for ever.
        if !std::fs::metadata(path).map_err(failed)?.is_file() {
            return Err(IsoError::NoImage);
        }
        let file = std::fs::File::open(path).map_err(failed)?;
        let size = file.metadata().map_err(failed)?.len();
        Self::of(Box::new(HostFile { file, size }))
    }

    /// Reads the descriptors of an image.
    ///
    /// # Errors
    /// It cannot be read, or is no ISO 9660 image.
    pub fn of(bytes: Box<dyn Bytes>) -> Result<Self, IsoError> {
        let volume = volume::read(bytes.as_ref())?;
        Ok(Self { bytes, volume })
    }

    /// The content of a file, which has to fit in memory.
    ///
    /// # Errors
    /// It cannot be read, or lies beyond the image's end.
    pub fn read(&self, extent: &Extent) -> Result<Vec<u8>, IsoError> {
        self.inside(extent)?;
        let len = usize::try_from(extent.len).map_err(|_| IsoError::TooMuch("a huge file".to_owned()))?;
        let mut buffer = vec![0; len];
        let failed = |cause| IsoError::Read { offset: extent.offset, cause };
        self.bytes.read_exact_at(&mut buffer, extent.offset).map_err(failed)?;
        Ok(buffer)
    }

    /// All files, in the order of the directories. Files of several extents, which no driver is, and links are not among
    /// them.
    ///
    /// # Errors
    /// A directory cannot be read, or there is more than the limits allow.
    pub fn files(&self) -> Result<Vec<File>, IsoError> {
        let mut walk = Walk::default();
        self.directory(self.volume.root, "", 0, &mut walk)?;
        Ok(walk.files)
    }

    fn inside(&self, extent: &Extent) -> Result<(), IsoError> {
        let end = extent.offset.checked_add(extent.len);
        match end {
            Some(end) if end <= self.bytes.size() => Ok(()),
            _ => Err(IsoError::Damaged(format!(
                "{} bytes at offset {} lie beyond the image's end",
                extent.len, extent.offset
            ))),
        }
    }

    fn directory(&self, extent: Extent, below: &str, depth: usize, walk: &mut Walk) -> Result<(), IsoError> {
        if depth > MAX_DEPTH {
            return Err(IsoError::TooMuch(format!("directories nested deeper than {MAX_DEPTH}")));
        }
        walk.directory_bytes += extent.len;
        if extent.len > u64::from(MAX_DIRECTORY) || walk.directory_bytes > MAX_DIRECTORIES {
            return Err(IsoError::TooMuch("larger directories than are read".to_owned()));
        }
        if !walk.seen.insert(extent.offset) {
            return Ok(());
        }
        let bytes = self.read(&extent)?;
        for record in record::all(&bytes) {
            let record = record?;
            walk.entries += 1;
            if walk.entries > MAX_ENTRIES {
                return Err(IsoError::TooMuch(format!("more than {MAX_ENTRIES} files and directories")));
            }
            self.entry(&record, below, depth, walk)?;
        }
        Ok(())
    }

    fn entry(&self, record: &Record<'_>, below: &str, depth: usize, walk: &mut Walk) -> Result<(), IsoError> {
        if record.is_self_or_parent() || record.is_apart() {
            return Ok(());
        }
        let Some(name) = self.name(record)?.filter(|name| plain(name)) else { return Ok(()) };
        let path = if below.is_empty() { name } else { format!("{below}/{name}") };
        let offset = u64::from(record.block) * u64::from(self.volume.block);
        let extent = Extent { offset, len: u64::from(record.len) };
        if record.is_directory() {
            return self.directory(extent, &path, depth + 1, walk);
        }
        walk.files.push(File { path, extent });
        Ok(())
    }

    /// The name of a record; `None` for what is no file and no directory.
    fn name(&self, record: &Record<'_>) -> Result<Option<String>, IsoError> {
        match self.volume.names {
            Names::RockRidge { skip } => {
                let own = susp::name(record.system_use(skip), |block, offset, len| {
                    let offset = u64::from(block) * u64::from(self.volume.block) + u64::from(offset);
                    self.read(&Extent { offset, len: u64::from(len) })
                })?;
                Ok(match own {
                    susp::Name::Other => None,
                    susp::Name::Given(name) => Some(name),
                    susp::Name::Absent => Some(record.iso_name()),
                })
            }
            Names::Joliet => Ok(Some(record.joliet_name())),
            Names::Iso => Ok(Some(record.iso_name())),
        }
    }
}

/// Whether a name is one that a path can have.
fn plain(name: &str) -> bool {
    !name.is_empty() && name != "." && name != ".." && !name.contains(['/', '\0'])
}
