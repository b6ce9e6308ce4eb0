//! rpm's own format (lib/backend/ndb/rpmpkg.c): pages of slots, each of which names the blocks of one package's blob.
//! All numbers are little-endian.

use std::fs::File;
use std::os::unix::fs::FileExt;

use super::{MAX_HEADER, Visit, show};
use crate::bytes::u32_at;

const MAGIC: &[u8] = b"RpmP";
const SLOT_MAGIC: &[u8] = b"Slot";
const BLOB_MAGIC: &[u8] = b"BlbS";
const END_MAGIC: &[u8] = b"BlbE";
/// Bytes of the file's head, of a page of slots, of a slot, and of a block.
const HEAD: usize = 32;
const PAGE: usize = 4096;
const SLOT: usize = 16;
const BLOCK: u64 = 16;
/// Bytes of a blob's head (magic, number, time, length) and tail (checksum, length, magic).
const BLOB_HEAD: usize = 16;
const BLOB_TAIL: usize = 12;
/// Most pages of slots: a million packages.
const MAX_PAGES: u32 = 4096;

pub(super) fn each(file: &File, visit: Visit<'_>) -> Result<(), String> {
    let head = read(file, 0, HEAD)?;
    if !head.starts_with(MAGIC) || u32_at(&head, 4) != Some(0) {
        return Err("it is no ndb database of version 0".to_owned());
    }
    let pages = u32_at(&head, 12).unwrap_or_default();
    if pages > MAX_PAGES {
        return Err(format!("it has {pages} pages of slots"));
    }
    for page in 0..pages {
        let bytes = read(file, u64::from(page) * PAGE as u64, PAGE)?;
        // The head takes the place of the first two slots.
        for slot in bytes.chunks_exact(SLOT).skip(if page == 0 { HEAD / SLOT } else { 0 }) {
            if !slot.starts_with(SLOT_MAGIC) {
                return Err("a slot is none".to_owned());
            }
            let number = |at| u32_at(slot, at).unwrap_or_default();
            let (package, block, blocks) = (number(4), number(8), number(12));
            if block != 0 {
                show(&blob(file, package, block, blocks)?, visit)?;
            }
        }
    }
    Ok(())
}

/// The header of the package with this number, in so many blocks from `block` on.
fn blob(file: &File, package: u32, block: u32, blocks: u32) -> Result<Vec<u8>, String> {
    let size = usize::try_from(u64::from(blocks) * BLOCK).unwrap_or(usize::MAX);
    if size > MAX_HEADER {
        return Err(format!("package {package} has {size} bytes"));
    }
    let mut bytes = read(file, u64::from(block) * BLOCK, size)?;
    let damaged = || format!("the blob of package {package} is damaged");
    let length = u32_at(&bytes, 12).ok_or_else(damaged)? as usize;
    let whole = bytes.starts_with(BLOB_MAGIC)
        && u32_at(&bytes, 4) == Some(package)
        && size >= BLOB_HEAD + BLOB_TAIL
        && length <= size.saturating_sub(BLOB_HEAD + BLOB_TAIL)
        && bytes.ends_with(END_MAGIC)
        && u32_at(&bytes, size - BLOB_TAIL + 4) == u32_at(&bytes, 12)
        && u32_at(&bytes, size - BLOB_TAIL) == Some(adler32(&bytes[..size - BLOB_TAIL]));
    if !whole {
        return Err(damaged());
    }
    bytes.truncate(BLOB_HEAD + length);
    bytes.drain(..BLOB_HEAD);
    Ok(bytes)
}

/// Adler-32 (RFC 1950, section 8.2).
pub(in crate::rpm) fn adler32(bytes: &[u8]) -> u32 {
    const BASE: u32 = 65_521;
    /// Bytes that can be added before a sum overflows.
    const RUN: usize = 5552;
    let (mut a, mut b) = (1_u32, 0_u32);
    for run in bytes.chunks(RUN) {
        for byte in run {
            a += u32::from(*byte);
            b += a;
        }
        a %= BASE;
        b %= BASE;
    }
    b << 16 | a
}

fn read(file: &File, at: u64, length: usize) -> Result<Vec<u8>, String> {
    let mut bytes = vec![0; length];
    file.read_exact_at(&mut bytes, at).map_err(|e| format!("{length} bytes at {at}: {e}"))?;
    Ok(bytes)
}
