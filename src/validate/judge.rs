//! Decides when a boot test is over, from what was seen. Pure: no clock, no files.
//!
//! ```text
//!  waiting ── login prompt, agent, frames ──► proven ── all evidence is there, or settled ──► BOOTED
//!     │  ▲                                      │ │
//!     │  └────────── the guest resets ──────────┘ │
//!     ├── a definite failure, power-off ◄─────────┘ (a failure counts after a proof also)
//!     │         └──► FAILED; UNPROVEN if it is of a machine that is emulated too slowly
//!     └── time is up, a limit is reached, QEMU is gone ──► UNPROVEN
//! ```

use std::time::Duration;

use super::console::{Finding, Sign};
use super::options::Times;
use super::verdict::Outcome;

/// Time after a failure's line until the test is stopped: what follows the line belongs to the evidence.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// What was seen so far.
#[derive(Debug, Default)]
pub(super) struct Seen<'a> {
    /// Since power-on.
    pub elapsed: Duration,
    /// The line of a failure.
    pub failure: Option<&'a Finding>,
    /// Lines that may explain it.
    pub hints: &'a [Finding],
    /// The login prompt.
    pub login: Option<&'a str>,
    /// An operating system prints on the serial console, so that a prompt may come.
    pub console: bool,
    /// The agent answered.
    pub agent: bool,
    /// The guest said that it panicked.
    pub panicked: bool,
    /// The stop code that it said with it.
    pub stop_code: Option<&'a str>,
    /// What its screen shows, in words.
    pub screen: Option<&'a str>,
    /// The guest powered itself off.
    pub powered_off: bool,
    /// Resets by the guest.
    pub resets: u32,
    /// MAC addresses of connected NICs on which an operating system spoke since the last reset.
    pub spoke: Vec<&'a str>,
    /// Those on which none did.
    pub silent: Vec<&'a str>,
    /// Evidence may still come that says more than what is there: a NIC that has not asked for or told an IPv4
    /// address, an agent whose port is open but which has not answered.
    pub more_may_come: bool,
    /// Why the test cannot go on.
    pub stop: Option<&'a str>,
}

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Look again.
    Wait,
    /// It is over.
    Stop(Outcome, String),
}

/// Remembers when things were first seen.
#[derive(Debug)]
pub(super) struct Judge {
    times: Times,
    max_resets: u32,
    /// The machine is emulated.
    emulated: bool,
    resets: u32,
    failing: Option<Duration>,
    first_frame: Option<Duration>,
    proven: Option<(Duration, String)>,
}

impl Judge {
    /// At power-on.
    pub fn new(times: Times, max_resets: u32) -> Self {
        Self { times, max_resets, emulated: false, resets: 0, failing: None, first_frame: None, proven: None }
    }

    /// The same of a machine that QEMU emulates, whose clock runs on while the host keeps it waiting.
    #[must_use]
    pub fn emulated(self, emulated: bool) -> Self {
        Self { emulated, ..self }
    }

    /// When the guest proved itself.
    pub fn proven_after(&self) -> Option<Duration> {
        self.proven.as_ref().map(|(at, _)| *at)
    }

    /// Decides.
    pub fn look(&mut self, seen: &Seen<'_>) -> Step {
        if let Some(reason) = self.failed(seen) {
            let starved = self.emulated && seen.failure.is_some_and(|f| f.sign == Sign::NoTimer);
            return Step::Stop(if starved { Outcome::Unproven } else { Outcome::Failed }, reason);
        }
        if self.failing.is_some() {
            return Step::Wait;
        }
        if seen.resets > self.resets {
            // Firmware and system start over: so does the proof.
            self.resets = seen.resets;
            self.proven = None;
            self.first_frame = None;
        }
        if self.first_frame.is_none() && !seen.spoke.is_empty() {
            self.first_frame = Some(seen.elapsed);
        }
        if self.proven.is_none() {
            self.proven = self.proof(seen).map(|proof| (seen.elapsed, proof));
        }
        if let Some((at, proof)) = &self.proven {
            let settled = seen.elapsed.saturating_sub(*at) >= self.times.settle;
            let all_there = seen.silent.is_empty() && !seen.more_may_come;
            if all_there || settled || seen.powered_off || seen.stop.is_some() {
                return Step::Stop(Outcome::Booted, booted(*at, proof, &seen.silent));
            }
            return Step::Wait;
        }
        self.unproven(seen)
    }

