//! Between workers and journal: what was written is flushed, then it is written down, while the workers go on.

use std::io;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::chunk::Record;
use super::journal::Journal;
use super::target::Target;

/// Data that is flushed together, in bytes.
const BATCH: u64 = 64 << 20;

/// Data that may wait while a batch is flushed, in bytes. A batch, what waits and a chunk per worker are lost when the
/// copy is killed: 96 + 96 + 16 × 4 MiB, the 256 MiB that are allowed.
const WAITING: u64 = 96 << 20;

/// Collects records.
#[derive(Default)]
pub(super) struct Flusher {
    state: Mutex<State>,
    /// Something waits, or it is over.
    filled: Condvar,
    /// There is room again.
    emptied: Condvar,
}

#[derive(Default)]
struct State {
    waiting: Vec<Record>,
    bytes: u64,
    /// No more records come.
    over: bool,
    /// A flush failed: nobody may wait for room.
    failed: bool,
}

impl Flusher {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a chunk that was written; waits while too much is not flushed yet.
    pub(super) fn push(&self, record: Record) {
        let mut state = self.lock();
        while state.bytes >= WAITING && !state.failed {
            state = self.emptied.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.bytes = state.bytes.saturating_add(record.data);
        state.waiting.push(record);
        if state.bytes >= BATCH {
            self.filled.notify_one();
        }
    }

    /// No more records come: the rest is flushed.
    pub(super) fn end(&self) {
        self.lock().over = true;
        self.filled.notify_one();
    }

    /// Flushes until [`Flusher::end`]; gives all records that are on disk.
    ///
    /// # Errors
    /// What the file system reports; the workers are let go.
    pub(super) fn run(&self, target: &dyn Target, journal: &mut Journal) -> io::Result<Vec<Record>> {
        let mut all = Vec::new();
        loop {
            let (batch, over) = self.take();
            if !batch.is_empty() {
                let flushed = target.sync().and_then(|()| journal.append(&batch));
                if let Err(e) = flushed {
                    self.lock().failed = true;
                    self.emptied.notify_all();
                    return Err(e);
                }
                all.extend(batch);
            } else if over {
                return Ok(all);
            }
        }
    }

    fn take(&self) -> (Vec<Record>, bool) {
        let mut state = self.lock();
        while state.bytes < BATCH && !state.over {
            state = self.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.bytes = 0;
        self.emptied.notify_all();
        (std::mem::take(&mut state.waiting), state.over)
    }
}
