//! booster: Arch and others. From booster(1).
//!
//! It takes the drivers of the running machine, which is the appliance, so the image that h2k has built is a universal
//! one; `modules` of /etc/booster.yaml adds the target's drivers to those that the guest builds itself.

use crate::edit::Edit;
use crate::error::Result;
use crate::facts::GuestFacts;
use crate::fixer::Proposal;
use crate::guest::Guest;
use crate::linux::text::{Replacement, TextFile, lines, replace};

use super::{ID, KEPT, Rebuild, findings, wordlist};

const CONF: &str = "/etc/booster.yaml";
const PROGRAM: &str = "/usr/bin/booster";

/// Proposes what makes every one of the images hold the drivers, now and at the guest's next rebuild.
///
/// # Errors
/// The guest could not be read.
pub(super) fn propose(
    _: &GuestFacts,
    guest: &dyn Guest,
    rebuilds: &[Rebuild<'_>],
    kept: &[&str],
    proposal: &mut Proposal,
) -> Result<()> {
    keep(guest, kept, proposal)?;
    for rebuild in rebuilds {
        let path = &rebuild.initramfs.path;
        let mut argv =
            vec![PROGRAM, "build", "--force", "--universal", "--kernel-version", &rebuild.kernel.version];
        if rebuild.unreadable {
            argv.extend(["--compression", "gzip"]);
        }
        argv.push(path);
        proposal.edits.push(rebuild.run(&argv));
    }
    Ok(())
}

/// The drivers in `modules`, a list with commas on one line.
fn keep(guest: &dyn Guest, kept: &[&str], proposal: &mut Proposal) -> Result<()> {
    let Some(file) = TextFile::read(guest, CONF)? else {
        let text =
            format!("# Written by h2k: disks and network of the VM on KVM.\nmodules: {}\n", kept.join(","));
        proposal.edits.push(Edit::create(ID, CONF, &text, 0o644, KEPT));
        return Ok(());
    };
    let line = lines(&file.text).find_map(|(at, line)| Some((at, line, line.strip_prefix("modules:")?)));
    let Some((at, line, value)) = line else {
        let gap = if file.text.is_empty() || file.text.ends_with('\n') { "" } else { "\n" };
        let after = format!("{}{gap}modules: {}\n", file.text, kept.join(","));
        proposal.edits.extend(file.edit(ID, &after, KEPT));
        return Ok(());
    };
    let bare = value.split(" #").next().unwrap_or_default().trim_end();
    let list = bare.trim().trim_matches(['"', '\'']);
    let words: Vec<&str> = list.split(',').map(str::trim).filter(|w| !w.is_empty()).collect();
    // A list in YAML's own form, over several lines or behind an anchor is left to its owner.
    if list.is_empty() || list.starts_with(['[', '>', '|', '&', '*']) {
        proposal.concerns.push(findings::not_kept(CONF, "modules", kept));
        return Ok(());
    }
    let omitted: Vec<&str> = kept
        .iter()
        .copied()
        .filter(|d| words.iter().any(|w| w.strip_prefix('-').is_some_and(|w| wordlist::same(w, d))))
        .collect();
    if !omitted.is_empty() {
        proposal.concerns.push(findings::omitted(CONF, "modules", &omitted));
        return Ok(());
    }
    let new: Vec<&str> =
        kept.iter().copied().filter(|d| !words.iter().any(|w| wordlist::same(w, d))).collect();
    if new.is_empty() {
        return Ok(());
    }
    let quote = usize::from(bare.ends_with(['"', '\'']));
    let end = at + (line.len() - value.len()) + bare.len() - quote;
    let replacement = Replacement { start: end, end, text: format!(",{}", new.join(",")) };
    proposal.edits.extend(file.edit(ID, &replace(&file.text, &[replacement]), KEPT));
    Ok(())
}
