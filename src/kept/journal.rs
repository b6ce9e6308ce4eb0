//! What is carried through once it has begun, so that a kill at any moment leaves what the next h2k brings to its end.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::WORK;
use crate::error::{Doing, Failure, FailureKind};
use crate::exec::Exec;
use crate::plan::saved;
use crate::report::Report;
use crate::stages::convert::kept::{Document, base_of};
use crate::stages::convert::{digests_of, measure, write};
use crate::undo::carry::{commit, file_of, flush, remove};

/// It counts once it is there under this name.
const JOURNAL: &str = "journal.json";
/// Its name while it is written.
const UNNAMED: &str = "journal.new";
/// Directory in the work directory for what will take its place in the result.
pub(super) const NEW: &str = "new";
/// For what it takes the place of.
const OLD: &str = "old";
/// For the appliance's overlays and what else is thrown away.
pub(super) const TEMP: &str = "temp";
/// Time for a call that only looks.
const SHORT: Duration = Duration::from_secs(60);

/// What is to be carried through. Names are those of files in the result's directory.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "what")]
pub(super) enum Journal {
    /// New disks, and the files that tell of them, take the place of the old ones.
    Replace {
        /// Disks: none is there before all are.
        disks: Vec<PathBuf>,
        /// Other files.
        files: Vec<PathBuf>,
    },
    /// Overlays come into their bases.
    Accept {
        /// Disks.
        disks: Vec<PathBuf>,
    },
}

/// What was carried through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// New repairs are in their place.
    Replaced,
    /// The result stands for itself.
    Accepted,
}

/// Has on disk what is needed, and says that it begins.
///
/// # Errors
/// What the file system reports: nothing has begun.
pub(super) fn begin(dir: &Path, journal: &Journal) -> Result<(), Failure> {
    let work = dir.join(WORK);
    for sub in [NEW, OLD] {
        let sub = work.join(sub);
        fs::create_dir_all(&sub).doing(format!("making {}", sub.display()))?;
        flush(&sub)?;
    }
    let unnamed = work.join(UNNAMED);
    write(&unnamed, &serde_json::to_vec(journal)?)?;
    flush(dir)?;
    fs::rename(&unnamed, work.join(JOURNAL)).doing("beginning")?;
    flush(&work)
}

/// Brings to its end what was begun, however far it came. Each step may be done twice.
///
/// # Errors
/// What the file system or `qemu-img` reports; the next call goes on.
pub fn go_on(dir: &Path) -> Result<Option<Done>, Failure> {
    let file = dir.join(WORK).join(JOURNAL);
    let text = match fs::read(&file) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        other => other.doing(format!("reading {}", file.display()))?,
    };
    let hint = "what was begun is in .kept of the result's directory; the same command goes on";
    let done = match serde_json::from_slice::<Journal>(&text).doing(format!("reading {}", file.display()))? {
        Journal::Replace { disks, files } => {
            replace(dir, &disks, &files).map_err(|f| f.hint(hint))?;
            Done::Replaced
        }
        Journal::Accept { disks } => {
            take(dir, &disks).map_err(|f| f.hint(hint))?;
            Done::Accepted
        }
    };
    flush(dir)?;
    remove(&file)?;
    flush(&dir.join(WORK))?;
    Ok(Some(done))
}

/// Removes the work directory, unless something in it is still needed.
///
/// # Errors
/// What the file system reports.
pub fn clean(dir: &Path) -> Result<(), Failure> {
    let work = dir.join(WORK);
    if work.join(JOURNAL).exists() {
        return Ok(());
    }
    match fs::remove_dir_all(&work) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(e).doing(format!("removing {}", work.display())),
        _ => Ok(()),
    }
}

/// All old disks go out of sight before a new one comes: nobody starts a guest from disks that do not belong together.
fn replace(dir: &Path, disks: &[PathBuf], files: &[PathBuf]) -> Result<(), Failure> {
    let (new, old) = (dir.join(WORK).join(NEW), dir.join(WORK).join(OLD));
    for disk in disks.iter().map(|disk| file_of(disk)) {
        // One that is not among the new ones any more is in its place.
        if new.join(&disk).exists() {
            moved(&dir.join(&disk), &old.join(&disk))?;
        }
    }
    for file in files.iter().map(|file| file_of(file)) {
        moved(&new.join(&file), &dir.join(&file))?;
    }
    // The evidence is of the old repairs.
    match fs::remove_dir_all(dir.join("boot")) {
        Err(e) if e.kind() != ErrorKind::NotFound => {
            Err(e).doing("removing the evidence of the boot test")?
        }
        _ => {}
    }
    for disk in disks.iter().map(|disk| file_of(disk)) {
        moved(&new.join(&disk), &dir.join(&disk))?;
    }
    Ok(())
}

/// Renames what is there.
fn moved(from: &Path, to: &Path) -> Result<(), Failure> {
    match fs::rename(from, to) {
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
        other => other.doing(format!("moving {} to {}", from.display(), to.display())),
    }
}

/// Each base takes in its overlay and then its name. The overlay decides what it holds until then, so that a base that
/// is half-written does no harm.
fn take(dir: &Path, disks: &[PathBuf]) -> Result<(), Failure> {
    for disk in disks.iter().map(|disk| dir.join(file_of(disk))) {
        let base = base_of(&disk);
        if !base.exists() {
            // It has its name already.
            continue;
        }
        let before = written(&disk)?;
        let doing = || format!("writing {} into its base", disk.display());
        commit(&disk, &base)
            .map_err(|f| f.context(doing()).hint("a guest that runs has to be shut down first"))?;
        if written(&disk)? != before {
            let message = format!("{} was written to meanwhile", disk.display());
            return Err(Failure::message(FailureKind::Failed, message).hint("shut the guest down first"));
        }
        fs::rename(&base, &disk).doing(format!("naming {}", disk.display()))?;
        flush(dir)?;
    }
    for disk in disks.iter().map(|disk| dir.join(file_of(disk))) {
        remove(&digests_of(&base_of(&disk)))?;
    }
    tell(dir)?;
    remove(&dir.join(Document::FILE))
}

/// When a file's content was last changed.
fn written(path: &Path) -> Result<(i64, i64), Failure> {
    let meta = fs::metadata(path).doing(format!("looking at {}", path.display()))?;
    Ok((meta.mtime(), meta.mtime_nsec()))
}

/// The report of a result that stands for itself.
fn tell(dir: &Path) -> Result<(), Failure> {
    let mut report = Report::load(dir)?;
    let document = saved::read(&dir.join("plan.json"))?;
    let found = document.vms.first().map(|plan| measure(&plan.target, (dir, dir), Vec::new())).transpose()?;
    for (disk, found) in report.disks.iter_mut().zip(found.unwrap_or_default()) {
        disk.allocated = found.allocated;
        disk.base = None;
    }
    report.accepted.get_or_insert_with(Timestamp::now);
    report.write(dir)
}

/// Whether a disk is free: QEMU locks those of a guest that runs.
///
/// # Errors
/// It is not, or is no disk.
pub(super) fn free(disk: &Path) -> Result<(), Failure> {
    File::open(disk).doing(format!("opening {}", disk.display()))?;
    let asked = Exec::new("qemu-img").args(["info", "-f", "qcow2"]).arg(disk).timeout(SHORT).run();
    asked.map(drop).map_err(|e| {
        Failure::from(e)
            .context(format!("looking at {}", disk.display()))
            .hint("a guest that runs has to be shut down first")
    })
}
