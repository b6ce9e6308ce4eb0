//! One VM's report as a page.

use std::fmt::Write;
use std::path::Path;

use h2k_fixers::readiness::LinkState;
use h2k_fixers::{Edit, Severity};

use super::batch::since;
use super::gantt::{self, Bar, Row};
use super::html::{badge, block, page as frame, section, table, text, time};
use super::markdown::amount;
use super::usage::compared;
use super::{Report, picture};
use crate::plan::diff;
use crate::plan::text::{bytes, measured, severity};
use crate::stages::convert::ConvertedDisk;
use crate::validate::Outcome;
use crate::validate::Verdict;

/// Most edits that are shown with their diffs. Real guests have tens.
const MAX_EDITS: usize = 500;

/// Most pictures of the screen.
const MAX_PICTURES: usize = 4;

/// The page. Pictures are taken from `dir`, the result's directory.
pub fn page(report: &Report, dir: &Path) -> String {
    let mut body = head(report);
    body.push_str(&section("Timeline", &timeline(report)));
    body.push_str(&section("Concerns", &concerns(report)));
    body.push_str(&section("Boot", &boot(report, &dir.join("boot"))));
    body.push_str(&section("Boot chain", &chain(report)));
    body.push_str(&section("Changes inside the guest", &edits(report)));
    body.push_str(&section("Disks", &disks(report)));
    body.push_str(&section("Forecast and what it took", &usage(report)));
    body.push_str(&section("Host", &host(report)));
    frame(&format!("{}: h2k migration report", report.name), &body)
}

/// Colour and word of a boot test's end.
pub fn outcome(outcome: Option<Outcome>) -> (&'static str, &'static str) {
    match outcome {
        None => ("plain", "not booted"),
        Some(Outcome::Booted) => ("good", "booted"),
        Some(Outcome::Failed) => ("bad", "failed"),
        Some(Outcome::Unproven) => ("warn", "unproven"),
    }
}

fn head(report: &Report) -> String {
    let broken = report.readiness.as_ref().and_then(|chain| chain.broken());
    let (kind, word) = match (&report.verdict, broken) {
        (None, Some(_)) => ("bad", "would not boot"),
        (verdict, _) => outcome(verdict.as_ref().map(|v| v.outcome)),
    };
    let said = match (&report.verdict, broken) {
        (Some(verdict), _) => verdict.reason.clone(),
        (None, Some(link)) => format!("the boot chain is broken: {link}"),
        (None, None) => "no boot was wanted".to_owned(),
    };
    let copied: u64 = report.disks.iter().map(|disk| disk.allocated).sum();
    let tiles = [
        (measured(report.seconds()), "all stages"),
        (bytes(copied), "on the target"),
        (report.edits.len().to_string(), "changes inside the guest"),
        (report.concerns.len().to_string(), "concerns"),
    ];
    let mut out = format!(
        "<header>\n<h1>{} {}</h1>\n<p class=\"said\">{}</p>\n",
        text(&report.name),
        badge(kind, word),
        text(&said)
    );
    out.push_str("<div class=\"tiles\">\n");
    for (number, what) in tiles {
        let _ = writeln!(out, "<div class=\"tile\"><b>{}</b><span>{what}</span></div>", text(&number));
    }
    out.push_str("</div>\n<dl>\n");
    for (name, value) in [
        ("source", report.source.display().to_string()),
        ("source digest", report.source_digest.clone()),
        ("result", report.dir.display().to_string()),
        ("finished", report.finished.parse().map_or_else(|_| report.finished.clone(), time)),
    ] {
        let _ = writeln!(out, "<dt>{name}</dt><dd>{}</dd>", text(&value));
    }
    out.push_str("</dl>\n");
    for since in report.since() {
        let _ = writeln!(out, "<p>{}</p>", text(&since));
    }
    if !report.undone.is_empty() {
        let _ = writeln!(
            out,
            "<p>{} {} of {} changes were taken back after the migration: what is said of the boot was before that.</p>",
            badge("warn", "changed since"),
            report.undone.len(),
            report.edits.len()
        );
    }
    out.push_str("</header>\n");
    out
}

