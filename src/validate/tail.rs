//! A file that somebody else appends to, read on from where the last look ended.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Most that is read at one look, in bytes; the rest comes at the next ones.
const MAX_LOOK: u64 = 4 << 20;

/// A growing file.
#[derive(Debug)]
pub(super) struct Tail {
    path: PathBuf,
    offset: u64,
}

impl Tail {
    /// The file at `path`, from its start; it need not be there yet.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), offset: 0 }
    }

    /// What came since the last look. A file that cannot be read has nothing new.
    pub fn look(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let read = File::open(&self.path).and_then(|mut file| {
            file.seek(SeekFrom::Start(self.offset))?;
            file.take(MAX_LOOK).read_to_end(&mut bytes)
        });
        if read.is_err() {
            return Vec::new();
        }
        self.offset = self.offset.saturating_add(bytes.len() as u64);
        bytes
    }

    /// Bytes in the file now.
    pub fn size(&self) -> u64 {
        std::fs::metadata(&self.path).map_or(0, |m| m.len())
    }
}
