//! The appliance: launch, who may write, shutdown.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use guestfs::{AddDriveOptArgs, CreateFlags, FstrimOptArgs, Handle};

use super::acl::Unprotected;
use super::appliance::{Prepared, init};
use super::deathsig::DieWithUs;
use super::encrypted::VolumeKey;
use super::ffi;
use crate::error::{GuestError, Result};
use crate::facts::Mount;
use crate::hive::Hive;

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

/// Whether the guest's disks may be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// The disks are attached read-only: libguestfs lays its own throw-away overlay over each.
    ReadOnly,
    /// The disks (h2k's overlays, never a source) are attached writable. File systems are still mounted read-only
    /// until [`Session::mount_writable`].
    Writable,
}

/// A disk to attach, always with its format: nothing is probed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drive {
    /// Image file.
    pub path: PathBuf,
    /// QEMU's name of its format (`qcow2`, `raw`).
    pub format: String,
}

/// How the appliance runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaunchOptions {
    /// Software emulation: set unless KVM is proven.
    pub force_tcg: bool,
    /// Virtual CPUs of the appliance.
    pub cpus: u32,
    /// Directory for temporary files; `None` for libguestfs' default.
    pub temp_dir: Option<PathBuf>,
    /// What opens encrypted volumes.
    pub keys: Vec<VolumeKey>,
}

/// A running appliance with the disks of one VM attached. Dropping it ends the appliance.
pub struct Session {
    pub(super) handle: Handle,
    pub(super) access: Access,
    pub(super) temp_dir: Option<PathBuf>,
    pub(super) mounts: Vec<Mount>,
    /// Number of disks that are attached.
    pub(super) disks: usize,
    pub(super) keys: Vec<VolumeKey>,
    /// Devices that lie in encrypted containers, by their names.
    pub(super) encrypted: Vec<String>,
    /// md arrays, by their names.
    pub(super) arrays: Vec<String>,
    /// Registry hives that were read, as they are by now.
    pub(super) hives: RefCell<BTreeMap<String, Rc<Hive>>>,
    /// Those that were read while a volume was mounted alone, by its device.
    pub(super) hives_of: RefCell<BTreeMap<String, BTreeMap<String, Rc<Hive>>>>,
    /// What is new on NTFS and still everybody's.
    pub(super) unprotected: RefCell<Unprotected>,
}

impl Session {
    /// Starts an appliance with `drives` attached in order. Its QEMU is killed when the calling thread ends, by whatever
    /// means: a session is not launched on a thread that ends before it is done with.
    ///
    /// # Errors
    /// [`GuestError::Backend`] with libguestfs' message.
    pub fn launch(drives: &[Drive], access: Access, options: &LaunchOptions) -> Result<Self> {
        let session = Self::prepare(drives, access, options)?;
        let Some(quicker) = session.quicker(options)? else {
            session.start()?;
            return Ok(session);
        };
        match session.start() {
            Ok(()) if quicker.works() => {}
            Ok(()) => quicker.remember(true),
            Err(error) if quicker.works() => return Err(error),
            Err(_) => {
                // Whatever it was, libguestfs' own way is the measure; its error is the one to tell.
                drop(session);
                let session = Self::prepare(drives, access, options)?;
                session.start()?;
                quicker.remember(false);
                return Ok(session);
            }
        }
        Ok(session)
    }

    /// Everything but the start.
    fn prepare(drives: &[Drive], access: Access, options: &LaunchOptions) -> Result<Self> {
        let handle = Handle::create_flags(CreateFlags::new())
            .map_err(|_| backend("creating a libguestfs handle", "out of memory".to_owned()))?;
        ffi::silence(&handle);
        let session = Self {
            handle,
            access,
            temp_dir: options.temp_dir.clone(),
            mounts: Vec::new(),
            disks: drives.len(),
            keys: options.keys.clone(),
            encrypted: Vec::new(),
            arrays: Vec::new(),
            hives: RefCell::default(),
            hives_of: RefCell::default(),
            unprotected: RefCell::default(),
        };
        session.configure(options)?;
        for (index, drive) in drives.iter().enumerate() {
            session.attach(drive, &label(index))?;
        }
        Ok(session)
    }

