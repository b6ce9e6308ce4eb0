//! The guest's console: what its text says of the boot. Works on a growing log with bounded memory.

mod lines;
mod rules;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

pub use rules::Sign;

use lines::Lines;
use rules::Weight;

/// Lines kept for the excerpt.
const EXCERPT_LINES: usize = 40;
/// Most findings kept: a guest could print them for ever.
const MAX_FINDINGS: usize = 16;

/// A telling line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What it says.
    pub sign: Sign,
    /// The line as it was printed, without escape sequences and full stop.
    pub line: String,
}

/// Reads a console.
#[derive(Debug, Default)]
pub struct Console {
    lines: Lines,
    recent: VecDeque<String>,
    login: Option<String>,
    failure: Option<Finding>,
    hints: Vec<Finding>,
    system: bool,
}

impl Console {
    /// A console without text.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes.
    pub fn feed(&mut self, bytes: &[u8]) {
        let mut lines = std::mem::take(&mut self.lines);
        lines.feed(bytes, |line| {
            self.look(line, true);
            self.keep(line);
        });
        let current = lines.current();
        self.lines = lines;
        if !current.is_empty() {
            self.look(&current, false);
        }
    }

    /// The first login prompt, as its line.
    pub fn login(&self) -> Option<&str> {
        self.login.as_deref()
    }

    /// The first line after which nothing comes by itself.
    pub fn failure(&self) -> Option<&Finding> {
        self.failure.as_ref()
    }

    /// Lines that may explain a failure, each once.
    pub fn hints(&self) -> &[Finding] {
        &self.hints
    }

    /// Has an operating system printed here, not only firmware and bootloaders? Then a login prompt may follow.
    pub fn system_spoke(&self) -> bool {
        self.system
    }

    /// The last lines, oldest first.
    pub fn excerpt(&self) -> Vec<String> {
        let current = self.lines.current();
        self.recent.iter().cloned().chain((!current.trim().is_empty()).then_some(current)).collect()
    }

    /// The guest was reset: what it printed before is history, but stays in the excerpt.
    pub fn reset(&mut self) {
        self.system = false;
        self.login = None;
        self.failure = None;
        self.hints.clear();
    }

    fn look(&mut self, line: &str, ended: bool) {
        self.system |= ended && rules::is_system(line);
        if self.login.is_none() && rules::is_login(line) {
            self.login = Some(line.trim().to_owned());
        }
        let Some(rule) = rules::matching(line, ended) else { return };
        // Without its full stop: a line that is still being printed says the same as when it is whole.
        let finding = Finding { sign: rule.sign, line: line.trim().trim_end_matches('.').to_owned() };
        match rule.weight {
            Weight::Definite if self.failure.is_none() => self.failure = Some(finding),
            // A hint on a line that grows would be found at every length.
            Weight::Hint if ended && self.hints.len() < MAX_FINDINGS && !self.hints.contains(&finding) => {
                self.hints.push(finding);
            }
            _ => {}
        }
    }

    fn keep(&mut self, line: &str) {
        if self.recent.len() >= EXCERPT_LINES {
            self.recent.pop_front();
        }
        self.recent.push_back(line.trim_end().to_owned());
    }
}
