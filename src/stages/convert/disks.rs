//! The one copy of each disk, several at once.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use h2k_config::{CopySettings, TargetFormat};

use super::{digests_of, kept, write_digests};
use crate::emit::domain::DomainDisk;
use crate::error::{Doing, Failure};
use crate::event::{Event, Reporter};
use crate::image::SourceIdentity;
use crate::image::copy::{Format, MAX_THREADS, Progress};
use crate::pipeline::Context;
use crate::stage::Stage;
use crate::stages::fix::Fixed;
use crate::stages::flatten::FlatDisk;
use crate::transfer::{self, Meter, Transfer, Transferred};

/// Disks that are copied at once. One is copied by as many threads as there are processors; more disks at once keep
/// several storages busy, and cost memory.
const AT_ONCE: usize = 4;

/// A disk to be copied.
struct Disk<'a> {
    flat: &'a FlatDisk,
    overlay: &'a Path,
    target: PathBuf,
    /// Where the target is a base that is kept: FIX's overlay, and the disk that it becomes over it.
    over: Option<(&'a Path, PathBuf)>,
    journal: PathBuf,
    format: Format,
    /// Digest of the source and of what FIX changed.
    source: String,
}

/// How a disk was copied, and in how many seconds.
type Timed = (Transferred, f64);

/// Copies all disks into the directory `to`.
///
/// # Errors
/// The first disk that fails; those that had begun are copied as far as they come.
pub(super) fn copy(cx: &Context<'_>, fixed: &Fixed, to: &Path) -> Result<Vec<Timed>, Failure> {
    let disks = disks(cx, fixed, to)?;
    let told = Told::new(cx.ui, &cx.vm, disks.len());
    let settings = shared_out(cx.job.copy, disks.len());
    let next = AtomicUsize::new(0);
    let results: Vec<Mutex<Option<Result<Timed, Failure>>>> =
        disks.iter().map(|_| Mutex::new(None)).collect();
    let work = || {
        while let Some((index, disk)) = take(&next, &disks) {
            let started = Instant::now();
            let result = one(disk, settings, &|progress| told.tell(index, progress));
            let result = result.map(|done| (done, started.elapsed().as_secs_f64()));
            if result.is_err() {
                // Nobody begins another.
                next.store(usize::MAX / 2, Ordering::Relaxed);
            }
            if let Some(place) = results.get(index) {
                *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..disks.len().min(AT_ONCE) {
            scope.spawn(work);
        }
    });
    let mut transfers = Vec::new();
    for (index, result) in results.into_iter().enumerate() {
        match result.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(result) => transfers.push(result.doing(format!("copying disk {index}"))?),
            // Not begun, because one before or behind it failed: that failure is told.
            None => continue,
        }
    }
    Ok(transfers)
}

/// The processors shared out among the disks that are copied at once, unless the user said how many threads: each
/// thread holds a chunk in memory.
fn shared_out(settings: CopySettings, disks: usize) -> CopySettings {
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let each = processors.checked_div(disks.min(AT_ONCE)).unwrap_or(processors).max(1);
    let threads = if settings.threads == 0 && disks > 1 { each.min(MAX_THREADS) } else { settings.threads };
    CopySettings { threads, ..settings }
}

fn take<'a, 'b>(next: &AtomicUsize, disks: &'a [Disk<'b>]) -> Option<(usize, &'a Disk<'b>)> {
    let index = next.fetch_add(1, Ordering::Relaxed);
    disks.get(index).map(|disk| (index, disk))
}

fn disks<'a>(cx: &Context<'_>, fixed: &'a Fixed, to: &Path) -> Result<Vec<Disk<'a>>, Failure> {
    let flattened = &fixed.planned.inspected.flattened;
    let compress = transfer::compression(cx.job.policy.compress);
    let all = fixed.planned.plan.target.disks.iter().zip(&fixed.overlays).zip(&flattened.disks).enumerate();
    let disk = |(index, ((disk, overlay), flat)): (usize, ((&DomainDisk, &'a PathBuf), &'a FlatDisk))| {
        let trimmed = fixed.trimmed.get(index);
        let copied = trimmed.unwrap_or(overlay);
        let changed =
            SourceIdentity::of([copied]).doing(format!("looking at the overlay of disk {index}"))?;
        let final_name = to.join(&disk.file);
        Ok(Disk {
            flat,
            overlay: copied,
            target: if trimmed.is_some() { kept::base_of(&final_name) } else { final_name.clone() },
            over: trimmed.map(|_| (overlay.as_path(), final_name)),
            journal: cx.work.join(format!("disk{index}.journal")),
            format: match disk.format {
                TargetFormat::Qcow2 => Format::Qcow2 { compress },
                TargetFormat::Raw => Format::Raw { preallocate: false },
            },
            source: format!("{} {}", flattened.identity.digest, changed.digest),
        })
    };
    all.map(disk).collect()
}

fn one(
    disk: &Disk<'_>,
    settings: CopySettings,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Transferred, Failure> {
    let transfer = Transfer {
        chain: &disk.flat.chain,
        data: None,
        overlay: Some(disk.overlay),
        target: &disk.target,
        journal: &disk.journal,
        format: disk.format,
        source: &disk.source,
        settings,
        reflink: true,
    };
    let done = transfer.run(progress)?;
    if let Some(content) = done.content() {
        write_digests(&digests_of(&disk.target), content)?;
    }
    if let Some((overlay, name)) = &disk.over {
        kept::lay(overlay, &disk.target, name)?;
    }
    Ok(done)
}

/// How all disks together are told.
struct Told<'a> {
    ui: &'a dyn Reporter,
    vm: &'a str,
    meter: Meter,
    disks: Mutex<Vec<Progress>>,
}

impl<'a> Told<'a> {
    fn new(ui: &'a dyn Reporter, vm: &'a str, count: usize) -> Self {
        Self { ui, vm, meter: Meter::default(), disks: Mutex::new(vec![Progress::default(); count]) }
    }

    fn tell(&self, index: usize, progress: Progress) {
        let all = {
            let mut disks = self.disks.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(place) = disks.get_mut(index) {
                *place = progress;
            }
            disks.iter().fold(Progress::default(), |sum, disk| Progress {
                done: sum.done.saturating_add(disk.done),
                total: sum.total.saturating_add(disk.total),
            })
        };
        self.ui.event(&Event::Progress {
            vm: self.vm.to_owned(),
            stage: Stage::Convert,
            done: all.done,
            total: all.total,
            message: self.meter.text(all),
        });
    }
}
