//! One disk into its target file, by h2k's own engine or by `qemu-img`; what it cost; how it is told.
//!
//! CONVERT and `h2k convert` both end here.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use h2k_config::{Compress, CopySettings, Engine};
use serde::{Deserialize, Serialize};

use crate::error::{Doing, Failure, FailureKind};
use crate::exec::Exec;
use crate::image::copy::{
    self, Compression, Content, Copied, CopyError, CopyJob, CopyOptions, Format, Progress,
};
use crate::image::nbd::Server;
use crate::image::{self, DiskReader, ImageChain};
use crate::plan::text::bytes;

mod meter;
pub mod sample;

pub use meter::Meter;

/// Parallel coroutines of `qemu-img convert`; its largest value.
const COROUTINES: &str = "16";

/// A disk that is to be copied.
pub struct Transfer<'a> {
    /// The source's images.
    pub chain: &'a ImageChain,
    /// Bytes of data in the disk, where they were counted.
    pub data: Option<u64>,
    /// What was changed, over them.
    pub overlay: Option<&'a Path>,
    /// The file to be written.
    pub target: &'a Path,
    /// Where the journal stands until the target has its name.
    pub journal: &'a Path,
    /// What is written.
    pub format: Format,
    /// Digest of the source's files.
    pub source: &'a str,
    /// How it is copied.
    pub settings: CopySettings,
    /// Share blocks where the file system can.
    pub reflink: bool,
}

/// How a disk came into its target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transferred {
    /// `native` or `qemu`.
    pub engine: String,
    /// What the copy did; `None` where `qemu-img` made it, which does not tell.
    pub copied: Option<Copied>,
}

impl Transferred {
    /// Digests of the content, where they were taken.
    pub fn content(&self) -> Option<&Content> {
        self.copied.as_ref().map(|copied| &copied.content)
    }

    /// Of a disk of `size` bytes that was there already.
    pub fn nothing(size: u64) -> Self {
        Self { engine: "none".to_owned(), copied: Some(Copied { size, ..Copied::default() }) }
    }

    /// One line: the way that was taken and what it cost.
    pub fn summary(&self) -> String {
        let Some(copied) = &self.copied else { return format!("copied by {}", self.engine) };
        let parts: Vec<String> =
            copied.parts().map(|(what, count)| format!("{} {what}", bytes(count))).collect();
        if parts.is_empty() { "nothing was copied".to_owned() } else { parts.join(", ") }
    }
}

/// The compression of a setting.
pub fn compression(wanted: Option<Compress>) -> Option<Compression> {
    wanted.map(|how| match how {
        Compress::Zstd => Compression::Zstd,
        Compress::Zlib => Compression::Zlib,
    })
}

impl Transfer<'_> {
    /// Copies the disk. `progress` is told bytes of data, done and in all.
    ///
    /// # Errors
    /// The source cannot be read, the target cannot be written; it was stopped. The same transfer goes on where
    /// h2k's own engine stopped.
    pub fn run(&self, progress: &(dyn Fn(Progress) + Sync)) -> Result<Transferred, Failure> {
        match self.settings.engine {
            Engine::Native => self.native(progress),
            Engine::Qemu => {
                let driver = match self.format {
                    Format::Raw { .. } => "raw",
                    Format::Qcow2 { .. } => "qcow2",
                };
                self.qemu(driver, progress)
            }
        }
    }

    fn native(&self, progress: &(dyn Fn(Progress) + Sync)) -> Result<Transferred, Failure> {
        let job = CopyJob {
            reader: self.reader()?,
            data: self.data,
            target: self.target,
            journal: self.journal,
            format: self.format,
            source: self.source,
            options: CopyOptions {
                threads: self.settings.threads,
                limit_rate: self.settings.limit_rate,
                no_reflink: !self.reflink,
            },
            progress,
        };
        let copied = copy::run(&job).map_err(failure)?;
        Ok(Transferred { engine: "native".to_owned(), copied: Some(copied) })
    }

    fn reader(&self) -> Result<Arc<dyn DiskReader>, Failure> {
        Ok(Arc::from(match self.overlay {
            Some(overlay) => image::open_over(self.chain, overlay)?,
            None => image::open(self.chain)?,
        }))
    }

    /// Has `qemu-img` write the target in the format that QEMU calls `driver`. With [`Engine::Qemu`] it also reads a
    /// source that is not overlaid; otherwise h2k serves it the disk.
    ///
    /// # Errors
    /// As [`Transfer::run`]; a program failed.
    pub fn qemu(&self, driver: &str, progress: &(dyn Fn(Progress) + Sync)) -> Result<Transferred, Failure> {
        // qemu-img cannot go on with a target, and h2k's engine must not take over one that qemu-img wrote.
        for left in [self.target, self.journal] {
            remove(left)?;
        }
        let served =
            || Server::start(vec![("disk".to_owned(), self.reader()?)]).doing("serving the disk to QEMU");
        let direct = self.settings.engine == Engine::Qemu && self.overlay.is_none();
        let server = if direct { None } else { Some(served()?) };
        let from = match &server {
            Some(server) => server.uri("disk"),
            None => image::as_qemu_reads(self.chain)?,
        };
        let exec = self.qemu_img(driver, server.is_some()).arg(from).arg(self.target);
        let percent = |done: f64| progress(Progress { done: (done * 100.0) as u64, total: 10_000 });
        exec.run_with_progress(percent).map_err(|e| {
            let failure = Failure::from(e).hint("check the free space of the output directory");
            let errors = server.iter().flat_map(Server::errors);
            errors.fold(failure, |failure, error| failure.hint(format!("reading the source: {error}")))
        })?;
        File::open(self.target)
            .and_then(|file| file.sync_all())
            .doing(format!("flushing {}", self.target.display()))?;
        Ok(Transferred { engine: "qemu".to_owned(), copied: None })
    }

    fn qemu_img(&self, driver: &str, served: bool) -> Exec {
        let mut exec = Exec::new("qemu-img").args(["convert", "-p", "-m", COROUTINES, "-W", "-O", driver]);
        if served {
            exec = exec.args(["-f", "raw"]);
        }
        match self.format {
            Format::Qcow2 { compress: Some(Compression::Zstd) } => {
                exec = exec.args(["-c", "-o", "compression_type=zstd"]);
            }
            Format::Qcow2 { compress: Some(Compression::Zlib) } => exec = exec.args(["-c"]),
            Format::Raw { preallocate: true } => exec = exec.args(["-o", "preallocation=falloc"]),
            _ => {}
        }
        match self.settings.limit_rate {
            Some(limit) => exec.args(["-r", &limit.to_string()]),
            None => exec,
        }
    }
}

