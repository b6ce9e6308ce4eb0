//! CONVERT: the one copy, and the libvirt XML. The result appears under its name when all of it is on disk.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::emit;
use crate::emit::domain::Domain;
use crate::error::{Doing, Failure, FailureKind};
use crate::image::SourceIdentity;
use crate::image::copy::Content;
use crate::pipeline::Context;
use crate::plan::text::bytes;
use crate::plan::{Plan, PlanDocument, VERSION};
use crate::stage::{Stage, StageRun};
use crate::stages::fix::Fixed;
use crate::transfer::Transferred;
use crate::warden::Need;

mod disks;
pub mod kept;

/// The stage.
pub struct Convert;

/// What CONVERT leaves.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Converted {
    /// What FIX left.
    pub fixed: Fixed,
    /// The result's directory.
    pub dir: PathBuf,
    /// The target's disks.
    pub disks: Vec<ConvertedDisk>,
}

/// A disk of the result.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ConvertedDisk {
    /// File name in the result's directory.
    pub file: PathBuf,
    /// Virtual size in bytes.
    pub size: u64,
    /// Bytes that the file takes on the host.
    pub allocated: u64,
    /// How it was copied; `None` where the run that copied it was killed before it could tell.
    #[serde(default)]
    pub transfer: Option<Transferred>,
    /// Seconds that this run's copy took; `None` where that was not measured.
    #[serde(default)]
    pub seconds: Option<f64>,
    /// The base that it is an overlay over; `None` for a disk that stands for itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<KeptBase>,
}

/// The base of a disk whose repairs can be made anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptBase {
    /// File name in the result's directory.
    pub file: PathBuf,
    /// BLAKE3 of the overlay's file as h2k left it, in hexadecimal: a guest that was started has changed it.
    pub overlay: String,
}

impl ConvertedDisk {
    /// Name of the file of digests beside the disk.
    pub fn digests(&self) -> PathBuf {
        digests_of(&self.file)
    }
}

/// Name of the file of digests beside a disk.
pub fn digests_of(disk: &Path) -> PathBuf {
    disk.with_extension("blake3")
}

impl Converted {
    /// One line for the log.
    pub fn summary(&self) -> String {
        let written = self.disks.iter().map(|d| d.allocated).sum();
        format!("{} in {}", bytes(written), self.dir.display())
    }
}

impl StageRun for Convert {
    type In = Fixed;
    type Out = Converted;
    const STAGE: Stage = Stage::Convert;

    fn need(&self, _: &Context<'_>, _: &Fixed) -> Need {
        Need::own()
    }

    fn run(&self, cx: &mut Context<'_>, fixed: Fixed) -> Result<Converted, Failure> {
        let dir = cx.job.result_dir(&cx.vm)?;
        if dir.exists() {
            // Only a run that was killed right after it had named the result comes here (see run::published).
            let disks = measure(&fixed.planned.plan.target, (&dir, &dir), Vec::new())?;
            return Ok(Converted { fixed, dir, disks });
        }
        let unfinished = cx.work.join("result");
        fs::create_dir_all(&unfinished).doing(format!("making {}", unfinished.display()))?;
        let transfers = disks::copy(cx, &fixed, &unfinished)?;
        let disks = measure(&fixed.planned.plan.target, (&unfinished, &unfinished), transfers)?;
        write_documents(&fixed.planned.plan, &unfinished, &dir)?;
        if !fixed.trimmed.is_empty() {
            kept::Document::of(cx.job, &fixed.planned.inspected.flattened).write(&unfinished)?;
        }
        source_unchanged(&fixed.planned.inspected.flattened.identity)?;
        File::open(&unfinished).and_then(|d| d.sync_all()).doing("flushing the result's directory")?;
        crate::exec::check_cancelled()?;
        publish(&unfinished, &dir)?;
        for overlay in fixed.overlays.iter().chain(&fixed.trimmed) {
            // The overlays have done their work; what cannot be removed only costs space.
            let _left_behind = fs::remove_file(overlay);
        }
        Ok(Converted { fixed, dir, disks })
    }
}

