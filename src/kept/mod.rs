//! Results that keep their base: the repairs are made anew without the source and without a copy, until they are
//! accepted.
//!
//! ```text
//!  DIR/NAME/disk0.base.qcow2   the source's disk, its free space left out, nothing in it changed
//!           disk0.qcow2        FIX's overlay over it: what the guest is started from
//!           base.json          what the source was, and what was wanted
//!
//!  h2k refix    INSPECT, PLAN, FIX over the bases ─► new overlays and papers in .kept/new
//!               ─► journal ─► old disks out of sight ─► the new ones in their places ─► VALIDATE
//!  h2k accept   journal ─► each overlay written into its base ─► the base takes the disk's name
//! ```
//!
//! What fails before the journal leaves the result as it was. From the journal on it is carried through, by this h2k or
//! by the next one that changes the result. At every moment a VM's disks belong together, or one of them is missing.

mod journal;
mod refix;

use std::path::{Path, PathBuf};

use crate::error::{Failure, FailureKind};
use crate::event::{Event, Reporter};
use crate::image;
use crate::report::Report;
use crate::stages::convert::ConvertedDisk;
use crate::stages::convert::kept::Document;
use crate::undo::Hold;
use crate::undo::carry::file_of;

pub use journal::{Done, clean, go_on};
pub use refix::{Refix, plan};

use journal::Journal;

/// Directory in the result's directory for what is under way.
const WORK: &str = ".kept";

/// Makes a result stand for itself: what its overlays hold comes into their bases, which take the disks' names.
///
/// # Errors
/// It keeps no base; a disk is not over its base; the guest runs; what the file system or `qemu-img` reports. Where it
/// had begun, the same command goes on.
pub fn accept(dir: &Path, ui: &dyn Reporter) -> Result<Report, Failure> {
    let hold = Hold::of(dir)?;
    tell(&hold, dir, ui);
    let result = match hold.kept {
        Some(Done::Accepted) => Report::load(dir),
        _ => accepted(dir),
    };
    hold.release()?;
    result
}

fn accepted(dir: &Path) -> Result<Report, Failure> {
    let report = Report::load(dir)?;
    document(dir, &report)?;
    for disk in &report.disks {
        journal::free(&dir.join(base_file(dir, disk)?))?;
        journal::free(&dir.join(file_of(&disk.file)))?;
    }
    let disks = report.disks.iter().map(|disk| file_of(&disk.file)).collect();
    journal::begin(dir, &Journal::Accept { disks })?;
    go_on(dir)?;
    Report::load(dir)
}

/// Says what an earlier h2k had left and this one has done.
fn tell(hold: &Hold, dir: &Path, ui: &dyn Reporter) {
    let vm = dir.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let undone = hold.undone.then_some("what an earlier h2k undo had begun is done");
    let kept = hold.kept.map(|done| match done {
        Done::Replaced => "what an earlier h2k refix had made is in its place",
        Done::Accepted => "what an earlier h2k accept had begun is done",
    });
    for message in undone.into_iter().chain(kept) {
        ui.event(&Event::Note { vm: vm.clone(), message: message.to_owned() });
    }
}

/// What a result's repairs were made from.
///
/// # Errors
/// It keeps no base, or does not any more.
fn document(dir: &Path, report: &Report) -> Result<Document, Failure> {
    if let Some(at) = report.accepted {
        let message = format!("{} was accepted at {at}: its base is gone", dir.display());
        return Err(Failure::message(FailureKind::Usage, message));
    }
    let none = || {
        Failure::message(FailureKind::Usage, format!("{} keeps no base", dir.display()))
            .hint("h2k migrate --keep-base leaves one")
    };
    if !report.keeps_base() {
        return Err(none());
    }
    Document::load(dir)?.ok_or_else(none)
}

/// Name of a disk's base, which the disk is an overlay over, alone.
///
/// # Errors
/// There is none; the disk is over something else: nothing of h2k's made it.
fn base_file(dir: &Path, disk: &ConvertedDisk) -> Result<PathBuf, Failure> {
    let file = file_of(&disk.file);
    let wrong = |what: String| Failure::message(FailureKind::Failed, format!("{}: {what}", file.display()));
    let base = disk.base.as_ref().map(|base| file_of(&base.file));
    let base = base.ok_or_else(|| wrong("it has no base".to_owned()))?;
    let chain = image::resolve_file(&dir.join(&file))?;
    let names: Vec<Option<&std::ffi::OsStr>> =
        chain.images().iter().map(|image| image.path.file_name()).collect();
    if names != [Some(file.as_os_str()), Some(base.as_os_str())] {
        return Err(wrong(format!("it is not an overlay over {} alone", base.display()))
            .hint("a snapshot that was taken since has to be committed or removed first"));
    }
    Ok(base)
}
