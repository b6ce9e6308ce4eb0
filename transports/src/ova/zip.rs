//! The members of a zip archive, from its central directory (PKWARE APPNOTE 6.3.10, sections 4.3 and 4.5.3).
//!
//! Own code rather than the `zip` crate: that keeps members by name, so that duplicates vanish, reads a
//! directory of any size into memory, and hides where a stored member lies, which is read in place here.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use super::tar::safe_name;
use super::zip_records::{
    CentralEntry, End, LOCAL_HEADER_BYTES, local_data_offset, parse_central, parse_end,
};
use crate::error::FetchError;
use crate::member::{Member, Place};

/// Largest central directory that is read, in bytes: more than a hundred thousand members.
const MAX_DIRECTORY_BYTES: u64 = 16 << 20;

/// Bytes at the end of the file in which the end record must start: its 22 bytes, a comment of at most 65535,
/// and zip64's two records before it.
const END_WINDOW_BYTES: u64 = 22 + 65_535 + 20 + 56;

/// Compression methods.
const STORED: u16 = 0;
const DEFLATED: u16 = 8;

/// File type bits of a Unix mode.
const S_IFMT: u32 = 0o170_000;
const S_IFREG: u32 = 0o100_000;
const S_IFDIR: u32 = 0o040_000;

/// All regular members of the archive at `path`, in the directory's order; duplicates included.
///
/// # Errors
/// `Corrupt` for damage, `Unsafe` for links, devices and unsafe names, `Unsupported` for encrypted members
/// and compression methods other than deflate, `Io` if the host fails.
pub(super) fn members(path: &Path) -> Result<Vec<Member>, FetchError> {
    let failed = |e| FetchError::io(format!("reading {}", path.display()), e);
    let mut file = File::open(path).map_err(failed)?;
    let size = file.seek(SeekFrom::End(0)).map_err(failed)?;
    let window_start = size.saturating_sub(END_WINDOW_BYTES);
    let window = read_part(&mut file, window_start, size - window_start).map_err(failed)?;
    let end = parse_end(&window, window_start).ok_or_else(|| damaged(path, "has no end record"))?;
    let directory = directory(&mut file, &end, size, path)?;
    let mut members = Vec::new();
    let mut rest = directory.as_slice();
    for _ in 0..end.entries {
        let (entry, tail) = parse_central(rest).ok_or_else(|| damaged(path, "has a damaged directory"))?;
        rest = tail;
        if !entry.name.ends_with('/') {
            members.push(member(&mut file, &entry, size, path)?);
        }
    }
    Ok(members)
}

fn directory(file: &mut File, end: &End, size: u64, path: &Path) -> Result<Vec<u8>, FetchError> {
    let fits = end.offset.checked_add(end.size).is_some_and(|last| last <= size);
    if !fits {
        return Err(damaged(path, "has a directory outside of the file"));
    }
    if end.size > MAX_DIRECTORY_BYTES {
        return Err(FetchError::unsupported(format!(
            "{} has a directory of {} bytes, more than is read of one",
            path.display(),
            end.size
        )));
    }
    read_part(file, end.offset, end.size)
        .map_err(|e| FetchError::io(format!("reading {}", path.display()), e))
}

fn member(file: &mut File, entry: &CentralEntry, size: u64, archive: &Path) -> Result<Member, FetchError> {
    let name = safe_name(&entry.name)?;
    if let Some(kind) = entry.unix_mode.map(|mode| mode & S_IFMT)
        && !matches!(kind, 0 | S_IFREG | S_IFDIR)
    {
        return Err(FetchError::dangerous(format!("unsafe member {name:?}: it is a link or a device")));
    }
    if entry.encrypted {
        return Err(FetchError::unsupported(format!("{name:?} is encrypted")));
    }
    let header = read_part(file, entry.header_offset, LOCAL_HEADER_BYTES)
        .map_err(|e| FetchError::io(format!("reading the header of {name:?}"), e))?;
    let offset = local_data_offset(&header)
        .and_then(|within| entry.header_offset.checked_add(within))
        .filter(|offset| offset.checked_add(entry.compressed).is_some_and(|last| last <= size))
        .ok_or_else(|| damaged(archive, &format!("does not hold all of {name:?}")))?;
    let path = archive.to_owned();
    let place = match entry.method {
        STORED if entry.compressed == entry.size => Place::Part { path, offset },
        DEFLATED => Place::Deflated { path, offset, length: entry.compressed, crc32: entry.crc32 },
        STORED => return Err(damaged(archive, &format!("gives two sizes of {name:?}"))),
        method => {
            return Err(FetchError::unsupported(format!(
                "{name:?} is compressed with method {method}, not deflate"
            ))
            .with_hint("unpack the archive and give the .ovf"));
        }
    };
    Ok(Member { name, place, size: entry.size })
}

fn read_part(file: &mut File, offset: u64, length: u64) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes)?;
    if (bytes.len() as u64) < length { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(bytes) }
}

fn damaged(path: &Path, what: &str) -> FetchError {
    FetchError::corrupt(format!("corrupt OVA: {} {what}", path.display()))
        .with_hint("the archive may have been cut off; fetch it again")
}
