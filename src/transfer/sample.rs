//! A sample: pieces of the source are copied by the copy's own engine into a temporary file in the output's file system,
//! flushed and removed. So reading, digests, compression, writing and flushing are measured together.
//!
//! What is read may lie in the page cache; then it looks faster than the whole will be.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::image::copy::chunk::CHUNK;
use crate::image::copy::{self, CopyJob, CopyOptions, Format, MAX_THREADS};
use crate::image::spread::{Piece, Spread, pieces};
use crate::image::{DiskReader, ExtentKind};
use crate::plan::time::Sample;

/// Longest time for all of it.
const LIMIT: Duration = Duration::from_secs(4);
/// Of that, for looking where there is data.
const LOOKING: Duration = Duration::from_secs(1);
/// Bytes of data of each part; a part is only begun where the one before says that the time is enough. The first is for
/// slow sources.
const PARTS: [u64; 3] = [16 << 20, 64 << 20, 192 << 20];
/// A part of fewer bytes says more of opening and flushing files than of rates.
const TELLING: u64 = 48 << 20;
/// Room that is to be left in the output's file system besides what the migration takes, in bytes.
const ROOM: u64 = 2 << 30;

/// Where a sample is written.
pub struct Target<'a> {
    /// A directory that exists, in the output's file system.
    pub dir: &'a Path,
    /// Bytes that are free there.
    pub free: u64,
    /// Bytes that the migration will take.
    pub needed: u64,
    /// What is written.
    pub format: Format,
}

/// A part of the sample that was measured.
struct Part {
    bytes: u64,
    seconds: f64,
    shared: bool,
    whole: bool,
}

/// Measures. Without a target it only reads.
///
/// # Errors
/// In words, why it could not be.
pub fn measure(
    disks: &[Arc<dyn DiskReader>],
    target: Option<&Target<'_>>,
    threads: usize,
) -> Result<Sample, String> {
    let began = Instant::now();
    let (until, looking) = (began + LIMIT, began + LOOKING);
    if let Some(target) = target.filter(|t| t.free < t.needed.saturating_add(ROOM)) {
        return Err(format!(
            "time was not measured: {} has too little room for a sample besides the result",
            target.dir.display()
        ));
    }
    let failed = |e: &dyn std::fmt::Display| format!("time was not measured: {e}");
    let mut all = Vec::new();
    for (index, disk) in disks.iter().enumerate() {
        all.extend(pieces(index, disk.as_ref(), looking).map_err(|e| failed(&e))?);
    }
    let mut rest = scattered(all);
    let disks: Arc<[Arc<dyn DiskReader>]> = disks.into();
    let mut parts: Vec<Part> = Vec::new();
    for size in PARTS {
        let enough = parts.last().is_none_or(|last| {
            let rate = last.bytes as f64 / last.seconds.max(0.001);
            // It may take twice as long as the last part says.
            last.whole
                && size as f64 / rate * 2.0 < until.saturating_duration_since(Instant::now()).as_secs_f64()
        });
        let taken = take(&mut rest, size);
        if !enough || taken.is_empty() || crate::exec::check_cancelled().is_err() {
            break;
        }
        let spread = Arc::new(Spread::new(disks.clone(), taken, until));
        parts.push(match target {
            Some(target) => copied(spread, target, threads).map_err(|e| failed(&e))?,
            None => read(&spread, threads).map_err(|e| failed(&e))?,
        });
    }
    sample(&parts, target.is_some()).ok_or_else(|| failed(&"no data was found to be read"))
}

/// What the parts come to.
fn sample(parts: &[Part], written: bool) -> Option<Sample> {
    let telling = |part: &&Part| part.bytes >= TELLING;
    let rate = |part: &Part| (part.bytes as f64 / part.seconds.max(0.001)) as u64;
    let last = parts.last().filter(|part| part.bytes > 0)?;
    let rates: Vec<u64> = parts.iter().filter(telling).map(rate).chain([rate(last)]).collect();
    Some(Sample {
        bytes: parts.iter().map(|part| part.bytes).sum(),
        seconds: (parts.iter().map(|part| part.seconds).sum::<f64>() * 1000.0).round() / 1000.0,
        rate: rate(last),
        slowest: rates.iter().copied().min()?,
        fastest: rates.iter().copied().max()?,
        written,
        shared: parts.iter().any(|part| part.shared),
    })
}

/// The pieces in an order in which every beginning of it is spread over all disks: by their numbers' bits, reversed.
fn scattered(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut numbered: Vec<(u32, Piece)> = (0u32..).map(u32::reverse_bits).zip(pieces).collect();
    // Taken from the end.
    numbered.sort_by_key(|(number, _)| std::cmp::Reverse(*number));
    numbered.into_iter().map(|(_, piece)| piece).collect()
}

/// Pieces with `size` bytes of data, or what is left, in the order in which they lie on the disks.
fn take(rest: &mut Vec<Piece>, size: u64) -> Vec<Piece> {
    let (mut taken, mut data) = (Vec::new(), 0u64);
    while data < size
        && (taken.len() as u64) < size / CHUNK * 4
        && let Some(piece) = rest.pop()
    {
        data = data.saturating_add(piece.data);
        taken.push(piece);
    }
    taken.sort_by_key(|piece| (piece.disk, piece.range.start));
    taken
}

