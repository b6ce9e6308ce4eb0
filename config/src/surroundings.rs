//! What of the process decides where settings are looked for: its directory and its environment. Passed in, so that
//! tests have their own.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::{env, io};

/// Directory and environment of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Surroundings {
    /// Current directory, absolute.
    pub directory: PathBuf,
    /// Environment.
    pub variables: BTreeMap<OsString, OsString>,
    /// Directory of the host's configuration: `/etc`.
    pub etc: PathBuf,
}

impl Surroundings {
    /// Those of this process.
    ///
    /// # Errors
    /// The current directory does not exist any more or may not be entered.
    pub fn of_process() -> io::Result<Self> {
        Ok(Self {
            directory: env::current_dir()?,
            variables: env::vars_os().collect(),
            etc: PathBuf::from("/etc"),
        })
    }

    /// A variable that is set and not empty.
    pub fn variable(&self, name: &str) -> Option<&OsStr> {
        self.variables.get(OsStr::new(name)).map(OsString::as_os_str).filter(|value| !value.is_empty())
    }

    /// Home directory.
    pub fn home(&self) -> Option<PathBuf> {
        self.directory_in("HOME")
    }

    /// `$XDG_CONFIG_HOME`, or `~/.config`.
    pub fn config_home(&self) -> Option<PathBuf> {
        self.directory_in("XDG_CONFIG_HOME").or_else(|| Some(self.home()?.join(".config")))
    }

    /// `$XDG_STATE_HOME`, or `~/.local/state`.
    pub fn state_home(&self) -> Option<PathBuf> {
        self.directory_in("XDG_STATE_HOME").or_else(|| Some(self.home()?.join(".local/state")))
    }

    /// `$TMPDIR`, or `/var/tmp`: what h2k writes is large, and `/tmp` is memory on many hosts.
    pub fn temporary(&self) -> PathBuf {
        self.directory_in("TMPDIR").unwrap_or_else(|| PathBuf::from("/var/tmp"))
    }

    /// XDG Base Directory Specification: "All paths set in these environment variables must be absolute. If an
    /// implementation encounters a relative path […] it should consider the path invalid and ignore it."
    fn directory_in(&self, variable: &str) -> Option<PathBuf> {
        self.variable(variable).map(Path::new).filter(|path| path.is_absolute()).map(Path::to_owned)
    }
}
