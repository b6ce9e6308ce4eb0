//! Names in a tar archive, and the content of one of its files (POSIX.1-2017, pax; GNU tar, "Basic Tar Format").

use std::io::Read;

const BLOCK: usize = 512;
/// Most entries of a package.
const MAX_ENTRIES: usize = 100_000;
/// Largest content that is kept.
const MAX_KEPT: u64 = 4 << 20;
/// Most bytes of an archive that are unpacked.
const MAX_TOTAL: u64 = 1 << 30;

/// An entry.
pub(super) struct Entry {
    /// Name as written, without a leading `./`.
    pub name: String,
    /// Whether it is a directory.
    pub directory: bool,
    /// Content, if it was asked for.
    pub content: Option<Vec<u8>>,
}

/// Every entry of an archive; those that `keep` picks with their content.
pub(super) fn entries(archive: impl Read, keep: &dyn Fn(&str) -> bool) -> Result<Vec<Entry>, String> {
    let mut archive = archive.take(MAX_TOTAL);
    let mut found = Vec::new();
    let mut long_name = None;
    while found.len() < MAX_ENTRIES {
        let mut header = [0_u8; BLOCK];
        if archive.read_exact(&mut header).is_err() || header.iter().all(|b| *b == 0) {
            return Ok(found);
        }
        let field = |from: usize, to: usize| text(header.get(from..to).unwrap_or_default());
        let size = u64::from_str_radix(field(124, 136).trim(), 8)
            .map_err(|_| "a size in a tar header is no number")?;
        let kind = header.get(156).copied().unwrap_or(0);
        let meta = matches!(kind, b'L' | b'x');
        let prefix = if header.get(257..262) == Some(b"ustar") { field(345, 500) } else { String::new() };
        let plain = if prefix.is_empty() { field(0, 100) } else { format!("{prefix}/{}", field(0, 100)) };
        let name = long_name.take().unwrap_or(plain);
        let name = name.trim_start_matches("./").trim_end_matches('/').to_owned();
        let padded = size.div_ceil(BLOCK as u64).saturating_mul(BLOCK as u64);
        let content = if meta || keep(&name) {
            if size > MAX_KEPT {
                return Err(format!("{name}: {size} bytes are too many"));
            }
            let mut content = Vec::new();
            read(&mut archive, padded, Some(&mut content))?;
            content.truncate(usize::try_from(size).unwrap_or(0));
            Some(content)
        } else {
            read(&mut archive, padded, None)?;
            None
        };
        match kind {
            b'L' => long_name = content.map(|c| text(&c)),
            b'x' => long_name = content.as_deref().and_then(pax_path),
            b'g' => {}
            _ if name.is_empty() => {}
            _ => found.push(Entry { name, directory: kind == b'5', content }),
        }
    }
    Err(format!("more than {MAX_ENTRIES} entries"))
}

fn read(archive: &mut impl Read, bytes: u64, into: Option<&mut Vec<u8>>) -> Result<(), String> {
    let mut part = archive.take(bytes);
    let got = match into {
        Some(content) => part.read_to_end(content).map(|n| n as u64),
        None => std::io::copy(&mut part, &mut std::io::sink()),
    };
    match got {
        Ok(n) if n == bytes => Ok(()),
        Ok(_) => Err("the archive ends early".to_owned()),
        Err(e) => Err(e.to_string()),
    }
}

/// Bytes up to the first zero.
fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).into_owned()
}

/// `LENGTH path=VALUE` of a pax header.
fn pax_path(header: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(header);
    text.lines().find_map(|line| line.split_once(' ')?.1.strip_prefix("path=").map(str::to_owned))
}
