//! What was done as metrics for Prometheus, in a file that node_exporter's textfile collector reads
//! (<https://prometheus.io/docs/instrumenting/exposition_formats/>, text format 0.0.4).
//!
//! The file holds one batch, or one call of `h2k migrate`: what was in it before is replaced.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::io;
use std::path::{Path, PathBuf};

use h2k_fixers::Severity;
use jiff::Timestamp;

use crate::error::{Doing, Failure};
use crate::plan::text::severity;
use crate::report::{BatchReport, VmStanding, VmSummary};

/// Longest value of a label, in characters: a VM's name from a hostile description must not bloat the monitoring.
const MAX_LABEL: usize = 200;

/// Writes the metrics of a batch. A reader sees the old file or the new one, never a part.
///
/// # Errors
/// What the file system reports.
pub fn write(path: &Path, report: &BatchReport) -> Result<(), Failure> {
    replace(path, text(report).as_bytes()).doing(format!("writing metrics to {}", path.display()))
}

/// The collector reads as another user, so that the file is readable by all; it holds names, numbers and times.
fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::PermissionsExt;

    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // The collector takes *.prom only: it does not see the file before it has its name.
    let mut file = tempfile::Builder::new().prefix(".h2k-").suffix(".tmp").tempfile_in(dir)?;
    file.write_all(content)?;
    file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
    file.as_file().sync_all()?;
    file.persist(path).map(drop).map_err(|e| e.error)
}

/// Metrics that grow with each VM of one call.
pub struct Growing {
    path: Option<PathBuf>,
    report: BatchReport,
}

impl Growing {
    /// Nothing yet, for the file that was asked for, if one was. `name` is the label `batch`.
    pub fn new(path: Option<PathBuf>, name: &str) -> Self {
        Self { path, report: BatchReport::new(name, None, (Timestamp::now(), None), Vec::new()) }
    }

    /// Takes a VM in and writes the file.
    ///
    /// # Errors
    /// As [`write`].
    pub fn note(&mut self, vm: VmSummary) -> Result<(), Failure> {
        self.report.vms.push(vm);
        self.report.ended = Some(Timestamp::now());
        self.path.as_deref().map_or(Ok(()), |path| write(path, &self.report))
    }
}

/// The metrics as text.
pub fn text(report: &BatchReport) -> String {
    let mut page = Page { out: String::new(), batch: &report.name };
    // Writing to a String cannot fail.
    let _ = all(&mut page, report, &named(report));
    page.out
}

/// The VMs with names that tell them apart: a sample that comes twice would make Prometheus refuse the whole file.
fn named(report: &BatchReport) -> Vec<(String, &VmSummary)> {
    let mut taken = BTreeSet::new();
    let name = |vm: &VmSummary| {
        let name: String = vm.name.chars().take(MAX_LABEL).collect();
        let numbered = (2_u32..).map(|n| format!("{name} ({n})"));
        std::iter::once(name.clone())
            .chain(numbered)
            .find(|name| taken.insert(name.clone()))
            .unwrap_or_default()
    };
    report.vms.iter().map(name).collect::<Vec<_>>().into_iter().zip(&report.vms).collect()
}

type Vms<'a> = [(String, &'a VmSummary)];

fn all(page: &mut Page<'_>, report: &BatchReport, vms: &Vms<'_>) -> std::fmt::Result {
    page.family("h2k_vm_state", "gauge", "State of a VM: 1 for the state that it is in, 0 for all others.")?;
    for (name, vm) in vms {
        for state in VmStanding::ALL {
            let labels = [("vm", name.as_str()), ("state", state.name())];
            page.sample("h2k_vm_state", &labels, f64::from(u8::from(vm.state == state)))?;
        }
    }
    page.family("h2k_stage_seconds", "gauge", "Seconds that a stage of a VM took.")?;
    for (name, vm) in vms {
        for stage in &vm.stages {
            let labels = [("vm", name.as_str()), ("stage", stage.stage.name())];
            page.sample("h2k_stage_seconds", &labels, stage.seconds)?;
        }
    }
    per_vm(page, vms, "h2k_copied_bytes", "Bytes of a VM that were read and copied.", |vm| {
        vm.used?.read_bytes.map(|n| n as f64)
    })?;
    per_vm(page, vms, "h2k_target_bytes", "Bytes that the disks of a VM take on the target.", |vm| {
        vm.used.map(|used| used.target_bytes as f64)
    })?;
    page.family("h2k_concerns", "gauge", "Concerns of a VM's plan.")?;
    for (name, vm) in vms {
        for weight in [Severity::Critical, Severity::Warning, Severity::Information] {
            let labels = [("vm", name.as_str()), ("severity", severity(weight))];
            page.sample("h2k_concerns", &labels, vm.concerns_of(weight) as f64)?;
        }
    }
    whole(page, report)
}

