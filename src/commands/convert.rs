//! `h2k convert`: a disk into another format. FETCH and FLATTEN find the disk; nothing inside it is looked at.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use h2k_config::Engine;
use rustix::fs::{CWD, RenameFlags};
use rustix::io::Errno;
use serde::Serialize;

use crate::cli::ConvertArgs;
use crate::cli::convert::OutFormat;
use crate::error::{Doing, Failure, FailureKind};
use crate::event::{Event, Reporter};
use crate::image::copy::{Format, Progress};
use crate::job::Job;
use crate::plan::text::bytes;
use crate::run::{self, Located};
use crate::stage::Stage;
use crate::stages::convert::{source_unchanged, write_digests};
use crate::stages::flatten::FlatDisk;
use crate::state::OutputLock;
use crate::transfer::{self, Meter, Transfer, Transferred};
use crate::ui::Ui;

use super::{Settled, jobs};

/// What `--json` prints.
#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    input: &'a Path,
    output: &'a Path,
    format: &'a str,
    chain: Vec<Link>,
    allocated: u64,
    verified: bool,
    #[serde(flatten)]
    transfer: &'a Transferred,
}

/// An image of the source's chain.
#[derive(Serialize)]
struct Link {
    path: PathBuf,
    format: String,
    size: u64,
}

/// Runs the subcommand.
///
/// # Errors
/// IN is no disk or not one; OUT is there; the copy fails; [`FailureKind::NotValidated`] if `--verify` finds a
/// difference.
pub fn run(args: &ConvertArgs, settled: &Settled, ui: &Ui) -> Result<(), Failure> {
    let out = std::path::absolute(&args.output).doing(format!("finding {}", args.output.display()))?;
    let names = Names::beside(&out);
    if out.exists() {
        names.clear_finished()?;
        return Err(Failure::message(FailureKind::Usage, format!("{} is there already", out.display()))
            .hint("remove it, or name another file"));
    }
    let format = format_of(args, &out)?;
    let job = only_job(args, settled)?;
    let located = run::locate(&job, Some(&settled.resolved.temp_dir), ui)?;
    let [disk] = located.flattened.disks.as_slice() else {
        let count = located.flattened.disks.len();
        return Err(Failure::message(
            FailureKind::Usage,
            format!("{} has {count} disks", args.input.display()),
        )
        .hint("name one of its disk files, or migrate the VM"));
    };
    for image in disk.chain.images() {
        let orphan =
            image.orphan.then_some("an extent without its descriptor: what its parent holds reads as zeros");
        for what in orphan.into_iter().chain(image.notes.iter().map(String::as_str)) {
            let message = format!("{}: {what}", image.path.display());
            ui.event(&Event::Warning { vm: located.flattened.fetched.name.clone(), message });
        }
    }
    let _lock = OutputLock::acquire(&names.dir)?;
    let result = convert(args, settled, ui, format, &located, disk, &names);
    let go_on = result.is_err() && names.journal.exists();
    let done = result.and_then(|done| names.publish(&out).map(|()| done));
    if !go_on {
        names.clear()?;
    }
    let done =
        done.map_err(|f| if go_on { f.hint("the same command goes on where this one stopped") } else { f })?;
    answer(args, &out, format, &located, &done, ui)
}

/// Copies and proves; nothing appears under the final name yet.
fn convert(
    args: &ConvertArgs,
    settled: &Settled,
    ui: &Ui,
    format: OutFormat,
    located: &Located,
    disk: &FlatDisk,
    names: &Names,
) -> Result<Transferred, Failure> {
    let native = native_format(format, args, settled);
    let transfer = Transfer {
        chain: &disk.chain,
        data: Some(disk.allocated),
        overlay: None,
        target: &names.unfinished,
        journal: &names.journal,
        format: native.unwrap_or(Format::Raw { preallocate: false }),
        source: &located.flattened.identity.digest,
        settings: settled.resolved.copy,
        reflink: !args.no_reflink,
    };
    let meter = Meter::default();
    let vm = located.flattened.fetched.name.as_str();
    let progress = |progress: Progress| tell(ui, vm, progress, &meter.text(progress));
    let done = match native {
        Some(_) if settled.resolved.copy.engine == Engine::Native => transfer.run(&progress)?,
        _ => transfer.qemu(format.driver(), &progress)?,
    };
    source_unchanged(&located.flattened.identity).map_err(|f| names.start_over(f))?;
    if args.verify {
        let source = || Ok(Arc::from(crate::image::open(&disk.chain)?));
        let told =
            |read: u64| tell(ui, vm, Progress { done: read, total: disk.allocated.max(read) }, "verifying");
        transfer::verify(&names.unfinished, done.content(), &source, &told).map_err(|f| match f.kind {
            FailureKind::NotValidated => names.start_over(f),
            _ => f,
        })?;
    }
    if let (Some(file), Some(content)) = (&args.digests, done.content()) {
        write_digests(file, content)?;
    }
    Ok(done)
}

fn only_job(args: &ConvertArgs, settled: &Settled) -> Result<Job, Failure> {
    let jobs = jobs::of(std::slice::from_ref(&args.input), None, settled)?;
    jobs.into_iter().next().ok_or_else(|| Failure::message(FailureKind::Usage, "no disk was named"))
}

