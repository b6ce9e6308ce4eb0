//! The process that migrates one VM of a batch, from the batch's side.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::Duration;

use super::wire::{Order, Reply, Said, Told};
use crate::error::{Doing, Failure, FailureKind};
use crate::exec::{Exec, ExecError};
use crate::fault::Fault;

/// This program, also where its file was replaced by an upgrade since: proc_pid_exe(5).
const THIS_PROGRAM: &str = "/proc/self/exe";

/// How long a worker that is to stop may take to leave everything in order before it is killed. A call into
/// libguestfs is not interrupted.
const GRACE: Duration = Duration::from_secs(60);

/// A running worker.
pub struct Worker {
    cancel: Arc<AtomicBool>,
    replies: Sender<Vec<u8>>,
}

impl Worker {
    /// Starts a worker. What it says comes to `tell` with `place`; the last is always [`Said::Ended`].
    ///
    /// # Errors
    /// The order cannot be written, the system refuses a thread.
    pub fn start(
        place: usize,
        order: &Order,
        state: &Path,
        tell: Sender<(usize, Said)>,
    ) -> Result<Self, Failure> {
        let cancel = Arc::new(AtomicBool::new(false));
        let (replies, input) = mpsc::channel();
        let worker = Self { cancel: Arc::clone(&cancel), replies };
        worker.write(order)?;
        let exec = Exec::new(THIS_PROGRAM)
            .arg("--state")
            .arg(state)
            .arg("run-job")
            .grace(GRACE)
            .cancelled_by(Arc::clone(&cancel));
        let name = order.job.provisional_name();
        let run = move || {
            let mut ended = false;
            let result = exec.converse(input, |line| {
                // A line that is none of ours comes from a library; it is no news.
                let Ok(said) = serde_json::from_str::<Said>(line) else { return };
                ended |= matches!(said, Said::Ended { .. });
                let _nobody_listens = tell.send((place, said));
            });
            if !ended {
                let told = Told::of(&silent(result.map(|_| ()), cancel.load(Ordering::SeqCst)));
                let told = Told {
                    fault: if told.kind == FailureKind::Failed { Fault::Transient } else { told.fault },
                    ..told
                };
                let _nobody_listens = tell.send((place, Said::Ended { name, result: Err(told) }));
            }
        };
        thread::Builder::new().name(format!("worker {place}")).spawn(run).doing("starting a worker")?;
        Ok(worker)
    }

    /// Lets it begin the stage that it wants to begin.
    pub fn go(&self) {
        // One that has ended meanwhile says so itself.
        let _ended = self.write(&Reply::Go);
    }

    /// Asks it to stop; it is killed if it does not.
    pub fn stop(&self) {
        self.cancel.store(true, Ordering::SeqCst);
    }

    fn write(&self, line: &impl serde::Serialize) -> Result<(), Failure> {
        let mut text = serde_json::to_vec(line).doing("writing to a worker")?;
        text.push(b'\n');
        self.replies.send(text).map_err(|_| Failure::message(FailureKind::Failed, "the worker is gone"))
    }
}

/// The failure of a worker that ended without a last word: it crashed, or it was killed.
fn silent(result: Result<(), ExecError>, cancelled: bool) -> Failure {
    let kind = if cancelled { FailureKind::Interrupted } else { FailureKind::Failed };
    match result {
        Ok(()) => Failure::message(kind, "the worker ended without a word"),
        Err(error) => Failure { kind, ..Failure::from(error).context("the worker ended") },
    }
}