fn per_vm(
    page: &mut Page<'_>,
    vms: &Vms<'_>,
    metric: &str,
    help: &str,
    value: impl Fn(&VmSummary) -> Option<f64>,
) -> std::fmt::Result {
    page.family(metric, "gauge", help)?;
    for (name, vm) in vms {
        if let Some(value) = value(vm) {
            page.sample(metric, &[("vm", name)], value)?;
        }
    }
    Ok(())
}

fn whole(page: &mut Page<'_>, report: &BatchReport) -> std::fmt::Result {
    page.family(
        "h2k_failures_total",
        "counter",
        "VMs of the run that failed or did not prove that they boot.",
    )?;
    let failures = report.vms.iter().filter(|vm| vm.state.is_failure()).count();
    page.sample("h2k_failures_total", &[], failures as f64)?;
    page.family("h2k_run_seconds", "gauge", "Seconds from the begin of the run to its end, or to now.")?;
    page.sample("h2k_run_seconds", &[], report.wall_seconds())?;
    page.family(
        "h2k_last_run_timestamp_seconds",
        "gauge",
        "When the run began, in seconds since the epoch.",
    )?;
    page.sample("h2k_last_run_timestamp_seconds", &[], report.started.as_second() as f64)?;
    page.family("h2k_running", "gauge", "Whether the run has not ended yet.")?;
    page.sample("h2k_running", &[], f64::from(u8::from(report.ended.is_none())))
}

struct Page<'a> {
    out: String,
    batch: &'a str,
}

impl Page<'_> {
    fn family(&mut self, name: &str, kind: &str, help: &str) -> std::fmt::Result {
        writeln!(self.out, "# HELP {name} {help}\n# TYPE {name} {kind}")
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: f64) -> std::fmt::Result {
        write!(self.out, "{name}{{batch=\"{}\"", label(self.batch))?;
        for (key, text) in labels {
            write!(self.out, ",{key}=\"{}\"", label(text))?;
        }
        writeln!(self.out, "}} {value}")
    }
}

