//! `linux.crypttab`: devices in /etc/crypttab by names that hold on any hardware (crypttab(5)).

use h2k_config::Policy;

use super::fields::{Field, fields};
use super::names::{Holds, Names, Resolution, Use, Why};
use super::text::{Replacement, TextFile, lines, replace};
use super::{reason, severity};
use crate::{Concern, Fixer, Guest, GuestFacts, Proposal, Severity, error::Result};

#[cfg(test)]
mod tests;

const ID: &str = "linux.crypttab";
const CRYPTTAB: &str = "/etc/crypttab";

/// Replaces device names of the old hardware in /etc/crypttab.
pub struct Crypttab;

impl Fixer for Crypttab {
    fn id(&self) -> &'static str {
        ID
    }

    fn summary(&self) -> &'static str {
        "opens encrypted volumes by UUID that /etc/crypttab names by the old hardware's device names"
    }

    fn explanation(&self) -> &'static str {
        "Each line of /etc/crypttab names the device of an encrypted volume. A name of the old hardware does not exist \
         on virtio: the volume is not opened and what is on it is not mounted. h2k writes the UUID of the LUKS \
         container in place of the name, and only if the device that the name stands for is a LUKS container. Swap or \
         scratch space that is encrypted anew at each boot has no lasting UUID; it gets its partition's UUID, and only \
         if nothing that could be lost is on the partition. Key files and options stay as they are."
    }

    fn plan(&self, facts: &GuestFacts, guest: &dyn Guest, _: &Policy) -> Result<Proposal> {
        let mut proposal = Proposal::default();
        let file = if facts.is_linux() { TextFile::read(guest, CRYPTTAB)? } else { None };
        let Some(file) = file else { return Ok(proposal) };
        let new = rewrite(&file.text, &Names::new(facts));
        let changes = new.renamed.iter().map(|(from, to)| (from.as_str(), to.as_str()));
        proposal.edits.extend(file.edit(ID, &new.text, reason::renamed(changes)));
        proposal.concerns.extend(new.left.iter().map(|left| unresolved(left, facts)));
        Ok(proposal)
    }
}

#[derive(Default)]
struct Rewritten {
    text: String,
    renamed: Vec<(String, String)>,
    left: Vec<Left>,
}

struct Left {
    line: usize,
    volume: String,
    device: String,
    why: Why,
}

fn rewrite(text: &str, names: &Names<'_>) -> Rewritten {
    let mut out = Rewritten::default();
    let mut replacements = Vec::new();
    for (index, (offset, line)) in lines(text).enumerate() {
        let fields = fields(offset, line);
        let [volume, device, rest @ ..] = fields.as_slice() else { continue };
        match names.resolve(device.text, &Use::holding(held(rest))) {
            Resolution::AlreadyStable => {}
            Resolution::Resolved { stable, .. } => {
                out.renamed.push((device.text.to_owned(), stable.clone()));
                let end = device.start + device.text.len();
                replacements.push(Replacement { start: device.start, end, text: stable });
            }
            Resolution::Unresolved(why) => out.left.push(Left {
                line: index + 1,
                volume: volume.text.to_owned(),
                device: device.text.to_owned(),
                why,
            }),
        }
    }
    out.text = replace(text, &replacements);
    out
}

/// crypttab(5): `plain` has no header; with `swap` or `tmp` the volume is formatted at each boot, with a key that is
/// random where it is a device.
fn held(rest: &[Field<'_>]) -> Holds<'static> {
    let key = rest.first().map_or("", |f| f.text);
    let mut options = rest.get(1).map_or("", |f| f.text).split(',');
    let scratch = options.any(|o| matches!(o, "plain" | "swap" | "tmp") || o.starts_with("tmp="));
    if scratch || matches!(key, "/dev/urandom" | "/dev/random") { Holds::Scratch } else { Holds::Luks }
}

fn unresolved(left: &Left, facts: &GuestFacts) -> Concern {
    let mapped = format!("/dev/mapper/{}", left.volume);
    let mounted = facts.fstab.iter().filter(|entry| entry.spec == mapped);
    let severity = mounted.map(|entry| severity::of_mount(&entry.mountpoint, &entry.options)).max();
    Concern::new(
        "guest.crypttab.unresolved",
        severity.unwrap_or(Severity::Warning).max(Severity::Warning),
        format!("{CRYPTTAB} line {}", left.line),
        format!("{} of the volume {} stays: {}", left.device, left.volume, left.why.text),
        "write UUID=… (see cryptsetup luksUUID) in the guest before the migration",
    )
}
