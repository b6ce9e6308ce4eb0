//! make-initrd: ALT. From make-initrd(1), its `Configuration` and its feature `add-modules`.
//!
//! The configuration is a makefile: `MODULES_ADD` lists what goes in besides what the machine is found to need,
//! `BLACKLIST_MODULES` what never does. `-c` builds the image of this configuration alone, not those of
//! /etc/initrd.mk.d.

use crate::edit::Edit;
use crate::error::Result;
use crate::facts::GuestFacts;
use crate::fixer::Proposal;
use crate::guest::Guest;
use crate::linux::text::TextFile;

use super::{ID, KEPT, Rebuild, findings, wordlist};

const CONF: &str = "/etc/initrd.mk";
const PROGRAM: &str = "/usr/sbin/make-initrd";

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
    let file = TextFile::read(guest, CONF)?;
    let text = file.as_ref().map_or("", |f| f.text.as_str());
    let omitted: Vec<&str> = listed(text, "BLACKLIST_MODULES", kept);
    if !omitted.is_empty() {
        proposal.concerns.push(findings::omitted(CONF, "BLACKLIST_MODULES", &omitted));
    }
    proposal.edits.extend(keep(file.as_ref(), kept));
    for rebuild in rebuilds {
        let (path, version) = (&rebuild.initramfs.path, rebuild.kernel.version.as_str());
        if *path != format!("/boot/initrd-{version}.img") {
            proposal.concerns.push(findings::not_built(path, "make-initrd builds it under another name"));
            continue;
        }
        let argv = [PROGRAM, "-c", CONF, "-k", version];
        proposal.edits.push(rebuild.run(&argv));
    }
    Ok(())
}

fn keep(file: Option<&TextFile>, kept: &[&str]) -> Option<Edit> {
    let text = file.map_or("", |f| f.text.as_str());
    let have = listed(text, "MODULES_ADD", kept);
    let new: Vec<&str> = kept.iter().copied().filter(|d| !have.contains(d)).collect();
    if new.is_empty() {
        return None;
    }
    let gap = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    let after = format!(
        "{text}{gap}# Added by h2k: disks and network of the VM on KVM.\nMODULES_ADD += {}\n",
        new.join(" ")
    );
    match file {
        Some(file) => file.edit(ID, &after, KEPT),
        None => Some(Edit::create(ID, CONF, &after, 0o644, KEPT)),
    }
}

/// Those of `drivers` that lines of the makefile list under `name`.
fn listed<'d>(text: &str, name: &str, drivers: &[&'d str]) -> Vec<&'d str> {
    let joined = text.replace("\\\n", " ");
    let lists = joined.lines().filter_map(|line| {
        let rest = line.trim_start().strip_prefix(name)?.trim_start();
        let rest = rest.trim_start_matches(['+', ':', '?']).strip_prefix('=')?;
        rest.split('#').next()
    });
    let words: Vec<&str> = lists.flat_map(str::split_whitespace).collect();
    drivers.iter().copied().filter(|d| words.iter().any(|w| wordlist::same(w, d))).collect()
}
