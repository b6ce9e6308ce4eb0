//! Unified kernel images: the command line and the initramfs that are built in (UAPI "Unified Kernel Image"
//! specification, sections `.cmdline` and `.initrd`).

use std::io::{self, Cursor, Read};

use crate::error::{GuestError, Result};
use crate::facts::{CmdlinePlace, UkiFacts};
use crate::guest::Guest;
use crate::initramfs;

use super::text;

mod pe;

use pe::Image;

/// Largest image that is looked at, in bytes. Those of distributions have 20 to 150 MiB.
const MAX_IMAGE: u64 = 1 << 30;
/// Bytes at the start of the file in which the section table must lie; in those of systemd it ends before byte 2048.
const MAX_HEAD: u64 = 64 * 1024;
/// Longest command line in bytes. The kernel takes 2048 on x86 (COMMAND_LINE_SIZE).
const MAX_CMDLINE: u64 = 16 * 1024;

const CMDLINE: &[u8; 8] = b".cmdline";

/// What a file that should be a unified kernel image holds.
///
/// # Errors
/// The guest could not be read.
pub(crate) fn look(guest: &dyn Guest, path: &str) -> Result<UkiFacts> {
    let facts = UkiFacts { path: path.to_owned(), ..UkiFacts::default() };
    let failed = |why: String| UkiFacts { unreadable: Some(why), ..facts.clone() };
    let opened = || text::open(guest, path, MAX_IMAGE);
    let (stream, size) = match opened() {
        Ok(Some(opened)) => opened,
        Ok(None) => return Ok(failed("not a regular file".to_owned())),
        Err(GuestError::TooLarge { .. }) => return Ok(failed(format!("larger than {MAX_IMAGE} bytes"))),
        Err(e) => return Err(e),
    };
    let line = match command_line(stream, size) {
        Ok(line) => line,
        Err(why) => return Ok(failed(why.to_string())),
    };
    let modules = opened()?.and_then(|(stream, _)| modules(stream));
    Ok(UkiFacts { cmdline: line.text, place: line.place, sealed: line.sealed, modules, ..facts })
}

/// What the section `.cmdline` says, and whether it can be changed in place.
#[derive(Debug, Default, PartialEq, Eq)]
struct CommandLine {
    /// The text without the NULs and the line end that it is filled up with; `None` if there is no such section.
    text: Option<String>,
    place: Option<CmdlinePlace>,
    sealed: Option<String>,
}

fn command_line(stream: impl Read, file: u64) -> io::Result<CommandLine> {
    let (image, stream) = head(stream)?;
    let Some((section, stream)) = section(&image, stream, CMDLINE)? else {
        return Ok(CommandLine::default());
    };
    let size = u64::from(section.size());
    if size > MAX_CMDLINE {
        return Err(invalid("its command line is too long"));
    }
    let room = image.room(section).min(u32::try_from(MAX_CMDLINE).unwrap_or(0));
    let mut bytes = Vec::new();
    stream.take(u64::from(room).max(size)).read_to_end(&mut bytes)?;
    let Some((bytes, behind)) = bytes.split_at_checked(section.size() as usize) else {
        return Err(invalid("it ends within its command line"));
    };
    let lossy = String::from_utf8_lossy(bytes);
    let text = Some(lossy.trim_end_matches(['\0', '\n', ' ']).to_owned());
    let plain = lossy.trim_end_matches('\0');
    let sealed = match image.sealed() {
        None if plain.contains(['\0', char::REPLACEMENT_CHARACTER]) => Some("is no plain text".to_owned()),
        sealed => sealed.map(str::to_owned),
    };
    let free = behind.iter().take_while(|byte| **byte == 0).count();
    let place = CmdlinePlace {
        text: plain.to_owned(),
        offset: section.offset.into(),
        size: section.size(),
        room: section.size().saturating_add(u32::try_from(free).unwrap_or(0)),
        size_field: section.size_field,
        file,
    };
    let place = sealed.is_none().then_some(place);
    Ok(CommandLine { text, place, sealed })
}

/// Kernel modules in the section `.initrd`; `None` if that is missing or cannot be listed.
fn modules(stream: impl Read) -> Option<Vec<String>> {
    let (image, stream) = head(stream).ok()?;
    let (section, stream) = section(&image, stream, b".initrd\0").ok()??;
    let listing = initramfs::list(stream.take(section.size().into())).ok()?;
    listing.nested.is_none().then(|| listing.all_modules().into_iter().collect())
}

/// The image's header, and a stream that begins with the file again.
fn head(mut stream: impl Read) -> io::Result<(Image, impl Read)> {
    let mut head = Vec::new();
    stream.by_ref().take(MAX_HEAD).read_to_end(&mut head)?;
    let image = Image::parse(&head).ok_or_else(|| invalid("not a PE image"))?;
    Ok((image, Cursor::new(head).chain(stream)))
}

