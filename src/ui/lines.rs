//! Events as lines for people, and how often progress is worth one.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::escape;
use crate::event::Event;
use crate::stage::Stage;

/// Shortest time between two lines of progress of one VM. A log of an hour's copy stays readable.
const EVERY: Duration = Duration::from_secs(10);

/// Least progress between two lines that say the same otherwise, in percent.
const STEP: u64 = 10;

/// An event as a line; `None` where it is not worth one.
pub fn line(event: &Event, verbose: bool) -> Option<String> {
    Some(match event {
        Event::StageStarted { vm, stage } => format!("{}{stage} ...", of(vm)),
        Event::StageResumed { vm, stage } => format!("{}{stage}: done in an earlier run", of(vm)),
        Event::Progress { vm, stage, done, total, message } => progress(vm, *stage, *done, *total, message),
        Event::StageDone { vm, stage, seconds, summary } => {
            format!("{}{stage}: {} ({seconds:.1} s)", of(vm), or_done(summary))
        }
        Event::Warning { vm, message } => format!("{}warning: {}", of(vm), escape::line(message)),
        Event::Note { vm, message } if verbose => format!("{}{}", of(vm), escape::line(message)),
        Event::Command { argv } if verbose => format!("+ {}", command(argv)),
        Event::Note { .. } | Event::Command { .. } => return None,
    })
}

/// Progress as a line.
pub fn progress(vm: &str, stage: Stage, done: u64, total: u64, message: &str) -> String {
    let message = escape::line(message);
    let comma = if message.is_empty() { "" } else { ", " };
    format!("{}{stage}: {} %{comma}{message}", of(vm), percent(done, total))
}

/// What is done, in percent; 0 of 0 is nothing yet.
pub fn percent(done: u64, total: u64) -> u64 {
    let percent = u128::from(done).saturating_mul(100).checked_div(u128::from(total)).unwrap_or(0);
    u64::try_from(percent.min(100)).unwrap_or(100)
}

fn of(vm: &str) -> String {
    if vm.is_empty() { String::new() } else { format!("{}: ", escape::line(vm)) }
}

fn or_done(summary: &str) -> String {
    if summary.is_empty() { "done".to_owned() } else { escape::line(summary).into_owned() }
}

/// A program's arguments as a shell would take them.
fn command(argv: &[String]) -> String {
    let plain = |arg: &str| {
        !arg.is_empty() && arg.chars().all(|c| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c))
    };
    let quoted = argv.iter().map(|arg| {
        if plain(arg) { arg.clone() } else { format!("'{}'", escape::line(arg).replace('\'', "'\\''")) }
    });
    quoted.collect::<Vec<_>>().join(" ")
}

/// What was told last of each VM's progress.
#[derive(Default)]
pub struct Throttle {
    last: HashMap<String, Told>,
}

struct Told {
    at: Instant,
    stage: Stage,
    percent: u64,
    message: String,
}

impl Throttle {
    /// Whether progress is worth a line now: [`EVERY`] has passed since the last, and it says something else or is
    /// [`STEP`] further. The first of a stage waits too, for the stage itself had a line.
    pub fn due(&mut self, now: Instant, vm: &str, stage: Stage, percent: u64, message: &str) -> bool {
        let told = Told { at: now, stage, percent, message: message.to_owned() };
        let Some(last) = self.last.get(vm).filter(|last| last.stage == stage) else {
            self.last.insert(vm.to_owned(), told);
            return false;
        };
        let further = percent >= last.percent.saturating_add(STEP) || last.message != message;
        let due = further && now.saturating_duration_since(last.at) >= EVERY;
        if due {
            self.last.insert(vm.to_owned(), told);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_told_rarely() {
        let start = Instant::now();
        let mut throttle = Throttle::default();
        let mut told = Vec::new();
        for second in 0..=100 {
            let message = if second < 95 { "disk 0" } else { "disk 1" };
            if throttle.due(start + Duration::from_secs(second), "vm", Stage::Convert, second / 2, message) {
                told.push(second);
            }
        }
        assert_eq!(told, [20, 40, 60, 80, 95], "every 10 %, or another message after 10 s");
    }

    #[test]
    fn a_fast_stage_has_no_progress_lines() {
        let start = Instant::now();
        let mut throttle = Throttle::default();
        for percent in 0..=100 {
            assert!(!throttle.due(start + Duration::from_millis(percent), "vm", Stage::Fix, percent, ""));
        }
    }

    #[test]
    fn percent_never_panics_and_never_exceeds() {
        for (done, total, expected) in [(0, 0, 0), (5, 0, 0), (1, 3, 33), (9, 3, 100), (u64::MAX, u64::MAX, 100)] {
            assert_eq!(percent(done, total), expected);
        }
    }

    #[test]
    fn a_command_can_be_pasted() {
        let argv = ["qemu-img", "info", "it's here.vmdk", "", "\x1b"].map(str::to_owned);
        assert_eq!(command(&argv), r"qemu-img info 'it'\''s here.vmdk' '' '\u{1b}'");
    }
}
