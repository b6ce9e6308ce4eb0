//! The repairs anew: what PLAN decides now, made over the bases, takes the place of what was made before.

use std::fs;
use std::path::{Path, PathBuf};

use h2k_config::{CopySettings, Policy};
use jiff::Timestamp;

use super::journal::{self, Journal, NEW, TEMP};
use super::{WORK, base_file, document, tell};
use crate::error::{Doing, Failure, FailureKind};
use crate::event::Reporter;
use crate::image;
use crate::job::{Job, safe_name};
use crate::pipeline::{self, Context};
use crate::plan::Plan;
use crate::report::Report;
use crate::run;
use crate::stages::convert::kept::{Document, base_of, lay, overlay_digest};
use crate::stages::convert::{Converted, measure, write_documents};
use crate::stages::fix::Fixed;
use crate::stages::flatten::Flattened;
use crate::stages::validate::Validated;
use crate::transfer::Transferred;
use crate::undo::Hold;
use crate::undo::carry::file_of;

/// From what was wanted to what is wanted now.
pub type Wanted<'a> = dyn Fn(&Job) -> Result<Job, Failure> + 'a;

/// Repairs that are made anew.
pub struct Refix<'a> {
    /// The result's directory, absolute.
    pub dir: &'a Path,
    /// What is wanted now.
    pub wanted: &'a Wanted<'a>,
    /// Whether what was written to the disks since they were made is given up.
    pub discard_changes: bool,
    /// Takes events.
    pub ui: &'a dyn Reporter,
}

impl Refix<'_> {
    /// Makes the repairs anew and boots the result, if that is wanted: its report.
    ///
    /// # Errors
    /// The result keeps no base; its disks were written to since; the plan has critical concerns; as the stages say.
    /// The result is as it was, unless the failure is of VALIDATE.
    pub fn run(&self) -> Result<Report, Failure> {
        let hold = Hold::of(self.dir)?;
        tell(&hold, self.dir, self.ui);
        let result = self.anew();
        hold.release()?;
        result
    }

    fn anew(&self) -> Result<Report, Failure> {
        let old = Report::load(self.dir)?;
        let kept = document(self.dir, &old)?;
        if !self.discard_changes {
            unchanged(self.dir, &old)?;
        }
        let job = (self.wanted)(&kept.job)?;
        let flattened = over_bases(self.dir, &kept.flattened, &old)?;
        let work = fresh(self.dir)?;
        let inner = of_bases(&job, self.dir);
        let mut cx = context(&inner, &kept.flattened.fetched.name, &work.join(TEMP), self.ui);
        cx.to_be_fixed = true;
        let planned = pipeline::plan_anew(&mut cx, flattened)?;
        if !planned.plan.ready() {
            return Err(run::not_ready(&planned.plan));
        }
        let fixed = pipeline::fix(&mut cx, planned)?;
        let converted = self.laid(&fixed, &work.join(NEW))?;
        let again = Document::of(&job, &kept.flattened);
        let names = self.papers(&cx, &converted, &again, &old, &work.join(NEW))?;
        journal::begin(self.dir, &names)?;
        journal::go_on(self.dir)?;
        // From here on the result is the new one; what is still to be said is whether it boots.
        let validated = pipeline::validate(&mut cx, converted)?;
        let report = report(&cx, &validated, &old);
        report.write(self.dir)?;
        run::proven(report)
    }

    /// The new overlays, over the bases that stay where they are.
    fn laid(&self, fixed: &Fixed, new: &Path) -> Result<Converted, Failure> {
        let target = &fixed.planned.plan.target;
        for (disk, overlay) in target.disks.iter().zip(&fixed.overlays) {
            let file = file_of(&disk.file);
            lay(overlay, &base_of(&self.dir.join(&file)), &new.join(&file))?;
        }
        let nothing = target.disks.iter().map(|disk| (Transferred::nothing(disk.size), 0.0));
        // The bases stay where they are.
        let disks = measure(target, (new, self.dir), nothing.collect())?;
        Ok(Converted { fixed: fixed.clone(), dir: self.dir.to_owned(), disks })
    }

    /// What tells of the new disks, beside them: the names of all.
    fn papers(
        &self,
        cx: &Context<'_>,
        converted: &Converted,
        document: &Document,
        old: &Report,
        new: &Path,
    ) -> Result<Journal, Failure> {
        write_documents(&converted.fixed.planned.plan, new, self.dir)?;
        document.write(new)?;
        let unproven = Validated { converted: converted.clone(), verdict: None };
        report(cx, &unproven, old).write(new)?;
        let disks: Vec<PathBuf> = converted.disks.iter().map(|disk| file_of(&disk.file)).collect();
        let mut files = Vec::new();
        for entry in fs::read_dir(new).doing(format!("reading {}", new.display()))? {
            let name = PathBuf::from(entry.doing(format!("reading {}", new.display()))?.file_name());
            if !disks.contains(&name) {
                files.push(name);
            }
        }
        Ok(Journal::Replace { disks, files })
    }
}

