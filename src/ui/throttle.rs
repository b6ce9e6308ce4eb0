//! How often progress is worth a line.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use h2k_config::LogFormat;

use crate::stage::Stage;

/// What was told last of each VM's progress, and how soon it is told again.
pub struct Throttle {
    /// Shortest time between two lines of one VM.
    every: Duration,
    /// Least progress between two lines that say the same otherwise, in percent.
    step: u64,
    /// Whether the first progress of a stage is told at once.
    first: bool,
    last: HashMap<String, Told>,
}

struct Told {
    at: Instant,
    stage: Stage,
    percent: u64,
    message: String,
}

impl Throttle {
    /// For people, the log of an hour's copy stays readable, and the stage itself had a line. For programs, a line a
    /// second is enough: qemu-img reports a thousand times.
    pub fn new(format: LogFormat) -> Self {
        let (every, step, first) = match format {
            LogFormat::Text => (Duration::from_secs(10), 10, false),
            LogFormat::Json => (Duration::from_secs(1), 1, true),
        };
        Self { every, step, first, last: HashMap::new() }
    }

    /// Whether progress is worth a line now: the time has passed since the last, and it says something else or is a
    /// step further.
    pub fn due(&mut self, now: Instant, vm: &str, stage: Stage, percent: u64, message: &str) -> bool {
        let due = match self.last.get(vm).filter(|last| last.stage == stage) {
            None => self.first,
            Some(last) => {
                let further = percent >= last.percent.saturating_add(self.step) || last.message != message;
                if !further || now.saturating_duration_since(last.at) < self.every {
                    return false;
                }
                true
            }
        };
        let told = Told { at: now, stage, percent, message: message.to_owned() };
        self.last.insert(vm.to_owned(), told);
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Percents that are told of a copy that makes one in `millis`.
    fn told(format: LogFormat, millis: u64) -> Vec<u64> {
        let start = Instant::now();
        let mut throttle = Throttle::new(format);
        let due = |percent: &u64| {
            let now = start + Duration::from_millis(percent * millis);
            throttle.due(now, "vm", Stage::Convert, *percent, "disk 0")
        };
        (0..=100).filter(due).collect()
    }

    #[test]
    fn people_are_told_rarely() {
        assert!(told(LogFormat::Text, 30).is_empty(), "three seconds in all");
        assert_eq!(told(LogFormat::Text, 500), [20, 40, 60, 80, 100]);
        assert_eq!(told(LogFormat::Text, 60_000), [10, 20, 30, 40, 50, 60, 70, 80, 90, 100]);
    }

    #[test]
    fn programs_are_told_at_once_and_each_second() {
        assert_eq!(told(LogFormat::Json, 100), [0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100]);
        assert_eq!(told(LogFormat::Json, 2000).len(), 101);
    }

    #[test]
    fn another_message_is_worth_a_line_after_the_time() {
        let start = Instant::now();
        let mut throttle = Throttle::new(LogFormat::Text);
        let mut due = |second, message| {
            throttle.due(start + Duration::from_secs(second), "vm", Stage::Validate, 0, message)
        };
        assert_eq!(
            [due(0, "a"), due(5, "b"), due(10, "b"), due(15, "c"), due(20, "c")],
            [false, false, true, false, true]
        );
    }
}
