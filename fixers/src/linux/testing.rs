//! What the tests of all Linux fixers start from: a guest that needs nothing, and a way to run a fixer.

use std::fmt::Write as _;

use h2k_config::Policy;

pub(crate) use super::phony::{device, disk, nic};
use crate::append::{ArchiveEntry, EntryContent};
use crate::edit::{Change, Content};
use crate::facts::{DiskFacts, FstabEntry, InterfaceFacts, Mount, SystemFacts};
use crate::{Edit, Fixer, GuestFacts, GuestMut, MemoryGuest, Proposal};

/// UUID of the root file system of [`facts`].
pub(crate) const ROOT: &str = "0a000000-0000-4000-8000-000000000001";
/// UUID of the swap partition of [`facts`].
pub(crate) const SWAP: &str = "0a000000-0000-4000-8000-000000000002";
/// UUID of the data file system of [`facts`].
pub(crate) const DATA: &str = "0a000000-0000-4000-8000-000000000101";

/// A configured interface.
pub(crate) fn interface(name: &str, mac: Option<&str>, file: &str) -> InterfaceFacts {
    InterfaceFacts {
        name: name.to_owned(),
        mac: mac.map(str::to_owned),
        file: file.to_owned(),
        dhcp: true,
        ..InterfaceFacts::default()
    }
}

/// A line of fstab.
pub(crate) fn fstab_entry(spec: &str, mountpoint: &str, fstype: &str) -> FstabEntry {
    FstabEntry {
        spec: spec.to_owned(),
        mountpoint: mountpoint.to_owned(),
        fstype: fstype.to_owned(),
        options: "defaults".to_owned(),
    }
}

/// A Debian guest on two disks of one SCSI controller: sda1 is `/` (ext4), sda2 swap, sdb1 data (xfs).
pub(crate) fn facts() -> GuestFacts {
    let system = SystemFacts {
        root: "/dev/sda1".to_owned(),
        kind: "linux".to_owned(),
        distro: "debian".to_owned(),
        arch: "x86_64".to_owned(),
        major: 12,
        ..SystemFacts::default()
    };
    let mount = |mountpoint: &str, device: &str| Mount {
        mountpoint: mountpoint.to_owned(),
        device: device.to_owned(),
        ..Mount::default()
    };
    let mut facts = GuestFacts {
        systems: vec![system],
        block: vec![device(0, 1, "ext4"), device(0, 2, "swap"), device(1, 1, "xfs")],
        disks: vec![DiskFacts::default(), DiskFacts::default()],
        mounts: vec![mount("/", "/dev/sda1")],
        ..GuestFacts::default()
    };
    facts.hardware.disks = vec![disk("scsi", 0, 0), disk("scsi", 0, 1)];
    facts.init.systemd = true;
    facts.init.link_files = true;
    facts
}

/// Plans, carries the edits out, and plans again: the second plan must have no edits.
pub(crate) fn run(fixer: &dyn Fixer, facts: &GuestFacts, guest: &mut MemoryGuest) -> Proposal {
    run_with(fixer, facts, guest, Policy::default())
}

/// The same with a policy.
pub(crate) fn run_with(
    fixer: &dyn Fixer,
    facts: &GuestFacts,
    guest: &mut MemoryGuest,
    policy: Policy,
) -> Proposal {
    let proposal = fixer.plan(facts, guest, &policy).unwrap();
    for edit in &proposal.edits {
        assert_eq!(edit.fixer, fixer.id());
        assert!(!edit.reason.is_empty(), "an edit without a reason: {edit:?}");
        guest.apply(edit).unwrap();
    }
    let again = fixer.plan(facts, guest, &policy).unwrap();
    assert_eq!(again.edits, Vec::new(), "not idempotent");
    proposal
}

/// The edits as text: for a rewritten file the lines that differ, for others what is done.
pub(crate) fn show(edits: &[Edit]) -> String {
    let mut out = String::new();
    for edit in edits {
        show_change(&mut out, &edit.change);
    }
    out
}