fn remove(file: &Path) -> Result<(), Failure> {
    match fs::remove_file(file) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            Err(e).doing(format!("removing {}", file.display()))
        }
        _ => Ok(()),
    }
}

/// A copy that did not come to its end, with its kind and what to do.
pub fn failure(error: CopyError) -> Failure {
    let (full, cancelled) = (error.is_full(), matches!(error, CopyError::Cancelled));
    let failure = Failure::from(error);
    match (full, cancelled) {
        (true, _) => {
            failure.hint("make room in the output directory; the same command goes on where it stopped")
        }
        (_, true) => Failure { kind: FailureKind::Interrupted, ..failure },
        _ => failure,
    }
}

/// Reads a finished target again and compares it with what was copied, or with the source where blocks are shared.
///
/// # Errors
/// It cannot be read; [`FailureKind::NotValidated`] if it differs.
pub fn verify(
    target: &Path,
    content: Option<&Content>,
    source: &dyn Fn() -> Result<Arc<dyn DiskReader>, Failure>,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<(), Failure> {
    let disk = open_alone(target)?;
    let found = match content.filter(|content| content.digest.is_some()) {
        Some(content) => copy::verify_content(disk.as_ref(), content, progress),
        None => copy::compare_disks(source()?.as_ref(), disk.as_ref(), progress),
    };
    match found.map_err(failure)? {
        None => Ok(()),
        Some(difference) => Err(Failure::message(
            FailureKind::NotValidated,
            format!("{} is not what was copied: {difference}", target.display()),
        )),
    }
}

/// A disk file that stands for itself.
///
/// # Errors
/// It is no disk that h2k reads.
pub fn open_alone(path: &Path) -> Result<Box<dyn DiskReader>, Failure> {
    let path: PathBuf = fs::canonicalize(path).doing(format!("opening {}", path.display()))?;
    let chain = image::resolve_file(&path)?;
    Ok(image::open(&chain)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A disk of 8 MiB, and what is left of a copy of it in `dir`.
    fn transfer(dir: &Path, engine: Engine) -> Result<Transferred, Failure> {
        let source = dir.join("source.raw");
        fs::write(&source, vec![7; 8 << 20]).unwrap();
        let chain = image::resolve_file(&source)?;
        let (target, journal) = (dir.join("target"), dir.join("journal"));
        let settings = CopySettings { engine, ..CopySettings::default() };
        let transfer = Transfer {
            chain: &chain,
            data: None,
            overlay: None,
            target: &target,
            journal: &journal,
            format: Format::Qcow2 { compress: None },
            source: "one",
            settings,
            reflink: false,
        };
        transfer.run(&|_| {})
    }

    #[test]
    fn what_qemu_img_wrote_is_not_taken_over() {
        let dir = tempfile::tempdir().unwrap();
        let copied = |done: Transferred| done.copied.map(|copied| (copied.read, copied.taken_over));
        assert_eq!(copied(transfer(dir.path(), Engine::Native).unwrap()), Some((8 << 20, 0)));
        assert_eq!(copied(transfer(dir.path(), Engine::Native).unwrap()), Some((0, 8 << 20)));
        assert_eq!(copied(transfer(dir.path(), Engine::Qemu).unwrap()), None);
        assert_eq!(copied(transfer(dir.path(), Engine::Native).unwrap()), Some((8 << 20, 0)));
        let target = open_alone(&dir.path().join("target")).unwrap();
        let mut bytes = vec![0; 8 << 20];
        target.read_at(&mut bytes, 0).unwrap();
        assert!(bytes.iter().all(|byte| *byte == 7));
    }
}
