//! libguestfs' appliance, started sooner where KVM is not proven: with its kernel unpacked beforehand, with less of
//! udev's work ([`init`]), and from the second time on without most of its start ([`saved`]).
//!
//! A kernel unpacks itself when it starts; without KVM that takes a third of an appliance's launch. QEMU also starts an
//! unpacked one. So the appliance that supermin built is offered to libguestfs once more, as a "fixed appliance"
//! (guestfs(3)): the same files, hard links to the same bytes, but for the kernel. It is used only as long as libguestfs
//! itself would use the one that it comes from without building it anew (supermin(1), `--if-newer`).

mod bzimage;
pub(super) mod init;
pub(super) mod saved;
pub(super) mod steps;

use std::fs::{self, Metadata};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Where libguestfs keeps its appliance, below its cache directory: `.guestfs-UID/appliance.d`.
const BUILT: &str = "appliance.d";

/// What a fixed appliance consists of; the first file is what libguestfs knows it by.
const FILES: [&str; 4] = ["README.fixed", "kernel", "initrd", "root"];

/// File of a fixed appliance that has started.
const WORKS: &str = "works";

/// File of one that did not where the one it comes from did: a byte each time.
const REFUSED: &str = "refused";

/// Times that one that never worked is tried: the first may have been killed.
const TRIES: u64 = 2;

/// Files and directories that change with the host's packages (supermin, src/ph_*.ml).
const PACKAGE_DATABASES: [&str; 4] =
    ["/var/lib/dpkg/status", "/var/lib/rpm", "/usr/lib/sysimage/rpm", "/var/lib/pacman/local"];

/// The user's own choice of an appliance or a kernel: guestfs(3) and supermin(1), ENVIRONMENT VARIABLES.
const CHOSEN: [&str; 3] = ["LIBGUESTFS_PATH", "SUPERMIN_KERNEL", "SUPERMIN_MODULES"];

/// An appliance that libguestfs can be pointed to.
#[derive(Debug)]
pub struct Prepared {
    dir: PathBuf,
}

impl Prepared {
    /// The prepared appliance of this user, made first where it is not there yet. `cache` is libguestfs' cache
    /// directory, `path` its search path for what the appliance is built from. `None` where there is nothing to
    /// prepare from, what is there is out of date, or the user has chosen otherwise.
    pub fn find(cache: &Path, path: &str) -> Option<Self> {
        if !cfg!(target_arch = "x86_64") || CHOSEN.iter().any(|name| std::env::var_os(name).is_some()) {
            return None;
        }
        let user = rustix::process::geteuid().as_raw();
        let home = cache.join(format!(".guestfs-{user}"));
        let newest = newest(path)?;
        // A speed-up that cannot be had is not worth a word: the ordinary appliance says what is wrong, if anything.
        find(&home, user, newest).ok().flatten()
    }

    /// For [`guestfs::Handle::set_path`].
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// What is remembered of it.
    pub fn marks(&self) -> Marks {
        Marks { dir: self.dir.clone(), prefix: String::new() }
    }
}

/// What is remembered of an appliance: files beside it.
#[derive(Debug)]
pub struct Marks {
    dir: PathBuf,
    prefix: String,
}

impl Marks {
    /// Whether it has started before: what keeps it from starting now is not what h2k made of it.
    pub fn works(&self) -> bool {
        self.file(WORKS).exists()
    }

    /// Remembers whether it started. What cannot be written is found out again the next time.
    pub fn remember(&self, started: bool) {
        let name = if started { WORKS } else { REFUSED };
        let file = fs::File::options().create(true).append(true).open(self.file(name));
        let _not_remembered = file.and_then(|mut file| file.write_all(b"."));
    }

    fn refused(&self) -> bool {
        !self.works() && fs::metadata(self.file(REFUSED)).is_ok_and(|file| file.len() >= TRIES)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{}{name}", self.prefix))
    }
}

/// When the newest part changed that an appliance is built from; `None` where that cannot be told.
fn newest(path: &str) -> Option<SystemTime> {
    let databases = PACKAGE_DATABASES.iter().filter_map(|db| fs::metadata(db).ok()?.modified().ok());
    let mut newest = databases.max()?;
    let parts =
        path.split(':').map(|dir| Path::new(dir).join("supermin.d")).find_map(|d| fs::read_dir(d).ok())?;
    for part in parts {
        newest = newest.max(part.ok()?.metadata().ok()?.modified().ok()?);
    }
    Some(newest)
}

fn find(home: &Path, user: u32, newest: SystemTime) -> io::Result<Option<Prepared>> {
    let built = home.join(BUILT);
    let (above, there) = (own_directory(home, user)?, own_directory(&built, user)?);
    // libguestfs touches the files whenever it uses them; when they were built is the directory's time.
    if there.modified()? <= newest || above.dev() != there.dev() {
        return Ok(None);
    }
    let key = format!("h2k-{}-{}-{}", there.ino(), there.mtime(), there.mtime_nsec());
    let found = Prepared { dir: home.join(&key) };
    if found.marks().refused() {
        return Ok(None);
    }
    if own_directory(&found.dir, user).is_err() || FILES.iter().any(|file| !found.dir.join(file).is_file()) {
        make(home, &built, &found.dir)?;
        forget_others(home, &key);
    }
    Ok(Some(found))
}

/// A directory that nobody else can write to: what lies in it is run.
fn own_directory(dir: &Path, user: u32) -> io::Result<Metadata> {
    let found = fs::symlink_metadata(dir)?;
    if found.is_dir() && found.uid() == user && found.mode() & 0o022 == 0 {
        return Ok(found);
    }
    Err(io::Error::new(io::ErrorKind::PermissionDenied, "not a directory of this user alone"))
}

/// Makes it aside, so that another h2k never finds half of it.
fn make(home: &Path, built: &Path, dir: &Path) -> io::Result<()> {
    let aside = tempfile::Builder::new().prefix("h2k-new-").tempdir_in(home)?;
    let kernel = bzimage::unpacked(&fs::read(built.join("kernel"))?)?;
    fs::write(aside.path().join("kernel"), kernel)?;
    for file in ["initrd", "root"] {
        fs::hard_link(built.join(file), aside.path().join(file))?;
    }
    fs::write(
        aside.path().join("README.fixed"),
        "Made by h2k from ../appliance.d, with its kernel unpacked.\n",
    )?;
    match fs::rename(aside.path(), dir) {
        Ok(()) => {
            let _moved = aside.keep();
            Ok(())
        }
        // Another h2k was first, or one that lacks a file is in the way.
        Err(_) if FILES.iter().all(|file| dir.join(file).is_file()) => Ok(()),
        Err(_) => {
            fs::remove_dir_all(dir)?;
            fs::rename(aside.path(), dir)?;
            let _moved = aside.keep();
            Ok(())
        }
    }
}

/// Removes what was made from earlier appliances. A QEMU that runs from one has its files open.
fn forget_others(home: &Path, key: &str) {
    let Ok(entries) = fs::read_dir(home) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("h2k-") && !name.starts_with("h2k-new-") && name != key {
            // What stays takes room, and nothing else.
            let _stays = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests;
