//! The only place that starts programs.
//!
//! Every program is started alike: the argv goes to the logger, stdin is null, messages are in English (`LC_ALL=C`),
//! stdout is bounded, an error carries the end of stderr. A program dies with this process, when its guard is
//! dropped, when its time is up, and when the user cancels. There is never a shell.
//!
//! ```text
//!  Exec (argv, environment, limits) ── run ──► Output
//!        └── spawn ──► Child: a guard, for programs that run beside us
//! ```

mod child;
mod error;
mod ffi;
mod progress;
mod stream;

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

pub use child::Child;
pub use error::ExecError;
pub use progress::parse_progress;

use stream::{LAST_BYTES, Lines};

/// Most that is taken of a program's stdout, in bytes. Answers of the programs in use are small (JSON, text); what
/// can grow is read by line.
pub const STDOUT_LIMIT: usize = 16 << 20;

/// Longest line taken by [`Exec::run_with_stdout_lines`], in bytes. A line of `qemu-img map` has 150.
pub const LINE_LIMIT: usize = 1 << 20;

/// How often cancellation and time are looked at while a program is silent.
const POLL: Duration = Duration::from_millis(50);

/// Time between the polite and the final signal. QEMU closes its images on the polite one.
const GRACE: Duration = Duration::from_secs(2);

/// Takes the argv of every program that is started.
pub type Logger = Box<dyn Fn(&[OsString]) + Send + Sync>;

static LOGGER: OnceLock<Logger> = OnceLock::new();
static CANCEL: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// Sets who is told of every program that is started. The first call counts; later ones change nothing.
pub fn set_logger(logger: Logger) {
    // A second logger would be a mistake of the caller's, and no reason to fail a migration.
    let _already_set = LOGGER.set(logger);
}

/// The flag that, once set, ends running programs and makes every `run` return [`ExecError::Cancelled`].
/// A signal handler may set it.
pub fn cancel_flag() -> Arc<AtomicBool> {
    Arc::clone(CANCEL.get_or_init(Arc::default))
}

/// Whether the user wants to stop.
///
/// # Errors
/// [`ExecError::Cancelled`] if so.
pub fn check_cancelled() -> Result<(), ExecError> {
    if cancel_flag().load(Ordering::SeqCst) { Err(ExecError::Cancelled) } else { Ok(()) }
}

/// What a program that succeeded left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Its stdout; empty if it was read by line.
    pub stdout: Vec<u8>,
    /// The end of its stderr: warnings.
    pub stderr_tail: String,
}

impl Output {
    /// stdout as text, with what is not UTF-8 replaced.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.stdout)
    }
}

/// A program with its arguments, and the limits it runs under.
#[derive(Debug, Clone)]
pub struct Exec {
    argv: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    directory: Option<PathBuf>,
    timeout: Option<Duration>,
    stdout_limit: usize,
    cancel: Arc<AtomicBool>,
    grace: Duration,
}

