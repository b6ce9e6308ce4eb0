//! Starting an appliance in the shortest way that there is.
//!
//! ```text
//! KVM proven ────────────────────────────────▶ libguestfs' own way
//! else ─ saved, or can be saved? ─ yes ─▶ resumed ─ it fails ─┐
//!             └ no ─▶ unpacked kernel ◀───────────────────────┘ ─ it fails ─▶ libguestfs' own way
//! ```

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use guestfs::{AddDriveOptArgs, CreateFlags, DiskCreateOptArgs, Handle};

use super::appliance::saved::Saved;
use super::appliance::steps::{self, Sockets};
use super::appliance::{Prepared, init};
use super::deathsig::DieWithUs;
use super::ffi;
use super::session::{Access, Drive, LaunchOptions, Session, backend, label, text};
use crate::error::{GuestError, Result};
use crate::qmp::QmpError;

/// Memory of an appliance that opens encrypted volumes, in MiB: the derivation of a LUKS2 key takes up to 1 GiB
/// (cryptsetup(8), `--pbkdf-memory`).
const MEMORY_FOR_KEYS_MIB: i32 = 2048;

/// Memory of every other appliance, in MiB: libguestfs' own default. Set, so that it is known what one takes.
const MEMORY_MIB: i32 = 1280;

/// Memory of an appliance in bytes, with and without keys for encrypted volumes.
pub fn appliance_memory(keys: bool) -> u64 {
    let mib = if keys { MEMORY_FOR_KEYS_MIB } else { MEMORY_MIB };
    u64::from(mib.unsigned_abs()) << 20
}

impl Session {
    /// Starts an appliance with `drives` attached in order. Its QEMU is killed when the calling thread ends, by whatever
    /// means: a session is not launched on a thread that ends before it is done with.
    ///
    /// # Errors
    /// [`GuestError::Backend`] with libguestfs' message.
    pub fn launch(drives: &[Drive], access: Access, options: &LaunchOptions) -> Result<Self> {
        if let Some(session) = Self::from_saved(drives, access, options) {
            return Ok(session);
        }
        let session = Self::prepare(drives, access, options)?;
        let Some(quicker) = session.quicker(options)? else {
            session.start()?;
            return Ok(session);
        };
        session.point_to(quicker.dir())?;
        match session.start() {
            Ok(()) if quicker.marks().works() => {}
            Ok(()) => quicker.marks().remember(true),
            Err(error) if quicker.marks().works() => return Err(error),
            Err(_) => {
                // Whatever it was, libguestfs' own way is the measure; its error is the one to tell.
                drop(session);
                let session = Self::prepare(drives, access, options)?;
                session.start()?;
                quicker.marks().remember(false);
                return Ok(session);
            }
        }
        Ok(session)
    }

    /// An appliance that goes on from a saved one, which is made first if there is none. `None` where that is not to be
    /// had: it is told to nobody, since the ordinary start is the measure.
    fn from_saved(drives: &[Drive], access: Access, options: &LaunchOptions) -> Option<Self> {
        if drives.len() > steps::PLACES {
            return None;
        }
        let mut session = Self::without_disks(drives.len(), access, options).ok()?;
        let saved = session.saved(options).ok()??;
        if !saved.is_there() {
            let made = saved.make(|dir, memory| save(dir, memory, options).map_err(io::Error::other));
            if made.is_err() {
                saved.marks().remember(false);
            }
            if !made.is_ok_and(|made| made) {
                return None;
            }
        }
        // What cannot be made ready is no fault of the saved one; the ordinary start tells it.
        let sockets = session.ready_to_resume(&saved, drives).ok()?;
        match session.resume(&saved, &sockets) {
            Ok(()) if saved.marks().works() => Some(session),
            Ok(()) => {
                saved.marks().remember(true);
                Some(session)
            }
            Err(_) => {
                saved.marks().remember(false);
                saved.forget();
                None
            }
        }
    }

    /// Everything but the start.
    fn prepare(drives: &[Drive], access: Access, options: &LaunchOptions) -> Result<Self> {
        let session = Self::without_disks(drives.len(), access, options)?;
        if options.force_tcg {
            session.kernel_arguments(&init::arguments())?;
        }
        for (index, drive) in drives.iter().enumerate() {
            session.attach(drive, &label(index))?;
        }
        Ok(session)
    }

    fn without_disks(disks: usize, access: Access, options: &LaunchOptions) -> Result<Self> {
        let handle = Handle::create_flags(CreateFlags::new())
            .map_err(|_| backend("creating a libguestfs handle", "out of memory".to_owned()))?;
        ffi::silence(&handle);
        let session = Self::new(handle, disks, access, options);
        session.configure(options)?;
        Ok(session)
    }