fn timeline(report: &Report) -> String {
    let begin = report.stages.iter().filter_map(|stage| stage.started).min();
    // Without the times (a report of an older h2k), the stages stand one behind the other.
    let mut end = 0.0;
    let rows: Vec<Row> = report
        .stages
        .iter()
        .map(|stage| {
            let from = begin.zip(stage.started).map_or(end, |(begin, at)| since(begin, at));
            end = from + stage.seconds;
            let title = format!("{}: {}, {}", stage.stage, measured(stage.seconds), stage.summary);
            let bar = Bar {
                stage: stage.stage,
                from,
                seconds: stage.seconds,
                title,
                resumed: stage.resumed,
                failed: false,
            };
            Row { label: stage.stage.to_string(), group: None, bars: vec![bar] }
        })
        .collect();
    let lines: Vec<Vec<String>> = report
        .stages
        .iter()
        .map(|stage| {
            let earlier = if stage.resumed { " <span class=\"soft\">(by an earlier run)</span>" } else { "" };
            let summary = format!("{}{earlier}", text(&stage.summary));
            vec![stage.stage.to_string(), text(&measured(stage.seconds)), summary]
        })
        .collect();
    format!("{}{}", gantt::svg(&rows), table(&["stage", "#time", "what came of it"], &lines))
}

fn concerns(report: &Report) -> String {
    let mut found: Vec<_> = report.concerns.iter().collect();
    found.sort_by_key(|concern| std::cmp::Reverse(concern.severity));
    let mut out = String::new();
    for concern in found {
        let kind = match concern.severity {
            Severity::Critical => "bad",
            Severity::Warning => "warn",
            Severity::Information => "plain",
        };
        let _ = writeln!(
            out,
            "<div class=\"concern\">{} <code>{}</code> <b>{}</b>: {}<p class=\"soft\">{}</p></div>",
            badge(kind, severity(concern.severity)),
            text(&concern.id),
            text(&concern.subject),
            text(&concern.message),
            match &concern.accepted {
                Some(reason) => format!("accepted: {}", text(reason)),
                None => text(&concern.advice),
            }
        );
    }
    out
}

fn boot(report: &Report, dir: &Path) -> String {
    let Some(verdict) = &report.verdict else { return String::new() };
    let evidence = &verdict.evidence;
    let mut out = String::new();
    for name in evidence.screenshots.iter().take(MAX_PICTURES) {
        match picture::data_uri(dir, name) {
            Ok(uri) => {
                let _ = writeln!(
                    out,
                    "<figure><img src=\"{uri}\" alt=\"the guest's screen at the end of the boot test\">\
                     <figcaption>The guest's screen at the end of the boot test</figcaption></figure>"
                );
            }
            Err(why) => {
                let _ = writeln!(out, "<p class=\"soft\">boot/{} is not shown: {why}.</p>", text(name));
            }
        }
    }
    out.push_str(&facts(verdict));
    if !evidence.serial_excerpt.is_empty() {
        let lines = evidence.serial_excerpt.join("\n");
        let _ = writeln!(
            out,
            "<details><summary>Last lines of the serial console</summary><pre>{}</pre></details>",
            block(&lines)
        );
    }
    out
}

fn facts(verdict: &Verdict) -> String {
    let evidence = &verdict.evidence;
    let mut rows = vec![vec!["test".to_owned(), format!("{:.0} s", evidence.seconds)]];
    if let Some(accel) = evidence.accel {
        rows.push(vec!["ran with".to_owned(), accel.to_string()]);
    }
    for nic in &evidence.nics {
        let seen: Vec<String> = nic.traffic.addresses.iter().map(ToString::to_string).collect();
        let said = format!("{} sent {} frames; addresses: {}", nic.mac, nic.traffic.frames, seen.join(", "));
        rows.push(vec!["network card".to_owned(), text(&said)]);
    }
    for found in evidence.failure.iter().chain(&evidence.hints) {
        rows.push(vec!["told".to_owned(), text(&found.line)]);
    }
    for warning in &evidence.warnings {
        rows.push(vec!["warning".to_owned(), text(warning)]);
    }
    if let Some(first) = &evidence.first_try {
        rows.push(vec!["a first try".to_owned(), text(first)]);
    }
    for difference in &evidence.differences {
        rows.push(vec!["the test differed".to_owned(), text(difference)]);
    }
    table(&["", ""], &rows)
}

fn chain(report: &Report) -> String {
    let links = report.readiness.iter().flat_map(|chain| &chain.links);
    let rows: Vec<Vec<String>> = links
        .map(|link| {
            let kind = match link.state {
                LinkState::Ok => "good",
                LinkState::Broken => "bad",
                LinkState::Late | LinkState::Unknown => "warn",
            };
            let state = badge(kind, &link.state.to_string());
            vec![link.link.to_string(), state, text(&link.subject), text(&link.detail)]
        })
        .collect();
    table(&["link", "state", "of what", "what was found"], &rows)
}

