//! Reading a hostile guest's text: bounded, and never failing because of what a name or a file is.

use std::io::{BufRead, BufReader, Read};

use crate::error::{GuestError, Result};
use crate::guest::{self, FileKind, Guest, Stat};

/// Largest configuration file that is parsed: parsed, short lines take many times their size. The largest known
/// are generated ones of some hundred kilobytes.
const MAX_CONFIG: usize = 2 * 1024 * 1024;

/// Names taken of one directory of configuration. Distributions ship a few dozen; more is no configuration.
const MAX_NAMES: usize = 4096;

/// Longest line that is looked at, in bytes; the rest of a longer one is passed over. In the files that are read
/// line by line what matters is at the start of the line.
const MAX_LINE: u64 = 16 * 1024;

/// Links followed before it counts as a loop; Linux allows 40 (path_resolution(7)).
const MAX_LINKS: usize = 40;

/// The content of a configuration file; `None` if there is no regular file. Bytes that are not UTF-8 are replaced:
/// comments in old encodings are common, names in them are not.
///
/// # Errors
/// The guest could not be read; the file is beyond what is taken into memory.
pub(super) fn config(guest: &dyn Guest, path: &str) -> Result<Option<String>> {
    match guest.read(path) {
        Ok(Some(bytes)) if bytes.len() > MAX_CONFIG => Err(GuestError::TooLarge {
            path: path.to_owned(),
            size: bytes.len() as u64,
            limit: MAX_CONFIG as u64,
        }),
        Ok(bytes) => Ok(bytes.map(|b| String::from_utf8_lossy(&b).into_owned())),
        // A directory or a device in a file's place is no configuration.
        Err(GuestError::Malformed { .. }) => Ok(None),
        Err(e) => Err(e),
    }
}

/// Names in a directory that end in `ending`, sorted; empty if there is no such directory.
///
/// # Errors
/// The guest could not be read; there are too many.
pub(super) fn names(guest: &dyn Guest, dir: &str, ending: &str) -> Result<Vec<String>> {
    let mut names = guest.list(dir)?.unwrap_or_default();
    names.retain(|n| n.ends_with(ending) && !n.is_empty());
    if names.len() > MAX_NAMES {
        return Err(GuestError::Malformed {
            path: dir.to_owned(),
            what: format!("{} files, more than the {MAX_NAMES} that are looked at", names.len()),
        });
    }
    Ok(names)
}

/// Paths of the names in a directory that end in `ending`, sorted.
///
/// # Errors
/// As [`names`].
pub(super) fn paths(guest: &dyn Guest, dir: &str, ending: &str) -> Result<Vec<String>> {
    Ok(names(guest, dir, ending)?.iter().map(|n| guest::join(dir, n)).collect())
}

/// The first of the paths at which something is.
///
/// # Errors
/// The guest could not be read.
pub(super) fn first_there<'a>(guest: &dyn Guest, paths: &[&'a str]) -> Result<Option<&'a str>> {
    for path in paths {
        if guest.exists(path)? {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// What is at `path` behind any links in its last component; `None` if nothing is.
///
/// # Errors
/// The guest could not be read.
pub(super) fn stat(guest: &dyn Guest, path: &str) -> Result<Option<Stat>> {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        match guest.lstat(&path)? {
            Some(stat) if stat.kind == FileKind::Symlink => path = target(guest, &path)?,
            stat => return Ok(stat),
        }
    }
    Ok(None)
}

/// A link's target as an absolute path. Its `..` stay: the guest resolves them.
///
/// # Errors
/// The guest could not be read.
pub(super) fn target(guest: &dyn Guest, link: &str) -> Result<String> {
    let target = guest.readlink(link)?;
    Ok(if target.starts_with('/') { target } else { guest::join(guest::parent(link), &target) })
}

/// A stream over a regular file and its size in bytes; `None` if there is none.
///
/// # Errors
/// The guest could not be read; the file has more than `limit` bytes.
pub(super) fn open<'g>(
    guest: &'g dyn Guest,
    path: &str,
    limit: u64,
) -> Result<Option<(Box<dyn Read + 'g>, u64)>> {
    let Some(stat) = stat(guest, path)?.filter(|s| s.kind == FileKind::File) else { return Ok(None) };
    if stat.size > limit {
        return Err(GuestError::TooLarge { path: path.to_owned(), size: stat.size, limit });
    }
    Ok(Some((guest.open(path)?, stat.size)))
}

/// Gives every line of a large file to `take`, without its end, cut at [`MAX_LINE`] bytes. Whether there is such a
/// file.
///
/// # Errors
/// The guest could not be read; the file has more than `limit` bytes.
pub(super) fn for_each_line(
    guest: &dyn Guest,
    path: &str,
    limit: u64,
    mut take: impl FnMut(&str),
) -> Result<bool> {
    let Some((stream, _)) = open(guest, path, limit)? else { return Ok(false) };
    let failed =
        |e: std::io::Error| GuestError::Backend { doing: format!("reading {path}"), message: e.to_string() };
    // The limit holds even if the file grew, or the backend's size was a lie.
    let mut reader = BufReader::new(stream.take(limit));
    let mut line = Vec::new();
    loop {
        line.clear();
        reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut line).map_err(failed)?;
        if line.is_empty() {
            return Ok(true);
        }
        match line.strip_suffix(b"\n") {
            Some(line) => take(&String::from_utf8_lossy(line)),
            None => {
                take(&String::from_utf8_lossy(&line));
                reader.skip_until(b'\n').map_err(failed)?;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryGuest;

    #[test]
    fn what_is_no_file_is_no_configuration() {
        let guest =
            MemoryGuest::new().dir("/etc/a").link("/etc/b", "/etc/none").file("/etc/c", b"gr\xfc\xdfe");
        assert_eq!(config(&guest, "/etc/a").unwrap(), None);
        assert_eq!(config(&guest, "/etc/b").unwrap(), None);
        assert_eq!(config(&guest, "/etc/c").unwrap().unwrap(), "gr\u{fffd}\u{fffd}e");
    }

    #[test]
    fn links_in_a_circle_lead_nowhere() {
        let guest =
            MemoryGuest::new().link("/a", "b").link("/b", "/a").link("/c", "../d/e").file("/d/e", "12");
        assert_eq!(stat(&guest, "/a").unwrap(), None);
        assert_eq!(stat(&guest, "/c").unwrap().unwrap().size, 2);
    }

    #[test]
    fn long_lines_are_cut_and_large_files_refused() {
        let text = format!("a\n{}\nb", "x".repeat(20_000));
        let guest = MemoryGuest::new().file("/f", &text);
        let mut lengths = vec![];
        assert!(for_each_line(&guest, "/f", 1 << 20, |l| lengths.push(l.len())).unwrap());
        assert_eq!(lengths, [1, 16_384, 1]);
        assert!(for_each_line(&guest, "/f", 100, |_| {}).is_err());
        assert!(!for_each_line(&guest, "/g", 100, |_| {}).unwrap());
    }
}