    /// Points libguestfs to an appliance whose kernel is unpacked, where there is one and it makes a difference.
    fn quicker(&self, options: &LaunchOptions) -> Result<Option<Prepared>> {
        if !options.force_tcg {
            return Ok(None);
        }
        let doing = "looking for the libguestfs appliance";
        let cache = self.ask(doing, |g| g.get_cachedir())?;
        let path = self.ask(doing, |g| g.get_path())?;
        let found = Prepared::find(Path::new(&cache), path);
        if let Some(path) = found.as_ref().and_then(Prepared::path) {
            self.ask(doing, |g| g.set_path(Some(path)))?;
        }
        Ok(found)
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
            self.start_sooner(doing)?;
        }
        self.ask(doing, |g| g.set_smp(i32::try_from(options.cpus).unwrap_or(1).max(1)))?;
        self.ask(doing, |g| g.set_network(false))?;
        // Its overlays lie with what is removed after us also where we are killed. libguestfs takes no path that is not UTF-8.
        if let Some(dir) = options.temp_dir.as_deref().and_then(Path::to_str) {
            self.ask(doing, |g| g.set_tmpdir(Some(dir)))?;
        }
        let memory = if options.keys.is_empty() { MEMORY_MIB } else { MEMORY_FOR_KEYS_MIB };
        self.ask(doing, |g| g.set_memsize(memory))?;
        if !options.keys.is_empty() {
            // libguestfs' own logs, which its environment variables turn on, show what a key is made of.
            self.ask(doing, |g| g.set_trace(false))?;
            self.ask(doing, |g| g.set_verbose(false))?;
        }
        self.ask(doing, |g| g.set_autosync(true))
    }

    /// Adds what makes the appliance's start short to what the user's environment gives its kernel.
    fn start_sooner(&self, doing: &str) -> Result<()> {
        let given = self.ask(doing, |g| g.get_append().map(|given| given.map(str::to_owned)))?;
        let ours = init::arguments();
        let both = given.map_or_else(|| ours.clone(), |given| format!("{given} {ours}"));
        self.ask(doing, |g| g.set_append(Some(&both)))
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
            iface: None,
            name: None,
            label: Some(label),
            protocol: None,
            server: None,
            username: None,
            secret: None,
            copyonread: None,
        };
        self.ask(&format!("attaching {path}"), |g| g.add_drive(path, args))
    }

    /// Discards the free space of every mounted file system in the overlays, so that CONVERT does not copy it.
    /// Returns the mount points that could not be trimmed, with the reason.
    pub fn trim(&self) -> Vec<(String, String)> {
        let none = FstrimOptArgs { offset: None, length: None, minimumfreeextent: None };
        self.mounts
            .iter()
            .filter_map(|m| {
                let doing = format!("trimming {}", m.mountpoint);
                if self.encrypted.contains(&m.device) {
                    // An open container passes no discards on unless told to (crypttab(5), `discard`): which of its
                    // blocks are free is part of what it keeps secret.
                    return Some((m.mountpoint.clone(), "it is on an encrypted volume".to_owned()));
                }
                self.ask(&doing, |g| g.fstrim(&m.mountpoint, FstrimOptArgs { ..none }))
                    .err()
                    .map(|e| (m.mountpoint.clone(), e.to_string()))
            })
            .collect()
    }

    /// Unmounts everything and has the disks' content in the overlays, as it is now. [`Session::mount_writable`] goes on.
    ///
    /// # Errors
    /// A file system cannot be unmounted, or not be written out.
    pub fn settle(&self) -> Result<()> {
        self.protect()?;
        self.ask("unmounting the guest's file systems", |g| g.umount_all())?;
        // It flushes every disk too (guestfs(3), guestfs_sync), upon which QEMU writes what it holds of a qcow2's
        // tables: also with the cache mode "unsafe", which leaves out only the host's fsync (QEMU, block/io.c,
        // bdrv_co_flush).
        self.ask("writing out the guest's file systems", |g| g.sync())
    }

    /// Unmounts everything and ends the appliance, so that the overlays are complete.
    ///
    /// # Errors
    /// The appliance could not flush or did not end well: the overlays are not to be used.
    pub fn shutdown(self) -> Result<()> {
        self.protect()?;
        self.ask("unmounting the guest's file systems", |g| g.umount_all())?;
        self.take_apart();
        self.ask("shutting the appliance down", |g| g.shutdown())
    }

    /// Runs a libguestfs call and gives its error a text.
    pub(super) fn ask<T, E>(
        &self,
        doing: &str,
        call: impl FnOnce(&Handle) -> std::result::Result<T, E>,
    ) -> Result<T> {
        call(&self.handle).map_err(|_| self.failed(doing, ffi::last_error(&self.handle).0))
    }

    /// The error of a call that failed: the guest's, or that of an appliance that is gone.
    fn failed(&self, doing: &str, message: String) -> GuestError {
        let state = |asked: std::result::Result<bool, guestfs::Error>| asked.unwrap_or_default();
        if state(self.handle.is_config()) || state(self.handle.is_ready()) {
            return backend(doing, message);
        }
        GuestError::Appliance { doing: doing.to_owned(), message }
    }

    /// As [`Session::ask`], `None` where the call fails with one of `errnos`.
    pub(super) fn ask_unless<T, E>(
        &self,
        errnos: &[i32],
        doing: &str,
        call: impl FnOnce(&Handle) -> std::result::Result<T, E>,
    ) -> Result<Option<T>> {
        match call(&self.handle) {
            Ok(value) => Ok(Some(value)),
            Err(_) => match ffi::last_error(&self.handle) {
                (_, errno) if errnos.contains(&errno) => Ok(None),
                (message, _) => Err(self.failed(doing, message)),
            },
        }
    }
}

/// Label of a disk in the appliance: lower-case letters only (guestfs(3), "DISK LABELS"). The kernel may number SCSI
/// disks in another order than that in which they were attached.
pub(super) fn label(index: usize) -> String {
    let digits = index.to_string();
    let letters = digits.bytes().map(|d| char::from(b'a' + d.saturating_sub(b'0')));
    std::iter::once('d').chain(letters).collect()
}

/// A path as libguestfs takes it.
pub(super) fn text(path: &Path) -> Result<&str> {
    path.to_str().ok_or_else(|| GuestError::Unsupported(format!("{}: the path is not UTF-8", path.display())))
}

fn backend(doing: &str, message: String) -> GuestError {
    GuestError::Backend { doing: doing.to_owned(), message }
}
