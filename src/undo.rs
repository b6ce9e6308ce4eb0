//! Takes edits of a finished migration back, on the result's own disks.
//!
//! ```text
//!  overlays over the disks ─► appliance: each edit is checked and taken back, the last first
//!        ▼
//!  disks out of sight: nobody starts a guest from one that is half-written
//!        │ what fails until here leaves the disks as they were
//!        ▼
//!  journal on disk: from here on it is carried through, by this h2k or by the next `h2k undo`
//!        ▼
//!  overlays written into the disks ─► noted ─► disks and report under their names
//! ```
//!
//! A disk that lies under its name holds all of what was taken back, or nothing of it, and is never written to again
//! for that.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use h2k_config::KeyRef;
use h2k_fixers::offline::{Access, Drive, LaunchOptions, Session};
use h2k_fixers::undo;
use h2k_fixers::{Edit, GuestFacts};
use jiff::Timestamp;

use crate::error::{Doing, Failure, FailureKind};
use crate::event::{Event, Reporter};
use crate::plan::diff::headline;
use crate::report::{Report, Undone};
use crate::state::OutputLock;
use crate::{kept, keys};

pub(crate) mod carry;

/// Directory in the result's directory for what is under way.
const WORK: &str = ".undo";

/// What an edit is, as `h2k undo --list` tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It can be taken back, if the guest still is as the edit left it.
    Kept,
    /// It cannot be taken back exactly: why.
    Lost(&'static str),
    /// It was taken back.
    Undone(Timestamp),
}

/// A result's directory, held by whoever changes its disks: nobody else does meanwhile.
pub struct Hold {
    dir: PathBuf,
    work: PathBuf,
    lock: OutputLock,
    /// Whether edits were taken back that an earlier h2k had begun to take back.
    pub undone: bool,
    /// What else an earlier h2k had begun and this one has brought to its end.
    pub kept: Option<kept::Done>,
}

impl Hold {
    /// Takes a result's directory and brings to an end what a killed h2k had begun there.
    ///
    /// # Errors
    /// Another h2k works there; what the file system or `qemu-img` reports.
    pub fn of(dir: &Path) -> Result<Self, Failure> {
        let work = dir.join(WORK);
        let lock = OutputLock::acquire(&work)?;
        let undone = carry::go_on(dir, &work)?;
        let kept = kept::go_on(dir)?;
        Ok(Self { dir: dir.to_owned(), work, lock, undone, kept })
    }

    /// Lets it go and removes what is not needed any more.
    ///
    /// # Errors
    /// What the file system reports.
    pub fn release(self) -> Result<(), Failure> {
        kept::clean(&self.dir)?;
        carry::clean(&self.work, self.lock.path())
    }
}

/// How the edits of a report stand, in its order.
pub fn states(report: &Report) -> Vec<State> {
    let undone: BTreeMap<usize, Timestamp> = report.undone.iter().map(|u| (u.edit, u.at)).collect();
    let state = |(index, edit): (usize, &Edit)| match undone.get(&(index + 1)) {
        Some(at) => State::Undone(*at),
        None => undo::why_not(edit, report.traces.get(index)).map_or(State::Kept, State::Lost),
    };
    report.edits.iter().enumerate().map(state).collect()
}

/// Which edits are taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// All that can be.
    All,
    /// These, by their numbers in the report, from 1.
    Numbers(Vec<usize>),
}

/// What taking back needs to know.
pub struct Undo<'a> {
    /// The result's directory, absolute.
    pub dir: &'a Path,
    /// Opens encrypted volumes.
    pub keys: &'a [KeyRef],
    /// Takes events.
    pub ui: &'a dyn Reporter,
}

