//! A started program: its guard, and how it is made to die with us.

use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitStatus};
use std::sync::OnceLock;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

use super::ffi::die_with_us;
use super::stream::{self, Chunks, Tail};

/// Longest pause between two looks at a program that is waited for.
const LONGEST_PAUSE: Duration = Duration::from_millis(20);

/// A running program. Dropping it ends the program and all that the program started.
#[derive(Debug)]
pub struct Child {
    inner: std::process::Child,
    stderr: Tail,
    ended: Option<ExitStatus>,
    grace: Duration,
}

impl Child {
    /// Starts `command` in a process group of its own, so that it can be ended with its children and Ctrl-C reaches
    /// it only through us.
    pub(super) fn start(mut command: Command, grace: Duration) -> io::Result<(Self, Chunks)> {
        command.process_group(0);
        die_with_us(&mut command);
        let mut inner = spawn_on_lasting_thread(command)?;
        let chunks = stream::chunks(inner.stdout.take());
        let stderr = Tail::of(inner.stderr.take());
        Ok((Self { inner, stderr, ended: None, grace }, chunks))
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.inner.id()
    }

    /// How it ended, or `None` while it runs.
    ///
    /// # Errors
    /// What waitpid(2) reports.
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        if self.ended.is_none() {
            self.ended = self.inner.try_wait()?;
        }
        Ok(self.ended)
    }

    /// How it ended, or `None` if it still runs after `limit`.
    ///
    /// # Errors
    /// What waitpid(2) reports.
    pub fn wait_timeout(&mut self, limit: Duration) -> io::Result<Option<ExitStatus>> {
        let started = Instant::now();
        let mut pause = Duration::from_micros(200);
        loop {
            let ended = self.try_wait()?;
            let left = limit.saturating_sub(started.elapsed());
            if ended.is_some() || left.is_zero() {
                return Ok(ended);
            }
            thread::sleep(pause.min(left));
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// The end of what it has written to stderr so far, without control characters.
    pub fn stderr_tail(&self) -> String {
        self.stderr.text()
    }

    /// The end of stderr of a program that has ended.
    pub(super) fn stderr_at_end(&self) -> String {
        self.stderr.text_at_end()
    }

    /// Hands over what comes to its stdin, which ends when the sender does.
    pub(super) fn feed(&mut self, input: Receiver<Vec<u8>>) {
        let Some(mut stdin) = self.inner.stdin.take() else { return };
        thread::spawn(move || {
            for chunk in input {
                // A program that reads no more says by its status why.
                if stdin.write_all(&chunk).and_then(|()| stdin.flush()).is_err() {
                    break;
                }
            }
        });
    }

    /// Ends it: SIGTERM, and SIGKILL after a grace. Ending a program that has ended does nothing.
    ///
    /// # Errors
    /// What waitpid(2) reports.
    pub fn kill(&mut self) -> io::Result<()> {
        for (signal, grace) in [(Signal::TERM, self.grace), (Signal::KILL, Duration::MAX)] {
            if self.try_wait()?.is_some() {
                return Ok(());
            }
            if let Some(group) = i32::try_from(self.inner.id()).ok().and_then(Pid::from_raw) {
                // It fails only if the group has ended meanwhile, which the wait below finds.
                let _ended = rustix::process::kill_process_group(group, signal);
            }
            self.wait_timeout(grace)?;
        }
        Ok(())
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // Nobody is left to tell.
        let _reported = self.kill();
    }
}

type Order = (Command, Sender<io::Result<std::process::Child>>);

/// PR_SET_PDEATHSIG means the death of the *thread* that forked (prctl(2), Caveats). A program that is started by a
/// worker outlives the worker, so all programs are started by one thread that never ends.
fn spawn_on_lasting_thread(command: Command) -> io::Result<std::process::Child> {
    static SPAWNER: OnceLock<Option<Sender<Order>>> = OnceLock::new();
    let gone = || io::Error::other("the thread that starts programs is gone");
    let spawner = SPAWNER.get_or_init(start_spawner).as_ref().ok_or_else(gone)?;
    let (answer, answered) = mpsc::channel();
    spawner.send((command, answer)).map_err(|_| gone())?;
    answered.recv().map_err(|_| gone())?
}

fn start_spawner() -> Option<Sender<Order>> {
    let (orders, taken) = mpsc::channel::<Order>();
    let run = move || {
        for (mut command, answer) in taken {
            // If nobody waits for the answer any more, the program ends with its pipes.
            let _unwanted = answer.send(command.spawn());
        }
    };
    thread::Builder::new().name("spawner".to_owned()).spawn(run).ok().map(|_| orders)
}