fn edits(report: &Report) -> String {
    let mut out = String::new();
    for (index, edit) in report.edits.iter().take(MAX_EDITS).enumerate() {
        out.push_str(&one_edit(report, index, edit));
    }
    if let Some(left) = report.edits.len().checked_sub(MAX_EDITS).filter(|left| *left > 0) {
        let _ = writeln!(out, "<p class=\"soft\">{left} more changes are in report.json.</p>");
    }
    out
}

fn one_edit(report: &Report, index: usize, edit: &Edit) -> String {
    let took = report.edit_seconds.get(index).map(|s| format!(", {s:.2} s")).unwrap_or_default();
    let back = match report.undone_at(index) {
        Some(at) => format!(" {}", badge("warn", &format!("taken back {}", time(at)))),
        None => String::new(),
    };
    let body = diff::unified(edit);
    let body = if body.is_empty() { String::new() } else { format!("<pre>{}</pre>", coloured(&body)) };
    format!(
        "<details><summary>{}. {} <span class=\"soft\">{}{took}</span>{back}</summary><p>{}</p>{body}</details>\n",
        index + 1,
        text(&diff::headline(edit)),
        text(&edit.fixer),
        text(&edit.reason)
    )
}

/// A diff with its lines marked. Escaping comes first and adds no line, so that what marks is never the guest's.
fn coloured(diff: &str) -> String {
    let escaped = block(diff);
    let mut out = String::with_capacity(escaped.len());
    for line in escaped.split_inclusive('\n') {
        let plain = line.starts_with("+++") || line.starts_with("---");
        match line.as_bytes().first() {
            Some(b'+') if !plain => drop(write!(out, "<ins>{line}</ins>")),
            Some(b'-') if !plain => drop(write!(out, "<del>{line}</del>")),
            _ => out.push_str(line),
        }
    }
    out
}

fn disks(report: &Report) -> String {
    let rows: Vec<Vec<String>> = report.disks.iter().map(disk).collect();
    let mut out = table(
        &["file", "#virtual", "#on the host", "#read", "#time", "#rate", "how, and digest of the content"],
        &rows,
    );
    if !report.untrimmed.is_empty() {
        out.push_str("<p>The free space of these was copied too:</p>\n<ul>\n");
        for (point, why) in &report.untrimmed {
            let _ = writeln!(out, "<li>{}: {}</li>", text(point), text(why));
        }
        out.push_str("</ul>\n");
    }
    out
}

fn disk(disk: &ConvertedDisk) -> Vec<String> {
    let copied = disk.transfer.as_ref().and_then(|t| t.copied.as_ref());
    let read = copied.map(|copied| copied.read);
    let rate = read.zip(disk.seconds).filter(|(_, seconds)| *seconds > 0.0);
    let rate = rate.map(|(read, seconds)| format!("{}/s", bytes((read as f64 / seconds) as u64)));
    let mut how = disk.transfer.as_ref().map(|t| text(&t.summary())).unwrap_or_default();
    match copied.and_then(|c| c.content.digest.as_ref()) {
        Some(digest) => drop(write!(how, "<br><code>{}</code>", text(digest))),
        None => how.push_str("<br><span class=\"soft\">no digest of the whole</span>"),
    }
    vec![
        text(&disk.file.display().to_string()),
        bytes(disk.size),
        bytes(disk.allocated),
        read.map(bytes).unwrap_or_default(),
        disk.seconds.map(measured).unwrap_or_default(),
        rate.unwrap_or_default(),
        how,
    ]
}

fn usage(report: &Report) -> String {
    let rows: Vec<Vec<String>> = compared(&report.forecast, report.used.as_ref(), &report.stages)
        .iter()
        .map(|row| {
            let ratio = row.ratio().map(|r| format!("{:.0} %", r * 100.0)).unwrap_or_default();
            vec![row.what.to_string(), amount(row, row.forecast), amount(row, row.actual), ratio]
        })
        .collect();
    table(&["", "#forecast", "#actual", "#actual of forecast"], &rows)
}

fn host(report: &Report) -> String {
    let kvm = if report.host.kvm { "proven and used" } else { "not used: software emulation" };
    let memory = report.host.peak_memory_bytes.map_or_else(|| "not known".to_owned(), bytes);
    let rows = [("h2k", text(&report.h2k)), ("KVM", kvm.to_owned()), ("h2k's peak memory", memory)];
    table(&["", ""], &rows.map(|(name, value)| vec![name.to_owned(), value]))
}
