//! A batch's report as a page.

use std::fmt::Write;
use std::path::Path;

use h2k_fixers::Severity;

use super::batch::{BatchReport, VmStanding, VmSummary, since};
use super::gantt::{self, Bar, Row};
use super::html::{self, badge, href, page as frame, section, table, text};
use crate::plan::text::{bytes, measured};

/// Most VMs that the timeline shows: a drawing of more is not read by anybody, and the table has them all.
const MAX_ROWS: usize = 400;

/// Longest way to a result, in bytes: `PATH_MAX`.
const MAX_PATH: usize = 4096;

/// The page. It lies in `dir`: results below it are linked.
pub fn page(report: &BatchReport, dir: &Path) -> String {
    let mut body = head(report);
    body.push_str(&section("VMs", &vms(report, dir)));
    body.push_str(&section("Timeline", &timeline(report)));
    body.push_str(&section("Forecast and what it took", &usage(report)));
    frame(&format!("{}: h2k batch report", report.name), &body)
}

fn head(report: &BatchReport) -> String {
    let failures = report.vms.iter().filter(|vm| vm.state.is_failure()).count();
    let (kind, word) = match (report.ended, failures) {
        (None, _) => ("warn", "running".to_owned()),
        (Some(_), 0) if report.count(VmStanding::Done) == report.vms.len() => ("good", "all done".to_owned()),
        (Some(_), 0) => ("warn", "not all done".to_owned()),
        (Some(_), count) => ("bad", format!("{count} failed")),
    };
    let tiles = [
        (format!("{} of {}", report.count(VmStanding::Done), report.vms.len()), "VMs done"),
        (bytes(report.target_bytes()), "on the target"),
        (bytes(report.read_bytes()), "read"),
        (measured(report.wall_seconds()), "from begin to end"),
    ];
    let mut out = format!("<header>\n<h1>{} {}</h1>\n", text(&report.name), badge(kind, &word));
    let _ = writeln!(out, "<p class=\"said\">{}</p>\n<div class=\"tiles\">", text(&report.counts()));
    for (number, what) in tiles {
        let _ = writeln!(out, "<div class=\"tile\"><b>{number}</b><span>{what}</span></div>");
    }
    out.push_str("</div>\n<dl>\n");
    let file = report.file.as_ref().map(|file| file.display().to_string());
    let ended = report.ended.map_or_else(|| "still running".to_owned(), html::time);
    for (name, value) in
        [("batch file", file), ("began", Some(html::time(report.started))), ("ended", Some(ended))]
    {
        if let Some(value) = value {
            let _ = writeln!(out, "<dt>{name}</dt><dd>{}</dd>", text(&value));
        }
    }
    out.push_str("</dl>\n</header>\n");
    out
}

fn vms(report: &BatchReport, dir: &Path) -> String {
    let rows: Vec<Vec<String>> = report.failed_first().into_iter().map(|vm| row(vm, dir)).collect();
    let headings =
        ["VM", "state", "wave", "#time", "#tries", "#on the target", "#edits", "#concerns", "what was said"];
    table(&headings, &rows)
}

fn row(vm: &VmSummary, dir: &Path) -> Vec<String> {
    let kind = match vm.state {
        VmStanding::Done => "good",
        state if state.is_failure() => "bad",
        VmStanding::Waiting => "plain",
        _ => "warn",
    };
    vec![
        linked(vm, dir),
        badge(kind, vm.state.name()),
        vm.wave.as_deref().map(text).unwrap_or_default(),
        vm.seconds().map(measured).unwrap_or_default(),
        vm.tries.to_string(),
        vm.used.map(|used| bytes(used.target_bytes)).unwrap_or_default(),
        vm.edits.map(|n| n.to_string()).unwrap_or_default(),
        weights(vm),
        text(vm.said()),
    ]
}

/// The VM's name, with a link to its own report.
fn linked(vm: &VmSummary, dir: &Path) -> String {
    let name = text(&vm.name);
    let way = vm.dir.as_ref().and_then(|result| relative(dir, result));
    match way.filter(|way| way.len() <= MAX_PATH) {
        Some(path) => format!("<a href=\"{}\">{name}</a>", href(&format!("{path}/report.html"))),
        None => name,
    }
}

