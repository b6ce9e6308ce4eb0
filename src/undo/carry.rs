//! From overlays to disks, so that a kill at any moment leaves either state.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::{Doing, Failure, FailureKind};
use crate::exec::Exec;
use crate::report::Report;
use crate::stages::convert::write;

/// What is to be carried through; it counts once it is there under this name.
const JOURNAL: &str = "journal.json";
/// Its name while it is written.
const UNNAMED: &str = "journal.new";
/// Its name when all disks are written.
const WRITTEN: &str = "written.json";
/// Directory in the work directory for what is thrown away.
pub(super) const TEMP: &str = "temp";
/// The report as it will be.
const REPORT: &str = "report.json";
/// Time for a call that writes no data.
const SHORT: Duration = Duration::from_secs(60);

/// A disk and the overlay with what was taken back.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Disk {
    /// Name of the disk in the result's directory.
    pub file: PathBuf,
    /// QEMU's name of its format.
    pub format: String,
    /// Name of the overlay in the work directory.
    pub overlay: PathBuf,
    /// Name of the base that a disk whose repairs can be made anew is an overlay over: it goes where the disk goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<PathBuf>,
    /// What it was like when the overlay was laid over it.
    stamp: Stamp,
}

/// Tells whether a file was written to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    size: u64,
    /// Seconds and nanoseconds of the last change of its content.
    written: (i64, i64),
}

impl Disk {
    /// Names of its files.
    fn files(&self) -> impl Iterator<Item = &PathBuf> {
        self.base.iter().chain([&self.file])
    }
}

impl Stamp {
    fn of(path: &Path) -> Result<Self, Failure> {
        let meta = fs::metadata(path).doing(format!("looking at {}", path.display()))?;
        Ok(Self { size: meta.len(), written: (meta.mtime(), meta.mtime_nsec()) })
    }
}

/// Makes an overlay for each disk of a result. What a killed h2k left of them is replaced.
///
/// # Errors
/// A disk is not there; `qemu-img` failed.
pub(super) fn overlays(dir: &Path, work: &Path, report: &Report) -> Result<Vec<Disk>, Failure> {
    let temp = work.join(TEMP);
    fs::create_dir_all(&temp).doing(format!("making {}", temp.display()))?;
    let mut disks = Vec::new();
    for (index, disk) in report.disks.iter().enumerate() {
        let file = file_of(&disk.file);
        let format = if file.extension().is_some_and(|e| e == "qcow2") { "qcow2" } else { "raw" };
        let overlay = Path::new(TEMP).join(format!("overlay{index}.qcow2"));
        let base = dir.join(&file);
        if !base.is_file() {
            let message = format!("{} is not there", base.display());
            return Err(Failure::message(FailureKind::Failed, message));
        }
        remove(&work.join(&overlay))?;
        let stamp = Stamp::of(&base)?;
        Exec::new("qemu-img")
            .args(["create", "-q", "-f", "qcow2", "-F", format, "-b"])
            .arg(&base)
            .arg(work.join(&overlay))
            .timeout(SHORT)
            .run()
            .doing(format!("making an overlay over {}", base.display()))?;
        let base = disk.base.as_ref().map(|base| file_of(&base.file));
        disks.push(Disk { file, format: format.to_owned(), overlay, base, stamp });
    }
    Ok(disks)
}

/// Takes the disks out of sight, has everything on disk that is needed to carry it through, and then says so. From
/// then on the disks are as the report will tell.
///
/// # Errors
/// What the file system reports; a disk was written to meanwhile. The disks are as they were.
pub(super) fn begin(dir: &Path, work: &Path, disks: &[Disk], report: &Report) -> Result<(), Failure> {
    let ready = || -> Result<(), Failure> {
        for disk in disks {
            flush(&work.join(&disk.overlay))?;
            for file in disk.files() {
                let doing = || format!("moving {} out of sight", file.display());
                fs::rename(dir.join(file), work.join(file)).doing(doing())?;
            }
            if Stamp::of(&work.join(&disk.file))? != disk.stamp {
                let message = format!("{} was written to meanwhile", disk.file.display());
                return Err(Failure::message(FailureKind::Failed, message).hint("shut the guest down first"));
            }
        }
        flush(dir)?;
        write(&work.join(REPORT), &serde_json::to_vec_pretty(report)?)?;
        let unnamed = work.join(UNNAMED);
        write(&unnamed, &serde_json::to_vec(disks)?)?;
        flush(work)?;
        fs::rename(&unnamed, work.join(JOURNAL)).doing("beginning to write the disks")
    };
    ready().inspect_err(|_| {
        for file in disks.iter().flat_map(Disk::files) {
            // Those that were not hidden yet are not there.
            let _not_hidden = fs::rename(work.join(file), dir.join(file));
        }
    })?;
    flush(work)
}