/// Copies a part; a copy whose time is up counts as far as it came.
fn copied(spread: Arc<Spread>, target: &Target<'_>, threads: usize) -> Result<Part, String> {
    let words = |e: std::io::Error| format!("writing to {}: {e}", target.dir.display());
    let dir = tempfile::Builder::new().prefix(".h2k-sample-").tempdir_in(target.dir).map_err(words)?;
    let file = |name: &str| -> PathBuf { dir.path().join(name) };
    let done = AtomicU64::new(0);
    let (at, journal, data) = (file("disk"), file("journal"), spread.data());
    let job = CopyJob {
        reader: spread,
        data: Some(data),
        target: &at,
        journal: &journal,
        format: target.format,
        source: "sample",
        options: CopyOptions { threads, limit_rate: None, no_reflink: false },
        progress: &|progress| {
            done.fetch_max(progress.done, Ordering::Relaxed);
        },
    };
    let began = Instant::now();
    let result = copy::run(&job);
    let seconds = began.elapsed().as_secs_f64();
    let bytes = done.load(Ordering::Relaxed);
    // What is in it was written to be thrown away.
    let removed = fs::remove_file(&at);
    match result {
        Ok(copied) => {
            removed.map_err(words)?;
            Ok(Part { bytes: data, seconds, shared: copied.shared > 0, whole: true })
        }
        Err(_) if bytes > 0 && crate::exec::check_cancelled().is_ok() => {
            Ok(Part { bytes, seconds, shared: false, whole: false })
        }
        Err(e) => Err(format!("a sample could not be copied: {}", crate::error::Failure::from(e).chain())),
    }
}

/// Reads and digests a part, as the copy does.
fn read(spread: &Spread, threads: usize) -> Result<Part, String> {
    let began = Instant::now();
    let there = thread::available_parallelism().map_or(1, usize::from);
    let threads = if threads == 0 { there } else { threads }.clamp(1, MAX_THREADS);
    let (next, bytes) = (AtomicUsize::new(0), AtomicU64::new(0));
    let work = || -> std::io::Result<()> {
        let mut buffer = vec![0; CHUNK as usize];
        loop {
            let start = next.fetch_add(1, Ordering::Relaxed) as u64 * CHUNK;
            if start >= spread.size() {
                return Ok(());
            }
            for extent in spread.extents(start..start + CHUNK)? {
                if extent.kind != ExtentKind::Data {
                    continue;
                }
                let place = buffer.get_mut(..extent.len as usize).unwrap_or_default();
                spread.read_at(place, extent.start)?;
                std::hint::black_box(blake3::hash(place));
                bytes.fetch_add(extent.len, Ordering::Relaxed);
            }
        }
    };
    let results: Vec<std::io::Result<()>> = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let join = |worker: thread::ScopedJoinHandle<'_, std::io::Result<()>>| {
            worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        workers.into_iter().map(join).collect()
    });
    let part = |whole| Part {
        bytes: bytes.load(Ordering::Relaxed),
        seconds: began.elapsed().as_secs_f64(),
        shared: false,
        whole,
    };
    match results.into_iter().find_map(Result::err) {
        None => Ok(part(true)),
        Some(e) if e.kind() == std::io::ErrorKind::TimedOut && bytes.load(Ordering::Relaxed) > 0 => {
            Ok(part(false))
        }
        Some(e) => Err(format!("reading the source: {e}")),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt;

    use super::*;
    use crate::image::testing::Patches;

    /// A small file with holes: what has to be looked at byte by byte takes too long on a busy machine.
    fn disk() -> Arc<dyn DiskReader> {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(3 * CHUNK).unwrap();
        file.as_file().write_all_at(&[7; 4096], 0).unwrap();
        file.as_file().write_all_at(&[8; 8192], 2 * CHUNK).unwrap();
        crate::transfer::open_alone(file.path()).unwrap().into()
    }

    fn target(dir: &Path, free: u64) -> Target<'_> {
        Target { dir, free, needed: 4000, format: Format::Qcow2 { compress: None } }
    }

    #[test]
    fn a_small_source_is_measured_whole_and_nothing_is_left() {
        let dir = tempfile::tempdir().unwrap();
        let data = crate::image::layers::data_bytes(disk().as_ref()).unwrap();
        let sample = measure(&[disk(), disk()], Some(&target(dir.path(), u64::MAX)), 2).unwrap();
        assert_eq!((sample.bytes, sample.written), (2 * data, true));
        assert!(sample.slowest <= sample.rate && sample.rate <= sample.fastest);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        let sample = measure(&[disk()], None, 1).unwrap();
        assert_eq!((sample.bytes, sample.written), (data, false));
    }

    #[test]
    fn what_cannot_be_measured_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let told = |disks: &[Arc<dyn DiskReader>], target: Option<&Target<'_>>| {
            measure(disks, target, 0).unwrap_err()
        };
        assert!(told(&[disk()], Some(&target(dir.path(), ROOM))).contains("too little room"));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        let gone = dir.path().join("gone");
        assert!(told(&[disk()], Some(&target(&gone, u64::MAX))).contains("gone"));
        let empty: Arc<dyn DiskReader> = Arc::new(Patches::new(100));
        assert!(told(&[empty], None).contains("no data"));
    }

    #[test]
    fn every_beginning_is_spread() {
        let piece = |n: u64| Piece { disk: 0, range: n * CHUNK..(n + 1) * CHUNK, data: CHUNK };
        let mut rest = scattered((0..64).map(piece).collect());
        let first: Vec<u64> = take(&mut rest, 16 << 20).iter().map(|p| p.range.start / CHUNK).collect();
        assert_eq!(first, [0, 16, 32, 48]);
        assert_eq!(take(&mut rest, 64 << 20).len(), 16);
        assert_eq!(take(&mut rest, u64::MAX).len(), 44);
    }
}
