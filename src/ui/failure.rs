//! A failure for people: what happened, why, and what to do.

use std::fmt::Write;

use super::escape;
use crate::error::Failure;

/// What happened and its causes, outermost first. Libraries tell some causes twice, in the error and as its source: one
/// that the text before it ends with, or that only puts a number before it, is told once.
pub fn causes(failure: &Failure) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for cause in failure.error.chain().map(ToString::to_string) {
        let again = |before: &String| before.ends_with(&cause) || cause.ends_with(before.as_str());
        if !out.last().is_some_and(again) {
            out.push(cause);
        }
    }
    out
}

/// The failure as lines, without the last line end.
pub fn text(failure: &Failure) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = write_text(&mut out, failure);
    out.truncate(out.trim_end().len());
    out
}

fn write_text(out: &mut String, failure: &Failure) -> std::fmt::Result {
    for (depth, cause) in causes(failure).iter().enumerate() {
        let label = if depth == 0 { "h2k: error: " } else { "  caused by: " };
        writeln!(out, "{label}{}", indented(cause))?;
    }
    for hint in &failure.hints {
        writeln!(out, "  hint: {}", indented(hint))?;
    }
    Ok(())
}

/// Lines after the first stand below the first.
fn indented(text: &str) -> String {
    escape::page(text).replace('\n', "\n    ")
}