    fn failed(&mut self, seen: &Seen<'_>) -> Option<String> {
        let seconds = seen.elapsed.as_secs();
        if let Some(failure) = seen.failure {
            let since = *self.failing.get_or_insert(seen.elapsed);
            let over = seen.elapsed.saturating_sub(since) >= AFTER_FAILURE || seen.stop.is_some();
            return over.then(|| failure_reason(failure, seen.hints));
        }
        if seen.panicked {
            let code = seen.stop_code.map_or_else(String::new, |code| format!(": {code}"));
            return Some(format!("the guest reported a panic after {seconds} s{code}"));
        }
        if seen.resets > self.max_resets {
            return Some(format!("the guest reset itself {} times without coming up", seen.resets));
        }
        (seen.powered_off && self.proven.is_none() && self.proof(seen).is_none())
            .then(|| format!("the guest powered itself off after {seconds} s without having come up"))
    }

    fn proof(&self, seen: &Seen<'_>) -> Option<String> {
        if let Some(login) = seen.login {
            return Some(format!("login prompt {login:?} on the serial console"));
        }
        if seen.agent {
            return Some("the guest agent answered".to_owned());
        }
        // Frames say less than a prompt, so while the console may still show one, time must be up.
        let waited = seen.elapsed.saturating_sub(self.first_frame?);
        let time_up = seen.elapsed >= self.times.timeout;
        let enough = if seen.console { time_up } else { time_up || waited >= self.times.network_grace };
        (enough && !seen.spoke.is_empty()).then(|| format!("frames from {}", seen.spoke.join(", ")))
    }

    fn unproven(&self, seen: &Seen<'_>) -> Step {
        let seconds = seen.elapsed.as_secs();
        let screen = seen.screen.map_or_else(String::new, |screen| format!("; {screen}"));
        if let Some(stop) = seen.stop {
            return Step::Stop(Outcome::Unproven, format!("stopped after {seconds} s: {stop}{screen}"));
        }
        if seen.elapsed < self.times.timeout {
            return Step::Wait;
        }
        let console =
            if seen.console { "printed no login prompt" } else { "showed no system on the serial port" };
        let hints = explain(seen.hints);
        let reason = format!(
            "after {seconds} s the guest {console}, no agent answered and no frame came{hints}{screen}"
        );
        Step::Stop(Outcome::Unproven, reason)
    }
}

fn booted(at: Duration, proof: &str, silent: &[&str]) -> String {
    let silent = match silent {
        [] => String::new(),
        _ => format!("; no frame from {}", silent.join(", ")),
    };
    format!("{proof} after {} s{silent}", at.as_secs())
}

fn failure_reason(failure: &Finding, hints: &[Finding]) -> String {
    // What a shell or a panic is about stands in the lines before it. Of several, systemd's first names the device
    // and the rest what depended on it; the others come to the point last.
    let mut telling = hints.iter().filter(|h| explains(failure.sign, h.sign));
    let telling = match failure.sign {
        Sign::EmergencyMode => telling.next(),
        _ => telling.next_back(),
    };
    let words = failure.sign.words();
    match (telling, failure.sign) {
        // The line is only a prompt.
        (Some(hint), Sign::InitramfsShell | Sign::GrubShell | Sign::UefiShell) => {
            format!("{words}: {}", hint.line)
        }
        (Some(hint), _) => format!("{words}: {}; {}", failure.line, hint.line),
        (None, _) => format!("{words}: {}", failure.line),
    }
}

fn explains(failure: Sign, hint: Sign) -> bool {
    match failure {
        Sign::InitramfsShell | Sign::KernelPanic => hint == Sign::RootMissing,
        Sign::EmergencyMode => matches!(hint, Sign::RootMissing | Sign::MountFailed),
        Sign::GrubShell => hint == Sign::GrubError,
        Sign::NothingToBoot | Sign::UefiShell => hint == Sign::EntryFailed,
        _ => false,
    }
}

fn explain(hints: &[Finding]) -> String {
    hints.last().map_or_else(String::new, |h| format!("; it printed: {}", h.line))
}

#[cfg(test)]
mod tests;
