//! What checks may ask of a host. Tests answer for hosts that they make up.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{Access, access, statvfs};

use crate::exec::{Exec, ExecError};
use crate::validate::kvm;
use crate::validate::machine::firmware;

/// How long a program may take to tell its version.
const LIMIT: Duration = Duration::from_secs(20);

/// A host, as far as checks look at it.
pub trait Host {
    /// What a program prints on stdout.
    ///
    /// # Errors
    /// It is not there, or fails.
    fn says(&self, program: &str, args: &[&str]) -> Result<String, ExecError>;

    /// The proof that KVM runs a guest, or why there is none.
    ///
    /// # Errors
    /// Why there is none.
    fn kvm(&self) -> Result<(), String>;

    /// The code of the OVMF that a boot test would use.
    fn ovmf(&self, secure_boot: bool) -> Option<PathBuf>;

    /// An environment variable that is set and not empty.
    fn variable(&self, name: &str) -> Option<String>;

    /// Paths in a directory, sorted; none where it is not there.
    ///
    /// # Errors
    /// It is there and cannot be listed.
    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>>;

    /// Text of a file.
    ///
    /// # Errors
    /// As the system reports.
    fn read(&self, path: &Path) -> io::Result<String>;

    /// Whether this user can read a file.
    fn readable(&self, path: &Path) -> bool;

    /// Bytes that this user may still write where `path` is or would be made.
    ///
    /// # Errors
    /// As the system reports; this user may not write there.
    fn free(&self, path: &Path) -> io::Result<u64>;

    /// Directory for temporary files.
    fn temporary(&self) -> PathBuf;

    /// Directory for results, if one is set.
    fn output(&self) -> Option<PathBuf>;
}

/// The host that h2k runs on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThisHost {
    /// Directory for temporary files.
    pub temporary: PathBuf,
    /// Directory for results, if one is set.
    pub output: Option<PathBuf>,
}

impl Host for ThisHost {
    fn says(&self, program: &str, args: &[&str]) -> Result<String, ExecError> {
        Ok(Exec::new(program).args(args).timeout(LIMIT).run()?.text().into_owned())
    }

    fn kvm(&self) -> Result<(), String> {
        kvm::proof().clone()
    }

    fn ovmf(&self, secure_boot: bool) -> Option<PathBuf> {
        firmware::find(secure_boot).map(|found| found.code)
    }

    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok().filter(|value| !value.is_empty())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        let entries = match fs::read_dir(dir) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other?,
        };
        let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
        paths.sort();
        Ok(paths)
    }

    fn read(&self, path: &Path) -> io::Result<String> {
        fs::read_to_string(path)
    }

    fn readable(&self, path: &Path) -> bool {
        File::open(path).is_ok()
    }

    fn free(&self, path: &Path) -> io::Result<u64> {
        let there = path.ancestors().find(|p| p.exists()).unwrap_or(Path::new("/"));
        access(there, Access::WRITE_OK | Access::EXEC_OK)?;
        let vfs = statvfs(there)?;
        Ok(vfs.f_bavail.saturating_mul(vfs.f_frsize))
    }

    fn temporary(&self) -> PathBuf {
        self.temporary.clone()
    }

    fn output(&self) -> Option<PathBuf> {
        self.output.clone()
    }
}