/// Brings to an end what was begun, however far it came: whether anything was carried through. Each step may be done
/// twice; a disk that has its name again is not written to any more.
///
/// # Errors
/// What the file system or `qemu-img` reports; the next call goes on.
pub(super) fn go_on(dir: &Path, work: &Path) -> Result<bool, Failure> {
    let read = |name: &str| fs::read(work.join(name)).doing(format!("reading {name} in {}", work.display()));
    if work.join(JOURNAL).exists() {
        for disk in &serde_json::from_slice::<Vec<Disk>>(&read(JOURNAL)?)? {
            let hint = "the disks are in .undo of the result's directory; the same command goes on";
            write_into(work, disk).map_err(|f| f.hint(hint))?;
        }
        fs::rename(work.join(JOURNAL), work.join(WRITTEN)).doing("noting that the disks are written")?;
        flush(work)?;
    }
    if !work.join(WRITTEN).exists() {
        // One that was killed before it wrote anything may have left disks out of sight.
        for disk in Report::load(dir)?.disks {
            for file in disk.base.iter().map(|base| &base.file).chain([&disk.file]) {
                show(dir, work, &file_of(file))?;
            }
        }
        return Ok(false);
    }
    let disks: Vec<Disk> = serde_json::from_slice(&read(WRITTEN)?)?;
    let report: Report = serde_json::from_slice(&read(REPORT)?)?;
    report.write(dir)?;
    for file in disks.iter().flat_map(Disk::files) {
        show(dir, work, file)?;
    }
    flush(dir)?;
    remove(&work.join(WRITTEN))?;
    flush(work)?;
    Ok(true)
}

/// Removes the work directory, unless something in it is still needed: never a disk.
///
/// # Errors
/// What the file system reports.
pub(super) fn clean(work: &Path, lock: &Path) -> Result<(), Failure> {
    if work.join(JOURNAL).exists() || work.join(WRITTEN).exists() {
        return Ok(());
    }
    match fs::remove_dir_all(work.join(TEMP)) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(e).doing("removing temporary files")?,
        _ => {}
    }
    for file in [work.join(REPORT), work.join(UNNAMED), lock.to_owned()] {
        remove(&file)?;
    }
    match fs::remove_dir(work) {
        Err(e) if e.kind() == ErrorKind::DirectoryNotEmpty => Ok(()),
        other => other.doing(format!("removing {}", work.display())),
    }
}

/// Gives a disk its name again, if it is out of sight.
fn show(dir: &Path, work: &Path, file: &Path) -> Result<(), Failure> {
    match fs::rename(work.join(file), dir.join(file)) {
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
        other => other.doing(format!("naming {}", file.display())),
    }
}

/// A report may have been tampered with: a disk is a file of the result's directory.
pub(crate) fn file_of(disk: &Path) -> PathBuf {
    disk.file_name().map(PathBuf::from).unwrap_or_default()
}

/// Writes an overlay's content into its disk. The overlay stays as it is, so that this may be done again.
fn write_into(work: &Path, disk: &Disk) -> Result<(), Failure> {
    let (overlay, base) = (work.join(&disk.overlay), work.join(&disk.file));
    let doing = || format!("writing {}", disk.file.display());
    Exec::new("qemu-img")
        .args(["rebase", "-q", "-u", "-f", "qcow2", "-F", &disk.format, "-b"])
        .arg(&base)
        .arg(&overlay)
        .timeout(SHORT)
        .run()
        .doing(doing())?;
    commit(&overlay, &base).doing(doing())
}

/// Writes what an overlay holds into the disk that its header names, `base`, and has it on disk. The overlay stays as
/// it is, so that this may be done again.
pub(crate) fn commit(overlay: &Path, base: &Path) -> Result<(), Failure> {
    Exec::new("qemu-img").args(["commit", "-q", "-d", "-f", "qcow2"]).arg(overlay).run()?;
    flush(base)
}

pub(crate) fn flush(path: &Path) -> Result<(), Failure> {
    File::open(path).and_then(|file| file.sync_all()).doing(format!("flushing {}", path.display()))
}

pub(crate) fn remove(file: &Path) -> Result<(), Failure> {
    match fs::remove_file(file) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(e).doing(format!("removing {}", file.display())),
        _ => Ok(()),
    }
}
