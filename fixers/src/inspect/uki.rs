//! Unified kernel images: the command line and the initramfs that are built in (UAPI "Unified Kernel Image"
//! specification, sections `.cmdline` and `.initrd`).
//!
//! The file is a PE image (Microsoft "PE Format"): at 0x3c the offset of the signature `PE\0\0`, then the COFF header
//! of 20 bytes, the optional header, and 40 bytes for each section.

use std::io::{self, Cursor, Read};

use crate::error::{GuestError, Result};
use crate::facts::UkiFacts;
use crate::guest::Guest;
use crate::initramfs;

use super::text;

/// Largest image that is looked at, in bytes. Those of distributions have 20 to 150 MiB.
const MAX_IMAGE: u64 = 1 << 30;
/// Bytes at the start of the file in which the section table must lie; in those of systemd it ends before byte 2048.
const MAX_HEAD: u64 = 64 * 1024;
/// Sections; the Windows loader's limit, and a unified kernel image has about ten.
const MAX_SECTIONS: usize = 96;
/// Longest command line in bytes. The kernel takes 2048 on x86 (COMMAND_LINE_SIZE).
const MAX_CMDLINE: u64 = 16 * 1024;

const SIGNATURE_AT: usize = 0x3c;
const COFF_HEADER: usize = 20;
const SECTION: usize = 40;

/// What a file that should be a unified kernel image holds.
///
/// # Errors
/// The guest could not be read.
pub(super) fn look(guest: &dyn Guest, path: &str) -> Result<UkiFacts> {
    let facts = UkiFacts { path: path.to_owned(), ..UkiFacts::default() };
    let failed = |why: String| UkiFacts { unreadable: Some(why), ..facts.clone() };
    let opened = || text::open(guest, path, MAX_IMAGE);
    let stream = match opened() {
        Ok(Some((stream, _))) => stream,
        Ok(None) => return Ok(failed("not a regular file".to_owned())),
        Err(GuestError::TooLarge { .. }) => return Ok(failed(format!("larger than {MAX_IMAGE} bytes"))),
        Err(e) => return Err(e),
    };
    let cmdline = match command_line(stream) {
        Ok(cmdline) => cmdline,
        Err(why) => return Ok(failed(why.to_string())),
    };
    let modules = opened()?.and_then(|(stream, _)| modules(stream));
    Ok(UkiFacts { cmdline, modules, ..facts })
}

/// The text of the section `.cmdline`, without the NULs and the line end that it is filled up with.
fn command_line(stream: impl Read) -> io::Result<Option<String>> {
    let Some((size, section)) = section(stream, b".cmdline")? else { return Ok(None) };
    if size > MAX_CMDLINE {
        return Err(invalid("its command line is too long"));
    }
    let mut bytes = Vec::new();
    section.take(size).read_to_end(&mut bytes)?;
    if bytes.len() as u64 != size {
        return Err(invalid("it ends within its command line"));
    }
    let text = String::from_utf8_lossy(&bytes);
    Ok(Some(text.trim_end_matches(['\0', '\n', ' ']).to_owned()))
}

/// Kernel modules in the section `.initrd`; `None` if that is missing or cannot be listed.
fn modules(stream: impl Read) -> Option<Vec<String>> {
    let (size, section) = section(stream, b".initrd\0").ok()??;
    let listing = initramfs::list(section.take(size)).ok()?;
    listing.nested.is_none().then(|| listing.all_modules().into_iter().collect())
}

/// The size of a section in bytes, and a stream that begins with it.
fn section(mut stream: impl Read, name: &[u8; 8]) -> io::Result<Option<(u64, impl Read)>> {
    let mut head = Vec::new();
    stream.by_ref().take(MAX_HEAD).read_to_end(&mut head)?;
    let sections = sections(&head).ok_or_else(|| invalid("not a PE image"))?;
    let Some(section) = sections.iter().find(|s| s.name == *name) else { return Ok(None) };
    let mut whole = Cursor::new(head).chain(stream);
    let offset = u64::from(section.offset);
    if io::copy(&mut whole.by_ref().take(offset), &mut io::sink())? != offset {
        return Err(invalid("it ends before its sections"));
    }
    Ok(Some((u64::from(section.size), whole)))
}

