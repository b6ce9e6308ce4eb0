//! Events as lines for people.

use super::escape;
use crate::event::Event;
use crate::stage::Stage;

/// An event as a line; `None` where it is not worth one.
pub(super) fn line(event: &Event, verbose: bool) -> Option<String> {
    Some(match event {
        Event::StageStarted { vm, stage } => format!("{}{stage} ...", of(vm)),
        Event::StageResumed { vm, stage } => format!("{}{stage}: done in an earlier run", of(vm)),
        Event::Progress { vm, stage, done, total, message } => progress(vm, *stage, *done, *total, message),
        Event::StageDone { vm, stage, seconds, summary } => {
            format!("{}{stage}: {} ({seconds:.1} s)", of(vm), or_done(summary))
        }
        Event::Warning { vm, message } => format!("{}warning: {}", of(vm), escape::line(message)),
        Event::Note { vm, message } if verbose => format!("{}{}", of(vm), escape::line(message)),
        Event::Total { batch, done, failed, running, total } => {
            format!("{}: {}", escape::line(batch), standing(*done, *failed, *running, *total))
        }
        Event::Command { argv } if verbose => format!("+ {}", command(argv)),
        Event::Note { .. } | Event::Command { .. } => return None,
    })
}

/// How a batch stands: `3 of 20 done, 1 failed, 2 running`.
pub fn standing(done: usize, failed: usize, running: usize, total: usize) -> String {
    let failed = if failed > 0 { format!(", {failed} failed") } else { String::new() };
    let running = if running > 0 { format!(", {running} running") } else { String::new() };
    format!("{done} of {total} done{failed}{running}")
}

/// How far a stage of a VM is.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_never_panics_and_never_exceeds() {
        for (done, total, expected) in
            [(0, 0, 0), (5, 0, 0), (1, 3, 33), (9, 3, 100), (u64::MAX, u64::MAX, 100)]
        {
            assert_eq!(percent(done, total), expected);
        }
    }

    #[test]
    fn a_command_can_be_pasted() {
        let argv = ["qemu-img", "info", "it's here.vmdk", "", "\x1b"].map(str::to_owned);
        assert_eq!(command(&argv), r"qemu-img info 'it'\''s here.vmdk' '' '\u{1b}'");
    }
}
