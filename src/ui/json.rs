//! Events and failures for programs: one JSON object per line, each with its time.

use jiff::Timestamp;
use serde::Serialize;

use super::failure::causes;
use crate::error::{Failure, FailureKind};
use crate::event::Event;

#[derive(Serialize)]
struct Line<T> {
    /// RFC 3339, UTC.
    time: Timestamp,
    #[serde(flatten)]
    what: T,
}

#[derive(Serialize)]
struct Failed<'a> {
    event: &'static str,
    kind: FailureKind,
    exit_code: u8,
    message: String,
    causes: Vec<String>,
    hints: &'a [String],
}

/// An event as a line.
pub fn event(event: &Event) -> String {
    line(event)
}

/// A failure as a line.
pub fn failure(failure: &Failure) -> String {
    let mut chain = causes(failure);
    let message = if chain.is_empty() { String::new() } else { chain.remove(0) };
    line(Failed {
        event: "failure",
        kind: failure.kind,
        exit_code: failure.kind.exit_code(),
        message,
        causes: chain,
        hints: &failure.hints,
    })
}

fn line(what: impl Serialize) -> String {
    // Texts and numbers only: there is nothing that JSON could not hold.
    serde_json::to_string(&Line { time: Timestamp::now(), what }).unwrap_or_default()
}
