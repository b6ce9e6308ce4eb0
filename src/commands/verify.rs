//! `h2k verify`: what is in disks against the digests that were taken when they were copied.

use std::fs::File;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::cli::VerifyArgs;
use crate::error::{Doing, Failure, FailureKind};
use crate::image::copy::{Content, verify_content};
use crate::report::Report;
use crate::stages::convert::digests_of;
use crate::transfer::{failure, open_alone};
use crate::ui::Ui;

/// What `--json` prints.
#[derive(Serialize)]
struct Document {
    version: u32,
    disks: Vec<Verified>,
}

#[derive(Serialize)]
struct Verified {
    file: PathBuf,
    same: bool,
    difference: Option<String>,
}

/// Runs the subcommand.
///
/// # Errors
/// There are no digests; a disk cannot be read; [`FailureKind::NotValidated`] if one differs.
pub fn run(args: &VerifyArgs, ui: &Ui) -> Result<(), Failure> {
    let mut disks = Vec::new();
    for (disk, digests) in pairs(args)? {
        disks.push(verify(&disk, &digests)?);
    }
    let different = disks.iter().filter(|disk| !disk.same).count();
    let all = disks.len();
    if args.json {
        ui.answer_json(&Document { version: 1, disks })?;
    } else {
        for disk in &disks {
            let said = disk.difference.as_deref().unwrap_or("holds what was copied");
            ui.answer(&format!("{}: {said}", disk.file.display()))?;
        }
    }
    if different == 0 {
        return Ok(());
    }
    let message = format!("{different} of {all} disks do not hold what was copied");
    Err(Failure::message(FailureKind::NotValidated, message)
        .hint("a guest that was started since has changed its disks"))
}

/// Disks with their files of digests.
fn pairs(args: &VerifyArgs) -> Result<Vec<(PathBuf, PathBuf)>, Failure> {
    let usage = |message: String| Failure::message(FailureKind::Usage, message);
    if !args.target.is_dir() {
        let digests = args.digests.clone().ok_or_else(|| {
            usage("a disk is compared with a file of digests: --digests FILE".to_owned())
                .hint("h2k convert --digests FILE writes one")
        })?;
        return Ok(vec![(args.target.clone(), digests)]);
    }
    let report = Report::load(&args.target)?;
    if let Some(last) = report.undone.last() {
        let message = format!(
            "edits of {} were taken back at {}: its digests are of before",
            args.target.display(),
            last.at
        );
        return Err(usage(message).hint("a new migration takes new digests"));
    }
    let files = report.disks.iter().flat_map(|d| [Some(&d.file), d.base.as_ref().map(|base| &base.file)]);
    let pairs = files.flatten().map(|file| {
        let file = beside(&args.target, file);
        let digests = digests_of(&file);
        (file, digests)
    });
    let pairs: Vec<_> = pairs.filter(|(_, digests)| digests.exists()).collect();
    if pairs.is_empty() {
        return Err(usage(format!("{} holds no digests of its disks", args.target.display()))
            .hint("disks that qemu-img copied have none"));
    }
    Ok(pairs)
}

/// A name of the report in the directory that was given: results may have been moved.
fn beside(dir: &Path, name: &Path) -> PathBuf {
    name.file_name().map_or_else(|| dir.to_owned(), |name| dir.join(name))
}

fn verify(disk: &Path, digests: &Path) -> Result<Verified, Failure> {
    let file = File::open(digests).doing(format!("opening {}", digests.display()))?;
    let content = Content::read(file).doing(format!("reading {}", digests.display()))?;
    if content.shared > 0 {
        let message =
            format!("{} lacks digests: blocks were shared with the source, not read", digests.display());
        return Err(Failure::message(FailureKind::Usage, message)
            .hint("h2k convert --verify compares with the source"));
    }
    let reader = open_alone(disk)?;
    let difference = verify_content(reader.as_ref(), &content, &|_| {}).map_err(failure)?;
    Ok(Verified {
        file: disk.to_owned(),
        same: difference.is_none(),
        difference: difference.map(|difference| difference.to_string()),
    })
}
