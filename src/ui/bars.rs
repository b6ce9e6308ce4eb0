//! Progress on a terminal: a line per VM that is worked on, and one for the batch, at the bottom. Each is cut where the
//! terminal ends.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::{escape, lines, lock};
use crate::event::Event;

/// How often a line that waits shows that it is alive.
const TICK: Duration = Duration::from_millis(120);

/// The lines on stderr.
pub struct Bars {
    all: MultiProgress,
    by_vm: Mutex<HashMap<String, ProgressBar>>,
    total: Mutex<Option<ProgressBar>>,
}

impl Bars {
    /// No lines yet.
    pub fn new() -> Self {
        Self::on(MultiProgress::new())
    }

    fn on(all: MultiProgress) -> Self {
        Self { all, by_vm: Mutex::default(), total: Mutex::default() }
    }

    /// Runs something that prints while the lines are away.
    pub fn suspend<T>(&self, print: impl FnOnce() -> T) -> T {
        self.all.suspend(print)
    }

    /// Takes all lines away.
    pub fn clear(&self) {
        for (_, bar) in lock(&self.by_vm).drain() {
            self.remove(&bar);
        }
        if let Some(bar) = lock(&self.total).take() {
            self.remove(&bar);
        }
    }

    /// Shows what an event changes.
    pub fn event(&self, event: &Event) {
        match event {
            Event::StageStarted { vm, stage } => self.show(vm, format!("{}: {stage}", escape::line(vm))),
            Event::Progress { vm, stage, done, total, message } => {
                self.show(vm, lines::progress(vm, *stage, *done, *total, message));
            }
            Event::StageDone { vm, .. } => {
                if let Some(bar) = lock(&self.by_vm).remove(vm) {
                    self.remove(&bar);
                }
            }
            Event::Total { batch, done, failed, running, total } => {
                let mut bar = lock(&self.total);
                let bar = bar.get_or_insert_with(|| self.all.add(line(total_style())));
                bar.set_length(*total as u64);
                bar.set_position((done + failed) as u64);
                let standing = lines::standing(*done, *failed, *running, *total);
                bar.set_message(format!("{}: {standing}", escape::line(batch)));
            }
            _ => {}
        }
    }

    /// The VM's line, above that of the batch.
    fn show(&self, vm: &str, text: String) {
        let mut bars = lock(&self.by_vm);
        let bar = bars.entry(vm.to_owned()).or_insert_with(|| match lock(&self.total).as_ref() {
            Some(total) => self.all.insert_before(total, line(style("{spinner} {wide_msg} {elapsed}"))),
            None => self.all.add(line(style("{spinner} {wide_msg} {elapsed}"))),
        });
        bar.set_message(text);
    }

    fn remove(&self, bar: &ProgressBar) {
        bar.finish_and_clear();
        self.all.remove(bar);
    }
}

fn line(style: ProgressStyle) -> ProgressBar {
    let bar = ProgressBar::new_spinner().with_style(style);
    bar.enable_steady_tick(TICK);
    bar
}

fn total_style() -> ProgressStyle {
    style("{spinner} {wide_msg} {elapsed}, {eta} left")
}

/// A template of ours is right; were it not, the default still shows progress.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

#[cfg(test)]
mod tests {
    use indicatif::{InMemoryTerm, ProgressDrawTarget};

    use super::*;
    use crate::stage::Stage;

    /// What stands on a terminal of so many columns, without what changes with time.
    fn seen(columns: u16, events: &[Event]) -> Vec<String> {
        let terminal = InMemoryTerm::new(10, columns);
        let target = ProgressDrawTarget::term_like(Box::new(terminal.clone()));
        let bars = Bars::on(MultiProgress::with_draw_target(target));
        for event in events {
            bars.event(event);
        }
        for bar in lock(&bars.by_vm).values().chain(lock(&bars.total).iter()) {
            bar.disable_steady_tick();
            bar.tick();
        }
        terminal.contents().lines().map(|l| l.trim_end().to_owned()).collect()
    }

    fn events() -> Vec<Event> {
        let vm = |name: &str| name.to_owned();
        vec![
            Event::Total { batch: vm("night"), done: 1, failed: 1, running: 2, total: 20 },
            Event::StageStarted { vm: vm("web01"), stage: Stage::Inspect },
            Event::StageStarted { vm: vm("db\x1b[2J01"), stage: Stage::Convert },
            Event::Progress {
                vm: vm("db\x1b[2J01"),
                stage: Stage::Convert,
                done: 1,
                total: 4,
                message: "1.0 GiB of 4.0 GiB, 350.1 MiB/s, 9 s left".to_owned(),
            },
        ]
    }

    #[test]
    fn a_line_per_vm_and_one_for_the_batch_below() {
        let lines = seen(100, &events());
        assert_eq!(lines.len(), 3, "{lines:#?}");
        assert!(lines[0].contains("web01: inspect"), "{lines:#?}");
        let copy = "db\\u{1b}[2J01: convert: 25 %, 1.0 GiB of 4.0 GiB, 350.1 MiB/s, 9 s left";
        assert!(lines[1].contains(copy), "{lines:#?}");
        assert!(lines[2].contains("night: 1 of 20 done, 1 failed, 2 running"), "{lines:#?}");
    }

    #[test]
    fn a_narrow_terminal_cuts_lines_and_wraps_none() {
        let lines = seen(24, &events());
        assert_eq!(lines.len(), 3, "{lines:#?}");
        assert!(lines.iter().all(|l| l.chars().count() <= 24), "{lines:#?}");
    }

    #[test]
    fn a_stage_that_is_done_takes_its_line_away() {
        let mut events = events();
        events.push(Event::StageDone {
            vm: "web01".to_owned(),
            stage: Stage::Inspect,
            seconds: 1.0,
            summary: String::new(),
        });
        assert_eq!(seen(100, &events).len(), 2);
    }
}
