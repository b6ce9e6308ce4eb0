//! One chunk after the other: share its blocks, or read, leave out zeros, digest, write.

use std::sync::atomic::{AtomicU64, Ordering};

use super::chunk::{self, CHUNK, CLUSTER, Record};
use super::clone::{Sharing, pieces};
use super::error::CopyError;
use super::feed::{Feed, Task};
use super::flusher::Flusher;
use super::nonzero;
use super::rate::Rate;
use super::run::Stop;
use super::target::{Target, Written};
use super::{CopyJob, Progress};

/// Smallest block of a file system that shares blocks, in bytes.
const BLOCK: u64 = 4096;

/// What all workers share.
pub(super) struct Work<'a> {
    pub job: &'a CopyJob<'a>,
    pub feed: &'a Feed<'a>,
    pub target: &'a dyn Target,
    pub flusher: &'a Flusher,
    pub sharing: &'a Sharing,
    pub rate: &'a Rate,
    pub stop: &'a Stop,
    pub counts: &'a Counts,
}

/// What was done, in bytes.
#[derive(Default)]
pub(super) struct Counts {
    pub done: AtomicU64,
    pub total: u64,
    pub read: AtomicU64,
    pub written: AtomicU64,
    pub shared: AtomicU64,
    pub zeros: AtomicU64,
}

fn add(to: &AtomicU64, bytes: u64) -> u64 {
    to.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes)
}

impl Work<'_> {
    /// Works until nothing is left, or somebody failed.
    pub(super) fn run(&self) {
        let mut buffer = Vec::new();
        while !self.stop.is_set() {
            let done = self.feed.next().and_then(|task| match task {
                None => Ok(false),
                Some(task) => self.chunk(&task, &mut buffer).map(|()| true),
            });
            match done {
                Ok(true) => {}
                Ok(false) => return,
                Err(e) => return self.stop.set(e),
            }
        }
    }

    fn chunk(&self, task: &Task, buffer: &mut Vec<u8>) -> Result<(), CopyError> {
        let data = task.bytes();
        self.rate.take(data, || self.stop.is_set());
        let record = match self.share(task)? {
            Some(record) => record,
            None => self.copy(task, buffer)?,
        };
        self.flusher.push(record);
        let done = add(&self.counts.done, data);
        (self.job.progress)(Progress { done, total: self.counts.total });
        Ok(())
    }

    /// The chunk with its blocks shared; `None` where that cannot be.
    fn share(&self, task: &Task) -> Result<Option<Record>, CopyError> {
        if !self.sharing.is_on() {
            return Ok(None);
        }
        let offset = task.index.saturating_mul(CHUNK);
        let found = pieces(self.job.reader.as_ref(), task, self.target.share_unit(), BLOCK);
        let Some(pieces) = found.map_err(|source| CopyError::Read { offset, source })? else {
            return Ok(None);
        };
        let start = task.index * CHUNK;
        let clusters = task.data.iter().fold(0u64, |bits, range| {
            let (first, last) = ((range.start - start) / CLUSTER, (range.end - start - 1) / CLUSTER);
            (first..=last).fold(bits, |bits, n| bits | 1 << n)
        });
        let record = Record { index: task.index, clusters, data: task.bytes(), ..Record::default() };
        match self.target.share(record, &pieces) {
            Ok(record) => {
                add(&self.counts.shared, record.data);
                Ok(Some(record))
            }
            Err(e) => {
                self.sharing.failed(&e);
                Ok(None)
            }
        }
    }

    fn copy(&self, task: &Task, buffer: &mut Vec<u8>) -> Result<Record, CopyError> {
        let range = chunk::range(task.index, self.job.reader.size());
        let len = (range.end - range.start) as usize;
        let whole = len.next_multiple_of(CLUSTER as usize);
        // The buffer holds the last chunk: what this one does not fill is cleared, not all of it.
        buffer.resize(whole, 0);
        let mut filled = 0;
        for data in &task.data {
            let (from, to) = ((data.start - range.start) as usize, (data.end - range.start) as usize);
            buffer.get_mut(filled..from).unwrap_or_default().fill(0);
            let place = buffer.get_mut(from..to).unwrap_or_default();
            let offset = data.start;
            self.job.reader.read_at(place, offset).map_err(|source| CopyError::Read { offset, source })?;
            filled = to;
        }
        buffer.get_mut(filled..whole).unwrap_or_default().fill(0);
        let data = task.bytes();
        add(&self.counts.read, data);
        let clusters = nonzero::clusters(buffer);
        let digest = blake3::hash(buffer.get(..len).unwrap_or_default());
        let record = Record {
            index: task.index,
            digest: Some(*digest.as_bytes()),
            clusters,
            data,
            ..Record::default()
        };
        let Written { record, bytes } =
            self.target.write(record, buffer).map_err(CopyError::write(self.job.target))?;
        add(&self.counts.written, bytes);
        add(&self.counts.zeros, data.saturating_sub(u64::from(clusters.count_ones()) * CLUSTER));
        Ok(record)
    }
}
