//! What is seen, and what is decided.

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
fn a_stop_code_and_a_screen_are_told() {
    let panicked = Seen { panicked: true, stop_code: Some("stop code 0x0000007B (X)"), ..at(9) };
    let reason = "the guest reported a panic after 9 s: stop code 0x0000007B (X)";
    assert_eq!(judge().look(&panicked), stop(Outcome::Failed, reason));
    let shown = Seen { screen: Some("the screen is empty (black)"), ..at(100) };
    let reason = "after 100 s the guest showed no system on the serial port, no agent answered and no frame came; the \
                  screen is empty (black)";
    assert_eq!(judge().look(&shown), stop(Outcome::Unproven, reason));
    // A screen alone is no reason to go on or to stop.
    assert_eq!(judge().look(&Seen { screen: Some("x"), ..at(99) }), Step::Wait);
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
    let link_local = |s| Seen { login: Some("web login:"), spoke: vec!["m1"], more_may_come: true, ..at(s) };
    assert_eq!(judge.look(&link_local(30)), Step::Wait);
    assert_eq!(judge.look(&link_local(40)), Step::Wait);
    assert!(matches!(judge.look(&link_local(50)), Step::Stop(Outcome::Booted, _)));
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
fn a_machine_that_is_emulated_too_slowly_proves_nothing() {
    let line = "[    0.5] Kernel panic - not syncing: IO-APIC + timer doesn't work!  Boot with apic=debug";
    let late = finding(Sign::NoTimer, line);
    let reason = format!("the kernel saw no tick of its timer: {line}");
    for (emulated, sign, outcome) in [(true, &late, Outcome::Unproven), (false, &late, Outcome::Failed)] {
        let mut judge = judge().emulated(emulated);
        let seen = |s| Seen { failure: Some(sign), ..at(s) };
        assert_eq!(judge.look(&seen(2)), Step::Wait);
        assert_eq!(judge.look(&seen(3)), stop(outcome, &reason));
    }
    let panic = finding(Sign::KernelPanic, "Kernel panic - not syncing: x");
    let mut judge = judge().emulated(true);
    let seen = |s| Seen { failure: Some(&panic), ..at(s) };
    assert_eq!(judge.look(&seen(2)), Step::Wait);
    assert!(matches!(judge.look(&seen(3)), Step::Stop(Outcome::Failed, _)));
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
