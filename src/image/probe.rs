//! What an image is, by its bytes. QEMU is never left to guess: raw is what nothing contradicts.

use std::io;
use std::path::Path;

use h2k_transports::{DiskFormat, RangeRead};

use super::bytes::{SECTOR, read_vec};
use super::error::ImageError;

/// Bytes of the head that are looked at: up to the signature of VDI.
const HEAD_BYTES: usize = VDI_SIGNATURE_AT + 4;

/// Where VDI's signature stands, behind 64 bytes of text (VirtualBox VDICore.h, `VDIPREHEADER`).
const VDI_SIGNATURE_AT: usize = 64;

/// VDI's signature: 0xbeda107f, little-endian.
const VDI_SIGNATURE: &[u8] = b"\x7f\x10\xda\xbe";

/// First line of a VMDK descriptor (Virtual Disk Format 5.0, "The Descriptor File"), compared without case and
/// blanks, since hand-made ones differ there.
const DESCRIPTOR_LINE: &[u8] = b"#diskdescriptorfile";

/// First bytes of formats that are read. seSparse begins with 0xcafebabe as a 64-bit little-endian number.
const MAGICS: [(&[u8], Magic); 10] = [
    (b"KDMV", Magic::VmdkSparse),
    (b"COWD", Magic::VmdkCowd),
    (b"\xbe\xba\xfe\xca\0\0\0\0", Magic::VmdkSeSparse),
    (b"conectix", Magic::Vhd),
    (b"vhdxfile", Magic::Vhdx),
    // The version decides; what is neither 1 nor a later one is the business of qcow2's header.
    (b"QFI\xfb\0\0\0\x01", Magic::Qcow),
    (b"QFI\xfb", Magic::Qcow2),
    (b"QED\0", Magic::Qed),
    (b"WithoutFreeSpace", Magic::Parallels),
    (b"WithouFreSpacExt", Magic::Parallels),
];

