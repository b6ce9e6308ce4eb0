//! The kernel proper inside a bzImage, where a QEMU can start it without unpacking.
//!
//! Sources: Linux, Documentation/arch/x86/boot.rst ("The real-mode kernel header"); the ELF-64 object file format;
//! Xen, public/elfnote.h (`XEN_ELFNOTE_PHYS32_ENTRY`), which QEMU starts from (hw/i386/x86.c, load_elfboot).

use std::io::{self, ErrorKind};

use crate::bytes::{u16_at, u32_at, u64_at};
use crate::initramfs::unpack;

/// A kernel unpacks to some 70 MB with its relocations; an image that wants more is none.
const MAX_KERNEL: u64 = 256 << 20;

const SETUP_SECTS: usize = 0x1f1;
const MAGIC: usize = 0x202;
const VERSION: usize = 0x206;
const PAYLOAD_OFFSET: usize = 0x248;
const PAYLOAD_LENGTH: usize = 0x24c;
/// The protocol that has the payload's place.
const OLDEST_VERSION: u16 = 0x0208;

const PT_NOTE: u32 = 4;
/// Entry in 32-bit protected mode, without paging.
const PHYS32_ENTRY: u32 = 18;

/// Unpacks the kernel of a bzImage: an ELF file that has the entry which QEMU jumps to.
///
/// # Errors
/// It is no bzImage of protocol 2.08 or newer, is packed with what is not read here, or lacks that entry.
pub fn unpacked(image: &[u8]) -> io::Result<Vec<u8>> {
    let kernel = unpack(payload(image)?, MAX_KERNEL)?;
    if has_entry(&kernel) {
        Ok(kernel)
    } else {
        Err(invalid("the kernel has no entry for QEMU (CONFIG_PVH)"))
    }
}

fn payload(image: &[u8]) -> io::Result<&[u8]> {
    let cut = || invalid("it ends in its header");
    if image.get(MAGIC..MAGIC + 4) != Some(b"HdrS") {
        return Err(invalid("it is no bzImage"));
    }
    if u16_at(image, VERSION).ok_or_else(cut)? < OLDEST_VERSION {
        return Err(invalid("its header does not tell where the kernel is"));
    }
    let sectors = match *image.get(SETUP_SECTS).ok_or_else(cut)? {
        0 => 4,
        n => usize::from(n),
    };
    let offset = u32_at(image, PAYLOAD_OFFSET).ok_or_else(cut)? as usize;
    let length = u32_at(image, PAYLOAD_LENGTH).ok_or_else(cut)? as usize;
    let start = (sectors + 1) * 512 + offset;
    image.get(start..start.saturating_add(length)).ok_or_else(|| invalid("the packed kernel ends early"))
}

/// Whether one of the notes of an ELF-64 file is Xen's entry in protected mode.
fn has_entry(elf: &[u8]) -> bool {
    // 64-bit, little-endian, x86-64 (EM_X86_64).
    if elf.get(..6) != Some(b"\x7fELF\x02\x01") || u16_at(elf, 0x12) != Some(62) {
        return false;
    }
    let (Some(table), Some(size), Some(count)) = (u64_at(elf, 0x20), u16_at(elf, 0x36), u16_at(elf, 0x38))
    else {
        return false;
    };
    (0..usize::from(count)).any(|n| {
        let header = usize::try_from(table).ok().and_then(|at| at.checked_add(n * usize::from(size)));
        header.and_then(|at| notes(elf, at)).is_some_and(note_is_there)
    })
}

/// The bytes of a segment of notes, by its header's place.
fn notes(elf: &[u8], header: usize) -> Option<&[u8]> {
    let header = elf.get(header..)?;
    if u32_at(header, 0)? != PT_NOTE {
        return None;
    }
    let offset = usize::try_from(u64_at(header, 8)?).ok()?;
    let size = usize::try_from(u64_at(header, 32)?).ok()?;
    elf.get(offset..offset.checked_add(size)?)
}

