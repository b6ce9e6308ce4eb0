//! A plan as its reviewer reads it.

use std::fmt::Write as _;

use similar::TextDiff;

use super::*;
use crate::Content;

pub(super) fn all(text: &str, facts: &GuestFacts, edits: &[Edit], concerns: &[Concern]) -> String {
    let mut out = text.split("\n\n").next().unwrap().replace('\n', " ");
    out.push_str("\n\n");
    of_facts(&mut out, facts);
    for edit in edits {
        writeln!(out, "\n[{}] {}", edit.fixer, edit.reason).unwrap();
        of_change(&mut out, &edit.change);
    }
    for concern in concerns {
        let Concern { id, severity, subject, message, advice, .. } = concern;
        writeln!(out, "\n{severity:?}: {id}: {subject}: {message}\n  {advice}").unwrap();
    }
    if edits.is_empty() && concerns.is_empty() {
        out.push_str("\nnothing to do\n");
    }
    out
}

/// The links from the firmware to the root.
pub(super) fn chain(when: &str, chain: &Readiness) -> String {
    let mut out = format!("\n{when}: {}\n", chain.summary());
    for link in &chain.links {
        if when == "after" || link.state != readiness::LinkState::Ok {
            writeln!(out, "  {} {link}", link.state).unwrap();
        }
    }
    out
}

fn of_facts(out: &mut String, facts: &GuestFacts) {
    let s = facts.system().unwrap();
    let parts =
        [&s.product, &s.distro, &format!("{}.{}", s.major, s.minor), &s.arch, &s.package_format, &s.osinfo];
    let parts: Vec<&str> = parts.iter().map(|p| if p.is_empty() { "-" } else { p.as_str() }).collect();
    writeln!(out, "system: {} · host {}", parts.join(" · "), s.hostname).unwrap();
    let init = if facts.init.systemd { "systemd" } else { "no systemd" };
    writeln!(out, "init: {init}, initramfs by {}", facts.init.initramfs_generator).unwrap();
    let boot = &facts.bootloader;
    for (name, files) in [
        ("grub.cfg", &boot.grub_cfg),
        ("variables", &boot.grubenv),
        ("grub defaults", &boot.grub_defaults),
        ("grub legacy", &boot.grub_legacy),
        ("device map", &boot.device_maps),
        ("entries", &boot.bls_entries),
        ("command line", &boot.kernel_cmdline),
        ("extlinux", &boot.extlinux),
        ("other loaders", &boot.others),
    ] {
        if !files.is_empty() {
            writeln!(out, "{name}: {}", files.join(", ")).unwrap();
        }
    }
    for uki in &boot.ukis {
        writeln!(out, "unified kernel image: {}: {:?}, {:?}", uki.path, uki.cmdline, uki.modules).unwrap();
    }
    for kernel in &facts.kernels {
        let image = kernel.image.as_deref().unwrap_or("no image");
        let initramfs = kernel.initramfs.as_ref();
        let held = initramfs.map(|i| format!("{} ({})", i.path, i.modules.join(", ")));
        writeln!(out, "kernel {}: {image}, {}", kernel.version, held.as_deref().unwrap_or("no initramfs"))
            .unwrap();
    }
}

fn of_change(out: &mut String, change: &Change) {
    match change {
        Change::Write { path, before, after, .. } => of_text(out, path, before.as_ref(), Some(after)),
        Change::Remove { path, before } => of_text(out, path, Some(before), None),
        Change::Rename { path, to } => writeln!(out, "rename {path} to {to}").unwrap(),
        Change::Symlink { path, before, target } => {
            let before = before.as_ref().map(|b| format!(" (now -> {b})")).unwrap_or_default();
            writeln!(out, "link {path} -> {target}{before}").unwrap();
        }
        Change::Copy { from, path, .. } => writeln!(out, "copy {from} to {path}").unwrap(),
        Change::Chmod { path, before, after } => {
            writeln!(out, "chmod {path} {before:04o} -> {after:04o}").unwrap();
        }
        Change::Run { argv, changes } => {
            writeln!(out, "run {} (changes {})", argv.join(" "), changes.join(", ")).unwrap();
        }
        Change::Patch { path, pieces, .. } => {
            for piece in pieces {
                match &piece.after {
                    Content::Text(_) => of_text(out, path, Some(&piece.before), Some(&piece.after)),
                    Content::Base64(_) => writeln!(out, "bytes at {} of {path}", piece.offset).unwrap(),
                }
            }
        }
        #[allow(unreachable_patterns)]
        other => writeln!(out, "{other:?}").unwrap(),
    }
}

fn of_text(out: &mut String, path: &str, before: Option<&Content>, after: Option<&Content>) {
    let text = |content: Option<&Content>| {
        let bytes = content.map(|c| c.to_bytes().unwrap()).unwrap_or_default();
        String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
    };
    let (Some(old), Some(new)) = (text(before), text(after)) else {
        writeln!(out, "binary file {path} changes").unwrap();
        return;
    };
    let name = |prefix: &str, content: Option<&Content>| match content {
        Some(_) => format!("{prefix}{path}"),
        None => "/dev/null".to_owned(),
    };
    let (old, new) = (shortened(&old), shortened(&new));
    let diff = TextDiff::from_lines(&old, &new);
    write!(out, "{}", diff.unified_diff().context_radius(1).header(&name("a", before), &name("b", after)))
        .unwrap();
}

/// What fills an environment block up, in a few characters.
fn shortened(text: &str) -> String {
    let kept = text.trim_end_matches('#');
    let filled = text.len() - kept.len();
    if filled < 80 { text.to_owned() } else { format!("{kept}#### ({filled} of them)\n") }
}