/// First bytes of what is no raw disk and not read either, with its name.
const FOREIGN: [(&[u8], &str); 7] = [
    (b"<<< ", "a VirtualBox VDI image without its signature"),
    (b"encrcdsa", "an encrypted DMG"),
    (b"Bochs Virtual HD Image", "a Bochs image"),
    (b"\x1f\x8b\x08", "compressed with gzip"),
    (b"\xfd7zXZ\0", "compressed with xz"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd"),
    (b"PK\x03\x04", "a zip archive"),
];

/// What the bytes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Magic {
    /// A VMDK descriptor in a text file of its own.
    VmdkDescriptor,
    /// A hosted sparse VMDK extent (`KDMV`), with or without an embedded descriptor.
    VmdkSparse,
    /// An ESX copy-on-write extent (`COWD`, vmfsSparse).
    VmdkCowd,
    /// An ESXi seSparse extent.
    VmdkSeSparse,
    /// A VHD: the footer's copy at the start (dynamic, differencing) or only the footer at the end (fixed).
    Vhd,
    /// A VHDX.
    Vhdx,
    /// A qcow2 (version to be looked at).
    Qcow2,
    /// A qcow of version 1.
    Qcow,
    /// A QED.
    Qed,
    /// A Parallels image.
    Parallels,
    /// A VirtualBox VDI.
    Vdi,
    /// An Apple DMG: the trailer at the end.
    Dmg,
    /// Something that h2k does not read, by name.
    Foreign(&'static str),
    /// Nothing that is known: raw, unless something contradicts.
    Nothing,
}

impl Magic {
    /// The format that the bytes show.
    pub fn format(self) -> Option<DiskFormat> {
        match self {
            Magic::VmdkDescriptor | Magic::VmdkSparse | Magic::VmdkCowd | Magic::VmdkSeSparse => {
                Some(DiskFormat::Vmdk)
            }
            Magic::Vhd => Some(DiskFormat::Vhd),
            Magic::Vhdx => Some(DiskFormat::Vhdx),
            Magic::Qcow2 => Some(DiskFormat::Qcow2),
            Magic::Qcow => Some(DiskFormat::Qcow),
            Magic::Qed => Some(DiskFormat::Qed),
            Magic::Parallels => Some(DiskFormat::Parallels),
            Magic::Vdi => Some(DiskFormat::Vdi),
            Magic::Dmg => Some(DiskFormat::Dmg),
            Magic::Foreign(_) | Magic::Nothing => None,
        }
    }
}

/// Looks at the first bytes, and at the last for the footer of a fixed VHD and the trailer of a DMG.
///
/// # Errors
/// What the medium reports.
pub fn probe(bytes: &dyn RangeRead) -> io::Result<Magic> {
    let length = usize::try_from(bytes.size()).unwrap_or(usize::MAX).min(HEAD_BYTES);
    let head = read_vec(bytes, 0, length)?;
    if let Some((_, magic)) = MAGICS.iter().find(|(start, _)| head.starts_with(start)) {
        return Ok(*magic);
    }
    if begins_a_descriptor(&head) {
        return Ok(Magic::VmdkDescriptor);
    }
    if begins_a_vdi(&head) {
        return Ok(Magic::Vdi);
    }
    if vhd_footer_at(bytes)?.is_some() {
        return Ok(Magic::Vhd);
    }
    if ends_a_dmg(bytes)? {
        return Ok(Magic::Dmg);
    }
    let foreign = FOREIGN.iter().find(|(start, _)| head.starts_with(start));
    Ok(foreign.map_or(Magic::Nothing, |(_, name)| Magic::Foreign(name)))
}

/// Where the footer of a VHD stands: in the last 512 bytes, or in the last 511 of files that versions before
/// Virtual PC 2004 wrote (Virtual Hard Disk Image Format Specification, "Hard Disk Footer Format").
///
/// # Errors
/// What the medium reports.
pub(crate) fn vhd_footer_at(bytes: &dyn RangeRead) -> io::Result<Option<u64>> {
    for length in [SECTOR, SECTOR - 1] {
        let Some(at) = bytes.size().checked_sub(length) else { continue };
        if read_vec(bytes, at, 8)? == b"conectix" {
            return Ok(Some(at));
        }
    }
    Ok(None)
}

/// Text, then the signature. The text is each program's own.
fn begins_a_vdi(head: &[u8]) -> bool {
    let (text, signature) = head.split_at(head.len().min(VDI_SIGNATURE_AT));
    signature == VDI_SIGNATURE && text.iter().all(|b| matches!(b, 0 | b'\n' | b'\r' | b' '..=b'~'))
}

/// "koly" and the trailer's version and length begin the last 512 bytes (QEMU block/dmg.c).
fn ends_a_dmg(bytes: &dyn RangeRead) -> io::Result<bool> {
    match bytes.size().checked_sub(SECTOR) {
        Some(at) => Ok(read_vec(bytes, at, 12)? == b"koly\0\0\0\x04\0\0\x02\0"),
        None => Ok(false),
    }
}

fn begins_a_descriptor(head: &[u8]) -> bool {
    let line = head.split(|b| matches!(b, b'\n' | b'\r')).next().unwrap_or_default();
    let line: Vec<u8> = line.iter().filter(|b| **b != b' ').map(u8::to_ascii_lowercase).collect();
    line == DESCRIPTOR_LINE
}

/// The format of the image at `path`, from what its bytes show and what is declared of it.
///
/// # Errors
/// `Corrupt` if the declared format, or the one that the name's ending promises, is not there; `Unsupported` if the
/// bytes are of a format that is not read, or speak against a declared raw.
pub(crate) fn settle(
    magic: Magic,
    declared: Option<DiskFormat>,
    path: &Path,
) -> Result<DiskFormat, ImageError> {
    let shown = path.display();
    let expected = declared.or_else(|| by_ending(path));
    match (magic.format(), expected) {
        (Some(found), Some(DiskFormat::Raw)) if declared.is_some() => Err(ImageError::unsupported(format!(
            "{shown} is declared raw, but its bytes are those of a {} image",
            name(found)
        ))
        .with_hint("give it a name with the ending of its format, or copy the disk out of it as raw")),
        (Some(found), _) => Ok(found),
        (None, Some(DiskFormat::Raw)) => Ok(DiskFormat::Raw),
        (None, Some(expected)) => Err(without_structure(path, expected)),
        (None, None) => match magic {
            Magic::Foreign(what) => Err(ImageError::unsupported(format!("{shown} is {what}"))
                .with_hint("unpack it, or convert it to raw or qcow2 first (`qemu-img convert`)")),
            _ => Ok(DiskFormat::Raw),
        },
    }
}

fn without_structure(path: &Path, expected: DiskFormat) -> ImageError {
    let error = ImageError::corrupt(format!(
        "{} should be a {} image, but begins with nothing of that format",
        path.display(),
        name(expected)
    ));
    match expected {
        DiskFormat::Vmdk => error.with_hint(
            "if it is an extent (-flat.vmdk, -f001.vmdk), give the small descriptor file that names it instead",
        ),
        _ => error.with_hint("it is truncated, damaged, or wrongly named; fetch it again"),
    }
}

/// The format that a name's ending promises. `.img`, `.bin` and the like promise nothing.
fn by_ending(path: &Path) -> Option<DiskFormat> {
    let name = path.file_name()?.to_string_lossy().to_ascii_lowercase();
    if name.ends_with("-flat.vmdk") {
        return Some(DiskFormat::Raw);
    }
    match name.rsplit_once('.')?.1 {
        "vmdk" => Some(DiskFormat::Vmdk),
        "vhd" | "avhd" | "vpc" => Some(DiskFormat::Vhd),
        "vhdx" | "avhdx" => Some(DiskFormat::Vhdx),
        "qcow2" => Some(DiskFormat::Qcow2),
        "raw" => Some(DiskFormat::Raw),
        "vdi" => Some(DiskFormat::Vdi),
        "hdd" | "hds" => Some(DiskFormat::Parallels),
        "qed" => Some(DiskFormat::Qed),
        "qcow" => Some(DiskFormat::Qcow),
        "dmg" => Some(DiskFormat::Dmg),
        _ => None,
    }
}

/// A format as users read it.
pub(crate) fn name(format: DiskFormat) -> &'static str {
    match format {
        DiskFormat::Vmdk => "VMDK",
        DiskFormat::Vhd => "VHD",
        DiskFormat::Vhdx => "VHDX",
        DiskFormat::Qcow2 => "qcow2",
        DiskFormat::Raw => "raw",
        DiskFormat::Vdi => "VDI",
        DiskFormat::Parallels => "Parallels",
        DiskFormat::Qed => "QED",
        DiskFormat::Qcow => "qcow",
        DiskFormat::Dmg => "DMG",
    }
}

#[cfg(test)]
#[path = "probe_tests.rs"]
mod tests;
