//! The archive that an edit appends to an initramfs: what is in it, and how it is made, on the host and of the guest's
//! own files.

use std::collections::BTreeMap;
use std::io::Read;

use serde::{Deserialize, Serialize};

use crate::error::{GuestError, Result};
use crate::guest::Guest;
use crate::initramfs::modindex::{self, Index};
use crate::initramfs::{self, ArchiveWriter, MAX_ARCHIVE, WriteError, chain};

#[cfg(test)]
mod tests;

/// Bytes at the end of a file that stand for the whole of it: what packs an initramfs ends it with a checksum.
pub const TAIL: usize = 64 * 1024;

/// One entry of the archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchiveEntry {
    /// Its path in the initramfs, relative to the root.
    pub path: String,
    /// Where its content comes from.
    #[serde(flatten)]
    pub content: EntryContent,
}

/// Content of a file in the archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "source", rename_all = "kebab-case")]
pub enum EntryContent {
    /// It is a directory.
    Directory,
    /// A file of the guest.
    File {
        /// Absolute path in the guest.
        from: String,
        /// Its size in bytes.
        size: u64,
        /// It is unpacked (xz, zstd, gzip), as the modules of this initramfs are.
        #[serde(default)]
        unpack: bool,
    },
    /// The file that the initramfs has there, with lines behind its own; a new one if there is none.
    Lines {
        /// The lines, without their ends.
        add: Vec<String>,
    },
    /// An index of modules that the initramfs has there, with lines behind its own, and beside it, as `PATH.bin`, its
    /// binary form.
    Index {
        /// The lines, without their ends.
        add: Vec<String>,
    },
}

/// The archive with the padding before it, for a file of `size` bytes at `path`.
///
/// # Errors
/// [`GuestError::Changed`] if a file is not as the plan saw it; the guest could not be read; the archive is too long.
pub fn build(guest: &dyn Guest, path: &str, size: u64, entries: &[ArchiveEntry]) -> Result<Vec<u8>> {
    let old = extended(guest, path, entries)?;
    let failed = |e: WriteError| GuestError::Malformed { path: path.to_owned(), what: e.to_string() };
    let mut writer = ArchiveWriter::at(size);
    for entry in entries {
        match &entry.content {
            EntryContent::Directory => writer.directory(&entry.path).map_err(failed)?,
            EntryContent::File { from, size, unpack } => {
                writer.file(&entry.path, &file(guest, from, *size, *unpack)?).map_err(failed)?;
            }
            EntryContent::Lines { add } => {
                writer.file(&entry.path, with_lines(old.get(&entry.path), add).as_bytes()).map_err(failed)?;
            }
            EntryContent::Index { add } => {
                let text = with_lines(old.get(&entry.path), add);
                writer.file(&entry.path, text.as_bytes()).map_err(failed)?;
                let binary = modindex::binary(kind(&entry.path), &text);
                writer.file(&format!("{}.bin", entry.path), &binary).map_err(failed)?;
            }
        }
    }
    writer.finish().map_err(failed)
}

/// Every directory above a path, the highest first.
pub fn directories(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').filter_map(|(at, _)| path.get(..at))
}

fn kind(path: &str) -> Index {
    if path.ends_with("/modules.alias") { Index::Aliases } else { Index::Dependencies }
}

/// Files of the initramfs that get more lines.
fn extended(guest: &dyn Guest, path: &str, entries: &[ArchiveEntry]) -> Result<BTreeMap<String, String>> {
    let grows =
        |e: &&ArchiveEntry| matches!(e.content, EntryContent::Lines { .. } | EntryContent::Index { .. });
    let wanted: Vec<&str> = entries.iter().filter(grows).map(|e| e.path.as_str()).collect();
    if wanted.is_empty() {
        return Ok(BTreeMap::new());
    }
    let found = initramfs::extract(guest.open(path)?, &wanted)
        .map_err(|e| GuestError::Malformed { path: path.to_owned(), what: chain(&e) })?;
    Ok(found.into_iter().map(|(name, body)| (name, String::from_utf8_lossy(&body).into_owned())).collect())
}

/// A text with lines behind it; those that it has already stay where they are.
fn with_lines(text: Option<&String>, add: &[String]) -> String {
    let mut text = text.cloned().unwrap_or_default();
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    for line in add {
        text.push_str(line);
        text.push('\n');
    }
    text
}

fn file(guest: &dyn Guest, from: &str, size: u64, unpack: bool) -> Result<Vec<u8>> {
    let content = guest.read(from)?.ok_or_else(|| GuestError::NotFound { path: from.to_owned() })?;
    if content.len() as u64 != size {
        let what = format!("it has {} bytes, not {size}", content.len());
        return Err(GuestError::Changed { path: from.to_owned(), what });
    }
    if !unpack {
        return Ok(content);
    }
    initramfs::unpack(&content, MAX_ARCHIVE as u64)
        .map_err(|e| GuestError::Malformed { path: from.to_owned(), what: format!("unpacking it: {e}") })
}

/// A digest of the last bytes of a file, as plans keep it.
pub fn digest(tail: &[u8]) -> String {
    blake3::hash(tail).to_hex().to_string()
}

/// Passes bytes on and keeps the last [`TAIL`] of them.
pub(crate) struct TailKeeper<R> {
    inner: R,
    tail: Vec<u8>,
}

impl<R: Read> TailKeeper<R> {
    /// Over a reader.
    pub(crate) fn new(inner: R) -> Self {
        Self { inner, tail: Vec::new() }
    }

    /// Reads what is left, `limit` bytes at most, and returns the last bytes of all.
    ///
    /// # Errors
    /// The reader failed.
    pub(crate) fn into_tail(mut self, limit: u64) -> std::io::Result<Vec<u8>> {
        std::io::copy(&mut self.by_ref().take(limit), &mut std::io::sink())?;
        let from = self.tail.len().saturating_sub(TAIL);
        Ok(self.tail.split_off(from))
    }
}

impl<R: Read> Read for TailKeeper<R> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let got = self.inner.read(out)?;
        self.tail.extend_from_slice(out.get(..got).unwrap_or_default());
        // Moved seldom: at twice the length.
        if self.tail.len() > 2 * TAIL {
            self.tail.drain(..self.tail.len().saturating_sub(TAIL));
        }
        Ok(got)
    }
}
