//! `h2k test`: boots results, domains or disks, which are not written to.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use h2k_config::{DiskBus, Policy, TargetFormat};
use h2k_transports::{DiskFormat, SourceVm};
use serde::Serialize;

use crate::cli::TestArgs;
use crate::emit;
use crate::emit::domain::Domain;
use crate::error::{Doing, Failure, FailureKind};
use crate::job::{Job, safe_name};
use crate::plan::target;
use crate::report::Report;
use crate::stages::convert::write;
use crate::stages::flatten::Flattened;
use crate::temporary::{Purpose, Temporary};
use crate::ui::Ui;
use crate::validate::{BootOptions, Verdict, boot_test, junit};
use crate::{run, serial_console};

use super::Settled;

/// Largest domain XML that is read; libvirt's own are a few KiB.
const MAX_XML: u64 = 4 << 20;

/// What `--json` prints.
#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    targets: Vec<Tested<'a>>,
}

#[derive(Serialize)]
struct Tested<'a> {
    target: &'a Path,
    #[serde(flatten)]
    verdict: Option<&'a Verdict>,
    error: Option<String>,
}

/// Runs the subcommand.
///
/// # Errors
/// [`FailureKind::NotValidated`] if one did not prove that it boots; a target that is none.
pub fn run(args: &TestArgs, settled: &Settled, ui: &Ui) -> Result<(), Failure> {
    let mut results = Vec::new();
    for target in &args.targets {
        let result = test(target, args, settled, ui);
        if result.as_ref().is_err_and(|f| matches!(f.kind, FailureKind::Interrupted | FailureKind::Usage)) {
            return result.map(drop);
        }
        results.push((target, result));
    }
    if let Some(file) = &args.junit {
        let case = |(target, result): &(&PathBuf, Result<Verdict, Failure>)| {
            (target.display().to_string(), result.as_ref().map_err(Failure::chain).cloned())
        };
        let cases: Vec<_> = results.iter().map(case).collect();
        write(file, junit(&cases).as_bytes())?;
    }
    tell(args, ui, &results)?;
    let bad = results.iter().filter(|(_, r)| !r.as_ref().is_ok_and(Verdict::proven)).count();
    if bad == 0 {
        return Ok(());
    }
    let message = format!("{bad} of {} did not prove that they boot", results.len());
    let failure = Failure::message(FailureKind::NotValidated, message);
    Err(match &args.evidence {
        Some(dir) => failure.hint(format!("the evidence is in {}", dir.display())),
        None => failure.hint("--evidence DIR keeps the serial log and the screenshot"),
    })
}

fn tell(args: &TestArgs, ui: &Ui, results: &[(&PathBuf, Result<Verdict, Failure>)]) -> Result<(), Failure> {
    if args.json {
        let targets = results.iter().map(|(target, r)| Tested {
            target,
            verdict: r.as_ref().ok(),
            error: r.as_ref().err().map(Failure::chain),
        });
        return ui.answer_json(&Document { version: 1, targets: targets.collect() });
    }
    for (target, result) in results {
        let line = match result {
            Ok(v) => format!("{}: {}: {}", target.display(), v.outcome, v.reason),
            Err(f) => format!("{}: not tested: {}", target.display(), f.chain()),
        };
        ui.answer(&line)?;
        for warning in result.iter().flat_map(|v| &v.evidence.warnings) {
            ui.answer(&format!("  warning: {warning}"))?;
        }
        let readiness = result.as_ref().ok().and_then(|v| v.evidence.readiness.as_ref());
        for link in readiness.iter().flat_map(|r| r.open()) {
            ui.answer(&format!("  {} {link}", link.state))?;
        }
    }
    Ok(())
}

fn test(target: &Path, args: &TestArgs, settled: &Settled, ui: &Ui) -> Result<Verdict, Failure> {
    let (domain, dir) = domain_of(target, settled, ui)?;
    let temp = Temporary::new(&settled.resolved.temp_dir, Purpose::Work)?;
    let evidence = match &args.evidence {
        Some(dir) if args.targets.len() > 1 => dir.join(safe_name(&domain.name)),
        Some(dir) => dir.clone(),
        None => temp.path().join("evidence"),
    };
    let policy = Policy { root: chosen(target, &dir)?, ..settled.resolved.policy.clone() };
    let prepare =
        |overlays: &[PathBuf]| serial_console::look_and_add(overlays, temp.path(), &domain, &policy);
    let options = BootOptions {
        timeout: settled.resolved.boot_timeout.map(Duration::from_secs),
        scratch: Some(temp.path().to_owned()),
        prepare: Some(&prepare),
        ..BootOptions::default()
    };
    boot_test(&domain, &dir, &evidence, &options, ui, &domain.name)
}

