//! The appliance: who may write, what is asked of it, shutdown.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use guestfs::{FstrimOptArgs, Handle};

use super::acl::Unprotected;
use super::encrypted::VolumeKey;
use super::ffi;
use crate::error::{GuestError, Result};
use crate::facts::Mount;
use crate::hive::Hive;

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
    /// Root device of the system that is looked into where the disks hold several.
    pub root: Option<String>,
}

/// A running appliance with the disks of one VM attached. Dropping it ends the appliance.
pub struct Session {
    pub(super) handle: Handle,
    /// Overlays over what is only read, where libguestfs does not make them itself.
    pub(super) overlays: Option<tempfile::TempDir>,
    pub(super) access: Access,
    pub(super) temp_dir: Option<PathBuf>,
    pub(super) mounts: Vec<Mount>,
    /// Number of disks that are attached.
    pub(super) disks: usize,
    pub(super) keys: Vec<VolumeKey>,
    pub(super) root: Option<String>,
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
    /// One that is not started yet.
    pub(super) fn new(handle: Handle, disks: usize, access: Access, options: &LaunchOptions) -> Self {
        Self {
            handle,
            overlays: None,
            access,
            temp_dir: options.temp_dir.clone(),
            mounts: Vec::new(),
            disks,
            keys: options.keys.clone(),
            root: options.root.clone(),
            encrypted: Vec::new(),
            arrays: Vec::new(),
            hives: RefCell::default(),
            hives_of: RefCell::default(),
            unprotected: RefCell::default(),
        }
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
        call(&self.handle).map_err(|_| self.failed(doing, ffi::last_error(&self.handle)))
    }

    /// The error of a call that failed: the guest's, or that of an appliance that is gone.
    fn failed(&self, doing: &str, (message, errno): (String, i32)) -> GuestError {
        let state = |asked: std::result::Result<bool, guestfs::Error>| asked.unwrap_or_default();
        // Before it is ready, it is the host that has no room for it.
        if errno == ENOSPC && state(self.handle.is_ready()) {
            return GuestError::NoRoom { doing: doing.to_owned(), message };
        }
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
                last => Err(self.failed(doing, last)),
            },
        }
    }
}

/// `ENOSPC`, errno(3): also where a file system has no more files to give.
const ENOSPC: i32 = 28;

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

pub(super) fn backend(doing: &str, message: String) -> GuestError {
    GuestError::Backend { doing: doing.to_owned(), message }
}
