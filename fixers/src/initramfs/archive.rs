//! Writes an archive ("newc") that is appended to an initramfs: not packed, so that every kernel takes it, whatever
//! compressions it was built with (buffer-format.rst: archives and padding may follow each other, and an archive that
//! is not packed begins at a multiple of four bytes).

use super::error::WriteError;

/// Longest archive in bytes: the drivers of the target come to a few MiB, unpacked ones with symbols to some dozens.
pub const MAX_ARCHIVE: usize = 128 * 1024 * 1024;

/// Longest name in bytes: PATH_MAX less its NUL. The kernel passes over entries with longer names.
const MAX_NAME: usize = 4095;

/// Name of the entry that ends an archive.
const TRAILER: &str = "TRAILER!!!";

const DIRECTORY: u32 = 0o040_755;
const FILE: u32 = 0o100_644;

/// An archive in the making. Entries are owned by root; their time is zero, so that the same entries make the same
/// bytes.
#[derive(Debug, Clone, Default)]
pub struct ArchiveWriter {
    bytes: Vec<u8>,
    /// Bytes of padding before the archive.
    start: usize,
    entries: u32,
}

impl ArchiveWriter {
    /// An archive that will stand at byte `offset` of a file: it begins with the padding that it needs there.
    pub fn at(offset: u64) -> Self {
        let start = (offset.wrapping_neg() & 3) as usize;
        Self { bytes: vec![0; start], start, entries: 0 }
    }

    /// A directory, mode 0755. The kernel keeps one that is there already; in place of anything else, a symbolic link
    /// included, it makes a directory.
    ///
    /// # Errors
    /// The name is not one of a path below the root, or the archive becomes too long.
    pub fn directory(&mut self, path: &str) -> Result<(), WriteError> {
        self.entry(path, DIRECTORY, &[])
    }

    /// A regular file, mode 0644. It replaces one that is there.
    ///
    /// # Errors
    /// As [`ArchiveWriter::directory`].
    pub fn file(&mut self, path: &str, content: &[u8]) -> Result<(), WriteError> {
        self.entry(path, FILE, content)
    }

    /// The padding and the archive with its trailer; its end is at a multiple of four bytes of the file.
    ///
    /// # Errors
    /// The archive becomes too long.
    pub fn finish(mut self) -> Result<Vec<u8>, WriteError> {
        self.header(TRAILER, 0, 0)?;
        Ok(self.bytes)
    }

    fn entry(&mut self, path: &str, mode: u32, content: &[u8]) -> Result<(), WriteError> {
        if !is_plain(path) {
            return Err(WriteError::Name(path.to_owned()));
        }
        self.header(path, mode, content.len())?;
        self.bytes.extend_from_slice(content);
        self.pad();
        Ok(())
    }

    /// magic[6] ino mode uid gid nlink mtime filesize maj min rmaj rmin namesize chksum, then the name.
    fn header(&mut self, name: &str, mode: u32, size: usize) -> Result<(), WriteError> {
        // Header, name and padding come to less than 4300 bytes.
        let length = self.bytes.len().saturating_add(size).saturating_add(8192);
        let size = u32::try_from(size).ok().filter(|_| length <= MAX_ARCHIVE).ok_or(WriteError::TooLong)?;
        self.entries = self.entries.saturating_add(1);
        let name_size = u32::try_from(name.len()).map_err(|_| WriteError::TooLong)?.saturating_add(1);
        self.bytes.extend_from_slice(b"070701");
        for field in [self.entries, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, name_size, 0] {
            self.bytes.extend_from_slice(format!("{field:08x}").as_bytes());
        }
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.push(0);
        self.pad();
        Ok(())
    }

    /// Names and bodies are padded to four bytes from the archive's start.
    fn pad(&mut self) {
        let length = self.bytes.len().saturating_sub(self.start).next_multiple_of(4);
        self.bytes.resize(self.start.saturating_add(length), 0);
    }
}

/// A path from the root as archives have it: relative, each component a name, and not the one that ends an archive.
pub fn is_plain(path: &str) -> bool {
    (1..=MAX_NAME).contains(&path.len())
        && !path.contains('\0')
        && path != TRAILER
        && path.split('/').all(|c| !["", ".", ".."].contains(&c))
}
