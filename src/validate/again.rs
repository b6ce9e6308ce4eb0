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
}

impl Again {
    /// Why the boot that ended with this verdict is made once more, if it is.
    pub fn after(verdict: &Verdict, watch: &Watch) -> Option<Self> {
        let late = |f: &Finding| f.sign == Sign::NoTimer;
        if verdict.evidence.accel == Some(Accel::Tcg) && verdict.evidence.failure.as_ref().is_some_and(late) {
            Some(Self::Starved)
        } else {
            (watch.emulator_ended && verdict.outcome == Outcome::Unproven).then_some(Self::EmulatorEnded)
        }
    }
}

impl fmt::Display for Again {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Starved => "the host was too busy for the emulated machine",
            Self::EmulatorEnded => "QEMU ended by itself",
        })
    }
}
