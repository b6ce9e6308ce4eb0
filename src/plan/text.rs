//! A plan for people on a terminal.

use std::fmt::Write;

use h2k_config::Attachment;
use h2k_fixers::Severity;

use super::time::{MEASURED, Range, TimeForecast};
use super::{Plan, diff};
use crate::emit::domain::{Domain, Machine, TargetFirmware};

/// The plan as text: what comes out, what will be changed, what to know.
pub fn text(plan: &Plan) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = write_plan(&mut out, plan);
    out
}

fn write_plan(out: &mut String, plan: &Plan) -> std::fmt::Result {
    writeln!(out, "VM {}", plan.name)?;
    writeln!(out, "  source    {} ({})", plan.source.path.display(), source_line(plan))?;
    writeln!(out, "  guest     {}", guest_line(plan))?;
    for line in target_lines(&plan.target) {
        writeln!(out, "  {line}")?;
    }
    let f = &plan.forecast;
    writeln!(
        out,
        "  space     {} on the target, {} for overlays, {} temporary (source data {}, virtual {})",
        bytes(f.target_bytes),
        bytes(f.overlay_bytes),
        bytes(f.temp_bytes),
        bytes(f.source_bytes),
        bytes(f.virtual_bytes)
    )?;
    if let Some(memory) = f.memory_bytes {
        writeln!(out, "  memory    {} at most", bytes(memory))?;
    }
    if let Some(time) = &f.time {
        writeln!(out, "  time      {}", span(&time.all))?;
        for line in time_lines(time) {
            writeln!(out, "            {line}")?;
        }
    }
    writeln!(out, "  digest    {}", plan.source_digest)?;
    write_concerns(out, plan)?;
    write_edits(out, plan)
}

fn write_concerns(out: &mut String, plan: &Plan) -> std::fmt::Result {
    writeln!(out, "\nConcerns: {}", plan.concerns.len())?;
    for c in &plan.concerns {
        writeln!(out, "  [{}] {}: {}: {}", severity(c.severity), c.id, c.subject, c.message)?;
        match &c.accepted {
            Some(reason) => writeln!(out, "      accepted: {reason}")?,
            None => writeln!(out, "      {}", c.advice)?,
        }
    }
    Ok(())
}

fn write_edits(out: &mut String, plan: &Plan) -> std::fmt::Result {
    writeln!(out, "\nEdits in the guest: {}", plan.edits.len())?;
    for (number, edit) in plan.edits.iter().enumerate() {
        writeln!(out, "\n{}. {} [{}]", number + 1, diff::headline(edit), edit.fixer)?;
        writeln!(out, "   {}", edit.reason)?;
        for line in diff::unified(edit).lines() {
            writeln!(out, "   {line}")?;
        }
    }
    let verdict = if plan.ready() { "ready to migrate" } else { "NOT READY: critical concerns" };
    writeln!(out, "\n{verdict}")
}

fn source_line(plan: &Plan) -> String {
    let s = &plan.source;
    format!("{} disks, {} NICs, {:?} firmware", s.disks.len(), s.nics.len(), s.firmware)
}

/// The guest in one line.
pub fn guest_line(plan: &Plan) -> String {
    match plan.facts.system() {
        None => "no single operating system".to_owned(),
        Some(s) => {
            let kernels: Vec<&str> = plan.facts.kernels.iter().map(|k| k.version.as_str()).collect();
            format!("{} {}, kernels: {}", s.product, s.arch, kernels.join(", "))
        }
    }
}

/// The guest's system, as it calls itself.
pub fn guest_system(plan: &Plan) -> String {
    plan.facts.system().map_or_else(|| "none found".to_owned(), |system| system.product.clone())
}

/// The target's hardware, a line each.
pub fn target_lines(target: &Domain) -> Vec<String> {
    let machine = match target.machine {
        Machine::Q35 => "q35",
        Machine::I440fx => "i440fx",
    };
    let firmware = match target.firmware {
        TargetFirmware::Bios => "SeaBIOS",
        TargetFirmware::Uefi { secure_boot: false } => "OVMF",
        TargetFirmware::Uefi { secure_boot: true } => "OVMF with Secure Boot",
    };
    let cpu = target.cpu;
    let mut lines = vec![format!(
        "target    {machine}, {firmware}, {} vCPUs ({} sockets x {} cores), {}",
        cpu.vcpus(),
        cpu.sockets,
        cpu.cores,
        bytes(target.memory_bytes)
    )];
    for disk in &target.disks {
        let bus = disk.bus.name();
        let file = disk.file.display();
        lines.push(format!("disk      {} {bus} {} ({file})", disk.target, bytes(disk.size)));
    }
    for nic in &target.nics {
        let net = match &nic.target.to {
            Attachment::Network(name) => format!("network {name}"),
            Attachment::Bridge(name) => format!("bridge {name}"),
        };
        let tags: Vec<String> = nic.target.vlans.iter().map(u16::to_string).collect();
        let vlan = if tags.is_empty() { String::new() } else { format!(", VLAN {}", tags.join(" ")) };
        lines.push(format!("nic       {} {} on {net}{vlan}", nic.mac, nic.model));
    }
    lines
}

/// A time with its uncertainty.
pub fn span(range: &Range) -> String {
    let seconds = |n: f64| duration(n.round() as u64);
    format!("about {} ({} to {})", seconds(range.seconds), seconds(range.low), seconds(range.high))
}

/// Where a forecast of time comes from, a line each: its stages that are still to come, and the sample.
pub fn time_lines(time: &TimeForecast) -> Vec<String> {
    let measured: f64 = time.stages.iter().filter(|s| s.basis == MEASURED).map(|s| s.time.seconds).sum();
    let mut lines = vec![format!("fetch to plan {}: {MEASURED}", duration(measured.round() as u64))];
    let later = time.stages.iter().filter(|s| s.basis != MEASURED);
    lines.extend(later.map(|s| format!("{} {}: {}", s.stage, span(&s.time), s.basis)));
    if let Some(sample) = &time.sample {
        let how = if sample.written { "copied" } else { "read" };
        lines.push(format!(
            "sample: {} {how} in {:.1} s, {}/s",
            bytes(sample.bytes),
            sample.seconds,
            bytes(sample.rate)
        ));
    }
    lines.extend(time.notes.iter().cloned());
    lines
}

/// Severity as users read it.
pub fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "critical",
        Severity::Warning => "warning",
        Severity::Information => "information",
    }
}

/// `45 s`, `3 min 20 s`, `2 h 5 min`.
pub fn duration(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// Seconds as they were measured: to a tenth below a minute, else as [`duration`].
pub fn measured(seconds: f64) -> String {
    if seconds < 60.0 { format!("{seconds:.1} s") } else { duration(seconds.round() as u64) }
}

/// Bytes with a binary unit, one decimal.
pub fn bytes(n: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = n as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let name = UNITS.get(unit).copied().unwrap_or("B");
    if unit == 0 { format!("{n} {name}") } else { format!("{value:.1} {name}") }
}
