//! How a copy is told: bytes, rate, time left.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::image::copy::Progress;
use crate::plan::text::{bytes, duration};

/// Time over which a rate is taken: long enough to be steady, short enough to notice a change.
const SPAN: Duration = Duration::from_secs(10);

/// Follows a copy.
pub struct Meter {
    seen: Mutex<Seen>,
}

struct Seen {
    /// Where the present span began.
    since: Instant,
    from: u64,
    /// Bytes per second of the span before.
    before: Option<f64>,
}

impl Default for Meter {
    fn default() -> Self {
        Self { seen: Mutex::new(Seen { since: Instant::now(), from: u64::MAX, before: None }) }
    }
}

impl Meter {
    /// `1.0 GiB of 4.0 GiB, 350.1 MiB/s, 9 s left`.
    pub fn text(&self, progress: Progress) -> String {
        let text = format!("{} of {}", bytes(progress.done), bytes(progress.total));
        match self.rate(progress.done, Instant::now()) {
            Some(rate) if rate >= 1.0 => {
                let left = progress.total.saturating_sub(progress.done) as f64 / rate;
                format!("{text}, {}/s, {} left", bytes(rate as u64), duration(left as u64))
            }
            _ => text,
        }
    }

    fn rate(&self, done: u64, now: Instant) -> Option<f64> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.from == u64::MAX {
            // What an earlier run had copied is no part of the rate.
            (seen.from, seen.since) = (done, now);
        }
        let span = now.saturating_duration_since(seen.since);
        let current = (done.saturating_sub(seen.from)) as f64 / span.as_secs_f64().max(0.001);
        if span >= SPAN {
            (seen.from, seen.since, seen.before) = (done, now, Some(current));
        }
        seen.before.or((span >= Duration::from_secs(1)).then_some(current))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_this_run() {
        let meter = Meter::default();
        let start = Instant::now();
        assert_eq!(meter.rate(5 << 30, start), None);
        assert_eq!(meter.rate((5 << 30) + (200 << 20), start + Duration::from_secs(2)), Some(104_857_600.0));
        let rate = meter.rate((5 << 30) + (1000 << 20), start + Duration::from_secs(10));
        assert_eq!(rate, Some(104_857_600.0));
    }
}