/// The way from one directory to another, both absolute: pages that are moved together find each other.
fn relative(from: &Path, to: &Path) -> Option<String> {
    if !from.is_absolute() || !to.is_absolute() {
        return None;
    }
    let same = from.components().zip(to.components()).take_while(|(a, b)| a == b).count();
    let up = from.components().skip(same).map(|_| Some(".."));
    let down = to.components().skip(same).map(|part| part.as_os_str().to_str());
    let parts: Option<Vec<&str>> = up.chain(down).collect();
    Some(parts?.join("/"))
}

/// Concerns by weight, those without a finding left out.
fn weights(vm: &VmSummary) -> String {
    let part = |severity, kind, word: &str| match vm.concerns_of(severity) {
        0 => String::new(),
        count => badge(kind, &format!("{count} {word}")),
    };
    let parts = [
        part(Severity::Critical, "bad", "critical"),
        part(Severity::Warning, "warn", "warning"),
        part(Severity::Information, "plain", "info"),
    ];
    parts.join(" ").trim().to_owned()
}

fn timeline(report: &BatchReport) -> String {
    let mut rows = Vec::new();
    let mut wave = None;
    for vm in report.vms.iter().filter(|vm| !vm.stages.is_empty()).take(MAX_ROWS) {
        let group = (vm.wave.is_some() && vm.wave != wave).then(|| vm.wave.clone()).flatten();
        if group.is_some() {
            wave.clone_from(&vm.wave);
        }
        rows.push(Row { label: vm.name.clone(), group, bars: bars(report, vm) });
    }
    let drawing = gantt::svg(&rows);
    if drawing.is_empty() {
        return drawing;
    }
    format!("{}{drawing}", gantt::legend())
}

fn bars(report: &BatchReport, vm: &VmSummary) -> Vec<Bar> {
    // Without the times of stages they stand one behind the other, from where the VM began.
    let mut end = vm.started.map_or(0.0, |at| since(report.started, at));
    let last = vm.stages.len().saturating_sub(1);
    let bar = |(index, stage): (usize, &super::StageTiming)| {
        let from = stage.started.map_or(end, |at| since(report.started, at));
        end = from + stage.seconds;
        Bar {
            stage: stage.stage,
            from,
            seconds: stage.seconds,
            title: format!("{}: {}, {}", stage.stage, measured(stage.seconds), stage.summary),
            resumed: stage.resumed,
            failed: vm.state.is_failure() && index == last,
        }
    };
    vm.stages.iter().enumerate().map(bar).collect()
}

/// What was expected and what it took, of the VMs where both are known.
fn usage(report: &BatchReport) -> String {
    let known: Vec<_> =
        report.vms.iter().filter_map(|vm| Some((vm, vm.forecast.as_ref()?, vm.used?))).collect();
    let rows: Vec<Vec<String>> = known
        .iter()
        .map(|(vm, forecast, used)| {
            let ratio = |expected: f64, actual: f64| match expected > 0.0 {
                true => format!("{:.0} %", actual / expected * 100.0),
                false => String::new(),
            };
            let time = forecast.time.as_ref().map(|time| time.all.seconds);
            let took = vm.seconds();
            vec![
                text(&vm.name),
                bytes(forecast.target_bytes),
                bytes(used.target_bytes),
                ratio(forecast.target_bytes as f64, used.target_bytes as f64),
                time.map(measured).unwrap_or_default(),
                took.map(measured).unwrap_or_default(),
                time.zip(took).map(|(time, took)| ratio(time, took)).unwrap_or_default(),
            ]
        })
        .collect();
    table(
        &[
            "VM",
            "#forecast on the target",
            "#actual",
            "#actual of forecast",
            "#forecast of time",
            "#actual",
            "#actual of forecast",
        ],
        &rows,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_is_found_from_the_page() {
        for (from, to, way) in [
            ("/vms/night.batch", "/vms/web01", Some("../web01")),
            ("/vms", "/vms/web01", Some("web01")),
            ("/a/b", "/c/d", Some("../../c/d")),
            ("vms", "/vms/web01", None),
        ] {
            assert_eq!(relative(Path::new(from), Path::new(to)).as_deref(), way, "{from} {to}");
        }
    }
}
