//! What a boot test writes and throws away: overlays over the result's disks, the firmware's variables, sockets.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use h2k_config::TargetFormat;

use crate::emit::domain::{Domain, TargetFirmware};
use crate::error::{Doing, Failure, FailureKind};
use crate::exec::{Exec, ExecError};
use crate::temporary::{Purpose, Temporary};

use super::machine::TestDisk;
use super::machine::firmware::{self, Ovmf};
use super::options::BootOptions;
use super::static_checks::kept_base;

/// Longest path of a unix socket's directory: a socket's path has 107 bytes (unix(7)), its name here up to 20.
const MAX_SOCKET_DIR: usize = 80;
/// Time for making an overlay, which holds nothing.
const CREATE_LIMIT: Duration = Duration::from_secs(60);

/// Throw-away files; gone when it is dropped.
#[derive(Debug)]
pub(super) struct Scratch {
    /// Overlays and variables.
    pub dir: Temporary,
    /// Sockets.
    pub sockets: Temporary,
    /// Disks, as many as the domain has.
    pub disks: Vec<TestDisk>,
    /// OVMF with a copy of its variables, if the domain wants it.
    pub ovmf: Option<Ovmf>,
}

impl Scratch {
    /// Makes an overlay for each disk of `domain`, which lie in `dir`.
    ///
    /// # Errors
    /// No room or no right to write; `qemu-img` or OVMF are not installed.
    pub fn new(domain: &Domain, dir: &Path, options: &BootOptions<'_>) -> Result<Self, Failure> {
        let parent = options.scratch_dir();
        let scratch = Temporary::new(&parent, Purpose::Boot)?;
        let near = scratch.path().as_os_str().len() <= MAX_SOCKET_DIR;
        let socket_parent = if near { scratch.path() } else { Path::new("/tmp") };
        let sockets = Temporary::new(socket_parent, Purpose::Boot)?;
        let mut disks = Vec::new();
        for (i, disk) in domain.disks.iter().enumerate() {
            let base = std::path::absolute(disk.path_in(dir)).doing(format!("finding disk {i}"))?;
            // Before qemu-img follows what the image refers to.
            let kept_base = kept_base(disk, &base).map_err(|e| {
                Failure::message(FailureKind::NotValidated, format!("{}: {e}", base.display()))
            })?;
            let overlay = scratch.path().join(format!("disk{i}.qcow2"));
            create_overlay(&base, disk.format, &overlay).map_err(failure)?;
            let base_is_device = is_block_device(&base);
            disks.push(TestDisk { overlay, base, format: disk.format, base_is_device, kept_base });
        }
        let ovmf = match domain.firmware {
            TargetFirmware::Bios => None,
            TargetFirmware::Uefi { secure_boot } => Some(copy_of_ovmf(secure_boot, scratch.path())?),
        };
        Ok(Self { dir: scratch, sockets, disks, ovmf })
    }

    /// The overlays, in the order of the disks.
    pub fn overlays(&self) -> Vec<PathBuf> {
        self.disks.iter().map(|d| d.overlay.clone()).collect()
    }

    /// Bytes that the overlays take on the host.
    pub fn overlay_bytes(&self) -> u64 {
        use std::os::unix::fs::MetadataExt;
        let sizes = self.disks.iter().filter_map(|d| fs::metadata(&d.overlay).ok());
        sizes.map(|m| m.blocks().saturating_mul(512)).fold(0, u64::saturating_add)
    }
}

fn create_overlay(base: &Path, format: TargetFormat, overlay: &Path) -> Result<(), ExecError> {
    let format = match format {
        TargetFormat::Qcow2 => "qcow2",
        TargetFormat::Raw => "raw",
    };
    Exec::new("qemu-img")
        .args(["create", "-q", "-f", "qcow2", "-F", format, "-b"])
        .arg(base)
        .arg(overlay)
        .timeout(CREATE_LIMIT)
        .run()
        .map(|_| ())
}

fn is_block_device(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt;
    fs::metadata(path).is_ok_and(|m| m.file_type().is_block_device())
}

fn copy_of_ovmf(secure_boot: bool, dir: &Path) -> Result<Ovmf, Failure> {
    let kind = if secure_boot { "OVMF with Secure Boot" } else { "OVMF" };
    let found = firmware::find(secure_boot).ok_or_else(|| {
        Failure::message(FailureKind::NotValidated, format!("{kind}, the firmware for UEFI guests, is not installed"))
            .hint("install the package ovmf (Debian, Ubuntu), edk2-ovmf (Fedora, RHEL, Arch) or qemu-ovmf-x86_64 (SUSE)")
    })?;
    let vars = dir.join("vars.fd");
    // Not fs::copy: the template's mode may be read-only, and the guest writes.
    let bytes = fs::read(&found.vars).doing(format!("reading {}", found.vars.display()))?;
    fs::write(&vars, bytes).doing("copying the firmware's variables")?;
    Ok(Ovmf { vars, ..found })
}

/// A program that is needed for the test failed: the result is not validated, and may yet be good.
pub(super) fn failure(error: ExecError) -> Failure {
    let kind = match error {
        ExecError::Cancelled => FailureKind::Interrupted,
        _ => FailureKind::NotValidated,
    };
    let hint = error.hint();
    let failure = Failure::new(kind, error);
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}