impl Exec {
    /// A program by its name on `PATH` or its path, without arguments.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        Self {
            argv: vec![program.as_ref().to_owned()],
            env: Vec::new(),
            directory: None,
            timeout: None,
            stdout_limit: STDOUT_LIMIT,
            cancel: cancel_flag(),
            grace: GRACE,
        }
    }

    /// With one more argument.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.argv.push(arg.as_ref().to_owned());
        self
    }

    /// With more arguments.
    #[must_use]
    pub fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.argv.extend(args.into_iter().map(|a| a.as_ref().to_owned()));
        self
    }

    /// With an environment variable.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// In a directory.
    #[must_use]
    pub fn current_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// With a time after which the program is ended. Without one it may run for ever.
    #[must_use]
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = Some(limit);
        self
    }

    /// With another bound for stdout than [`STDOUT_LIMIT`], in bytes.
    #[must_use]
    pub fn stdout_limit(mut self, bytes: usize) -> Self {
        self.stdout_limit = bytes;
        self
    }

    /// With another flag than [`cancel_flag`].
    #[must_use]
    pub fn cancelled_by(mut self, flag: Arc<AtomicBool>) -> Self {
        self.cancel = flag;
        self
    }

    /// With another time than two seconds between the polite and the final signal when it is ended early.
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// The program and its arguments.
    pub fn argv(&self) -> &[OsString] {
        &self.argv
    }

    /// Runs the program to its end.
    ///
    /// # Errors
    /// [`ExecError`]: it is not there, it failed, its time was up, it said too much, or the user cancelled.
    pub fn run(&self) -> Result<Output, ExecError> {
        let mut stdout = Vec::new();
        let stderr_tail = self.drive(None, |chunk| {
            if stdout.len().saturating_add(chunk.len()) > self.stdout_limit {
                return Err(ExecError::too_much(&self.argv, self.stdout_limit));
            }
            stdout.extend_from_slice(chunk);
            Ok(())
        })?;
        Ok(Output { stdout, stderr_tail })
    }

    /// Runs the program to its end and hands over its stdout line by line, as it comes. A line ends in `\n` or `\r`
    /// (progress is drawn with `\r`); empty lines are left out.
    ///
    /// # Errors
    /// As [`Exec::run`]; a line over [`LINE_LIMIT`] is too much.
    pub fn run_with_stdout_lines(&self, mut on_line: impl FnMut(&str)) -> Result<Output, ExecError> {
        let mut lines = Lines::new(LINE_LIMIT);
        let stderr_tail = self.drive(None, |chunk| {
            lines.feed(chunk, &mut on_line).map_err(|_| ExecError::too_much(&self.argv, LINE_LIMIT))
        })?;
        lines.finish(&mut on_line);
        Ok(Output { stdout: Vec::new(), stderr_tail })
    }

    /// Runs the program to its end with a conversation: what comes from `input` goes to its stdin, which ends when the
    /// sender does; `on_line` gets its stdout line by line.
    ///
    /// # Errors
    /// As [`Exec::run_with_stdout_lines`].
    pub fn converse(
        &self,
        input: Receiver<Vec<u8>>,
        mut on_line: impl FnMut(&str),
    ) -> Result<Output, ExecError> {
        let mut lines = Lines::new(LINE_LIMIT);
        let stderr_tail = self.drive(Some(input), |chunk| {
            lines.feed(chunk, &mut on_line).map_err(|_| ExecError::too_much(&self.argv, LINE_LIMIT))
        })?;
        lines.finish(&mut on_line);
        Ok(Output { stdout: Vec::new(), stderr_tail })
    }

    /// Runs `qemu-img … -p` to its end and hands over its progress in percent.
    ///
    /// # Errors
    /// As [`Exec::run`].
    pub fn run_with_progress(&self, mut on_percent: impl FnMut(f64)) -> Result<Output, ExecError> {
        self.run_with_stdout_lines(|line| {
            if let Some(percent) = parse_progress(line) {
                on_percent(percent);
            }
        })
    }

    /// Starts a program that runs beside us. Its stdout goes nowhere; it ends at the latest with its guard.
    ///
    /// # Errors
    /// [`ExecError::NotFound`], [`ExecError::Io`], or [`ExecError::Cancelled`] if the user wants to stop.
    pub fn spawn(&self) -> Result<Child, ExecError> {
        self.start(Stdio::null(), None).map(|(child, _)| child)
    }

    /// Runs the program, hands over stdout as it comes, and returns the end of stderr.
    fn drive(
        &self,
        input: Option<Receiver<Vec<u8>>>,
        mut on_chunk: impl FnMut(&[u8]) -> Result<(), ExecError>,
    ) -> Result<String, ExecError> {
        let started = Instant::now();
        // On every early return the guard is dropped, which ends the program.
        let (mut child, chunks) = self.start(Stdio::piped(), input)?;
        let mut ended = false;
        loop {
            match chunks.recv_timeout(if ended { LAST_BYTES } else { POLL }) {
                Ok(chunk) => on_chunk(&chunk)?,
                Err(RecvTimeoutError::Disconnected) => break,
                // A grandchild may hold stdout open beyond the program's end.
                Err(RecvTimeoutError::Timeout) if ended => break,
                Err(RecvTimeoutError::Timeout) => ended = self.ended(&mut child)?.is_some(),
            }
            self.check_limits(started)?;
        }
        let status = loop {
            if let Some(status) = self.ended(&mut child)? {
                break status;
            }
            self.check_limits(started)?;
            child.wait_timeout(POLL).map_err(|e| ExecError::io(&self.argv, e))?;
        };
        let stderr_tail = child.stderr_at_end();
        if status.success() {
            return Ok(stderr_tail);
        }
        // Ctrl-C on the terminal may have reached the program before it reached us.
        self.check_limits(started)?;
        Err(ExecError::Failed { argv: self.argv.clone(), status, stderr_tail })
    }

    fn ended(&self, child: &mut Child) -> Result<Option<ExitStatus>, ExecError> {
        child.try_wait().map_err(|e| ExecError::io(&self.argv, e))
    }

    fn check_limits(&self, started: Instant) -> Result<(), ExecError> {
        if self.cancel.load(Ordering::SeqCst) {
            return Err(ExecError::Cancelled);
        }
        match self.timeout {
            Some(limit) if started.elapsed() >= limit => Err(ExecError::timed_out(&self.argv, limit)),
            _ => Ok(()),
        }
    }

    fn start(
        &self,
        stdout: Stdio,
        input: Option<Receiver<Vec<u8>>>,
    ) -> Result<(Child, stream::Chunks), ExecError> {
        if self.cancel.load(Ordering::SeqCst) {
            return Err(ExecError::Cancelled);
        }
        if let Some(logger) = LOGGER.get() {
            logger(&self.argv);
        }
        let stdin = if input.is_some() { Stdio::piped() } else { Stdio::null() };
        let mut command = self.command(stdout);
        command.stdin(stdin);
        let (mut child, chunks) =
            Child::start(command, self.grace).map_err(|e| ExecError::starting(&self.argv, e))?;
        if let Some(input) = input {
            child.feed(input);
        }
        Ok((child, chunks))
    }

    #[allow(clippy::disallowed_methods, reason = "this is the one place")]
    fn command(&self, stdout: Stdio) -> Command {
        let mut argv = self.argv.iter();
        let mut command = Command::new(argv.next().map(OsString::as_os_str).unwrap_or_default());
        command.args(argv).env("LC_ALL", "C").envs(self.env.iter().map(|(k, v)| (k, v)));
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        command.stdout(stdout).stderr(Stdio::piped());
        command
    }
}

#[cfg(test)]
mod tests;
