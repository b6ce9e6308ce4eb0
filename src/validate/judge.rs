//! Decides when a boot test is over, from what was seen. Pure: no clock, no files.
//!
//! ```text
//!  waiting ── login prompt, agent, frames ──► proven ── every NIC spoke, or settled ──► BOOTED
//!     │  ▲                                      │ │
//!     │  └────────── the guest resets ──────────┘ │
//!     ├── a definite failure, power-off ◄─────────┘ (a failure counts after a proof also)
//!     │         └──► FAILED
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
    /// pvpanic said so.
    pub panicked: bool,
    /// The guest powered itself off.
    pub powered_off: bool,
    /// Resets by the guest.
    pub resets: u32,
    /// MAC addresses of connected NICs on which an operating system spoke since the last reset.
    pub spoke: Vec<&'a str>,
    /// Those on which none did.
    pub silent: Vec<&'a str>,
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
    resets: u32,
    failing: Option<Duration>,
    first_frame: Option<Duration>,
    proven: Option<(Duration, String)>,
}

impl Judge {
    /// At power-on.
    pub fn new(times: Times, max_resets: u32) -> Self {
        Self { times, max_resets, resets: 0, failing: None, first_frame: None, proven: None }
    }

    /// When the guest proved itself.
    pub fn proven_after(&self) -> Option<Duration> {
        self.proven.as_ref().map(|(at, _)| *at)
    }