/// A section, and a stream that begins with it.
fn section<'i>(
    image: &'i Image,
    mut whole: impl Read,
    name: &[u8; 8],
) -> io::Result<Option<(&'i pe::Section, impl Read)>> {
    let Some(section) = image.sections.iter().find(|s| s.name == *name) else { return Ok(None) };
    let offset = u64::from(section.offset);
    if io::copy(&mut whole.by_ref().take(offset), &mut io::sink())? != offset {
        return Err(invalid("it ends before its sections"));
    }
    Ok(Some((section, whole)))
}

fn invalid(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.to_owned())
}

#[cfg(any(test, feature = "phony"))]
pub(crate) mod image;

#[cfg(test)]
mod tests {
    use super::image::image;
    use super::*;
    use crate::MemoryGuest;

    fn cmdline(bytes: &[u8]) -> std::result::Result<Option<String>, String> {
        look_at(bytes).map(|line| line.text)
    }

    fn look_at(bytes: &[u8]) -> std::result::Result<CommandLine, String> {
        command_line(bytes, bytes.len() as u64).map_err(|e| e.to_string())
    }

    fn sealed(bytes: &[u8]) -> Option<String> {
        let line = look_at(bytes).unwrap();
        assert_eq!(line.place.is_some(), line.sealed.is_none());
        line.sealed
    }

    #[test]
    fn a_line_may_grow_into_what_is_zero_behind_it() {
        let whole = image(&[(".cmdline", b"root=/dev/sda2\n\0"), (".linux", &[7; 900])], 0);
        let place = look_at(&whole).unwrap().place.unwrap();
        assert_eq!((place.text.as_str(), place.size, place.room), ("root=/dev/sda2\n", 16, 512));
        assert_eq!(place.file, whole.len() as u64);
        let at = usize::try_from(place.offset).unwrap();
        assert!(whole[at..].starts_with(b"root=/dev/sda2\n"));
        let at = usize::try_from(place.size_field).unwrap();
        assert_eq!(whole[at..at + 4], 16_u32.to_le_bytes());

        let mut taken = whole.clone();
        taken[usize::try_from(place.offset).unwrap() + 100] = 1;
        assert_eq!(look_at(&taken).unwrap().place.unwrap().room, 100);
        // The next section begins sooner in memory.
        let mut near = whole.clone();
        let address = at + pe::SECTION + 4;
        let next = u32::from_le_bytes(near[address..address + 4].try_into().unwrap());
        near[address..address + 4].copy_from_slice(&(next - 480).to_le_bytes());
        assert_eq!(look_at(&near).unwrap().place.unwrap().room, 32);
        // The image ends sooner there.
        let mut short = image(&[(".linux", &[7; 900]), (".cmdline", b"root=/dev/sda2")], 0);
        let size = 0x80 + 24 + 56;
        let end = u32::from_le_bytes(short[size..size + 4].try_into().unwrap());
        short[size..size + 4].copy_from_slice(&(end - 500).to_le_bytes());
        let place = look_at(&short).unwrap().place.unwrap();
        assert_eq!((place.size, place.room), (14, 14));
    }

    #[test]
    fn what_is_sealed_is_not_edited() {
        let text: (&str, &[u8]) = (".cmdline", b"root=/dev/sda2");
        let good = image(&[text], 0);
        assert_eq!(sealed(&good), None);
        let mut signed = good.clone();
        // The size of the certificate table.
        signed[0x80 + 24 + 112 + 4 * 8 + 4] = 8;
        assert_eq!(sealed(&signed).as_deref(), Some("is signed"));
        let mut odd = good.clone();
        odd[0x80 + 24] = 0;
        assert_eq!(sealed(&odd).as_deref(), Some("has a header that h2k does not know"));
        assert!(sealed(&image(&[text, (".pcrsig", b"{}")], 0)).unwrap().contains("TPM"));
        assert!(sealed(&image(&[text, text], 0)).unwrap().contains("several"));
        assert!(sealed(&image(&[text, (".profile", b"ID=x")], 0)).unwrap().contains("several"));
        for text in [&b"a\0b"[..], b"\xff\xfe"] {
            assert_eq!(sealed(&image(&[(".cmdline", text)], 0)).as_deref(), Some("is no plain text"));
        }
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
            if let Ok(line) = look_at(&broken) {
                proptest::prop_assert!(line.text.is_none_or(|text| text.len() as u64 <= 3 * MAX_CMDLINE));
                if let Some(place) = line.place {
                    proptest::prop_assert!(place.size <= place.room);
                    proptest::prop_assert!(place.offset + u64::from(place.room) <= broken.len() as u64);
                }
            }
        }
    }
}
