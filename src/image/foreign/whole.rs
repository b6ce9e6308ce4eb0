//! How far an image reaches into its file, by its header and block map. Only what is needed for that is looked at.

use h2k_transports::{DiskFormat, RangeRead};

use super::two_level;
use crate::image::bytes::{Fields, SECTOR, read_vec};
use crate::image::error::ImageError;
use crate::image::truncated::Reach;

/// Bytes of a header that are looked at: VDI's, the longest here.
const HEADER: usize = 512;

/// Bytes of a block map that are read at once.
const MAP_AT_ONCE: u64 = 64 << 10;

/// VDI: a block that is not allocated, and one that was discarded and reads as zeros.
const VDI_NO_BLOCK: u32 = 0xffff_fffe;

/// Checks that what an image of such a format refers to lies inside its file. Of other formats nothing is looked at.
///
/// # Errors
/// `Corrupt` with the number of bytes that are missing, or for a header that makes no sense; `Unsupported` for kinds
/// of images that are not read; `Io` if the medium fails.
pub fn check_whole(file: &dyn RangeRead, format: DiskFormat) -> Result<(), ImageError> {
    let length = usize::try_from(file.size()).unwrap_or(usize::MAX).min(HEADER);
    let header = read_vec(file, 0, length).map_err(|e| ImageError::io("reading the header", e))?;
    let header = Fields(&header);
    let reach = match format {
        DiskFormat::Vdi => vdi(file, header)?,
        DiskFormat::Parallels => parallels(file, header)?,
        DiskFormat::Qed => two_level::qed(file, header)?,
        DiskFormat::Qcow => two_level::qcow(file, header)?,
        DiskFormat::Dmg => dmg(file)?,
        _ => Reach::default(),
    };
    reach.check(file.size())
}

/// VDI as VirtualBox writes it (include/VBox/vd.h and VDICore.h, `VDIHEADER1`). All fields are little-endian.
fn vdi(file: &dyn RangeRead, header: Fields<'_>) -> Result<Reach, ImageError> {
    let fields =
        || Some((header.u32_le(0x4c)?, header.u32_le(0x154)?, header.u32_le(0x158)?, header.u32_le(0x178)?));
    let ((kind, map, data, block), blocks) = fields().zip(header.u32_le(0x180)).ok_or_else(short)?;
    if !matches!(kind, 1 | 2) {
        return Err(ImageError::unsupported(format!("a VDI of the type {kind}, which is no disk by itself"))
            .with_hint("make one of it and its parents first: `VBoxManage clonemedium`"));
    }
    let last = last_entry(file, u64::from(map), blocks, |entry| entry < VDI_NO_BLOCK)?;
    Ok(reach(last.map(|last| u64::from(data) + (u64::from(last) + 1) * u64::from(block))))
}

/// Parallels (QEMU docs/interop/parallels.rst). All fields are little-endian.
fn parallels(file: &dyn RangeRead, header: Fields<'_>) -> Result<Reach, ImageError> {
    let (tracks, entries) = header.u32_le(28).zip(header.u32_le(32)).ok_or_else(short)?;
    let sectors = header.u64_le(36).ok_or_else(short)?;
    // "WithoutFreeSpace" counts in sectors, "WithouFreSpacExt" in clusters.
    let unit = if header.0.starts_with(b"WithoutFreeSpace") { 1 } else { u64::from(tracks) };
    let last = last_entry(file, 64, entries, |entry| entry != 0)?;
    // The disk may end before its last cluster does, and the file with it.
    let cluster = u64::from(tracks).min(sectors);
    let end = |last: u32| u64::from(last).checked_mul(unit)?.checked_add(cluster)?.checked_mul(SECTOR);
    Ok(reach(last.map(|last| end(last).unwrap_or(u64::MAX))))
}

/// The largest of those 32-bit entries of a block map that are allocated.
fn last_entry(
    file: &dyn RangeRead,
    map: u64,
    entries: u32,
    allocated: impl Fn(u32) -> bool,
) -> Result<Option<u32>, ImageError> {
    let end = map.saturating_add(u64::from(entries) * 4);
    reach(Some(end)).check(file.size())?;
    let (mut at, mut last) = (map, None);
    while at < end {
        let now = MAP_AT_ONCE.min(end - at);
        let bytes =
            read_vec(file, at, now as usize).map_err(|e| ImageError::io("reading the block map", e))?;
        let found = bytes.chunks_exact(4).filter_map(|entry| Fields(entry).u32_le(0));
        last = found.filter(|entry| allocated(*entry)).max().max(last);
        at += now;
    }
    Ok(last)
}

/// Apple's trailer, the last 512 bytes (`koly`, as libdmg and QEMU's block/dmg.c describe it). All fields are
/// big-endian. A file that lost its end lost its trailer; one that lost its beginning, its data fork's place.
fn dmg(file: &dyn RangeRead) -> Result<Reach, ImageError> {
    let at = file.size().checked_sub(SECTOR).ok_or_else(short)?;
    let trailer =
        read_vec(file, at, SECTOR as usize).map_err(|e| ImageError::io("reading the trailer", e))?;
    let trailer = Fields(&trailer);
    let data = trailer.u64_be(24).zip(trailer.u64_be(32)).ok_or_else(short)?;
    let xml = trailer.u64_be(216).zip(trailer.u64_be(224)).ok_or_else(short)?;
    if trailer.u32_be(60).is_some_and(|segments| segments > 1) {
        return Err(ImageError::unsupported("a DMG in several segments")
            .with_hint("make one file of them first: `hdiutil convert`"));
    }
    for (what, (offset, length)) in [("data fork", data), ("property list", xml)] {
        if offset.checked_add(length).is_none_or(|end| end > at) {
            return Err(ImageError::corrupt(format!(
                "DMG trailer at byte {at}: the {what} of {length} bytes at {offset} reaches beyond it"
            )));
        }
    }
    Ok(Reach::default())
}

fn reach(end: Option<u64>) -> Reach {
    Reach { end: end.unwrap_or_default(), at_least: false }
}

/// A file that ends inside its header.
pub(super) fn short() -> ImageError {
    ImageError::corrupt("the file is shorter than its header")
        .with_hint("the copy is not complete: fetch the file again and compare its size with the original's")
}

#[cfg(test)]
#[path = "whole_tests.rs"]
mod tests;