/// A label's value: backslash, quote and line end are escaped, as the format says.
fn label(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars().take(MAX_LABEL) {
        match c {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::report::{StageTiming, Used};
    use crate::stage::Stage;

    type Sample = (String, BTreeMap<String, String>, f64);

    /// Reads the text format as strictly as its description is: every family has HELP and TYPE before its samples,
    /// stands once and together, no sample comes twice, and nothing is left over on a line.
    fn parse(text: &str) -> Result<Vec<Sample>, String> {
        assert!(text.ends_with('\n'));
        let (mut families, mut samples) = (BTreeSet::new(), Vec::new());
        let (mut helped, mut family) = (String::new(), String::new());
        let mut seen = BTreeSet::new();
        for line in text.split_terminator('\n') {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                helped = rest.split_once(' ').ok_or(line)?.0.to_owned();
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').ok_or(line)?;
                if name != helped
                    || !["gauge", "counter"].contains(&kind)
                    || !families.insert(name.to_owned())
                {
                    return Err(format!("{line:?} is no TYPE here"));
                }
                if (kind == "counter") != name.ends_with("_total") {
                    return Err(format!("{name} is no name of a {kind}"));
                }
                family = name.to_owned();
            } else {
                let sample = sample(line)?;
                if sample.0 != family || !seen.insert(format!("{:?}{:?}", sample.0, sample.1)) {
                    return Err(format!("{line:?} does not belong here"));
                }
                samples.push(sample);
            }
        }
        Ok(samples)
    }

    fn sample(line: &str) -> Result<Sample, String> {
        let wrong = || format!("{line:?} is no sample");
        let (name, mut rest) = line.split_once('{').ok_or_else(wrong)?;
        let mut labels = BTreeMap::new();
        while !rest.starts_with('}') {
            let (key, after) = rest.trim_start_matches(',').split_once("=\"").ok_or_else(wrong)?;
            let (mut value, mut chars) = (String::new(), after.char_indices());
            let end = loop {
                match chars.next().ok_or_else(wrong)? {
                    (at, '"') => break at + 1,
                    (_, '\\') => match chars.next().ok_or_else(wrong)?.1 {
                        'n' => value.push('\n'),
                        c @ ('\\' | '"') => value.push(c),
                        _ => return Err(wrong()),
                    },
                    (_, c) => value.push(c),
                }
            };
            if labels.insert(key.to_owned(), value).is_some() {
                return Err(wrong());
            }
            rest = &after[end..];
        }
        let value = rest.strip_prefix("} ").ok_or_else(wrong)?.parse().map_err(|_| wrong())?;
        Ok((name.to_owned(), labels, value))
    }

    fn report(names: &[&str]) -> BatchReport {
        let vms = names.iter().enumerate().map(|(index, name)| VmSummary {
            stages: vec![StageTiming {
                stage: Stage::Convert,
                started: None,
                seconds: 1.5,
                summary: String::new(),
                resumed: false,
            }],
            used: Some(Used { read_bytes: Some(4096), target_bytes: 8192, ..Used::default() }),
            ..VmSummary::new(*name, if index == 0 { VmStanding::Done } else { VmStanding::Failed })
        });
        let started = Timestamp::from_second(1_700_000_000).unwrap();
        BatchReport::new("night", None, (started, None), vms.collect())
    }

    #[test]
    fn every_vm_and_the_run_are_told() {
        let samples = parse(&text(&report(&["web01", "db01"]))).unwrap();
        let value = |name: &str, labels: &[(&str, &str)]| {
            let wanted =
                |s: &&Sample| s.0 == name && labels.iter().all(|(k, v)| s.1.get(*k).is_some_and(|x| x == v));
            samples.iter().find(wanted).unwrap_or_else(|| panic!("{name} {labels:?}")).2
        };
        assert_eq!(value("h2k_vm_state", &[("vm", "web01"), ("state", "done"), ("batch", "night")]), 1.0);
        assert_eq!(value("h2k_vm_state", &[("vm", "db01"), ("state", "done")]), 0.0);
        assert_eq!(value("h2k_vm_state", &[("vm", "db01"), ("state", "failed")]), 1.0);
        assert_eq!(value("h2k_stage_seconds", &[("vm", "db01"), ("stage", "convert")]), 1.5);
        assert_eq!(value("h2k_copied_bytes", &[("vm", "web01")]), 4096.0);
        assert_eq!(value("h2k_failures_total", &[]), 1.0);
        assert_eq!(value("h2k_last_run_timestamp_seconds", &[]), 1.7e9);
        assert_eq!(value("h2k_running", &[]), 1.0);
    }

    #[test]
    fn two_of_one_name_are_told_apart() {
        let samples = parse(&text(&report(&["a", "a", "a (2)"]))).unwrap();
        let names: BTreeSet<&str> = samples.iter().filter_map(|s| Some(s.1.get("vm")?.as_str())).collect();
        assert_eq!(names.into_iter().collect::<Vec<_>>(), ["a", "a (2)", "a (2) (2)"]);
    }

    #[test]
    fn the_file_grows_with_each_vm_and_is_readable() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("h2k.prom");
        let mut growing = Growing::new(Some(path.clone()), "");
        for (count, name) in ["a", "b"].into_iter().enumerate() {
            growing.note(VmSummary::new(name, VmStanding::Done)).unwrap();
            let samples = parse(&std::fs::read_to_string(&path).unwrap()).unwrap();
            let states = samples.iter().filter(|s| s.0 == "h2k_vm_state" && s.2 == 1.0).count();
            assert_eq!(states, count + 1);
        }
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "a temporary file was left");
        let nowhere = dir.path().join("none/h2k.prom");
        let error = Growing::new(Some(nowhere), "").note(VmSummary::new("a", VmStanding::Done)).unwrap_err();
        assert!(error.chain().starts_with("writing metrics to "), "{}", error.chain());
        assert!(Growing::new(None, "").note(VmSummary::new("a", VmStanding::Done)).is_ok());
    }

    proptest! {
        #[test]
        fn any_name_comes_back_as_it_was(name in "\\PC*|[\\\\\"\n{},= a-z]{0,60}") {
            let samples = parse(&text(&report(&[&name]))).unwrap();
            let wanted: String = name.chars().take(MAX_LABEL).collect();
            let told = samples.iter().filter(|s| s.1.get("vm").is_some_and(|vm| *vm == wanted)).count();
            prop_assert_eq!(told, samples.iter().filter(|s| s.1.contains_key("vm")).count());
            prop_assert!(told > 0);
        }
    }
}
