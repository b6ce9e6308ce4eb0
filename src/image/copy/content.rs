//! Proof of content: BLAKE3 of every chunk, and one digest over all of them.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};

use serde::{Deserialize, Serialize};

use super::chunk::{CHUNK, Digest, Record};

/// First line of the file that digests are kept in.
const TITLE: &str = "h2k content digests 1";

/// Longest line of that file: an index and a digest.
const MAX_LINE: u64 = 128;

/// Digests of what a guest sees of a disk. Chunks of zeros have none.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Content {
    /// Virtual size in bytes.
    pub size: u64,
    /// BLAKE3 over size, index and digest of all chunks that are not zeros, in hexadecimal; `None` where blocks are
    /// shared with the source and were not read.
    pub digest: Option<String>,
    /// Number of chunks without a digest, because their blocks are shared.
    pub shared: u64,
    /// BLAKE3 of each chunk of 4 MiB that is not all zeros, by its number.
    #[serde(skip)]
    pub chunks: BTreeMap<u64, Digest>,
}

impl Content {
    /// Of a disk of `size` bytes, from the records of its chunks.
    pub fn new<'a>(size: u64, records: impl Iterator<Item = &'a Record>) -> Self {
        let mut content = Self { size, ..Self::default() };
        for record in records {
            match record.digest {
                // A chunk without data is zeros.
                Some(digest) if record.clusters != 0 => drop(content.chunks.insert(record.index, digest)),
                Some(_) => {}
                None => content.shared += 1,
            }
        }
        content.sealed()
    }

    /// With the digest over all chunks as they are now.
    pub(super) fn sealed(mut self) -> Self {
        self.digest = (self.shared == 0).then(|| self.combined());
        self
    }

    fn combined(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.size.to_le_bytes());
        for (index, digest) in &self.chunks {
            hasher.update(&index.to_le_bytes()).update(digest);
        }
        hasher.finalize().to_hex().to_string()
    }

    /// Writes all digests as text: title, size, then number and digest of a chunk per line.
    ///
    /// # Errors
    /// What the writer reports.
    pub fn write(&self, mut to: impl Write) -> io::Result<()> {
        writeln!(to, "{TITLE}")?;
        writeln!(to, "size {} chunk {CHUNK} shared {}", self.size, self.shared)?;
        for (index, digest) in &self.chunks {
            writeln!(to, "{index} {}", blake3::Hash::from_bytes(*digest).to_hex())?;
        }
        to.flush()
    }

    /// Reads what [`Content::write`] wrote.
    ///
    /// # Errors
    /// `InvalidData` with the number of the line that is none; otherwise what the reader reports.
    pub fn read(from: impl Read) -> io::Result<Self> {
        let mut lines = Lines { from: BufReader::new(from), number: 0 };
        let title = lines.next()?.unwrap_or_default();
        if title != TITLE {
            return Err(lines.wrong("not a file of content digests"));
        }
        let head = lines.next()?.unwrap_or_default();
        let words: Vec<&str> = head.split(' ').collect();
        let chunk = CHUNK.to_string();
        let (size, shared) = match words.as_slice() {
            ["size", size, "chunk", c, "shared", shared] if *c == chunk => (size.parse(), shared.parse()),
            _ => return Err(lines.wrong("size and chunk are not as expected")),
        };
        let (Ok(size), Ok(shared)) = (size, shared) else { return Err(lines.wrong("a number is expected")) };
        let mut content = Self { size, shared, ..Self::default() };
        while let Some(line) = lines.next()? {
            let pair = line.split_once(' ').and_then(|(index, digest)| {
                Some((index.parse().ok()?, *blake3::Hash::from_hex(digest).ok()?.as_bytes()))
            });
            let (index, digest) =
                pair.ok_or_else(|| lines.wrong("a chunk's number and digest are expected"))?;
            content.chunks.insert(index, digest);
        }
        Ok(content.sealed())
    }
}

struct Lines<R> {
    from: R,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    fn next(&mut self) -> io::Result<Option<String>> {
        self.number += 1;
        let mut line = String::new();
        let read = (&mut self.from).take(MAX_LINE).read_line(&mut line)?;
        Ok((read > 0).then(|| line.trim_end_matches('\n').to_owned()))
    }

    fn wrong(&self, what: &str) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, format!("line {}: {what}", self.number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_survive_their_file() {
        let record = |index, clusters, digest| Record { index, clusters, digest, ..Record::default() };
        let records = [record(3, 1, Some([3; 32])), record(1, 0, Some([1; 32])), record(0, 2, Some([9; 32]))];
        let content = Content::new(20 << 20, records.iter());
        assert_eq!(content.chunks.keys().copied().collect::<Vec<_>>(), [0, 3]);
        let mut text = Vec::new();
        content.write(&mut text).unwrap();
        assert_eq!(Content::read(text.as_slice()).unwrap(), content);
        let shared = Content::new(20 << 20, [record(3, 1, None)].iter());
        assert_eq!((shared.digest.clone(), shared.shared), (None, 1));
        let mut text = Vec::new();
        shared.write(&mut text).unwrap();
        assert_eq!(Content::read(text.as_slice()).unwrap(), shared);
    }

    #[test]
    fn what_is_no_digest_is_named_by_its_line() {
        let head = format!("{TITLE}\nsize 5 chunk {CHUNK} shared 0\n");
        for (text, line) in [
            (String::new(), 1),
            ("something else\n".to_owned(), 1),
            (format!("{TITLE}\nsize x chunk {CHUNK} shared 0\n"), 2),
            (format!("{TITLE}\nsize 5 chunk 5 shared 0\n"), 2),
            (format!("{head}0 abc\n"), 3),
            (format!("{head}{}\n", "1".repeat(500)), 3),
        ] {
            let error = Content::read(text.as_bytes()).unwrap_err().to_string();
            assert!(error.starts_with(&format!("line {line}: ")), "{text:?}: {error}");
        }
    }
}
