//! Configuration files as text that keeps every byte it does not change.

use crate::edit::{Change, Content, Edit};
use crate::error::{GuestError, Result};
use crate::guest::{self, FileKind, Guest};

/// Links followed in one path before it counts as a loop; the kernel allows 40 (path_resolution(7)).
const MAX_LINKS: usize = 40;
/// Components of a path, links included, before it is refused: PATH_MAX allows about two thousand.
const MAX_COMPONENTS: usize = 2048;

/// A configuration file of the guest. Old files hold comments in Latin-1; such a file is read one byte per
/// character, so that it can be written back byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TextFile {
    /// Where it really is: no component of the path is a link.
    pub path: String,
    /// The content to look at and to change.
    pub text: String,
    bytes: Vec<u8>,
    single_byte: bool,
}

impl TextFile {
    /// Reads `path`. `None` if there is no regular file (a link to a device, as `/dev/null`, masks a file).
    ///
    /// # Errors
    /// The guest could not be read; the file is too large; its path is a loop of links.
    pub fn read(guest: &dyn Guest, path: &str) -> Result<Option<Self>> {
        let path = real_path(guest, path)?;
        match guest.lstat(&path)? {
            Some(stat) if stat.kind == FileKind::File && !path.starts_with("/dev/") => {}
            _ => return Ok(None),
        }
        Ok(guest.read(&path)?.map(|bytes| Self::from_bytes(path, bytes)))
    }

    fn from_bytes(path: String, bytes: Vec<u8>) -> Self {
        match std::str::from_utf8(&bytes) {
            Ok(text) => Self { path, text: text.to_owned(), bytes, single_byte: false },
            Err(_) => {
                let text = bytes.iter().map(|byte| char::from(*byte)).collect();
                Self { path, text, bytes, single_byte: true }
            }
        }
    }

    /// The content as it is in the guest.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The edit that makes the content `after`; `None` if it is that already.
    pub fn edit(&self, fixer: &str, after: &str, reason: impl Into<String>) -> Option<Edit> {
        let bytes = self.encode(after)?;
        (bytes != self.bytes).then(|| Edit {
            fixer: fixer.to_owned(),
            reason: reason.into(),
            change: Change::Write {
                path: self.path.clone(),
                before: Some(Content::from_bytes(&self.bytes)),
                after: Content::from_bytes(&bytes),
                mode: 0o644,
            },
        })
    }

    fn encode(&self, after: &str) -> Option<Vec<u8>> {
        if self.single_byte {
            return after.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
        }
        Some(after.as_bytes().to_vec())
    }
}

/// `path` with every symbolic link in it resolved inside the guest, so that two names of one file are edited once.
/// What is not there stays as it is.
///
/// # Errors
/// The guest could not be read; the links make a loop.
pub(crate) fn real_path(guest: &dyn Guest, path: &str) -> Result<String> {
    let looped =
        || GuestError::Malformed { path: path.to_owned(), what: "too many symbolic links".to_owned() };
    let mut todo: Vec<String> = components(path).rev().collect();
    let mut done = String::new();
    let (mut links, mut steps) = (0, 0);
    while let Some(name) = todo.pop() {
        steps += 1;
        if steps > MAX_COMPONENTS {
            return Err(looped());
        }
        if name == ".." {
            done = guest::parent(&done).trim_end_matches('/').to_owned();
            continue;
        }
        let here = format!("{done}/{name}");
        if !guest.lstat(&here)?.is_some_and(|stat| stat.kind == FileKind::Symlink) {
            done = here;
            continue;
        }
        links += 1;
        if links > MAX_LINKS {
            return Err(looped());
        }
        let target = guest.readlink(&here)?;
        if target.starts_with('/') {
            done.clear();
        }
        todo.extend(components(&target).rev());
    }
    Ok(if done.is_empty() { "/".to_owned() } else { done })
}

fn components(path: &str) -> impl DoubleEndedIterator<Item = String> {
    path.split('/').filter(|c| !c.is_empty() && *c != ".").map(str::to_owned)
}

/// The regular files (or links) in `dir` whose name ends in `ending`, as paths in name order.
///
/// # Errors
/// The guest could not be read.
pub(crate) fn files_in(guest: &dyn Guest, dir: &str, ending: &str) -> Result<Vec<String>> {
    let names = guest.list(dir)?.unwrap_or_default();
    Ok(names.iter().filter(|n| n.ends_with(ending)).map(|n| guest::join(dir, n)).collect())
}

/// A range of a text and what to put in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Replacement {
    /// First byte.
    pub start: usize,
    /// Byte after the last.
    pub end: usize,
    /// What to put there.
    pub text: String,
}

/// `text` with the replacements made. They are in order and do not overlap; one that does not fit is left out.
pub(crate) fn replace(text: &str, replacements: &[Replacement]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for r in replacements {
        if r.end < r.start || text.get(r.start..r.end).is_none() {
            continue;
        }
        let Some(kept) = text.get(at..r.start) else { continue };
        out.push_str(kept);
        out.push_str(&r.text);
        at = r.end;
    }
    out.push_str(text.get(at..).unwrap_or_default());
    out
}

/// The lines of `text` with their line ends, each with its byte offset.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split_inclusive('\n').scan(0, |at, line| {
        let start = *at;
        *at += line.len();
        Some((start, line))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::GuestMut;
    use crate::memory::MemoryGuest;

    #[test]
    fn latin_1_survives_an_edit() {
        let mut guest = MemoryGuest::new().file("/etc/fstab", b"# Datentr\xe4ger\nold\n");
        let file = TextFile::read(&guest, "/etc/fstab").unwrap().unwrap();
        let edit = file.edit("test", &file.text.replace("old", "new"), "why").unwrap();
        guest.apply(&edit).unwrap();
        assert_eq!(guest.read("/etc/fstab").unwrap().unwrap(), b"# Datentr\xe4ger\nnew\n");
        assert!(file.edit("test", &file.text.clone(), "why").is_none());
    }

    #[test]
    fn links_are_followed_to_the_file_that_is_edited() {
        let guest = MemoryGuest::new()
            .file("/boot/efi/EFI/redhat/grubenv", "x")
            .link("/boot/grub2/grubenv", "../efi/EFI/redhat/grubenv");
        let file = TextFile::read(&guest, "/boot/grub2/grubenv").unwrap().unwrap();
        assert_eq!(file.path, "/boot/efi/EFI/redhat/grubenv");
    }

    #[test]
    fn what_is_no_regular_file_is_no_text() {
        let guest = MemoryGuest::new()
            .dir("/etc/fstab")
            .link("/etc/mask", "/dev/null")
            .link("/etc/gone", "nowhere")
            .file("/dev/null", "");
        for path in ["/etc/fstab", "/etc/mask", "/etc/gone", "/etc/none"] {
            assert_eq!(TextFile::read(&guest, path).unwrap(), None, "{path}");
        }
        let looped = MemoryGuest::new().link("/a", "/b").link("/b", "/a");
        assert!(TextFile::read(&looped, "/a").is_err());
    }

    #[test]
    fn replacements_that_do_not_fit_are_left_out() {
        let r = |start, end, text: &str| Replacement { start, end, text: text.to_owned() };
        assert_eq!(replace("abcdef", &[r(1, 2, "X"), r(4, 5, "Y")]), "aXcdYf");
        assert_eq!(replace("äb", &[r(1, 2, "X")]), "äb");
        assert_eq!(replace("ab", &[r(1, 9, "X")]), "ab");
        assert_eq!(replace("abc", &[r(1, 3, "X"), r(0, 1, "Y")]), "aX");
    }
}
