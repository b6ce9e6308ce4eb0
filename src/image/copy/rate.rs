//! A bound on bytes per second, shared by all workers.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Hands out bytes at a steady rate.
pub(super) struct Rate {
    /// Bytes per second.
    limit: Option<u64>,
    /// When everything that was handed out is paid for.
    paid: Mutex<Instant>,
}

/// Longest nap at once, so that a copy that is stopped notices.
const NAP: Duration = Duration::from_millis(200);

impl Rate {
    pub(super) fn new(limit: Option<u64>) -> Self {
        Self { limit: limit.filter(|limit| *limit > 0), paid: Mutex::new(Instant::now()) }
    }

    /// Waits until `bytes` may be read. `stop` ends the wait early.
    pub(super) fn take(&self, bytes: u64, stop: impl Fn() -> bool) {
        let Some(limit) = self.limit else { return };
        let cost = Duration::from_secs_f64(bytes as f64 / limit as f64);
        let until = {
            let mut paid = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
            let start = (*paid).max(Instant::now());
            *paid = start.checked_add(cost).unwrap_or(start);
            start
        };
        while let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
            if stop() {
                return;
            }
            std::thread::sleep(left.min(NAP));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_is_paid_for_by_the_next() {
        let started = Instant::now();
        let rate = Rate::new(Some(1 << 20));
        for _ in 0..3 {
            rate.take(100 << 10, || false);
        }
        // The third waits for the first two: 200 KiB at 1 MiB/s. A slow machine only takes longer.
        assert!(started.elapsed() >= Duration::from_millis(190));
        rate.take(u64::MAX, || false);
        rate.take(1, || true);
        Rate::new(None).take(u64::MAX, || false);
    }
}
