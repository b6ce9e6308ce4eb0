//! A disk as FIX's overlay over a base that is kept: the source's disk, its free space left out, nothing in it changed.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{digests_of, write, write_digests};
use crate::error::{Doing, Failure, FailureKind};
use crate::exec::Exec;
use crate::image;
use crate::image::copy::{Content, digests_over};
use crate::job::Job;
use crate::report;
use crate::stages::flatten::Flattened;
use crate::transfer::failure;

/// Time for a call that writes no data.
const SHORT: Duration = Duration::from_secs(60);

/// Version of [`Document`].
const VERSION: u32 = 1;

/// What making the repairs anew needs besides the bases, `base.json` in the result's directory.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Document {
    /// [`VERSION`].
    version: u32,
    /// What was wanted.
    pub job: Job,
    /// What the source was.
    pub flattened: Flattened,
}

impl Document {
    /// Its file's name.
    pub const FILE: &'static str = "base.json";

    /// What was wanted of a source.
    pub fn of(job: &Job, flattened: &Flattened) -> Self {
        // A plan that was carried out binds nobody who wants another.
        let job = Job { plan: None, ..job.clone() };
        Self { version: VERSION, job, flattened: flattened.clone() }
    }

    /// Writes it into a directory and has it on disk.
    ///
    /// # Errors
    /// What the file system reports.
    pub fn write(&self, dir: &Path) -> Result<(), Failure> {
        write(&dir.join(Self::FILE), &serde_json::to_vec_pretty(self)?)
    }

    /// That of a result; `None` where the result keeps no base.
    ///
    /// # Errors
    /// It cannot be read, or is of a newer h2k.
    pub fn load(dir: &Path) -> Result<Option<Self>, Failure> {
        let file = dir.join(Self::FILE);
        if !file.exists() {
            return Ok(None);
        }
        let found: Self =
            serde_json::from_str(&report::read(&file)?).doing(format!("reading {}", file.display()))?;
        if found.version > VERSION {
            let message = format!("{} has version {}: a newer h2k wrote it", file.display(), found.version);
            return Err(Failure::message(FailureKind::Failed, message).hint("use the h2k that wrote it"));
        }
        Ok(Some(found))
    }
}

/// Name of the base of a disk.
pub fn base_of(disk: &Path) -> PathBuf {
    disk.with_extension("base.qcow2")
}

/// BLAKE3 of an overlay's file, in hexadecimal.
///
/// # Errors
/// It cannot be read.
pub fn overlay_digest(path: &Path) -> Result<String, Failure> {
    let mut hasher = blake3::Hasher::new();
    let read = File::open(path).and_then(|file| hasher.update_reader(file).map(|hasher| hasher.finalize()));
    Ok(read.doing(format!("reading {}", path.display()))?.to_hex().to_string())
}

/// Makes `disk` a copy of `overlay` over the base, which lies beside it or will, and takes its digests. The overlay
/// stays as it is, so that this may be done again. Only tables and what FIX wrote are copied.
///
/// # Errors
/// What the file system, `qemu-img` or the digests of the base report.
pub fn lay(overlay: &Path, base: &Path, disk: &Path) -> Result<(), Failure> {
    let doing = || format!("laying {} over its base", disk.display());
    fs::copy(overlay, disk).doing(doing())?;
    // -u: the base holds what the overlay was made over, byte for byte where it decides.
    Exec::new("qemu-img")
        .args(["rebase", "-q", "-u", "-f", "qcow2", "-F", "qcow2", "-b"])
        .arg(base.file_name().unwrap_or_default())
        .arg(disk)
        .timeout(SHORT)
        .run()
        .doing(doing())?;
    File::open(disk).and_then(|file| file.sync_all()).doing(format!("flushing {}", disk.display()))?;
    let known = digests_of(base);
    if !known.exists() {
        // qemu-img copied it.
        return Ok(());
    }
    let chain = image::resolve_file(base)?;
    let known = File::open(&known).and_then(Content::read).doing(format!("reading {}", known.display()))?;
    let (below, above) = (image::open(&chain)?, image::open_overlay(disk)?);
    let whole = image::open_over(&chain, disk)?;
    let content = digests_over(&known, below.as_ref(), above.as_ref(), whole.as_ref()).map_err(failure)?;
    write_digests(&digests_of(disk), &content)
}