    /// An appliance whose kernel is unpacked, where there is one and it makes a difference.
    fn quicker(&self, options: &LaunchOptions) -> Result<Option<Prepared>> {
        if !options.force_tcg {
            return Ok(None);
        }
        let doing = "looking for the libguestfs appliance";
        let cache = self.ask(doing, |g| g.get_cachedir())?;
        let path = self.ask(doing, |g| g.get_path())?;
        Ok(Prepared::find(Path::new(&cache), path))
    }

    /// The saved appliance for these options. Not where an appliance has never started as it is, so that a host on which
    /// h2k is used once is not filled, nor where the user wants to read how it starts.
    fn saved(&self, options: &LaunchOptions) -> Result<Option<Saved>> {
        let Some(prepared) = self.quicker(options)?.filter(|prepared| prepared.marks().works()) else {
            return Ok(None);
        };
        let doing = "looking for a saved appliance";
        if self.ask(doing, |g| g.get_verbose())? || self.ask(doing, |g| g.get_trace())? {
            return Ok(None);
        }
        let (cpus, memory) = (cpus(options).to_string(), memory(options));
        let given = self.ask(doing, |g| g.get_append().map(|given| given.map(str::to_owned)))?;
        let hypervisor = PathBuf::from(self.ask(doing, |g| g.get_hv())?);
        let arguments = init::saved_arguments();
        let settings = [arguments.as_str(), given.as_deref().unwrap_or_default(), &cpus];
        Ok(Saved::of(&prepared, memory, &hypervisor, &settings))
    }

    fn ready_to_resume(&mut self, saved: &Saved, drives: &[Drive]) -> Result<Sockets> {
        self.point_to(&saved.dir())?;
        if self.access == Access::ReadOnly {
            self.overlays = Some(self.temporary()?);
        }
        let sockets = self.places()?;
        self.argument("-incoming", "defer")?;
        for (index, drive) in drives.iter().enumerate() {
            self.argument("-drive", &self.medium(drive, index)?)?;
        }
        Ok(sockets)
    }

    fn resume(&self, saved: &Saved, sockets: &Sockets) -> Result<()> {
        let serials: Vec<String> = (0..self.disks).map(label).collect();
        let memory = saved.memory();
        let (started, came_up) = self.start_with(|over| steps::resume(sockets, &memory, &serials, over));
        started?;
        came_up.map_err(|e| backend("resuming a saved appliance", e.to_string()))
    }

    /// Gives the appliance the empty disks and the sockets that one has which is saved.
    fn places(&self) -> Result<Sockets> {
        self.kernel_arguments(&init::saved_arguments())?;
        let doing = "giving the appliance places for disks";
        for _ in 0..steps::PLACES {
            let args = AddDriveOptArgs { format: Some("raw"), ..no_arguments() };
            self.ask(doing, |g| g.add_drive("/dev/null", args))?;
        }
        let sockets = self.sockets()?;
        for (name, value) in sockets.arguments() {
            self.argument(name, &value)?;
        }
        Ok(sockets)
    }

    /// With h2k's other temporary files, where a socket's path may be as long.
    fn sockets(&self) -> Result<Sockets> {
        const LONGEST: usize = 80;
        let doing = "making sockets for the appliance";
        let fits = |dir: &&Path| dir.is_absolute() && dir.to_str().is_some_and(|dir| dir.len() <= LONGEST);
        let own = self.temp_dir.as_deref().filter(fits);
        let dir = match own {
            Some(dir) => dir.to_owned(),
            None => PathBuf::from(self.ask(doing, |g| g.get_sockdir())?),
        };
        Sockets::new(&dir).map_err(|source| GuestError::Host { doing: doing.to_owned(), source })
    }

    /// A disk's medium as QEMU takes it, as libguestfs would have it for [`Session::attach`].
    fn medium(&self, drive: &Drive, index: usize) -> Result<String> {
        let host = |source| GuestError::Host { doing: "finding a disk".to_owned(), source };
        let path = std::path::absolute(&drive.path).map_err(host)?;
        let (path, format) = match &self.overlays {
            Some(dir) => (self.overlay(&path, &drive.format, &dir.path().join(index.to_string()))?, "qcow2"),
            None => (path, drive.format.as_str()),
        };
        let (file, id) = (steps::escaped(Path::new(text(&path)?)), steps::medium(index));
        Ok(format!("file={file},id={id},if=none,format={format},cache=unsafe,discard=unmap"))
    }

    /// Makes a throw-away overlay over a disk that is only read.
    fn overlay(&self, disk: &Path, format: &str, overlay: &Path) -> Result<PathBuf> {
        let args = DiskCreateOptArgs {
            backingfile: Some(text(disk)?),
            backingformat: Some(format),
            preallocation: None,
            compat: None,
            clustersize: None,
        };
        let name = text(overlay)?;
        // Its size is that of what it is over.
        self.ask(&format!("attaching {}", disk.display()), |g| g.disk_create(name, "qcow2", -1, args))?;
        Ok(overlay.to_owned())
    }

