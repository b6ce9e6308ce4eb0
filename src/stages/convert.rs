//! CONVERT: the one copy, and the libvirt XML. The result appears under its name when all of it is on disk.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use h2k_config::TargetFormat;
use serde::{Deserialize, Serialize};

use crate::emit;
use crate::error::{Doing, Failure, FailureKind};
use crate::exec::Exec;
use crate::image::SourceIdentity;
use crate::pipeline::Context;
use crate::plan::text::bytes;
use crate::plan::{PlanDocument, VERSION};
use crate::stage::{Stage, StageRun};
use crate::stages::fix::Fixed;

/// Parallel coroutines of `qemu-img convert`; its largest value.
const COROUTINES: &str = "16";

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

    fn run(&self, cx: &mut Context<'_>, fixed: Fixed) -> Result<Converted, Failure> {
        let dir = cx.job.result_dir(&cx.vm)?;
        if dir.exists() {
            // Only a run that was killed right after it had named the result comes here (see run::published).
            let disks = measure(&fixed, &dir)?;
            return Ok(Converted { fixed, dir, disks });
        }
        let unfinished = cx.work.join("result");
        if unfinished.exists() {
            fs::remove_dir_all(&unfinished).doing(format!("clearing {}", unfinished.display()))?;
        }
        fs::create_dir_all(&unfinished).doing(format!("making {}", unfinished.display()))?;
        copy_disks(cx, &fixed, &unfinished)?;
        let disks = measure(&fixed, &unfinished)?;
        write_documents(&fixed, &unfinished, &dir)?;
        source_unchanged(&fixed)?;
        File::open(&unfinished).and_then(|d| d.sync_all()).doing("flushing the result's directory")?;
        crate::exec::check_cancelled()?;
        publish(&unfinished, &dir)?;
        for overlay in &fixed.overlays {
            // The overlays have done their work; what cannot be removed only costs space.
            let _left_behind = fs::remove_file(overlay);
        }
        Ok(Converted { fixed, dir, disks })
    }
}

fn copy_disks(cx: &Context<'_>, fixed: &Fixed, to: &Path) -> Result<(), Failure> {
    let target = &fixed.planned.plan.target;
    let count = target.disks.len() as u64;
    for (index, (disk, overlay)) in target.disks.iter().zip(&fixed.overlays).enumerate() {
        let file = to.join(&disk.file);
        let progress = |percent: f64| {
            let done = (index as u64).saturating_mul(1000).saturating_add((percent * 10.0) as u64);
            cx.progress(Stage::Convert, done, count.saturating_mul(1000), &format!("disk {index}"));
        };
        copy(overlay, &file, disk.format, progress).doing(format!("copying disk {index}"))?;
        File::open(&file).and_then(|f| f.sync_all()).doing(format!("flushing disk {index}"))?;
    }
    Ok(())
}

fn measure(fixed: &Fixed, dir: &Path) -> Result<Vec<ConvertedDisk>, Failure> {
    let disks = fixed.planned.plan.target.disks.iter();
    disks
        .map(|disk| {
            let path = disk.path_in(dir);
            let meta = fs::metadata(&path).doing(format!("measuring {}", path.display()))?;
            // stat(2): st_blocks counts units of 512 bytes.
            let allocated = meta.blocks().saturating_mul(512);
            Ok(ConvertedDisk { file: disk.file.clone(), size: disk.size, allocated })
        })
        .collect()
}

fn copy(from: &Path, to: &Path, format: TargetFormat, progress: impl Fn(f64)) -> Result<(), Failure> {
    let format = match format {
        TargetFormat::Qcow2 => "qcow2",
        TargetFormat::Raw => "raw",
    };
    let exec = Exec::new("qemu-img")
        .args(["convert", "-p", "-m", COROUTINES, "-W", "-f", "qcow2", "-O", format])
        .arg(from)
        .arg(to);
    exec.run_with_progress(progress).map_err(|e| {
        Failure::from(e)
            .hint("check the free space of the output directory; the run can be started again as it was")
    })?;
    Ok(())
}

fn write_documents(fixed: &Fixed, unfinished: &Path, dir: &Path) -> Result<(), Failure> {
    let plan = &fixed.planned.plan;
    // Paths in the XML are those under the final name.
    let xml = emit::libvirt_xml(&plan.target, dir).doing("writing the libvirt XML")?;
    write(&unfinished.join(format!("{}.xml", plan.name)), xml.as_bytes())?;
    let document = PlanDocument { version: VERSION, vms: vec![plan.clone()] };
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
fn source_unchanged(fixed: &Fixed) -> Result<(), Failure> {
    let before = &fixed.planned.inspected.flattened.identity;
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