    /// Decides.
    pub fn look(&mut self, seen: &Seen<'_>) -> Step {
        if let Some(reason) = self.failed(seen) {
            return Step::Stop(Outcome::Failed, reason);
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
            if seen.silent.is_empty() || settled || seen.powered_off || seen.stop.is_some() {
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
            return Some(format!("the guest reported a panic after {seconds} s"));
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
        if let Some(stop) = seen.stop {
            return Step::Stop(Outcome::Unproven, format!("stopped after {seconds} s: {stop}"));
        }
        if seen.elapsed < self.times.timeout {
            return Step::Wait;
        }
        let console =
            if seen.console { "printed no login prompt" } else { "showed no system on the serial port" };
        let hints = explain(seen.hints);
        let reason =
            format!("after {seconds} s the guest {console}, no agent answered and no frame came{hints}");
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
        (Some(hint), Sign::InitramfsShell | Sign::GrubShell | Sign::UefiShell) => format!("{words}: {}", hint.line),
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
mod tests {
    use super::*;

    const TIMES: Times = Times {
        timeout: Duration::from_secs(100),
        settle: Duration::from_secs(20),
        network_grace: Duration::from_secs(30),
    };

    fn judge() -> Judge {
        Judge::new(TIMES, 2)
    }

    fn at(seconds: u64) -> Seen<'static> {
        Seen { elapsed: Duration::from_secs(seconds), ..Seen::default() }
    }

    fn stop(outcome: Outcome, reason: &str) -> Step {
        Step::Stop(outcome, reason.to_owned())
    }

    fn finding(sign: Sign, line: &str) -> Finding {
        Finding { sign, line: line.to_owned() }
    }

    #[test]
    fn a_prompt_is_proof_and_nics_are_waited_for() {
        let mut judge = judge();
        assert_eq!(judge.look(&at(5)), Step::Wait);
        let login = |s| Seen { login: Some("web login:"), silent: vec!["m1"], ..at(s) };
        assert_eq!(judge.look(&login(30)), Step::Wait);
        assert_eq!(judge.look(&login(40)), Step::Wait);
        let reason = "login prompt \"web login:\" on the serial console after 30 s; no frame from m1";
        assert_eq!(judge.look(&login(50)), stop(Outcome::Booted, reason));
        assert_eq!(judge.proven_after(), Some(Duration::from_secs(30)));
        let mut judge = self::judge();
        let all = Seen { agent: true, spoke: vec!["m1"], ..at(9) };
        assert_eq!(judge.look(&all), stop(Outcome::Booted, "the guest agent answered after 9 s"));
    }

    #[test]
    fn a_failure_counts_even_after_a_proof_and_its_text_is_waited_for() {
        let mut judge = judge();
        let panic = finding(Sign::KernelPanic, "Kernel panic - not syncing: x");
        let hints = [finding(Sign::GrubError, "error: y"), finding(Sign::RootMissing, "ALERT! z")];
        assert_eq!(judge.look(&Seen { login: Some("a login:"), silent: vec!["m"], ..at(1) }), Step::Wait);
        let seen = |s| Seen { login: Some("a login:"), failure: Some(&panic), hints: &hints, ..at(s) };
        assert_eq!(judge.look(&seen(2)), Step::Wait);
        let reason = "the kernel panicked: Kernel panic - not syncing: x; ALERT! z";
        assert_eq!(judge.look(&seen(3)), stop(Outcome::Failed, reason));
    }

    #[test]
    fn a_shell_is_explained_by_what_came_before_it() {
        let (gave_up, alert) =
            (finding(Sign::RootMissing, "Gave up waiting"), finding(Sign::RootMissing, "ALERT! /dev/sda1"));
        let hints = [finding(Sign::GrubError, "error: x"), gave_up, alert];
        let reason = |sign, line: &str| failure_reason(&finding(sign, line), &hints);
        let shell = "the initramfs stopped at a shell: ALERT! /dev/sda1";
        assert_eq!(reason(Sign::InitramfsShell, "(initramfs)"), shell);
        let emergency = "the system stopped in emergency mode: You are in; Gave up waiting";
        assert_eq!(reason(Sign::EmergencyMode, "You are in"), emergency);
        assert_eq!(reason(Sign::UefiShell, "Shell>"), "the firmware started its shell: Shell>");
    }

    #[test]
    fn frames_alone_are_proof_when_nothing_better_can_come() {
        let frames = |s, console| Seen { spoke: vec!["m1"], console, ..at(s) };
        let mut quiet = judge();
        assert_eq!(quiet.look(&frames(10, false)), Step::Wait);
        assert_eq!(quiet.look(&frames(39, false)), Step::Wait);
        assert_eq!(quiet.look(&frames(40, false)), stop(Outcome::Booted, "frames from m1 after 40 s"));
        let mut talking = judge();
        assert_eq!(talking.look(&frames(10, true)), Step::Wait);
        assert_eq!(talking.look(&frames(99, true)), Step::Wait);
        assert_eq!(talking.look(&frames(100, true)), stop(Outcome::Booted, "frames from m1 after 100 s"));
    }

    #[test]
    fn a_reset_starts_over_and_too_many_are_a_failure() {
        let mut judge = judge();
        assert_eq!(judge.look(&Seen { login: Some("a login:"), silent: vec!["m"], ..at(1) }), Step::Wait);
        assert_eq!(judge.look(&Seen { resets: 1, silent: vec!["m"], ..at(2) }), Step::Wait);
        assert_eq!(judge.look(&Seen { resets: 1, silent: vec!["m"], ..at(50) }), Step::Wait);
        let reason = "the guest reset itself 3 times without coming up";
        assert_eq!(judge.look(&Seen { resets: 3, ..at(60) }), stop(Outcome::Failed, reason));
    }

    #[test]
    fn ends_without_proof_are_no_success() {
        let reason = "the guest powered itself off after 7 s without having come up";
        assert_eq!(judge().look(&Seen { powered_off: true, ..at(7) }), stop(Outcome::Failed, reason));
        let reason = "the guest reported a panic after 7 s";
        assert_eq!(judge().look(&Seen { panicked: true, ..at(7) }), stop(Outcome::Failed, reason));
        let reason = "stopped after 7 s: full";
        assert_eq!(judge().look(&Seen { stop: Some("full"), ..at(7) }), stop(Outcome::Unproven, reason));
        let hints = [finding(Sign::RootMissing, "Warning: /dev/x")];
        let reason = "after 100 s the guest printed no login prompt, no agent answered and no frame came; \
                      it printed: Warning: /dev/x";
        let seen = Seen { console: true, hints: &hints, ..at(100) };
        assert_eq!(judge().look(&seen), stop(Outcome::Unproven, reason));
    }
}