fn invalid(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.to_owned())
}

/// A section: name, and where its bytes are in the file.
struct Section {
    name: [u8; 8],
    offset: u32,
    size: u32,
}

/// The section table; `None` if the bytes are no PE image's.
fn sections(head: &[u8]) -> Option<Vec<Section>> {
    let u16_at = |at: usize| Some(u16::from_le_bytes(head.get(at..at.checked_add(2)?)?.try_into().ok()?));
    let u32_at = |at: usize| Some(u32::from_le_bytes(head.get(at..at.checked_add(4)?)?.try_into().ok()?));
    let signature = usize::try_from(u32_at(SIGNATURE_AT)?).ok()?;
    if !head.starts_with(b"MZ") || head.get(signature..signature.checked_add(4)?)? != b"PE\0\0" {
        return None;
    }
    let coff = signature + 4;
    let count = usize::from(u16_at(coff + 2)?);
    let table = coff + COFF_HEADER + usize::from(u16_at(coff + 16)?);
    if count > MAX_SECTIONS {
        return None;
    }
    (0..count)
        .map(|n| table + n * SECTION)
        .map(|at| {
            let name = head.get(at..at + 8)?.try_into().ok()?;
            // The bytes in the file are filled up to the file's alignment; the size in memory is the true one.
            let size = u32_at(at + 8)?.min(u32_at(at + 16)?);
            Some(Section { name, offset: u32_at(at + 20)?, size })
        })
        .collect()
}

#[cfg(any(test, feature = "phony"))]
pub(crate) mod image;

#[cfg(test)]
mod tests {
    use super::image::image;
    use super::*;
    use crate::MemoryGuest;

    fn cmdline(bytes: &[u8]) -> std::result::Result<Option<String>, String> {
        command_line(bytes).map_err(|e| e.to_string())
    }

    #[test]
    fn the_command_line_is_read_wherever_it_lies() {
        let text = b"root=/dev/sda2 rw quiet\n\0\0";
        for gap in [0, 100, 70_000, 300_000] {
            let image = image(&[(".osrel", b"ID=arch"), (".linux", &[7; 9000]), (".cmdline", text)], gap);
            assert_eq!(cmdline(&image), Ok(Some("root=/dev/sda2 rw quiet".to_owned())), "{gap}");
        }
        assert_eq!(cmdline(&image(&[(".linux", b"k")], 0)), Ok(None));
    }

    #[test]
    fn what_is_no_image_is_said() {
        let whole = image(&[(".cmdline", b"root=/dev/sda2")], 0);
        assert_eq!(cmdline(b"MZ"), Err("not a PE image".to_owned()));
        assert_eq!(cmdline(&whole[..whole.len() - 505]), Err("it ends within its command line".to_owned()));
        assert_eq!(
            cmdline(&image(&[(".cmdline", &[b'x'; 20_000])], 0)),
            Err("its command line is too long".to_owned())
        );
        let guest = MemoryGuest::new().dir("/efi/a.efi").file("/efi/b.efi", "text");
        assert_eq!(look(&guest, "/efi/a.efi").unwrap().unreadable.as_deref(), Some("not a regular file"));
        assert_eq!(look(&guest, "/efi/b.efi").unwrap().unreadable.as_deref(), Some("not a PE image"));
    }

    proptest::proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(
            bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300),
            at in 0_usize..400,
        ) {
            let _ = cmdline(&bytes);
            let mut broken = image(&[(".osrel", b"ID=arch"), (".cmdline", b"root=/dev/sda2")], 0);
            for (n, byte) in bytes.iter().enumerate() {
                if let Some(place) = broken.get_mut(at + n) {
                    *place = *byte;
                }
            }
            if let Ok(Some(text)) = cmdline(&broken) {
                proptest::prop_assert!(text.len() as u64 <= 3 * MAX_CMDLINE);
            }
        }
    }
}
