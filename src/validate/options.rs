//! What the caller of a boot test may choose.

use std::path::{Path, PathBuf};
use std::time::Duration;

use h2k_fixers::readiness::Readiness;

use crate::error::Failure;

use super::verdict::Accel;

/// Changes the throw-away overlays (one per disk, in order) before the boot, and looks at them. It never sees the disks
/// themselves.
pub type Prepare<'a> = &'a dyn Fn(&[PathBuf]) -> Result<Prepared, Failure>;

/// What a [`Prepare`] hook did and found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prepared {
    /// It added a serial console.
    pub console_added: bool,
    /// The links of the boot chain, if it looked at them. With a broken one the guest is not booted.
    pub readiness: Option<Readiness>,
}

/// Options of a boot test.
#[derive(Clone)]
pub struct BootOptions<'a> {
    /// Time that the guest has to prove itself; by default 120 s with KVM and 300 s without, for Windows 300 s and 1200 s: it
    /// installs drivers and may reset on its way.
    pub timeout: Option<Duration>,
    /// Time after the proof in which the other NICs may speak and a late failure may show; by default 10 s with KVM
    /// and 20 s without. It ends early when every connected NIC has told an address and the agent, if
    /// there is one, has answered.
    pub settle: Option<Duration>,
    /// Time from the guest's first frame until frames alone are taken as the proof: a console or agent says more, and
    /// a failure may still show. By default 15 s with KVM and 45 s without.
    pub network_grace: Option<Duration>,
    /// What to run with; by default KVM if it is proven, else TCG.
    pub accel: Option<Accel>,
    /// Most memory that the test VM gets, in bytes.
    pub memory_limit: u64,
    /// Most CPUs that the test VM gets; by default as many as the host has, and one without KVM.
    pub cpu_limit: Option<u32>,
    /// Most bytes that the guest may write to its overlays, all together.
    pub overlay_limit: u64,
    /// Resets that a guest may do on its way: shim writes its boot entries and resets, SELinux labels all files and
    /// resets, Windows installs drivers and resets.
    pub max_resets: u32,
    /// Directory for the overlays; by default the system's for temporary files.
    pub scratch: Option<PathBuf>,
    /// The links of the boot chain, where they are known. With a broken one the guest is not booted.
    pub readiness: Option<Readiness>,
    /// Run on the overlays before the boot.
    pub prepare: Option<Prepare<'a>>,
}

impl Default for BootOptions<'_> {
    fn default() -> Self {
        Self {
            timeout: None,
            settle: None,
            network_grace: None,
            accel: None,
            memory_limit: 4 << 30,
            cpu_limit: None,
            overlay_limit: 16 << 30,
            max_resets: 3,
            scratch: None,
            readiness: None,
            prepare: None,
        }
    }
}

impl std::fmt::Debug for BootOptions<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BootOptions")
            .field("timeout", &self.timeout)
            .field("accel", &self.accel)
            .field("prepare", &self.prepare.is_some())
            .finish_non_exhaustive()
    }
}

/// The times of a run, resolved for its accelerator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Times {
    pub timeout: Duration,
    pub settle: Duration,
    pub network_grace: Duration,
}

impl BootOptions<'_> {
    pub(super) fn times(&self, accel: Accel, windows: bool) -> Times {
        let (timeout, settle, grace) = match (accel, windows) {
            (Accel::Kvm, false) => (120, 10, 15),
            (Accel::Kvm, true) => (300, 10, 15),
            (Accel::Tcg, false) => (300, 20, 45),
            (Accel::Tcg, true) => (1200, 20, 45),
        };
        let or = |given: Option<Duration>, seconds: u64| given.unwrap_or(Duration::from_secs(seconds));
        Times {
            timeout: or(self.timeout, timeout),
            settle: or(self.settle, settle),
            network_grace: or(self.network_grace, grace),
        }
    }

    pub(super) fn scratch_dir(&self) -> PathBuf {
        self.scratch.as_deref().map_or_else(std::env::temp_dir, Path::to_owned)
    }
}