/// What PLAN would decide now; nothing is changed.
///
/// # Errors
/// The result keeps no base; as the stages say. A plan that is not ready is no error here.
pub fn plan(dir: &Path, wanted: &Wanted<'_>, ui: &dyn Reporter) -> Result<Plan, Failure> {
    let hold = Hold::of(dir)?;
    tell(&hold, dir, ui);
    let planned = || -> Result<Plan, Failure> {
        let old = Report::load(dir)?;
        let kept = document(dir, &old)?;
        let job = of_bases(&wanted(&kept.job)?, dir);
        let flattened = over_bases(dir, &kept.flattened, &old)?;
        let work = fresh(dir)?;
        let mut cx = context(&job, &kept.flattened.fetched.name, &work.join(TEMP), ui);
        Ok(pipeline::plan_anew(&mut cx, flattened)?.plan)
    };
    let result = planned();
    hold.release()?;
    result
}

fn report(cx: &Context<'_>, validated: &Validated, old: &Report) -> Report {
    let mut refixed = old.refixed.clone();
    refixed.push(Timestamp::now());
    Report { refixed, ..Report::of(cx, validated) }
}

/// The source's disks, read from the bases.
fn over_bases(dir: &Path, flattened: &Flattened, report: &Report) -> Result<Flattened, Failure> {
    let mut flattened = flattened.clone();
    if flattened.disks.len() != report.disks.len() {
        let message = format!("{} and report.json tell of different disks", Document::FILE);
        return Err(Failure::message(FailureKind::Failed, message));
    }
    for (flat, disk) in flattened.disks.iter_mut().zip(&report.disks) {
        let base = dir.join(base_file(dir, disk)?);
        journal::free(&dir.join(file_of(&disk.file)))?;
        let chain = image::resolve_file(&base)?;
        if chain.size() != flat.size || chain.images().len() != 1 {
            let message = format!("{} is not the base that was kept", base.display());
            return Err(Failure::message(FailureKind::Failed, message));
        }
        flat.base = Some(chain);
    }
    Ok(flattened)
}

/// Refuses to throw away what somebody else has written.
fn unchanged(dir: &Path, report: &Report) -> Result<(), Failure> {
    for disk in &report.disks {
        let file = dir.join(file_of(&disk.file));
        let expected = disk.base.as_ref().map(|base| &base.overlay);
        if expected != Some(&overlay_digest(&file)?) {
            let message = format!("{} was written to since h2k made it", file.display());
            return Err(Failure::message(FailureKind::Usage, message).hint(
                "a guest was started from it, or edits were taken back; --discard-changes gives that up, \
                 h2k accept keeps it",
            ));
        }
    }
    Ok(())
}

/// An empty work directory with its parts.
fn fresh(dir: &Path) -> Result<PathBuf, Failure> {
    journal::clean(dir)?;
    let work = dir.join(WORK);
    for part in [NEW, TEMP] {
        let part = work.join(part);
        fs::create_dir_all(&part).doing(format!("making {}", part.display()))?;
    }
    Ok(work)
}

/// The job as its stages see it: the bases are trimmed already, and nothing is copied.
fn of_bases(job: &Job, dir: &Path) -> Job {
    Job {
        output: dir.parent().map(Path::to_owned),
        policy: Policy { keep_base: false, ..job.policy.clone() },
        copy: CopySettings { no_sample: true, ..job.copy },
        ..job.clone()
    }
}

fn context<'a>(job: &'a Job, vm: &str, work: &Path, ui: &'a dyn Reporter) -> Context<'a> {
    // The paper may have been tampered with: a name is no path.
    Context { vm: safe_name(vm), ..run::context(job, work, ui) }
}
