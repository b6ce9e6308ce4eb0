//! Where the content of a disk is in a package, and unpacking it where it cannot be read in place.

use std::io::{self, Read};

use super::envelope::FileReference;
use super::hardware::DiskUse;
use super::href;
use super::package::{Package, joined, split};
use crate::container::{Compression, compression_of, decompressed};
use crate::error::FetchError;
use crate::member::{Member, Place};
use crate::scratch::Scratch;
use crate::sniff;
use crate::source::{DiskFormat, DiskLocation, SourceDisk};

/// What an image's headers and alignment may take besides its tables, in bytes.
const IMAGE_HEAD_BYTES: u64 = 64 << 20;

/// The pieces of a disk's file, in order, and whether their bytes are gzip.
#[derive(Debug)]
pub(super) struct Content {
    pub pieces: Vec<Member>,
    pub gzip: bool,
}

impl Content {
    /// Bytes as packed.
    pub(super) fn packed_size(&self) -> u64 {
        self.pieces.iter().map(|p| p.size).fold(0, u64::saturating_add)
    }

    /// Where all bytes can be read without unpacking.
    pub(super) fn in_place(&self) -> Option<DiskLocation> {
        match self.pieces.as_slice() {
            [only] if !self.gzip => only.in_place(),
            _ => None,
        }
    }

    fn reader(&self) -> io::Result<Box<dyn Read + Send>> {
        let joined = Box::new(Joined { ahead: self.pieces.clone().into_iter(), current: None });
        if self.gzip { decompressed(joined, Compression::Gzip) } else { Ok(joined) }
    }
}

/// Finds the content of `file`, to which the OVF `ovf` refers.
///
/// # Errors
/// `NotFound` if the package does not hold it, `Corrupt` if a chunk is missing, `Unsafe` and `Unsupported`
/// for references that cannot be followed.
pub(super) fn find(
    package: &Package,
    ovf: &str,
    file: &FileReference,
    warnings: &mut Vec<String>,
) -> Result<Content, FetchError> {
    if file.href.is_empty() {
        return Err(FetchError::corrupt(format!(
            "the OVF uses the file {:?}, which it does not list",
            file.id
        )));
    }
    let declared_gzip = match file.compression.as_deref() {
        None => false,
        Some(word) if word.eq_ignore_ascii_case("gzip") => true,
        Some(other) => {
            return Err(FetchError::unsupported(format!(
                "{:?} is compressed with {other:?}, not gzip",
                file.href
            )));
        }
    };
    let pieces = pieces(package, ovf, file, declared_gzip)?;
    let first = pieces.first().ok_or_else(|| missing(file))?;
    let is_gzip = compression_of(&head(first)?) == Some(Compression::Gzip);
    if declared_gzip && !is_gzip {
        warnings.push(format!("{:?} is declared as gzip and is not", file.href));
    } else if is_gzip && !declared_gzip {
        warnings.push(format!("{:?} is gzip, which the OVF does not declare", file.href));
    }
    Ok(Content { pieces, gzip: is_gzip })
}

/// The members that `file` is made of: itself; its chunks, if it has a chunk size (section 7.1); or the
/// highest numbered one, which is what VMware exports of a disk with snapshots.
fn pieces(package: &Package, ovf: &str, file: &FileReference, gzip: bool) -> Result<Vec<Member>, FetchError> {
    let folder = split(ovf).0;
    for name in href::names(&file.href)? {
        let name = joined(folder, &name);
        if let Some(member) = package.find(&name)? {
            return Ok(vec![member]);
        }
        let numbered = package.numbered(&name)?;
        if let Some(chunk_size) = file.chunk_size.filter(|_| !numbered.is_empty()) {
            return chunks(file, chunk_size, numbered);
        }
        if let Some((_, highest)) = numbered.into_iter().next_back() {
            return Ok(vec![highest]);
        }
        if gzip && let Some(member) = package.find(&format!("{name}.gz"))? {
            return Ok(vec![member]);
        }
    }
    Err(missing(file))
}

/// All chunks, from number 0 and without a gap; all but the last have the declared size.
fn chunks(
    file: &FileReference,
    chunk_size: u64,
    numbered: Vec<(u64, Member)>,
) -> Result<Vec<Member>, FetchError> {
    let damaged = |what: String| {
        FetchError::corrupt(format!("corrupt OVA: {:?} is split into chunks, and {what}", file.href))
            .with_hint("copy the package again, with all of its files")
    };
    let last = numbered.len().saturating_sub(1);
    for (index, (number, member)) in numbered.iter().enumerate() {
        if usize::try_from(*number) != Ok(index) {
            return Err(damaged(format!("chunk {index} is missing")));
        }
        if index < last && member.size != chunk_size {
            return Err(damaged(format!("{:?} has {} bytes, not {chunk_size}", member.name, member.size)));
        }
    }
    let size = numbered.iter().map(|(_, m)| m.size).fold(0, u64::saturating_add);
    if let Some(declared) = file.size.filter(|declared| *declared != size) {
        return Err(damaged(format!("they have {size} bytes together, not {declared}")));
    }
    Ok(numbered.into_iter().map(|(_, member)| member).collect())
}

