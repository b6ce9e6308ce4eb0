//! A running appliance, kept in a file. Where KVM is not proven, the kernel's start and all of `/init` take most of a
//! launch, and are the same each time. So they are gone through once, with no disk of anybody attached; QEMU's memory
//! and devices are written to a file ("migration to a file"), and later launches read it and go on from there.
//!
//! ```text
//! h2k-…/saved-MEMORY-KEY/  README.fixed kernel initrd   as in the directory above, hard links
//!                          root                         a copy, with what the appliance had written to it by then
//!                          memory                       QEMU's stream
//! ```
//!
//! The file belongs to one QEMU, one appliance, one set of arguments: all of them are in its key.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use super::{FILES, Marks, Prepared};

/// QEMU's stream.
const MEMORY: &str = "memory";

/// Held by the h2k that saves.
const LOCK: &str = "saving.lock";

/// Bytes that are to be free before one is made. It takes less than one GiB, and is not to be what fills a disk.
const ROOM: u64 = 4 << 30;

/// What the layout of the file and of the devices is called. Another one needs another name.
const LAYOUT: &str = "3";

/// A saved appliance: there, or to be made.
#[derive(Debug)]
pub struct Saved {
    home: PathBuf,
    name: String,
}

impl Saved {
    /// That of an appliance with so much memory, in MiB. `settings` is everything else that QEMU and the kernel are
    /// started with. `None` where one was tried and did not come off.
    pub fn of(prepared: &Prepared, memory: i32, hypervisor: &Path, settings: &[&str]) -> Option<Self> {
        let program = fs::metadata(hypervisor).ok()?;
        let time = program.modified().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
        let program = format!("{} {} {}", hypervisor.display(), program.len(), time.as_nanos());
        let mut key = blake3::Hasher::new();
        for part in [LAYOUT, &program].into_iter().chain(settings.iter().copied()) {
            key.update(part.as_bytes()).update(&[0]);
        }
        let key = key.finalize().to_hex();
        let name = format!("{}-{}", of_memory(memory), &key[..16]);
        let saved = Self { home: prepared.dir.clone(), name };
        (!saved.marks().refused()).then_some(saved)
    }

    /// Whether it is there.
    pub fn is_there(&self) -> bool {
        let dir = self.dir();
        FILES.iter().chain([&MEMORY]).all(|file| dir.join(file).is_file())
    }

    /// For [`guestfs::Handle::set_path`].
    pub fn dir(&self) -> PathBuf {
        self.home.join(&self.name)
    }

    /// QEMU's stream.
    pub fn memory(&self) -> PathBuf {
        self.dir().join(MEMORY)
    }

    /// Whether it was launched, and whether it never is.
    pub fn marks(&self) -> Marks {
        Marks { dir: self.home.clone(), prefix: format!("{}.", self.name) }
    }

    /// Makes it by `save`, which is given a directory with a fixed appliance and a file to write the stream to. Only one
    /// h2k of this user makes one at a time; the others do without: `false`.
    pub fn make(&self, save: impl FnOnce(&Path, &Path) -> io::Result<()>) -> io::Result<bool> {
        let lock = File::options().create(true).truncate(false).write(true).open(self.home.join(LOCK))?;
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            return Ok(false);
        }
        if self.is_there() {
            return Ok(true);
        }
        self.forget_others()?;
        let space = rustix::fs::statvfs(&self.home)?;
        if space.f_bavail.saturating_mul(space.f_frsize) < ROOM {
            return Ok(false);
        }
        let aside = tempfile::Builder::new().prefix(ASIDE).tempdir_in(&self.home)?;
        for file in FILES {
            let (from, to) = (self.home.join(file), aside.path().join(file));
            if file == ROOT { copy_sparsely(&from, &to)? } else { fs::hard_link(from, to)? }
        }
        save(aside.path(), &aside.path().join(MEMORY))?;
        fs::rename(aside.path(), self.dir())?;
        let _moved = aside.keep();
        Ok(true)
    }

    /// Removes it: it could not be used, and the next launch makes another. One that runs has its files open.
    pub fn forget(&self) {
        // What stays fails the next time too.
        let _stays = fs::remove_dir_all(self.dir());
    }

    /// Removes what a killed h2k left half-made, and what was saved with other settings: nobody can say whether those
    /// come again.
    fn forget_others(&self) -> io::Result<()> {
        let memory = self.name.rsplit_once('-').map_or("", |(memory, _)| memory);
        for entry in fs::read_dir(&self.home)? {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let old = name.starts_with(&format!("{memory}-")) && entry.file_type()?.is_dir();
            if old || name.starts_with(ASIDE) {
                fs::remove_dir_all(entry.path())?;
            }
        }
        Ok(())
    }
}

/// Prefix of a directory that is being made.
const ASIDE: &str = "saved-new-";

/// The file of an appliance that it writes to.
const ROOT: &str = "root";

fn of_memory(mib: i32) -> String {
    format!("saved-{mib}")
}

/// Copies a file with its holes: the appliance's file system is large and mostly empty.
fn copy_sparsely(from: &Path, to: &Path) -> io::Result<()> {
    use rustix::fs::{SeekFrom as Sparse, seek};
    let mut source = File::open(from)?;
    let mut target = File::options().create_new(true).write(true).open(to)?;
    let size = source.metadata()?.len();
    target.set_len(size)?;
    let mut at = 0;
    while at < size {
        let data = match seek(&source, Sparse::Data(at)) {
            Ok(data) => data,
            // Nothing but a hole follows.
            Err(rustix::io::Errno::NXIO) => break,
            Err(error) => return Err(error.into()),
        };
        at = seek(&source, Sparse::Hole(data))?;
        source.seek(SeekFrom::Start(data))?;
        target.seek(SeekFrom::Start(data))?;
        let length = at.saturating_sub(data);
        if io::copy(&mut (&mut source).take(length), &mut target)? != length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