/// The system of several that a result was migrated for. A disk alone may be another than the one with its root.
fn chosen(target: &Path, dir: &Path) -> Result<Option<String>, Failure> {
    let whole = target.is_dir() || is_xml(target);
    if !(whole && dir.join("report.json").is_file()) {
        return Ok(None);
    }
    Ok(Report::load(dir)?.root)
}

/// The domain that a target names, and the directory that its relative disks lie in.
fn domain_of(target: &Path, settled: &Settled, ui: &Ui) -> Result<(Domain, PathBuf), Failure> {
    let usage = |message: String| Failure::message(FailureKind::Usage, message);
    let target = std::path::absolute(target).doing(format!("finding {}", target.display()))?;
    let meta =
        fs::metadata(&target).map_err(|e| Failure::new(FailureKind::Usage, e).context(target.display()))?;
    let xml =
        if meta.is_dir() { Some(only_xml(&target)?) } else { Some(target.clone()).filter(|t| is_xml(t)) };
    let Some(xml) = xml else { return of_disk(&target, settled, ui) };
    let size = fs::metadata(&xml).doing(format!("reading {}", xml.display()))?.len();
    if size > MAX_XML {
        return Err(usage(format!("{} has {size} bytes: no domain XML is that large", xml.display())));
    }
    let text = fs::read_to_string(&xml).doing(format!("reading {}", xml.display()))?;
    let mut domain = emit::from_xml(&text)
        .map_err(|e| Failure::new(FailureKind::Usage, e).context(format!("reading {}", xml.display())))?;
    let dir = xml.parent().unwrap_or(Path::new("/")).to_owned();
    if meta.is_dir() {
        // A result that was moved still finds its disks: they lie beside the XML.
        for disk in &mut domain.disks {
            if let Some(name) = disk.file.file_name().filter(|n| dir.join(n).exists()) {
                disk.file = name.into();
            }
        }
    }
    Ok((domain, dir))
}

fn is_xml(path: &Path) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case("xml"))
}

fn only_xml(dir: &Path) -> Result<PathBuf, Failure> {
    let entries = fs::read_dir(dir).doing(format!("reading {}", dir.display()))?;
    let paths: Vec<PathBuf> = entries.filter_map(|e| Some(e.ok()?.path())).filter(|p| is_xml(p)).collect();
    match paths.as_slice() {
        [one] => Ok(one.clone()),
        all => Err(Failure::message(
            FailureKind::Usage,
            format!("{} holds {} domain XML files, not one", dir.display(), all.len()),
        )),
    }
}

/// A domain around a disk without a description: its firmware is found by looking at it.
fn of_disk(path: &Path, settled: &Settled, ui: &Ui) -> Result<(Domain, PathBuf), Failure> {
    let job = Job { sources: vec![path.to_owned()], boot: true, ..Job::default() };
    let inspected = run::inspect(&job, Some(&settled.resolved.temp_dir), ui)?;
    let source: &SourceVm = &inspected.flattened.fetched.vm;
    let format = format(&inspected.flattened)?;
    let policy = Policy { disk_bus: DiskBus::VirtioBlk, format, ..Policy::default() };
    let name = inspected.flattened.fetched.name.clone();
    let mut domain =
        target::target(&name, source, &inspected.facts, &policy, &inspected.flattened.sizes(), None);
    for disk in &mut domain.disks {
        disk.file = path.to_owned();
    }
    Ok((domain, path.parent().unwrap_or(Path::new("/")).to_owned()))
}

/// The disk's format, if a domain can have it.
fn format(flattened: &Flattened) -> Result<TargetFormat, Failure> {
    let active = flattened.disks.first().map(|d| d.chain.active()).transpose()?;
    match active.map(|image| image.format) {
        Some(DiskFormat::Qcow2) => Ok(TargetFormat::Qcow2),
        Some(DiskFormat::Raw) => Ok(TargetFormat::Raw),
        _ => Err(Failure::message(FailureKind::Usage, "only qcow2 and raw disks are booted")
            .hint("h2k migrate makes one")),
    }
}