fn missing(file: &FileReference) -> FetchError {
    FetchError::not_found(format!("the OVF refers to {:?}, which is not in the package", file.href))
        .with_hint("copy the package again, with all of its files")
}

fn head(member: &Member) -> Result<Vec<u8>, FetchError> {
    member
        .open()
        .and_then(sniff::head)
        .map_err(|e| FetchError::io(format!("reading the start of {:?}", member.name), e))
}

/// The disk that `disk_use` describes, with its content in place if possible and in `scratch` otherwise.
///
/// # Errors
/// See [`Scratch::unpack`].
pub(super) fn place(
    disk_use: &DiskUse,
    content: &Content,
    scratch: &mut Scratch,
) -> Result<SourceDisk, FetchError> {
    let location = match content.in_place() {
        Some(location) => location,
        None => {
            let name = content.pieces.first().map_or("", |m| m.name.as_str());
            let reader = content.reader().map_err(|e| FetchError::io(format!("unpacking {name:?}"), e))?;
            let ceiling =
                disk_use.disk.capacity_bytes.filter(|_| content.gzip).map_or(u64::MAX, largest_image);
            let mut reader = scratch.limits().bounded(reader, compressed_size(content), ceiling);
            let (path, _) = scratch.unpack(&mut reader, name)?;
            DiskLocation::File { path }
        }
    };
    let format = format_at(&location)?.or(disk_use.disk.format).or_else(|| {
        content
            .pieces
            .first()
            .and_then(|member| sniff::disk_format_by_name(member.name.trim_end_matches(".gz")))
    });
    Ok(disk(disk_use, location, format))
}

/// The largest file that an image format makes of a disk of `capacity` bytes. VMDK's and VHDX's tables take
/// less than a hundredth of the capacity, and their heads some MiB.
pub(super) fn largest_image(capacity: u64) -> u64 {
    capacity.saturating_add(capacity / 100).saturating_add(IMAGE_HEAD_BYTES)
}

/// The bytes that the content takes where it is: what a decompressor has to work with.
fn compressed_size(content: &Content) -> u64 {
    let size = |member: &Member| match member.place {
        Place::Deflated { length, .. } => length,
        Place::File(_) | Place::Part { .. } => member.size,
    };
    content.pieces.iter().map(size).fold(0, u64::saturating_add)
}

/// A disk without content: a raw file of its capacity that takes no space.
///
/// # Errors
/// `Corrupt` if the capacity is not known, `Io` if the host fails.
pub(super) fn blank(disk_use: &DiskUse, scratch: &mut Scratch) -> Result<SourceDisk, FetchError> {
    let id = &disk_use.disk.id;
    let capacity = disk_use
        .disk
        .capacity_bytes
        .ok_or_else(|| FetchError::corrupt(format!("the disk {id:?} has neither a file nor a capacity")))?;
    if capacity > scratch.limits().max_unpacked_bytes {
        return Err(FetchError::unsupported(format!(
            "the blank disk {id:?} has {capacity} bytes, more than any disk"
        )));
    }
    let path = scratch.blank(capacity)?;
    Ok(disk(disk_use, DiskLocation::File { path }, Some(DiskFormat::Raw)))
}

fn disk(disk_use: &DiskUse, location: DiskLocation, format: Option<DiskFormat>) -> SourceDisk {
    SourceDisk {
        slot: disk_use.slot.clone(),
        location,
        format,
        capacity_bytes: disk_use.disk.capacity_bytes,
        mode: None,
        serial: None,
        traits: Default::default(),
    }
}

fn format_at(location: &DiskLocation) -> Result<Option<DiskFormat>, FetchError> {
    let (path, offset, size) = match location {
        DiskLocation::File { path } => (path, 0, u64::MAX),
        DiskLocation::Range { path, offset, length } => (path, *offset, *length),
        // No description names one; if one did, what NBD exports is raw.
        DiskLocation::Nbd { .. } => return Ok(Some(DiskFormat::Raw)),
    };
    let part = Member { name: String::new(), place: Place::Part { path: path.clone(), offset }, size };
    let mut bytes = Vec::new();
    let read = part.open().and_then(|reader| reader.take(sniff::MAGIC_BYTES).read_to_end(&mut bytes));
    match read {
        // A disk may be shorter than what is asked for.
        Err(e) if e.kind() != io::ErrorKind::UnexpectedEof => {
            Err(FetchError::io(format!("reading {}", path.display()), e))
        }
        _ => Ok(sniff::disk_format_by_magic(&bytes)),
    }
}

/// Members one after the other; each is opened when its turn comes.
struct Joined {
    ahead: std::vec::IntoIter<Member>,
    current: Option<Box<dyn Read + Send>>,
}

impl Read for Joined {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(current) = &mut self.current {
                let read = current.read(buf)?;
                if read > 0 || buf.is_empty() {
                    return Ok(read);
                }
            }
            match self.ahead.next() {
                Some(member) => self.current = Some(member.open()?),
                None => return Ok(0),
            }
        }
    }
}
