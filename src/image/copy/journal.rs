//! What of an unfinished target is on disk already. A journal only grows: a header, then batches of records, each
//! with a digest of its own, so that a torn end is seen and left out.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::Format;
use super::chunk::{CHUNK, CLUSTER, CLUSTERS, Record};

/// First bytes of a journal: name and version.
const MAGIC: &[u8; 8] = b"h2kjrnl1";

/// Largest header in bytes.
const MAX_HEADER: u32 = 64 << 10;

/// Largest batch in bytes. A batch holds what is copied between two flushes, some hundred chunks.
const MAX_BATCH: u32 = 64 << 20;

/// Bytes of the digest of a header or batch.
const SEAL: usize = 16;

/// Which copy a journal belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Which content is copied.
    pub source: String,
    /// Virtual size in bytes.
    pub size: u64,
    /// What is written.
    pub format: Format,
}

/// A journal that is open for more.
pub(super) struct Journal {
    file: File,
    end: u64,
}

impl Journal {
    /// Begins a journal, in place of any that is there.
    ///
    /// # Errors
    /// What the file system reports.
    pub(super) fn create(path: &Path, header: &Header) -> io::Result<Self> {
        match fs::remove_file(path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        let file = OpenOptions::new().write(true).create_new(true).open(path)?;
        let mut journal = Self { file, end: 0 };
        let text = serde_json::to_vec(header)?;
        journal.file.write_all_at(MAGIC, 0)?;
        journal.end = MAGIC.len() as u64;
        journal.seal(&text)?;
        Ok(journal)
    }

    /// Goes on with the journal at `path`, if it belongs to the same copy: with the records that it holds.
    ///
    /// # Errors
    /// What the file system reports. A journal of another copy, or one that is damaged, is none.
    pub(super) fn resume(path: &Path, header: &Header) -> io::Result<Option<(Self, Vec<Record>)>> {
        let mut file = match OpenOptions::new().read(true).write(true).open(path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        let Some((found, records, end)) = parse(&mut file)? else { return Ok(None) };
        if found != *header {
            return Ok(None);
        }
        file.set_len(end)?;
        Ok(Some((Self { file, end }, records)))
    }

    /// Adds records, and has them on disk.
    ///
    /// # Errors
    /// What the file system reports.
    pub(super) fn append(&mut self, records: &[Record]) -> io::Result<()> {
        let mut payload = Vec::with_capacity(records.len() * 80);
        for record in records {
            encode(record, &mut payload)?;
        }
        self.seal(&payload)
    }

    fn seal(&mut self, payload: &[u8]) -> io::Result<()> {
        let len = u32::try_from(payload.len()).map_err(io::Error::other)?;
        let mut batch = Vec::with_capacity(payload.len() + 4 + SEAL);
        batch.write_all(&len.to_le_bytes())?;
        batch.write_all(payload)?;
        batch.write_all(&digest(payload))?;
        self.file.write_all_at(&batch, self.end)?;
        self.file.sync_data()?;
        self.end += batch.len() as u64;
        Ok(())
    }
}

fn digest(payload: &[u8]) -> [u8; SEAL] {
    let mut seal = [0; SEAL];
    let hash = blake3::hash(payload);
    seal.copy_from_slice(hash.as_bytes().first_chunk::<SEAL>().unwrap_or(&[0; SEAL]));
    seal
}

/// Reads a journal: header, records and the end in bytes of what is whole; `None` if that is not even a header.
///
/// # Errors
/// What the reader reports; what is torn or damaged is no error, it is left out.
pub fn parse(from: &mut dyn Read) -> io::Result<Option<(Header, Vec<Record>, u64)>> {
    let mut from = io::BufReader::new(from);
    let mut magic = [0; MAGIC.len()];
    let mut end = MAGIC.len() as u64;
    if !fill(&mut from, &mut magic)? || magic != *MAGIC {
        return Ok(None);
    }
    let Some(text) = sealed(&mut from, MAX_HEADER, &mut end)? else { return Ok(None) };
    let Ok(header) = serde_json::from_slice::<Header>(&text) else { return Ok(None) };
    let mut records = Vec::new();
    loop {
        let before = end;
        let Some(payload) = sealed(&mut from, MAX_BATCH, &mut end)? else { break };
        let Some(batch) = decode_all(&payload, header.size) else {
            end = before;
            break;
        };
        records.extend(batch);
    }
    Ok(Some((header, records, end)))
}

/// The payload of a whole batch; `None` at the end, or where it is torn.
fn sealed(from: &mut dyn Read, max: u32, end: &mut u64) -> io::Result<Option<Vec<u8>>> {
    let mut len = [0; 4];
    if !fill(from, &mut len)? {
        return Ok(None);
    }
    let len = u32::from_le_bytes(len);
    if len > max {
        return Ok(None);
    }
    // Grows with what is there: a torn length costs no memory.
    let mut payload = Vec::new();
    (&mut *from).take(u64::from(len)).read_to_end(&mut payload)?;
    let mut seal = [0; SEAL];
    if payload.len() != len as usize || !fill(from, &mut seal)? || seal != digest(&payload) {
        return Ok(None);
    }
    *end += 4 + u64::from(len) + SEAL as u64;
    Ok(Some(payload))
}

/// Whether `buf` could be filled.
fn fill(from: &mut dyn Read, buf: &mut [u8]) -> io::Result<bool> {
    match from.read_exact(buf) {
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        done => done.map(|()| true),
    }
}

fn encode(record: &Record, to: &mut Vec<u8>) -> io::Result<()> {
    for word in [record.index, record.clusters, record.base, record.data] {
        to.write_all(&word.to_le_bytes())?;
    }
    to.write_all(&[u8::from(record.digest.is_some()), record.lengths.len() as u8])?;
    to.write_all(&record.digest.unwrap_or_default())?;
    record.lengths.iter().try_for_each(|len| to.write_all(&len.to_le_bytes()))
}

fn decode_all(mut payload: &[u8], size: u64) -> Option<Vec<Record>> {
    let mut records = Vec::new();
    while !payload.is_empty() {
        let record = decode(&mut payload)?;
        let fits = record.index.checked_mul(CHUNK)? < size && record.base.is_multiple_of(CLUSTER);
        let lengths =
            record.lengths.is_empty() || record.lengths.len() == record.clusters.count_ones() as usize;
        if !fits || !lengths || record.lengths.iter().any(|len| u64::from(*len) > CLUSTER) {
            return None;
        }
        records.push(record);
    }
    Some(records)
}

fn decode(from: &mut &[u8]) -> Option<Record> {
    let index = u64::from_le_bytes(take(from)?);
    let clusters = u64::from_le_bytes(take(from)?);
    let base = u64::from_le_bytes(take(from)?);
    let data = u64::from_le_bytes(take(from)?);
    let [has_digest, count] = take(from)?;
    let digest = take(from)?;
    if usize::from(count) > CLUSTERS {
        return None;
    }
    let lengths = (0..count).map(|_| take(from).map(u32::from_le_bytes)).collect::<Option<Vec<_>>>()?;
    Some(Record { index, digest: (has_digest == 1).then_some(digest), clusters, base, lengths, data })
}

fn take<const N: usize>(from: &mut &[u8]) -> Option<[u8; N]> {
    let (head, rest) = from.split_first_chunk::<N>()?;
    *from = rest;
    Some(*head)
}

#[cfg(test)]
#[path = "journal_tests.rs"]
mod tests;
