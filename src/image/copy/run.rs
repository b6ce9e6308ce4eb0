//! A copy from beginning to end: takes over what is there, copies the rest, writes the tables.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::chunk::{CLUSTER, Record};
use super::clone::Sharing;
use super::content::Content;
use super::error::CopyError;
use super::feed::Feed;
use super::flusher::Flusher;
use super::journal::{Header, Journal};
use super::qcow2::Qcow2Target;
use super::rate::Rate;
use super::raw::RawTarget;
use super::target::Target;
use super::worker::{Counts, Work};
use super::{Copied, CopyJob, Format, MAX_THREADS};
use crate::exec;
use crate::image::layers::data_bytes;

/// The first failure, which ends the others' work.
#[derive(Default)]
pub(super) struct Stop {
    first: Mutex<Option<CopyError>>,
}

impl Stop {
    pub(super) fn set(&self, error: CopyError) {
        self.first.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }

    pub(super) fn is_set(&self) -> bool {
        if exec::check_cancelled().is_err() {
            self.set(CopyError::Cancelled);
        }
        self.first.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    fn into_result(self) -> Result<(), CopyError> {
        self.first.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
    }
}

/// Copies the disk. The journal stays, complete: the caller removes it once the target has its final name.
///
/// # Errors
/// What reading or writing reports, or that it was stopped. The same job goes on with what is there.
pub fn run(job: &CopyJob<'_>) -> Result<Copied, CopyError> {
    let size = job.reader.size();
    let unread = |source| CopyError::Read { offset: 0, source };
    let total = match job.data {
        Some(counted) => counted,
        None => data_bytes(job.reader.as_ref()).map_err(unread)?,
    };
    let (file, mut journal, earlier) = begin(job)?;
    let target = target(job, file, &earlier)?;
    let done: HashSet<u64> = earlier.iter().map(|record| record.index).collect();
    let taken_over = earlier.iter().fold(0u64, |sum, record| sum.saturating_add(record.data));
    let counts = Counts { done: taken_over.into(), total, ..Counts::default() };
    let feed = Feed::new(job.reader.as_ref(), &done);
    let flusher = Flusher::default();
    let sharing = Sharing::new(!job.options.no_reflink && !compressed(job.format));
    let (rate, stop) = (Rate::new(job.options.limit_rate), Stop::default());
    let work = Work {
        job,
        feed: &feed,
        target: target.as_ref(),
        flusher: &flusher,
        sharing: &sharing,
        rate: &rate,
        stop: &stop,
        counts: &counts,
    };
    let new = work_all(&work, threads(job.options.threads), &mut journal);
    stop.into_result()?;
    let mut records = earlier;
    records.extend(new);
    records.sort_by_key(|record| record.index);
    let tables = target.finish(&records).map_err(CopyError::write(job.target))?;
    let get = |count: &std::sync::atomic::AtomicU64| count.load(Ordering::Relaxed);
    Ok(Copied {
        size,
        read: get(&counts.read),
        written: get(&counts.written).saturating_add(tables),
        shared: get(&counts.shared),
        zeros: get(&counts.zeros),
        skipped: size.saturating_sub(total),
        taken_over,
        content: Content::new(size, records.iter()),
    })
}

fn work_all(work: &Work<'_>, threads: usize, journal: &mut Journal) -> Vec<Record> {
    thread::scope(|scope| {
        let flusher = scope.spawn(|| {
            work.flusher.run(work.target, journal).unwrap_or_else(|e| {
                work.stop.set(CopyError::write(work.job.target)(e));
                Vec::new()
            })
        });
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(|| work.run())).collect();
        for worker in workers {
            if let Err(panic) = worker.join() {
                work.flusher.end();
                std::panic::resume_unwind(panic);
            }
        }
        work.flusher.end();
        flusher.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// The unfinished target of the same copy with its records, or new ones.
fn begin(job: &CopyJob<'_>) -> Result<(File, Journal, Vec<Record>), CopyError> {
    let header = Header { source: job.source.to_owned(), size: job.reader.size(), format: job.format };
    let journal_failed = CopyError::write(job.journal);
    let failed = CopyError::write(job.target);
    if job.target.exists()
        && let Some((journal, records)) = Journal::resume(job.journal, &header).map_err(&journal_failed)?
    {
        let file = OpenOptions::new().read(true).write(true).open(job.target).map_err(&failed)?;
        let length = file.metadata().map_err(&failed)?.len();
        if is_there(&header, &records, length) {
            return Ok((file, journal, records));
        }
    }
    let new = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(job.target);
    let file = new.map_err(&failed)?;
    let journal = Journal::create(job.journal, &header).map_err(&journal_failed)?;
    for path in [job.target, job.journal] {
        sync_directory(path).map_err(CopyError::write(path))?;
    }
    Ok((file, journal, Vec::new()))
}

/// Whether a target of `length` bytes can hold what its journal names: it may have been cut since, or be another file.
fn is_there(header: &Header, records: &[Record], length: u64) -> bool {
    if let Format::Raw { .. } = header.format {
        return length == header.size || records.is_empty();
    }
    // Compressed clusters end somewhere in the last cluster.
    let end = length.checked_next_multiple_of(CLUSTER).unwrap_or(u64::MAX);
    records.iter().all(|r| r.base.checked_add(r.host_bytes()).is_some_and(|needed| needed <= end))
}

fn sync_directory(of: &Path) -> std::io::Result<()> {
    let directory = of.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(directory)?.sync_all()
}

fn target(job: &CopyJob<'_>, file: File, there: &[Record]) -> Result<Box<dyn Target>, CopyError> {
    let size = job.reader.size();
    Ok(match job.format {
        Format::Raw { preallocate } => {
            Box::new(RawTarget::new(file, size, preallocate).map_err(CopyError::write(job.target))?)
        }
        Format::Qcow2 { compress } => Box::new(Qcow2Target::new(file, size, compress, there)),
    })
}

fn compressed(format: Format) -> bool {
    matches!(format, Format::Qcow2 { compress: Some(_) })
}

fn threads(wanted: usize) -> usize {
    let there = || thread::available_parallelism().map_or(1, usize::from);
    let threads = if wanted == 0 { there() } else { wanted };
    threads.clamp(1, MAX_THREADS)
}
