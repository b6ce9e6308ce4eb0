//! The only printer. stdout is the answer; everything else goes to stderr.
//!
//! ```text
//!  answer ─────────────────────────────▶ stdout
//!  Event ───┬─ a terminal ─▶ bars  ─┐
//!  Failure ─┼─ no terminal ▶ lines ─┼──▶ stderr
//!           └─ --log-format json ───┘
//! ```

use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use h2k_config::LogFormat;
use serde::Serialize;

use crate::error::{Doing, Failure};
use crate::event::{Event, Reporter};
use crate::exec;

mod bars;
pub mod escape;
mod failure;
mod json;
pub mod lines;
pub mod table;
mod throttle;
pub mod wire;

use bars::Bars;
use throttle::Throttle;

/// How much is told, and in which form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Mode {
    /// Form of what goes to stderr.
    pub log_format: LogFormat,
    /// Only warnings and failures.
    pub quiet: bool,
    /// Also notes and the programs that are started.
    pub verbose: bool,
}

/// Where bytes go.
pub type Sink = Box<dyn Write + Send>;

/// The printer.
pub struct Ui {
    mode: Mode,
    out: Mutex<Sink>,
    /// Whether stdout is a terminal: then what a guest says must not steer it.
    out_is_terminal: bool,
    log: Mutex<Log>,
    /// Bars, where stderr is a terminal and text is wanted.
    bars: Option<Bars>,
}

/// What goes to stderr besides bars.
struct Log {
    to: Sink,
    throttle: Throttle,
}

impl Ui {
    /// A printer for this process's stdout and stderr.
    pub fn new(mode: Mode) -> Self {
        let terminal = io::stderr().is_terminal();
        let bars = (terminal && mode.log_format == LogFormat::Text && !mode.quiet).then(Bars::new);
        Self {
            bars,
            out_is_terminal: io::stdout().is_terminal(),
            ..Self::with_sinks(mode, Box::new(io::stdout()), Box::new(io::stderr()))
        }
    }

    /// A printer that writes elsewhere, without bars.
    pub fn with_sinks(mode: Mode, out: Sink, log: Sink) -> Self {
        Self {
            mode,
            out: Mutex::new(out),
            out_is_terminal: false,
            log: Mutex::new(Log { to: log, throttle: Throttle::new(mode.log_format) }),
            bars: None,
        }
    }

    /// From now on tells every program that is started, as [`Event::Command`].
    pub fn watch_programs(ui: &Arc<Ui>) {
        let ui = Arc::clone(ui);
        exec::set_logger(Box::new(move |argv| {
            let argv = argv.iter().map(|arg| arg.to_string_lossy().into_owned()).collect();
            ui.event(&Event::Command { argv });
        }));
    }

    /// Prints the answer, or a part of it, as it is; a line that does not end is ended. On a terminal, control
    /// characters are shown and do nothing. A reader that went away (`h2k plan … | head`) is no failure.
    ///
    /// # Errors
    /// stdout takes no more, as when the file system behind it is full.
    pub fn answer(&self, text: &str) -> Result<(), Failure> {
        let shown = if self.out_is_terminal { escape::page(text) } else { text.into() };
        let end = if shown.ends_with('\n') { "" } else { "\n" };
        let print = || {
            let mut out = lock(&self.out);
            out.write_all(shown.as_bytes())
                .and_then(|()| out.write_all(end.as_bytes()))
                .and_then(|()| out.flush())
        };
        let printed = match &self.bars {
            Some(bars) => bars.suspend(print),
            None => print(),
        };
        match printed {
            Err(e) if e.kind() != io::ErrorKind::BrokenPipe => Err(e).doing("writing the answer to stdout"),
            _ => Ok(()),
        }
    }

    /// Prints what stands instead of what was printed before: on a terminal, which is cleared; else below it, after an
    /// empty line.
    ///
    /// # Errors
    /// As [`Ui::answer`].
    pub fn screen(&self, text: &str) -> Result<(), Failure> {
        // ECMA-48: CUP to the first line, and ED of all that is below.
        let before: &[u8] = if self.out_is_terminal { b"\x1b[H\x1b[J" } else { b"\n" };
        let cleared = lock(&self.out).write_all(before);
        match cleared {
            Err(e) if e.kind() != io::ErrorKind::BrokenPipe => Err(e).doing("writing to stdout"),
            _ => self.answer(text),
        }
    }

    /// Prints the answer as JSON.
    ///
    /// # Errors
    /// As [`Ui::answer`]; a value that JSON cannot hold, as a path that is not UTF-8.
    pub fn answer_json(&self, value: &impl Serialize) -> Result<(), Failure> {
        self.answer(&serde_json::to_string_pretty(value).doing("writing the answer as JSON")?)
    }

    /// Prints a failure: what happened, its causes, and what to do. The last word of a run: bars are taken away.
    pub fn failure(&self, failure: &Failure) {
        match self.mode.log_format {
            LogFormat::Json => self.line(&json::failure(failure)),
            LogFormat::Text => {
                if let Some(bars) = &self.bars {
                    bars.clear();
                }
                self.line(&failure::text(failure));
            }
        }
    }

    /// Prints a line to stderr, above the bars. Where stderr is gone, there is nobody to tell.
    fn line(&self, text: &str) {
        let print = || {
            let mut log = lock(&self.log);
            let _nobody_reads = writeln!(log.to, "{text}").and_then(|()| log.to.flush());
        };
        match &self.bars {
            Some(bars) => bars.suspend(print),
            None => print(),
        }
    }

    fn text_event(&self, event: &Event) {
        if let Some(bars) = &self.bars {
            bars.event(event);
            // The bar shows these.
            if matches!(event, Event::Progress { .. } | Event::StageStarted { .. } | Event::Total { .. }) {
                return;
            }
        }
        if self.worth_a_line(event)
            && let Some(line) = lines::line(event, self.mode.verbose)
        {
            self.line(&line);
        }
    }

    /// Progress comes often; everything else is told.
    fn worth_a_line(&self, event: &Event) -> bool {
        let Event::Progress { vm, stage, done, total, message } = event else { return true };
        let percent = lines::percent(*done, *total);
        lock(&self.log).throttle.due(Instant::now(), vm, *stage, percent, message)
    }
}

impl Reporter for Ui {
    fn event(&self, event: &Event) {
        if self.mode.quiet && !matches!(event, Event::Warning { .. }) {
            return;
        }
        match self.mode.log_format {
            LogFormat::Json if self.worth_a_line(event) => self.line(&json::event(event)),
            LogFormat::Json => {}
            LogFormat::Text => self.text_event(event),
        }
    }
}

/// A printer that panicked elsewhere is still a printer.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
pub mod testing;
#[cfg(test)]
mod tests;