fn format_of(args: &ConvertArgs, out: &Path) -> Result<OutFormat, Failure> {
    let ending = out.extension().and_then(|ending| OutFormat::of_ending(ending.to_str()?));
    let format = args.format.or(ending).unwrap_or(OutFormat::Qcow2);
    let usage = |message: &str| Err(Failure::message(FailureKind::Usage, message));
    if args.compress.is_some() && format != OutFormat::Qcow2 {
        return usage("--compress is for qcow2 disks");
    }
    if args.preallocate && format != OutFormat::Raw {
        return usage("--preallocate is for raw disks");
    }
    Ok(format)
}

/// What h2k's own engine writes; `None` for what `qemu-img` does.
fn native_format(format: OutFormat, args: &ConvertArgs, settled: &Settled) -> Option<Format> {
    match format {
        OutFormat::Qcow2 => {
            Some(Format::Qcow2 { compress: transfer::compression(settled.resolved.policy.compress) })
        }
        OutFormat::Raw => Some(Format::Raw { preallocate: args.preallocate }),
        OutFormat::Vmdk | OutFormat::Vhdx | OutFormat::Vdi => None,
    }
}

fn tell(ui: &Ui, vm: &str, progress: Progress, message: &str) {
    ui.event(&Event::Progress {
        vm: vm.to_owned(),
        stage: Stage::Convert,
        done: progress.done,
        total: progress.total,
        message: message.to_owned(),
    });
}

/// What lies beside the output while it is incomplete, in a directory of its own.
struct Names {
    dir: PathBuf,
    unfinished: PathBuf,
    journal: PathBuf,
}

impl Names {
    fn beside(out: &Path) -> Self {
        let mut name = OsString::from(".");
        name.push(out.file_name().unwrap_or_default());
        name.push(".h2k");
        let dir = out.with_file_name(name);
        Self { unfinished: dir.join("disk"), journal: dir.join("journal"), dir }
    }

    /// The result appears under its name when all of it is on disk.
    fn publish(&self, out: &Path) -> Result<(), Failure> {
        crate::exec::check_cancelled()?;
        let doing = format!("naming {}", out.display());
        let renamed = rustix::fs::renameat_with(CWD, &self.unfinished, CWD, out, RenameFlags::NOREPLACE);
        match renamed {
            // A file system that cannot do it in one step, such as NFS.
            Err(Errno::INVAL | Errno::NOSYS) if !out.exists() => {
                fs::rename(&self.unfinished, out).doing(&doing)?
            }
            done => done.map_err(std::io::Error::from).doing(&doing)?,
        }
        let parent = out.parent().unwrap_or(Path::new("/"));
        File::open(parent).and_then(|dir| dir.sync_all()).doing("flushing the output directory")
    }

    /// What was copied is wrong: nothing may take it over.
    fn start_over(&self, failure: Failure) -> Failure {
        match fs::remove_file(&self.journal) {
            Err(e) if e.kind() != ErrorKind::NotFound => {
                failure.hint(format!("remove {} before the next try: {e}", self.dir.display()))
            }
            _ => failure,
        }
    }

    /// Removes what a copy left that was killed after its result got its name.
    fn clear_finished(&self) -> Result<(), Failure> {
        if !self.journal.exists() || self.unfinished.exists() {
            return Ok(());
        }
        let _lock = OutputLock::acquire(&self.dir)?;
        self.clear()
    }

    /// Removes what cannot be gone on with.
    fn clear(&self) -> Result<(), Failure> {
        fs::remove_dir_all(&self.dir).doing(format!("removing {}", self.dir.display()))
    }
}

fn answer(
    args: &ConvertArgs,
    out: &Path,
    format: OutFormat,
    located: &Located,
    done: &Transferred,
    ui: &Ui,
) -> Result<(), Failure> {
    use std::os::unix::fs::MetadataExt;
    let allocated =
        fs::metadata(out).doing(format!("measuring {}", out.display()))?.blocks().saturating_mul(512);
    let chain = located.flattened.disks.iter().flat_map(|disk| disk.chain.images());
    let chain: Vec<Link> = chain
        .map(|image| Link { path: image.path.clone(), format: image.format_name(), size: image.size })
        .collect();
    if args.json {
        return ui.answer_json(&Document {
            version: 1,
            input: &args.input,
            output: out,
            format: format.driver(),
            chain,
            allocated,
            verified: args.verify,
            transfer: done,
        });
    }
    for link in &chain {
        ui.answer(&format!("read      {} ({}, {})", link.path.display(), link.format, bytes(link.size)))?;
    }
    ui.answer(&format!(
        "wrote     {} ({}, {} on the host)",
        out.display(),
        format.driver(),
        bytes(allocated)
    ))?;
    if let Some(copied) = &done.copied {
        for (what, count) in copied.parts() {
            ui.answer(&format!("          {} {what}", bytes(count)))?;
        }
        if let Some(digest) = &copied.content.digest {
            ui.answer(&format!("content   {digest}"))?;
        }
    }
    if args.verify {
        ui.answer("verified  read again: it holds what was copied")?;
    }
    Ok(())
}