impl Undo<'_> {
    /// Goes on with what a killed h2k left, then takes edits back: the report as it is now.
    ///
    /// # Errors
    /// An edit is not there, cannot be taken back, or was; the guest is not as the edit left it; another h2k works
    /// there; the guest runs. The disks are as they were.
    pub fn run(&self, which: &Which) -> Result<Report, Failure> {
        let hold = Hold::of(self.dir)?;
        if hold.undone {
            self.note("what an earlier h2k undo had begun is done");
        }
        let result = Report::load(self.dir).and_then(|report| {
            let numbers = chosen(&report, which, hold.undone)?;
            self.take_back(report, &hold.work, &numbers)
        });
        hold.release()?;
        result
    }

    fn note(&self, message: impl Into<String>) {
        let vm = self.dir.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        self.ui.event(&Event::Note { vm, message: message.into() });
    }

    fn take_back(&self, mut report: Report, work: &Path, numbers: &[usize]) -> Result<Report, Failure> {
        if numbers.is_empty() {
            return Ok(report);
        }
        let overlays = carry::overlays(self.dir, work, &report)?;
        let mut session = self.open(&overlays, work, report.root.as_deref())?;
        for number in numbers.iter().rev() {
            let at = number - 1;
            let Some(edit) = report.edits.get(at) else { continue };
            let trace = report.traces.get(at).cloned().unwrap_or_default();
            self.note(format!("taking edit {number} back: {}", headline(edit)));
            undo::undo(&mut session, edit, &trace).map_err(|e| refused(e.into(), *number, edit))?;
        }
        session.shutdown().doing("ending the appliance")?;
        let at = Timestamp::now();
        report.undone.extend(numbers.iter().rev().map(|edit| Undone { edit: *edit, at }));
        carry::begin(self.dir, work, &overlays, &report)?;
        carry::go_on(self.dir, work)?;
        Ok(report)
    }

    fn open(&self, overlays: &[carry::Disk], work: &Path, root: Option<&str>) -> Result<Session, Failure> {
        let drive = |disk: &carry::Disk| Drive { path: work.join(&disk.overlay), format: "qcow2".to_owned() };
        let drives: Vec<Drive> = overlays.iter().map(drive).collect();
        let options = LaunchOptions {
            force_tcg: !crate::validate::kvm::proven(),
            cpus: 1,
            temp_dir: Some(work.join(carry::TEMP)),
            keys: keys::read(self.keys)?,
            root: root.map(str::to_owned),
        };
        let mut session = Session::launch(&drives, Access::Writable, &options).map_err(|e| {
            Failure::from(e)
                .hint("a guest that runs has to be shut down first; h2k doctor checks the appliance")
        })?;
        session.inspect_boot(&mut GuestFacts::default())?;
        session.mount_writable()?;
        Ok(session)
    }
}

fn refused(failure: Failure, number: usize, edit: &Edit) -> Failure {
    failure.context(format!("edit {number}: {}", headline(edit))).hint(
        "nothing was changed: what a later edit changed too is taken back with that edit, what somebody else \
               changed is theirs",
    )
}

/// The numbers of the edits that are to be taken back, in the report's order. After an earlier call was brought to its
/// end, those that it took back are no mistake: it may have been the same.
fn chosen(report: &Report, which: &Which, went_on: bool) -> Result<Vec<usize>, Failure> {
    let states = states(report);
    let mut numbers: Vec<usize> = match which {
        Which::All => {
            let kept = states.iter().enumerate().filter(|(_, state)| **state == State::Kept);
            return Ok(kept.map(|(index, _)| index + 1).collect());
        }
        Which::Numbers(numbers) => numbers.clone(),
    };
    numbers.sort_unstable();
    numbers.dedup();
    if went_on {
        numbers.retain(|number| !report.undone.iter().any(|undone| undone.edit == *number));
    }
    for number in &numbers {
        let why = match number.checked_sub(1).and_then(|index| states.get(index)) {
            Some(State::Kept) => continue,
            Some(State::Lost(why)) => format!("edit {number} cannot be taken back exactly: {why}"),
            Some(State::Undone(at)) => format!("edit {number} was taken back at {at}"),
            None => format!("there is no edit {number}: the report has {}", states.len()),
        };
        let failure = Failure::message(FailureKind::Usage, why);
        return Err(failure.hint("h2k undo NAME --list shows every edit and whether it can be taken back"));
    }
    Ok(numbers)
}