fn note_is_there(mut notes: &[u8]) -> bool {
    while let (Some(name), Some(value), Some(kind)) = (u32_at(notes, 0), u32_at(notes, 4), u32_at(notes, 8)) {
        let padded = |n: u32| n as usize + (n.wrapping_neg() & 3) as usize;
        if kind == PHYS32_ENTRY && notes.get(12..16) == Some(b"Xen\0") {
            return true;
        }
        match notes.get(12 + padded(name) + padded(value)..) {
            Some(rest) => notes = rest,
            None => return false,
        }
    }
    false
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what.to_owned())
}

#[cfg(test)]
pub mod testing {
    use std::io::Write;

    use super::*;

    /// A bzImage that QEMU could start, but for the code in it.
    pub fn image_with_entry() -> Vec<u8> {
        image(&elf(PHYS32_ENTRY))
    }

    /// An ELF file of one segment of notes: one that does not matter, and one of `kind`.
    pub fn elf(kind: u32) -> Vec<u8> {
        let note = |name: &[u8], kind: u32, value: &[u8]| {
            let mut bytes = Vec::new();
            for n in [name.len() as u32, value.len() as u32, kind] {
                bytes.extend(n.to_le_bytes());
            }
            for part in [name, value] {
                bytes.extend(part);
                bytes.resize(bytes.len().next_multiple_of(4), 0);
            }
            bytes
        };
        let notes = [note(b"Xen\0", 6, b"linux\0"), note(b"Xen\0", kind, &[0; 8])].concat();
        let mut file = vec![0; 64];
        file[..6].copy_from_slice(b"\x7fELF\x02\x01");
        file[0x12] = 62;
        file[0x20] = 64;
        file[0x36] = 56;
        file[0x38] = 1;
        let mut header = vec![0; 56];
        header[0] = 4;
        header[8] = 120;
        header[32..40].copy_from_slice(&(notes.len() as u64).to_le_bytes());
        [file, header, notes].concat()
    }

    /// A bzImage of that kernel, packed as gzip with its size behind it, as the kernel's build adds it.
    pub fn image(kernel: &[u8]) -> Vec<u8> {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(kernel).unwrap();
        let mut packed = packed.finish().unwrap();
        packed.extend((kernel.len() as u32).to_le_bytes());
        let mut image = vec![0; 1024];
        image[SETUP_SECTS] = 1;
        image[MAGIC..MAGIC + 4].copy_from_slice(b"HdrS");
        image[VERSION..VERSION + 2].copy_from_slice(&0x020f_u16.to_le_bytes());
        image[PAYLOAD_OFFSET] = 16;
        image[PAYLOAD_LENGTH..PAYLOAD_LENGTH + 4].copy_from_slice(&(packed.len() as u32).to_le_bytes());
        [image, vec![0; 16], packed].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{elf, image};
    use super::*;

    #[test]
    fn the_kernel_comes_out_whole() {
        let kernel = elf(PHYS32_ENTRY);
        assert_eq!(unpacked(&image(&kernel)).unwrap(), kernel);
    }

    #[test]
    fn a_kernel_without_the_entry_is_refused() {
        assert!(unpacked(&image(&elf(7))).unwrap_err().to_string().contains("CONFIG_PVH"));
        assert!(unpacked(&image(b"no ELF file at all")).is_err());
    }

    #[test]
    fn whatever_is_cut_off_or_not_an_image_is_refused() {
        let whole = image(&elf(PHYS32_ENTRY));
        for length in 0..whole.len() - 4 {
            assert!(unpacked(&whole[..length]).is_err(), "{length} bytes");
        }
        let kernel = elf(PHYS32_ENTRY);
        for length in 0..kernel.len() - 12 {
            // May be true where only the value is cut; must not panic.
            let _ = has_entry(&kernel[..length]);
        }
        let mut old = whole;
        old[VERSION] = 7;
        old[VERSION + 1] = 2;
        assert!(unpacked(&old).is_err());
    }
}
