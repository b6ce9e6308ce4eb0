//! Lists an initramfs: segment after segment, as the kernel takes them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read};

use super::compress::{Compression, MAGIC_LENGTH};
use super::contents::Contents;
use super::cpio::{Archive, Budget};
use super::error::{CpioError, InitramfsError};
use super::input::Input;
use super::layout::Layout;

/// Bytes read of the file: nothing that is larger packed than it may be unpacked is an initramfs.
pub const MAX_PACKED: u64 = super::cpio::MAX_UNPACKED;

/// Segments in one initramfs. Generators write up to three (microcode, more of it, the rest); each may be appended
/// to now and then. Setting up a decoder is what a hostile file would make us do forever.
pub const MAX_SEGMENTS: usize = 256;

/// Unpacked bytes that are buffered before the archive reader.
const UNPACKED_BUFFER: usize = 64 * 1024;

/// What an initramfs holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// Its segments, in order.
    pub segments: Vec<Segment>,
    /// Names of the kernel modules in it by the kernel version that they are for, underscores for dashes. Those that
    /// it loads by their files, whatever the kernel, are under the empty version.
    pub modules: BTreeMap<String, BTreeSet<String>>,
    /// Modules that it is told to load (`conf/modules`, `modules-load.d`), in order.
    pub load_list: Vec<String>,
    /// What made it (`initramfs-tools`, `dracut`, `mkinitcpio`, `mkinitfs`, `booster`), where its files tell.
    pub generator: Option<&'static str>,
    /// A file system image in it that holds the rest, modules included (dracut's squash modules); what is in there
    /// is not listed.
    pub nested: Option<&'static str>,
    /// Bytes read of the file.
    pub size: u64,
    /// Offset of bytes behind the last segment that are neither padding nor a segment. The kernel complains and
    /// boots with what came before them.
    pub trailing: Option<u64>,
    /// What an archive that is appended would meet.
    pub layout: Layout,
}

/// One segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// How it is packed.
    pub compression: Compression,
    /// Offset of its first byte.
    pub start: u64,
    /// Entries in it, trailers not counted.
    pub entries: u64,
}

impl Listing {
    /// Entries in all.
    pub fn entries(&self) -> u64 {
        self.segments.iter().fold(0, |sum, s| sum.saturating_add(s.entries))
    }

    /// Names of all modules, sorted, each once.
    pub fn all_modules(&self) -> BTreeSet<String> {
        self.modules.values().flatten().cloned().collect()
    }
}

/// Lists an initramfs from its bytes, in constant memory.
///
/// # Errors
/// It cannot be read, is no initramfs, is broken or truncated, is packed with something that is not read here, or
/// passes a limit. The error names the offset.
pub fn list(reader: impl Read) -> Result<Listing, InitramfsError> {
    let mut contents = Contents::default();
    let mut listing = walk(reader, &mut contents)?;
    listing.modules = contents.modules();
    listing.load_list = contents.load_list();
    listing.generator = contents.generator();
    listing.nested = contents.nested();
    listing.layout = contents.layout();
    Ok(listing)
}

/// The content of those of the files that are in it, as unpacking would leave them; `paths` are relative to the root.
///
/// # Errors
/// As [`list`].
pub fn extract(reader: impl Read, paths: &[&str]) -> Result<BTreeMap<String, Vec<u8>>, InitramfsError> {
    let mut contents = Contents::asking(paths);
    walk(reader, &mut contents)?;
    Ok(contents.into_asked())
}

/// Gives every entry to `contents`; the listing has what the segments tell.
fn walk(reader: impl Read, contents: &mut Contents) -> Result<Listing, InitramfsError> {
    let mut input = Input::new(reader, MAX_PACKED);
    let mut budget = Budget::new();
    let mut listing = Listing::default();
    while let Some(compression) = next_segment(&mut input, &mut listing)? {
        if listing.segments.len() >= MAX_SEGMENTS {
            return Err(InitramfsError::TooMany { what: "segments", limit: MAX_SEGMENTS as u64 });
        }
        let start = input.offset();
        let entries = match compression {
            Compression::None => read_plain(&mut input, &mut budget, contents),
            packed => match packed.decoder(&mut input).map_err(|e| read_error(start, e))? {
                None => return Err(InitramfsError::Unsupported { offset: start, compression }),
                Some(decoder) => read_packed(decoder, &mut budget, contents),
            },
        };
        let entries = entries.map_err(|source| InitramfsError::Segment {
            number: listing.segments.len().saturating_add(1),
            compression,
            start,
            offset: input.offset(),
            source,
        })?;
        listing.segments.push(Segment { compression, start, entries });
    }
    if listing.segments.is_empty() {
        return Err(InitramfsError::Empty);
    }
    listing.size = input.offset();
    Ok(listing)
}

/// Skips padding; what the next segment is packed with, or `None` where none follows.
fn next_segment<R: Read>(
    input: &mut Input<R>,
    listing: &mut Listing,
) -> Result<Option<Compression>, InitramfsError> {
    loop {
        let offset = input.offset();
        let start = input.peek(MAGIC_LENGTH).map_err(|e| read_error(offset, e))?;
        match start {
            [] => return Ok(None),
            [0, ..] => input.skip_zeros(),
            // The kernel looks for an archive at multiples of four only, and for a magic number everywhere else.
            [b'0', ..] if offset.is_multiple_of(4) => return Ok(Some(Compression::None)),
            start => {
                let compression = Compression::detect(start);
                if compression.is_none() && listing.segments.is_empty() {
                    return Err(InitramfsError::NotAnInitramfs);
                }
                listing.trailing = compression.is_none().then_some(offset);
                return Ok(compression);
            }
        }
    }
}

/// An archive that is not packed ends at its trailer; what follows is the next segment's.
fn read_plain<R: Read>(
    input: &mut Input<R>,
    budget: &mut Budget,
    contents: &mut Contents,
) -> Result<u64, CpioError> {
    let position = input.offset();
    read_archive(&mut Archive::new(input, position, budget), contents)
}

/// A packed segment is read to its end, so that the input stands behind it; archives in it may follow each other.
fn read_packed(decoder: impl Read, budget: &mut Budget, contents: &mut Contents) -> Result<u64, CpioError> {
    let unpacked = BufReader::with_capacity(UNPACKED_BUFFER, decoder);
    let mut archive = Archive::new(unpacked, 0, budget);
    let mut entries: u64 = 0;
    loop {
        entries = entries.saturating_add(read_archive(&mut archive, contents)?);
        if !archive.next_archive()? {
            return Ok(entries);
        }
    }
}

fn read_archive<R: BufRead>(archive: &mut Archive<'_, R>, contents: &mut Contents) -> Result<u64, CpioError> {
    let mut entries: u64 = 0;
    while let Some(entry) = archive.next_entry()? {
        entries = entries.saturating_add(1);
        let body = archive.read_body(&entry, contents.wants_body(&entry))?;
        contents.add(&entry, &body)?;
    }
    Ok(entries)
}

fn read_error(offset: u64, source: std::io::Error) -> InitramfsError {
    InitramfsError::Read { offset, source }
}