    /// A directory for temporary files: with h2k's others, or where libguestfs has its own.
    fn temporary(&self) -> Result<tempfile::TempDir> {
        let doing = "making a directory for temporary files";
        let dir = match &self.temp_dir {
            Some(dir) => dir.clone(),
            None => PathBuf::from(self.ask(doing, |g| g.get_tmpdir())?),
        };
        let host = |source| GuestError::Host { doing: doing.to_owned(), source };
        tempfile::Builder::new().prefix("h2k-").tempdir_in(dir).map_err(host)
    }

    /// Starts the appliance while another thread sees to it, until the flag that it is given is set.
    fn start_with<T: Send>(&self, other: impl FnOnce(&AtomicBool) -> T + Send) -> (Result<()>, T) {
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let other = scope.spawn(|| other(&over));
            let started = self.start();
            over.store(true, Ordering::SeqCst);
            let done = other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            (started, done)
        })
    }

    fn start(&self) -> Result<()> {
        let die_with_us = DieWithUs::arm();
        self.ask("starting the libguestfs appliance", |g| g.launch()).map_err(|e| match e {
            GuestError::Backend { doing, message } => GuestError::Appliance { doing, message },
            other => other,
        })?;
        drop(die_with_us);
        Ok(())
    }

    fn configure(&self, options: &LaunchOptions) -> Result<()> {
        let doing = "configuring the libguestfs appliance";
        // Not through libvirt: its daemon may be absent, and it cannot reach files of an unprivileged user.
        self.ask(doing, |g| g.set_backend("direct"))?;
        if options.force_tcg {
            self.ask(doing, |g| g.set_backend_setting("force_tcg", "1"))?;
        }
        self.ask(doing, |g| g.set_smp(cpus(options)))?;
        self.ask(doing, |g| g.set_network(false))?;
        // Its overlays lie with what is removed after us also where we are killed. libguestfs takes no path that is not UTF-8.
        if let Some(dir) = options.temp_dir.as_deref().and_then(Path::to_str) {
            self.ask(doing, |g| g.set_tmpdir(Some(dir)))?;
        }
        self.ask(doing, |g| g.set_memsize(memory(options)))?;
        if !options.keys.is_empty() {
            // libguestfs' own logs, which its environment variables turn on, show what a key is made of.
            self.ask(doing, |g| g.set_trace(false))?;
            self.ask(doing, |g| g.set_verbose(false))?;
        }
        self.ask(doing, |g| g.set_autosync(true))
    }

    /// Adds to what the user's environment gives the appliance's kernel.
    fn kernel_arguments(&self, ours: &str) -> Result<()> {
        let doing = "configuring the libguestfs appliance";
        let given = self.ask(doing, |g| g.get_append().map(|given| given.map(str::to_owned)))?;
        let both = given.map_or_else(|| ours.to_owned(), |given| format!("{given} {ours}"));
        self.ask(doing, |g| g.set_append(Some(&both)))
    }

    fn argument(&self, name: &str, value: &str) -> Result<()> {
        self.ask("configuring the libguestfs appliance", |g| g.config(name, Some(value)))
    }

    fn point_to(&self, dir: &Path) -> Result<()> {
        let dir = text(dir)?;
        self.ask("looking for the libguestfs appliance", |g| g.set_path(Some(dir)))
    }

    fn attach(&self, drive: &Drive, label: &str) -> Result<()> {
        let path = text(&drive.path)?;
        let readonly = self.access == Access::ReadOnly;
        let args = AddDriveOptArgs {
            readonly: Some(readonly),
            format: Some(&drive.format),
            // Writable drives are overlays that are made anew after a crash: their cache need not reach the disk.
            cachemode: (!readonly).then_some("unsafe"),
            discard: (!readonly).then_some("besteffort"),
            label: Some(label),
            ..no_arguments()
        };
        self.ask(&format!("attaching {path}"), |g| g.add_drive(path, args))
    }
}

/// Starts an appliance with nobody's disks from `dir`, and has it written to `memory`.
fn save(dir: &Path, memory: &Path, options: &LaunchOptions) -> Result<()> {
    let session = Session::without_disks(0, Access::ReadOnly, options)?;
    session.point_to(dir)?;
    let sockets = session.places()?;
    // Its end is not a start that came off, whatever libguestfs calls it.
    let (_ended, saved) = session.start_with(|over| steps::save(&sockets, memory, over));
    saved.map_err(|e: QmpError| backend("saving an appliance", e.to_string()))
}

fn cpus(options: &LaunchOptions) -> i32 {
    i32::try_from(options.cpus).unwrap_or(1).max(1)
}

fn memory(options: &LaunchOptions) -> i32 {
    if options.keys.is_empty() { MEMORY_MIB } else { MEMORY_FOR_KEYS_MIB }
}

fn no_arguments<'a>() -> AddDriveOptArgs<'a> {
    AddDriveOptArgs {
        readonly: None,
        format: None,
        cachemode: None,
        discard: None,
        iface: None,
        name: None,
        label: None,
        protocol: None,
        server: None,
        username: None,
        secret: None,
        copyonread: None,
    }
}
