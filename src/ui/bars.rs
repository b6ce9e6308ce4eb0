//! Progress bars: one per VM, at the bottom of the terminal.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::{escape, lock};
use crate::event::Event;

/// How often a bar that waits shows that it is alive.
const TICK: Duration = Duration::from_millis(120);

/// The bars on stderr.
pub struct Bars {
    all: MultiProgress,
    by_vm: Mutex<HashMap<String, ProgressBar>>,
}

impl Bars {
    /// No bars yet.
    pub fn new() -> Self {
        Self { all: MultiProgress::new(), by_vm: Mutex::default() }
    }

    /// Runs something that prints while the bars are away.
    pub fn suspend<T>(&self, print: impl FnOnce() -> T) -> T {
        self.all.suspend(print)
    }

    /// Takes all bars away.
    pub fn clear(&self) {
        for (_, bar) in lock(&self.by_vm).drain() {
            self.remove(&bar);
        }
    }

    /// Moves the bar of the event's VM.
    pub fn event(&self, event: &Event) {
        match event {
            Event::StageStarted { vm, stage } => {
                let bar = self.all.add(ProgressBar::new_spinner());
                bar.set_style(style("{spinner} {prefix} {elapsed}"));
                bar.set_prefix(format!("{}: {stage}", escape::line(vm)));
                bar.enable_steady_tick(TICK);
                let before = lock(&self.by_vm).insert(vm.clone(), bar);
                if let Some(bar) = before {
                    self.remove(&bar);
                }
            }
            Event::Progress { vm, done, total, message, .. } => {
                if let Some(bar) = lock(&self.by_vm).get(vm) {
                    bar.set_style(style("{spinner} {prefix} [{bar:30}] {percent:>3} % {msg} ({eta} left)"));
                    bar.set_length(*total);
                    bar.set_position(*done);
                    bar.set_message(escape::line(message).into_owned());
                }
            }
            Event::StageDone { vm, .. } => {
                if let Some(bar) = lock(&self.by_vm).remove(vm) {
                    self.remove(&bar);
                }
            }
            _ => {}
        }
    }

    fn remove(&self, bar: &ProgressBar) {
        bar.finish_and_clear();
        self.all.remove(bar);
    }
}

/// A template of ours is right; were it not, the default still shows progress.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}
