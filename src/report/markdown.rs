//! Reports as Markdown, for tickets and terminals.

use std::fmt::{Result, Write};

use super::batch::{BatchReport, VmSummary};
use super::usage::{Compared, compared};
use super::{Report, html};
use crate::plan::diff;
use crate::plan::markdown::inline;
use crate::plan::text::{bytes, measured, severity};
use crate::transfer::Transferred;

/// One VM's report.
pub fn vm(report: &Report) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = write_vm(report, &mut out);
    out
}

fn write_vm(report: &Report, out: &mut String) -> Result {
    write_head(report, out)?;
    writeln!(out, "## Stages\n\n| stage | seconds | |\n|---|---|---|")?;
    for s in &report.stages {
        let earlier = if s.resumed { " (by an earlier run)" } else { "" };
        writeln!(out, "| {} | {:.1} | {}{earlier} |", s.stage, s.seconds, inline(&s.summary))?;
    }
    writeln!(out, "\n## Disks\n\n| file | virtual | on the host | how |\n|---|---|---|---|")?;
    for d in &report.disks {
        let file = inline(&d.file.display().to_string());
        let how = d.transfer.as_ref().map_or_else(String::new, Transferred::summary);
        writeln!(out, "| {file} | {} | {} | {how} |", bytes(d.size), bytes(d.allocated))?;
    }
    writeln!(out, "\n## Forecast and what it took\n\n| | forecast | actual | ratio |\n|---|---|---|---|")?;
    for row in compared(&report.forecast, report.used.as_ref(), &report.stages) {
        let ratio = row.ratio().map_or_else(String::new, |r| format!("{r:.2}"));
        let (forecast, actual) = (amount(&row, row.forecast), amount(&row, row.actual));
        writeln!(out, "| {} | {forecast} | {actual} | {ratio} |", row.what)?;
    }
    if let Some(readiness) = &report.readiness {
        writeln!(out, "\n## Boot chain\n\n| link | state | of what | |\n|---|---|---|---|")?;
        for l in &readiness.links {
            let (subject, detail) = (inline(&l.subject), inline(&l.detail));
            writeln!(out, "| {} | {} | {subject} | {detail} |", l.link, l.state)?;
        }
    }
    if !report.untrimmed.is_empty() {
        writeln!(out, "\nThe free space of these was copied too:\n")?;
    }
    for (point, why) in &report.untrimmed {
        writeln!(out, "- {}: {}", inline(point), inline(why))?;
    }
    write_edits(report, out)?;
    writeln!(out, "\n## Concerns\n")?;
    for c in &report.concerns {
        let weight = severity(c.severity);
        let accepted =
            c.accepted.as_ref().map(|r| format!(". *Accepted: {}*", inline(r))).unwrap_or_default();
        let (subject, message) = (inline(&c.subject), inline(&c.message));
        writeln!(out, "- **{weight}** `{}` {subject}: {message}{accepted}", c.id)?;
    }
    Ok(())
}

fn write_head(report: &Report, out: &mut String) -> Result {
    writeln!(out, "# {}\n", inline(&report.name))?;
    let verdict = match &report.verdict {
        None => "not booted, as asked".to_owned(),
        Some(v) => format!("{}: {}", v.outcome, inline(&v.reason)),
    };
    writeln!(out, "- verdict: **{verdict}**")?;
    for warning in report.verdict.iter().flat_map(|v| &v.evidence.warnings) {
        writeln!(out, "- warning: {}", inline(warning))?;
    }
    let source = inline(&report.source.display().to_string());
    writeln!(out, "- source: {source} (digest `{}`)", report.source_digest)?;
    writeln!(out, "- result: {}", inline(&report.dir.display().to_string()))?;
    for since in report.since() {
        writeln!(out, "- {since}")?;
    }
    writeln!(out, "- finished: {} by h2k {}\n", report.finished, report.h2k)
}

fn write_edits(report: &Report, out: &mut String) -> Result {
    writeln!(out, "\n## Edits\n")?;
    for (index, e) in report.edits.iter().enumerate() {
        let back = match report.undone_at(index) {
            Some(at) => format!(" **taken back {}**", html::time(at)),
            None => String::new(),
        };
        let (line, reason) = (inline(&diff::headline(e)), inline(&e.reason));
        writeln!(out, "{}. {line} (`{}`): {reason}{back}", index + 1, e.fixer)?;
    }
    Ok(())
}

/// Bytes or seconds as people read them; nothing where they are not known.
pub fn amount(row: &Compared, value: Option<f64>) -> String {
    match value {
        None => String::new(),
        Some(n) if row.bytes => bytes(n as u64),
        Some(n) => measured(n),
    }
}

/// A batch's report.
pub fn batch(report: &BatchReport) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = write_batch(report, &mut out);
    out
}

fn write_batch(report: &BatchReport, out: &mut String) -> Result {
    writeln!(out, "# Batch {}\n", inline(&report.name))?;
    if let Some(file) = &report.file {
        writeln!(out, "- file: {}", inline(&file.display().to_string()))?;
    }
    let ended =
        report.ended.map_or_else(|| "still running".to_owned(), |t| format!("ended {}", html::time(t)));
    writeln!(out, "- began {}, {ended}, by h2k {}", html::time(report.started), report.h2k)?;
    writeln!(out, "- {}", report.counts())?;
    writeln!(out, "- {}\n", report.amounts())?;
    writeln!(
        out,
        "| VM | state | wave | time | on the target | edits | concerns | |\n|---|---|---|---|---|---|---|---|"
    )?;
    for vm in report.failed_first() {
        write_row(vm, out)?;
    }
    Ok(())
}

fn write_row(vm: &VmSummary, out: &mut String) -> Result {
    let wave = vm.wave.as_deref().map(inline).unwrap_or_default();
    let time = vm.seconds().map(measured).unwrap_or_default();
    let size = vm.used.map(|used| bytes(used.target_bytes)).unwrap_or_default();
    let edits = vm.edits.map(|n| n.to_string()).unwrap_or_default();
    let (name, said) = (inline(&vm.name), inline(vm.said()));
    writeln!(
        out,
        "| {name} | {} | {wave} | {time} | {size} | {edits} | {} | {said} |",
        vm.state,
        vm.concerns.len()
    )
}
