//! The table by which device-mapper shows what a BitLocker volume holds (the kernel's
//! Documentation/admin-guide/device-mapper/dm-crypt.rst).

use std::fmt::Write;

use super::BitLockerError;
use super::format::{METADATA_SIZE, Metadata};
use crate::bytes::slice;

/// Bytes of a sector, as device-mapper counts them.
const SECTOR: u64 = 512;
/// Most sectors of a file system's begin that BitLocker moves away: 16 of 512 bytes are usual.
const MAX_MOVED: u64 = 1 << 16;

/// A run of sectors of the volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Run {
    start: u64,
    end: u64,
    /// Where its sectors lie, which its IV counts too; `None` for what reads as zeros.
    from: Option<u64>,
}

/// What `dmsetup create` reads for the volume on `device`, whose sectors have `sector_size` bytes and which has `size`
/// bytes. It holds the key, and so is a secret.
///
/// # Errors
/// The encryption is not known, the key has not its length, or the metadata names places that cannot be.
pub fn table(
    metadata: &Metadata<'_>,
    key: &[u8],
    device: &str,
    sector_size: u16,
    size: u64,
) -> Result<String, BitLockerError> {
    let (cipher, key) = cipher(metadata.method, key)?;
    let options = match sector_size {
        512 => "",
        4096 => " 2 sector_size:4096 iv_large_sectors",
        _ => return Err(BitLockerError::Metadata("its sectors have neither 512 nor 4096 bytes")),
    };
    let mut key_text = String::new();
    for byte in key {
        let _ = write!(key_text, "{byte:02x}");
    }
    let mut text = String::new();
    for Run { start, end, from } in runs(metadata, u64::from(sector_size), size)? {
        let length = end - start;
        let _ = match from {
            None => writeln!(text, "{start} {length} zero"),
            Some(from) => {
                writeln!(text, "{start} {length} crypt {cipher} {key_text} {from} {device} {from}{options}")
            }
        };
    }
    Ok(text)
}

/// The kernel's name of a method, and the key as the kernel wants it.
fn cipher(method: u16, key: &[u8]) -> Result<(&'static str, Vec<u8>), BitLockerError> {
    let part = |at, length| slice(key, at, length).map(<[u8]>::to_vec).ok_or(BitLockerError::Key);
    match method {
        // With the diffuser: the key of the cipher, and that of the diffuser, each in a place of 32 bytes.
        0x8000 => Ok(("aes-cbc-elephant", [part(0, 16)?, part(32, 16)?].concat())),
        0x8001 => Ok(("aes-cbc-elephant", part(0, 64)?)),
        0x8002 => Ok(("aes-cbc-eboiv", part(0, 16)?)),
        0x8003 => Ok(("aes-cbc-eboiv", part(0, 32)?)),
        0x8004 => Ok(("aes-xts-plain64", part(0, 32)?)),
        0x8005 => Ok(("aes-xts-plain64", part(0, 64)?)),
        other => Err(BitLockerError::Method(other)),
    }
}

/// The volume from its begin to its end: the file system's first sectors from where they were moved to, zeros where the
/// metadata is and where the moved sectors are, everything else from its own place.
fn runs(metadata: &Metadata<'_>, sector_size: u64, size: u64) -> Result<Vec<Run>, BitLockerError> {
    let wrong = BitLockerError::Metadata;
    let whole = size / SECTOR;
    let sectors = |bytes: u64| bytes.is_multiple_of(sector_size).then_some(bytes / SECTOR);
    let place = |bytes: u64| sectors(bytes).ok_or(wrong("a place in it is not that of a sector"));
    let moved = u64::from(metadata.moved_sectors) * sector_size / SECTOR;
    if moved == 0 || moved > MAX_MOVED {
        return Err(wrong("the moved begin of the file system has no likely size"));
    }
    let moved_to = place(metadata.moved_to)?;
    let zero = |start: u64, length: u64| {
        start
            .checked_add(length)
            .map(|end| Run { start, end, from: None })
            .ok_or(wrong("a place in it is too large"))
    };
    let mut fixed = vec![Run { start: 0, end: moved, from: Some(moved_to) }, zero(moved_to, moved)?];
    for at in metadata.places {
        fixed.push(zero(place(at)?, METADATA_SIZE as u64 / SECTOR)?);
    }
    fixed.sort();
    let mut all = Vec::new();
    let mut next = 0;
    for run in fixed {
        if run.start < next || run.end > whole {
            return Err(wrong("places in it overlap, or lie behind the volume's end"));
        }
        if run.start > next {
            all.push(Run { start: next, end: run.start, from: Some(next) });
        }
        next = run.end;
        all.push(run);
    }
    if next < whole {
        all.push(Run { start: next, end: whole, from: Some(next) });
    }
    Ok(all)
}
