//! `linux.fstab`: devices in /etc/fstab by names that hold on any hardware (fstab(5)).

use h2k_config::Policy;

use super::names::{Holds, Names, Resolution, Use};
use super::text::TextFile;
use super::{fields, reason, severity};
use crate::{Concern, Fixer, Guest, GuestFacts, Proposal, Severity, error::Result};

mod rewrite;

#[cfg(test)]
mod tests;

pub use rewrite::{Left, Renamed, Rewritten, rewrite};

const ID: &str = "linux.fstab";
const FSTAB: &str = "/etc/fstab";
/// Malformed lines that are told: a file of another kind has nothing else.
const MAX_MALFORMED: usize = 4;

/// Replaces device names of the old hardware in /etc/fstab.
pub struct Fstab;

impl Fixer for Fstab {
    fn id(&self) -> &'static str {
        ID
    }

    fn summary(&self) -> &'static str {
        "mounts by UUID what /etc/fstab names by the old hardware's device names"
    }

    fn explanation(&self) -> &'static str {
        "Names as /dev/sda1, /dev/nvme0n1p2 and /dev/disk/by-path/… say where a disk was attached. On virtio the disks \
         are attached elsewhere, the names do not exist, and systemd stops in emergency mode for each line that it \
         cannot mount. h2k looks at the disks, finds the file system that each name stands for, and writes its UUID \
         (else the partition's UUID, else its label) in place of the name. A name is replaced only if the file system \
         is of the type that the line says and, for the root line, is the one that holds the system; otherwise the \
         line stays and a concern says why. Everything else in the file stays byte for byte: comments, spacing, \
         swap files, network mounts, CD-ROM drives, logical volumes."
    }

    fn plan(&self, facts: &GuestFacts, guest: &dyn Guest, _: &Policy) -> Result<Proposal> {
        let mut proposal = Proposal::default();
        let file = if facts.is_linux() { TextFile::read(guest, FSTAB)? } else { None };
        let Some(file) = file else { return Ok(proposal) };
        let names = Names::new(facts);
        let new = rewrite(&file.text, &names);
        let changes = new.renamed.iter().map(|r| (r.from.as_str(), r.to.as_str()));
        proposal.edits.extend(file.edit(ID, &new.text, reason::renamed(changes)));
        proposal.concerns.extend(new.left.iter().map(unresolved));
        proposal.concerns.extend(malformed(&file.text));
        proposal.concerns.extend(device_options(&new.text, &names));
        Ok(proposal)
    }
}

fn unresolved(left: &Left) -> Concern {
    let message = format!("{} for {} stays: {}", left.spec, left.mountpoint, left.why.text);
    Concern::new(
        "guest.fstab.unresolved",
        severity::of_mount(&left.mountpoint, &left.options),
        format!("{FSTAB} line {}", left.line),
        message,
        "write UUID=… (see blkid) in the guest before the migration, add nofail, or remove the line",
    )
}

/// Lines that nothing can mount (fstab(5) has six fields, of which libmount needs three), and files that are no text.
fn malformed(text: &str) -> Vec<Concern> {
    let concern = |subject: String, message: &str| {
        Concern::new(
            "guest.fstab.malformed",
            Severity::Warning,
            subject,
            message,
            "correct it in the guest before the migration; h2k leaves it as it is",
        )
    };
    if let Some(line) = text.lines().position(|line| line.contains('\0')) {
        return vec![concern(
            format!("{FSTAB} line {}", line + 1),
            "it holds NUL bytes: the file is damaged",
        )];
    }
    let lines = super::text::lines(text).map(|(offset, line)| fields::fields(offset, line).len());
    let short = lines.enumerate().filter(|(_, fields)| matches!(fields, 1 | 2));
    short
        .take(MAX_MALFORMED)
        .map(|(index, _)| concern(format!("{FSTAB} line {}", index + 1), "it has fewer than three fields"))
        .collect()
}

/// Options that name a second device (xfs(5) `logdev`, btrfs(5) `device`) are left, but not in silence.
fn device_options(text: &str, names: &Names<'_>) -> Vec<Concern> {
    let mut concerns = Vec::new();
    for (index, (offset, line)) in super::text::lines(text).enumerate() {
        let fields = fields::fields(offset, line);
        let Some(options) = fields.get(3) else { continue };
        let named = options.text.split(',').filter_map(|option| option.split_once('='));
        for (option, value) in named {
            let used = Use::holding(Holds::Anything);
            if !matches!(names.resolve(value, &used), Resolution::AlreadyStable) {
                concerns.push(Concern::new(
                    "guest.fstab.device-option",
                    Severity::Warning,
                    format!("{FSTAB} line {}", index + 1),
                    format!("the mount option {option}={value} names a device by the old hardware"),
                    "name it as /dev/disk/by-uuid/… or /dev/disk/by-partuuid/… in the guest before the migration",
                ));
            }
        }
    }
    concerns
}