fn show_change(out: &mut String, change: &Change) {
    let line = match change {
        Change::Write { path, before, after, .. } => {
            writeln!(out, "write {path}").unwrap();
            show_lines(out, before.as_ref(), after);
            return;
        }
        Change::Remove { path, .. } => format!("remove {path}"),
        Change::Rename { path, to } => format!("rename {path} → {to}"),
        Change::Symlink { path, before, target } => {
            let before = before.as_ref().map(|b| format!(" (was {b})")).unwrap_or_default();
            format!("link {path} → {target}{before}")
        }
        Change::Copy { from, path, size } => format!("copy {from} → {path} ({size} bytes)"),
        Change::Chmod { path, after, .. } => format!("chmod {path} {after:o}"),
        Change::AppendArchive { path, entries, .. } => {
            writeln!(out, "append to {path}").unwrap();
            entries.iter().for_each(|entry| show_entry(out, entry));
            return;
        }
        Change::Patch { path, pieces, .. } => {
            writeln!(out, "patch {path}").unwrap();
            for piece in pieces {
                match &piece.after {
                    Content::Text(_) => show_lines(out, Some(&piece.before), &piece.after),
                    Content::Base64(bytes) => writeln!(out, "bytes {bytes}").unwrap(),
                }
            }
            return;
        }
        Change::Directory { path, mode } => format!("mkdir {path} {mode:o}"),
        Change::Chown { path, after: (uid, gid), .. } => format!("chown {path} {uid}:{gid}"),
        Change::Append { path, text, .. } => format!("append {path}\n+{}", text.trim_end()),
        Change::Erase { path, .. } => format!("erase {path}"),
        Change::Label { path, label } => format!("label {path} {label}"),
        Change::BootSector { path, after, .. } => {
            format!("boot sector of {path}: {}", String::from(after.clone()))
        }
        Change::Registry { path, changes } => format!("registry {path} {}", changes.len()),
        Change::Place { path, from, .. } => format!("place {path} from {from}"),
        Change::Run { argv, .. } => format!("run {argv:?}"),
    };
    writeln!(out, "{line}").unwrap();
}

fn show_entry(out: &mut String, entry: &ArchiveEntry) {
    let path = &entry.path;
    match &entry.content {
        EntryContent::Directory => writeln!(out, "  {path}/").unwrap(),
        EntryContent::File { from, unpack, .. } => {
            writeln!(out, "  {path} ← {from}{}", if *unpack { " unpacked" } else { "" }).unwrap();
        }
        EntryContent::Lines { add } | EntryContent::Index { add } => {
            writeln!(out, "  {path}").unwrap();
            add.iter().for_each(|line| writeln!(out, "    +{line}").unwrap());
        }
    }
}

fn show_lines(out: &mut String, before: Option<&Content>, after: &Content) {
    let text = |content: &Content| String::from_utf8_lossy(&content.to_bytes().unwrap()).into_owned();
    let before = before.map(text).unwrap_or_default();
    let after = text(after);
    let (old, new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    if old.len() != new.len() {
        let gone = old.iter().filter(|l| !new.contains(l)).map(|l| format!("-{l}"));
        let come = new.iter().filter(|l| !old.contains(l)).map(|l| format!("+{l}"));
        gone.chain(come).for_each(|l| writeln!(out, "{l}").unwrap());
        return;
    }
    for (old, new) in old.iter().zip(&new).filter(|(old, new)| old != new) {
        writeln!(out, "-{old}\n+{new}").unwrap();
    }
}

/// The concerns as `severity id subject`, one per line.
pub(crate) fn show_concerns(proposal: &Proposal) -> Vec<String> {
    proposal.concerns.iter().map(|c| format!("{:?} {} {}", c.severity, c.id, c.subject)).collect()
}
