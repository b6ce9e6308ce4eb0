//! The scratch directory: members that cannot be read where they are, unpacked under names of our own.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::error::FetchError;
use crate::limits::Limits;

/// Bytes that are read and written at a time.
const BUFFER_BYTES: usize = 1 << 20;

/// Granularity of holes: a block of zeros of this size is not written. The block size of common file systems.
const HOLE_BYTES: usize = 4096;

/// Files that are unpacked during one fetch. Those that are not kept are removed when it is dropped.
#[derive(Debug)]
pub(crate) struct Scratch {
    directory: PathBuf,
    limits: Limits,
    created: Vec<PathBuf>,
    kept: BTreeSet<PathBuf>,
}

impl Scratch {
    /// A scratch directory at `directory`, which is created with the first file.
    pub(crate) fn new(directory: &Path, limits: Limits) -> Self {
        Self { directory: directory.to_owned(), limits, created: Vec::new(), kept: BTreeSet::new() }
    }

    /// How far a package may grow.
    pub(crate) fn limits(&self) -> Limits {
        self.limits
    }

    /// Writes all of `reader`, called `name` in messages, into a new file and returns its path and size.
    ///
    /// # Errors
    /// What the reader reports (see [`FetchError::io`]), or `Io` if the host fails.
    pub(crate) fn unpack(&mut self, reader: &mut dyn Read, name: &str) -> Result<(PathBuf, u64), FetchError> {
        let (path, mut file) = self.create()?;
        let mut buffer = vec![0; BUFFER_BYTES];
        let mut size = 0u64;
        loop {
            let read =
                fill(reader, &mut buffer).map_err(|e| FetchError::io(format!("unpacking {name:?}"), e))?;
            let Some(block) = buffer.get(..read).filter(|b| !b.is_empty()) else { break };
            size = size.saturating_add(block.len() as u64);
            write_sparse(&mut file, block).map_err(|e| self.write_failed(e))?;
        }
        // A hole at the end is only there once the length is set.
        file.set_len(size).map_err(|e| self.write_failed(e))?;
        Ok((path, size))
    }

    /// A new file of `size` zero bytes that takes no space.
    ///
    /// # Errors
    /// `Io` if the host fails.
    pub(crate) fn blank(&mut self, size: u64) -> Result<PathBuf, FetchError> {
        let (path, file) = self.create()?;
        file.set_len(size).map_err(|e| self.write_failed(e))?;
        Ok(path)
    }

    /// Marks a file as part of the result.
    pub(crate) fn keep(&mut self, path: &Path) {
        self.kept.insert(path.to_owned());
    }

    /// A new file `member-N` in the directory. A file of that name is left from a run that was killed: it is
    /// removed, and the new one is created exclusively, so that no link is ever followed.
    fn create(&mut self) -> Result<(PathBuf, File), FetchError> {
        fs::create_dir_all(&self.directory).map_err(|e| self.write_failed(e))?;
        let path = self.directory.join(format!("member-{}", self.created.len()));
        match fs::remove_file(&path) {
            Ok(()) => {}
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(self.write_failed(e)),
        }
        let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        let file = opened.map_err(|e| self.write_failed(e))?;
        self.created.push(path.clone());
        Ok((path, file))
    }

    fn write_failed(&self, error: io::Error) -> FetchError {
        FetchError::io(format!("unpacking into {}", self.directory.display()), error)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        for path in self.created.iter().filter(|path| !self.kept.contains(*path)) {
            // Nothing is lost if this fails: the next run removes the file before it writes its own.
            let _ = fs::remove_file(path);
        }
    }
}

/// Reads until `buffer` is full or the reader ends.
fn fill(reader: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match reader.read(rest) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(filled)
}

/// Writes `data` at the file's position and leaves holes where whole blocks are zero.
fn write_sparse(file: &mut File, data: &[u8]) -> io::Result<()> {
    for block in data.chunks(HOLE_BYTES) {
        if block.iter().all(|byte| *byte == 0) {
            file.seek(SeekFrom::Current(i64::try_from(block.len()).map_err(io::Error::other)?))?;
        } else {
            file.write_all(block)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn files_are_written_with_holes_and_removed_unless_kept() {
        let temp = tempfile::tempdir().unwrap();
        let directory = temp.path().join("scratch");
        let mut scratch = Scratch::new(&directory, Limits::default());
        assert!(!directory.exists());
        let mut content = vec![0; 3 << 20];
        content.extend_from_slice(b"end");
        content.extend_from_slice(&[0; 5000]);
        let (kept, size) = scratch.unpack(&mut content.as_slice(), "x").unwrap();
        let (dropped, _) = scratch.unpack(&mut content.as_slice(), "y").unwrap();
        assert_eq!(fs::read(&kept).unwrap(), content);
        assert_eq!(size, content.len() as u64);
        assert!(fs::metadata(&kept).unwrap().blocks() * 512 < 1 << 20);
        scratch.keep(&kept);
        drop(scratch);
        assert!(kept.exists() && !dropped.exists());
    }

    #[test]
    fn links_in_the_way_are_not_followed() {
        let temp = tempfile::tempdir().unwrap();
        let victim = temp.path().join("victim");
        fs::write(&victim, "precious").unwrap();
        std::os::unix::fs::symlink(&victim, temp.path().join("member-0")).unwrap();
        let mut scratch = Scratch::new(temp.path(), Limits::default());
        scratch.unpack(&mut &b"new"[..], "x").unwrap();
        assert_eq!(fs::read(&victim).unwrap(), b"precious");
    }
}