/// Writes the digests of a disk's content and has them on disk.
///
/// # Errors
/// What the file system reports.
pub fn write_digests(path: &Path, content: &Content) -> Result<(), Failure> {
    let mut bytes = Vec::new();
    content.write(&mut bytes).doing("writing content digests")?;
    write(path, &bytes)
}

/// What the disks of a result are, from their files in `dir` and those of their bases in `bases`.
///
/// # Errors
/// One is not there.
pub fn measure(
    target: &Domain,
    (dir, bases): (&Path, &Path),
    transfers: Vec<(Transferred, f64)>,
) -> Result<Vec<ConvertedDisk>, Failure> {
    let transfers = transfers.into_iter().map(Some).chain(std::iter::repeat(None));
    target
        .disks
        .iter()
        .zip(transfers)
        .map(|(disk, transfer)| {
            let path = disk.path_in(dir);
            let base = kept::base_of(&disk.file);
            let base = match bases.join(&base) {
                there if there.is_file() => Some((base, blocks(&there)?)),
                _ => None,
            };
            let (transfer, seconds) = transfer.unzip();
            Ok(ConvertedDisk {
                file: disk.file.clone(),
                size: disk.size,
                allocated: blocks(&path)?.saturating_add(base.as_ref().map_or(0, |(_, bytes)| *bytes)),
                transfer,
                seconds,
                base: match base {
                    Some((file, _)) => Some(KeptBase { file, overlay: kept::overlay_digest(&path)? }),
                    None => None,
                },
            })
        })
        .collect()
}

/// Bytes that a file takes on the host.
fn blocks(path: &Path) -> Result<u64, Failure> {
    let meta = fs::metadata(path).doing(format!("measuring {}", path.display()))?;
    // stat(2): st_blocks counts units of 512 bytes.
    Ok(meta.blocks().saturating_mul(512))
}

/// Writes the libvirt XML and the plan into `unfinished`, for a result that will lie in `dir`.
///
/// # Errors
/// What the file system reports; a domain that cannot be written.
pub fn write_documents(plan: &Plan, unfinished: &Path, dir: &Path) -> Result<(), Failure> {
    // Paths in the XML are those under the final name.
    let xml = emit::libvirt_xml(&plan.target, dir).doing("writing the libvirt XML")?;
    write(&unfinished.join(format!("{}.xml", plan.name)), xml.as_bytes())?;
    let document = PlanDocument { version: VERSION, vms: vec![plan.clone()], jobs: Vec::new() };
    write(&unfinished.join("plan.json"), &serde_json::to_vec_pretty(&document)?)
}

/// Writes a file and has it on disk.
///
/// # Errors
/// What the file system reports.
pub fn write(path: &Path, content: &[u8]) -> Result<(), Failure> {
    fs::write(path, content)
        .and_then(|()| File::open(path)?.sync_all())
        .doing(format!("writing {}", path.display()))
}

/// The promise about the source: what was read is what is still there.
///
/// # Errors
/// It changed, with what; it cannot be read any more.
pub fn source_unchanged(before: &SourceIdentity) -> Result<(), Failure> {
    let now = SourceIdentity::of(before.paths()).doing("taking the source's digest again")?;
    match before.differs(&now) {
        None => Ok(()),
        Some(what) => Err(Failure::message(
            FailureKind::Failed,
            format!("the source changed while it was copied: {what}"),
        )
        .hint("shut the VM down on its hypervisor and start again")),
    }
}

fn publish(unfinished: &Path, dir: &Path) -> Result<(), Failure> {
    if dir.exists() {
        return Err(Failure::message(FailureKind::Usage, format!("{} appeared meanwhile", dir.display()))
            .hint("remove it or give --name, and run the same command again: it goes on here"));
    }
    fs::rename(unfinished, dir).doing(format!("naming the result {}", dir.display()))?;
    let parent = dir.parent().unwrap_or(Path::new("/"));
    File::open(parent).and_then(|d| d.sync_all()).doing("flushing the output directory")
}
