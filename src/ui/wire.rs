//! What a worker says to its batch, on stdout.

use std::io::{self, Write};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::lock;
use crate::batch::wire::Said;
use crate::event::{Event, Reporter};

/// Least time between two events of progress.
const PAUSE: Duration = Duration::from_millis(200);

/// Writes to this process's stdout.
#[derive(Debug, Default)]
pub struct Wire {
    /// When progress was told last.
    progress: Mutex<Option<Instant>>,
}

impl Wire {
    /// Says something. A batch that is gone hears nothing: this process then ends with it.
    pub fn say(&self, said: &Said) {
        let Ok(mut line) = serde_json::to_vec(said) else { return };
        line.push(b'\n');
        let mut out = io::stdout().lock();
        let _gone = out.write_all(&line).and_then(|()| out.flush());
    }

    fn due(&self, event: &Event) -> bool {
        let Event::Progress { done, total, .. } = event else { return true };
        let mut last = lock(&self.progress);
        let due = done == total || last.is_none_or(|at| at.elapsed() >= PAUSE);
        if due {
            *last = Some(Instant::now());
        }
        due
    }
}

impl Reporter for Wire {
    fn event(&self, event: &Event) {
        if self.due(event) {
            self.say(&Said::Event(event.clone()));
        }
    }
}
