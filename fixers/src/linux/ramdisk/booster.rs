//! booster: Arch and others. From booster(1); `build` is of version 0.8 and later.
//!
//! It takes the drivers of the running machine, which is the appliance, so the image that h2k has built is a universal
//! one. For those that the guest builds itself, `modules_force_load` of /etc/booster.yaml names the target's drivers of
//! disks: what `modules` names lies in the image, and is loaded only where the machine that builds it has such a device.

use crate::edit::Edit;
use crate::error::Result;
use crate::facts::GuestFacts;
use crate::fixer::Proposal;
use crate::guest::Guest;
use crate::linux::text::{Replacement, TextFile, lines, replace};

use super::{ID, KEPT, Rebuild, drivers, findings, wordlist};

const CONF: &str = "/etc/booster.yaml";
const PROGRAM: &str = "/usr/bin/booster";
/// What is in the image.
const MODULES: &str = "modules";
/// What is in it and is loaded.
const FORCED: &str = "modules_force_load";

/// Proposes what makes every one of the images hold the drivers, now and at the guest's next rebuild.
///
/// # Errors
/// The guest could not be read.
pub(super) fn propose(
    facts: &GuestFacts,
    guest: &dyn Guest,
    rebuilds: &[Rebuild<'_>],
    kept: &[&str],
    proposal: &mut Proposal,
) -> Result<()> {
    let conf = TextFile::read(guest, CONF)?;
    // A build fails where one of the kernels has no such module.
    let mut kept = drivers::of_every_kernel(facts, kept);
    kept.retain(|driver| *driver != "virtio_net");
    if !kept.is_empty() {
        keep(conf.as_ref(), &kept, proposal);
    }
    let named = conf.as_ref().and_then(|conf| named_interface(&conf.text));
    for rebuild in rebuilds {
        let path = &rebuild.initramfs.path;
        if let Some(name) = named {
            let why = format!("booster finds no interface {name} in the appliance; {CONF} may name its MAC");
            proposal.concerns.push(findings::not_built(path, &why));
            continue;
        }
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

/// The name of an interface that the image is to bring up: booster looks for its MAC on the machine that builds.
fn named_interface(text: &str) -> Option<&str> {
    let is_mac = |word: &str| word.len() == 17 && word.split([':', '-']).count() == 6;
    let value = text.lines().find_map(|line| line.trim_start().strip_prefix("interfaces:"))?;
    let value = value.split(" #").next().unwrap_or_default();
    let mut words = value.split(',').map(|word| word.trim().trim_matches(['"', '\'']));
    words.find(|word| !word.is_empty() && !is_mac(word))
}

/// The drivers in `modules_force_load`, a list with commas and without blanks on one line.
fn keep(conf: Option<&TextFile>, kept: &[&str], proposal: &mut Proposal) {
    let Some(file) = conf else {
        let text = format!("# Written by h2k: disks of the VM on KVM.\n{FORCED}: {}\n", kept.join(","));
        proposal.edits.push(Edit::create(ID, CONF, &text, 0o644, KEPT));
        return;
    };
    let left_out = list(&file.text, MODULES).map(|l| l.words).unwrap_or_default();
    let omitted: Vec<&str> = kept
        .iter()
        .copied()
        .filter(|d| left_out.iter().any(|w| w.strip_prefix('-').is_some_and(|w| wordlist::same(w, d))))
        .collect();
    if !omitted.is_empty() {
        proposal.concerns.push(findings::omitted(CONF, MODULES, &omitted));
        return;
    }
    // A key in quotes is one more way to write it: a second one would end the build.
    if file.text.lines().any(|line| line.starts_with(['"', '\'']) && line.contains(FORCED)) {
        proposal.concerns.push(findings::not_kept(CONF, FORCED, kept));
        return;
    }
    let Some(list) = list(&file.text, FORCED) else {
        let gap = if file.text.is_empty() || file.text.ends_with('\n') { "" } else { "\n" };
        let after = format!("{}{gap}{FORCED}: {}\n", file.text, kept.join(","));
        proposal.edits.extend(file.edit(ID, &after, KEPT));
        return;
    };
    if !list.plain {
        proposal.concerns.push(findings::not_kept(CONF, FORCED, kept));
        return;
    }
    let new: Vec<&str> =
        kept.iter().copied().filter(|d| !list.words.iter().any(|w| wordlist::same(w, d))).collect();
    if !new.is_empty() {
        let replacement = Replacement { start: list.end, end: list.end, text: format!(",{}", new.join(",")) };
        proposal.edits.extend(file.edit(ID, &replace(&file.text, &[replacement]), KEPT));
    }
}

/// A list of booster.yaml.
struct List<'a> {
    words: Vec<&'a str>,
    /// Where its last word ends.
    end: usize,
    /// It is written on one line, with a word in it. A list in YAML's own form, over several lines or behind an anchor
    /// is left to its owner.
    plain: bool,
}

fn list<'a>(text: &'a str, key: &str) -> Option<List<'a>> {
    let (at, line, value) = lines(text).find_map(|(at, line)| {
        let value = line.strip_prefix(key)?.strip_prefix(':')?;
        Some((at, line, value))
    })?;
    let bare = value.split(" #").next().unwrap_or_default().trim_end();
    let inner = bare.trim().trim_matches(['"', '\'']);
    let words = inner.split(',').map(str::trim).filter(|w| !w.is_empty()).collect();
    let quote = usize::from(bare.ends_with(['"', '\'']));
    let end = at + (line.len() - value.len()) + bare.len() - quote;
    let plain = !inner.is_empty() && !inner.starts_with(['[', '>', '|', '&', '*']);
    Some(List { words, end, plain })
}
