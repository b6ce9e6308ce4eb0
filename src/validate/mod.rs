//! VALIDATE: the proof that a result boots, with the evidence that it rests on.
//!
//! ```text
//!  static_checks ──► boot chain ──► scratch (overlays, firmware, sockets) ──► prepare hook ──► machine (QEMU's arguments)
//!  (a link that is broken ends it here, or at the hook)                                              │
//!  verdict ◄── judge (decides) ◄── watch (console, pcap + traffic, agent, events) ◄── qemu (process, qmp)
//! ```
//!
//! The boot chain is what [`h2k_fixers::readiness`] finds: by FIX of the guest that was copied, by the hook of any other.
//!
//! Only a guest that shows that it came up is proven: a login prompt on its serial console, an answer of its agent,
//! or, if neither can be had, frames of its operating system from a NIC's own address. A failure is only what says so
//! itself: a panic, a shell of the initramfs or the bootloader, a firmware that finds nothing, the stop screen of Windows.
//! Everything else is unproven, and no success. A guest that runs has not come up for that; nor has one that shows something
//! on its screen.
//!
//! The guest is hostile. It runs on throw-away overlays, reaches no network, in a QEMU that reads no configuration
//! and has given up what it does not need; all that it prints, sends and writes is bounded.

mod again;
mod agent;
mod boot;
pub mod console;
mod display;
mod judge;
pub mod junit;
pub mod kvm;
pub mod machine;
mod options;
pub mod pcap;
mod qemu;
mod readiness;
mod scratch;
pub mod screen;
mod static_checks;
mod tail;
#[cfg(test)]
mod tests;
mod tpm;
pub mod traffic;
mod verdict;
mod watch;

pub use boot::boot_test;
pub use junit::junit;
pub use options::{BootOptions, Prepare, Prepared};
pub use readiness::target;
pub use static_checks::{Check, CheckResult, static_checks};
pub use verdict::{Accel, Evidence, NicEvidence, Outcome, ScreenEvidence, Verdict};
