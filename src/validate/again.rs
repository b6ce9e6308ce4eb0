//! When a guest is booted once more.

use std::fmt;

use super::console::{Finding, Sign};
use super::verdict::{Accel, Outcome, Verdict};
use super::watch::Watch;

/// Why a boot said nothing of the guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    /// The emulated machine was too slow for the guest's kernel.
    Starved,
    /// QEMU ended by itself: an assertion of its own failed, or the host killed it.
    EmulatorEnded,
    /// The emulated machine's processors waited for each other until the time was over.
    Stalled,
}

impl Again {
    /// Why the boot that ended with this verdict is made once more, if it is. `several` processors with a thread each were
    /// emulated.
    pub fn after(verdict: &Verdict, watch: &Watch, several: bool) -> Option<Self> {
        let late = |f: &Finding| f.sign == Sign::NoTimer;
        let emulated = verdict.evidence.accel == Some(Accel::Tcg);
        let stalled = || watch.console.hints().iter().any(|f| f.sign == Sign::Stalled);
        match verdict.outcome {
            _ if emulated && verdict.evidence.failure.as_ref().is_some_and(late) => Some(Self::Starved),
            Outcome::Unproven if watch.emulator_ended => Some(Self::EmulatorEnded),
            Outcome::Unproven if emulated && several && stalled() => Some(Self::Stalled),
            _ => None,
        }
    }

    /// Whether QEMU's own threads are what may have kept the guest from booting.
    pub fn is_of_threads(self) -> bool {
        matches!(self, Self::EmulatorEnded | Self::Stalled)
    }
}

impl fmt::Display for Again {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Starved => "the host was too busy for the emulated machine",
            Self::EmulatorEnded => "QEMU ended by itself",
            Self::Stalled => "the emulated machine's processors waited for each other",
        })
    }
}
