//! make-initrd: ALT. From make-initrd(1), its `Configuration` and its feature `add-modules`.
//!
//! The configuration is a makefile: with the feature `add-modules`, `MODULES_ADD` lists what goes in besides what the
//! machine is found to need, and `BLACKLIST_MODULES` what never does. `-c` builds the image of this configuration alone,
//! not those of /etc/initrd.mk.d; `-D` leaves the guest's modules.dep and its kin as they are.

use crate::edit::Edit;
use crate::error::Result;
use crate::facts::GuestFacts;
use crate::fixer::Proposal;
use crate::guest::Guest;
use crate::linux::text::TextFile;

use super::{ID, KEPT, Rebuild, drivers, findings, wordlist};

const CONF: &str = "/etc/initrd.mk";
const PROGRAM: &str = "/usr/sbin/make-initrd";
/// What looks at `MODULES_ADD`.
const FEATURE: &str = "add-modules";

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
    let file = TextFile::read(guest, CONF)?;
    let text = file.as_ref().map_or("", |f| f.text.as_str());
    let bus = rebuilds.first().map(|r| r.bus);
    let helpers = bus.map_or(&[][..], drivers::helpers);
    let needed = bus.map_or(&[][..], drivers::needed);
    let wanted: Vec<&str> = [kept, needed, helpers].concat();
    let mut omitted = listed(text, "BLACKLIST_MODULES", &wanted);
    omitted.sort_unstable();
    omitted.dedup();
    if !omitted.is_empty() {
        proposal.concerns.push(findings::omitted(CONF, "BLACKLIST_MODULES", &omitted));
    }
    // A module that one of the kernels does not have ends the build of its image.
    let kept = drivers::of_every_kernel(facts, kept);
    proposal.edits.extend(keep(file.as_ref(), &kept));
    for rebuild in rebuilds {
        let (path, version) = (&rebuild.initramfs.path, rebuild.kernel.version.as_str());
        if image(text, version).as_ref() != Some(path) {
            proposal.concerns.push(findings::not_built(path, "make-initrd builds it under another name"));
            continue;
        }
        let argv = [PROGRAM, "-D", "-c", CONF, "-k", version];
        proposal.edits.push(rebuild.run(&argv));
    }
    Ok(())
}

/// Where the image of a kernel is built; `None` where the configuration names it in a way of its own.
fn image(text: &str, version: &str) -> Option<String> {
    let plain = |value: &str| !value.contains(['$', ' ', '\t', '/']);
    if assignments(text, "IMAGEFILE").next().is_some() {
        return None;
    }
    let suffix = match assignments(text, "IMAGE_SUFFIX").last() {
        None => String::new(),
        Some((_, value)) => Some(value.trim().to_owned()).filter(|value| plain(value))?,
    };
    Some(format!("/boot/initrd-{version}{suffix}.img"))
}

fn keep(file: Option<&TextFile>, kept: &[&str]) -> Option<Edit> {
    let text = file.map_or("", |f| f.text.as_str());
    let have = listed(text, "MODULES_ADD", kept);
    let new: Vec<&str> = kept.iter().copied().filter(|d| !have.contains(d)).collect();
    let feature = listed(text, "FEATURES", &[FEATURE]).is_empty();
    if new.is_empty() && !feature {
        return None;
    }
    let gap = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    let mut after = format!("{text}{gap}# Added by h2k: disks and network of the VM on KVM.\n");
    if feature {
        after.push_str(&format!("FEATURES += {FEATURE}\n"));
    }
    if !new.is_empty() {
        after.push_str(&format!("MODULES_ADD += {}\n", new.join(" ")));
    }
    match file {
        Some(file) => file.edit(ID, &after, KEPT),
        None => Some(Edit::create(ID, CONF, &after, 0o644, KEPT)),
    }
}

/// What lines of the makefile assign to `name`, and whether they add to what is there.
fn assignments(text: &str, name: &str) -> impl Iterator<Item = (bool, String)> {
    let joined = text.replace("\\\n", " ");
    let found: Vec<(bool, String)> = joined
        .lines()
        .filter_map(|line| {
            let rest = line.trim_start().strip_prefix(name)?.trim_start();
            let value = rest.trim_start_matches(['+', ':', '?']).strip_prefix('=')?;
            Some((rest.starts_with('+'), value.split('#').next().unwrap_or_default().to_owned()))
        })
        .collect();
    found.into_iter()
}

/// Those of `words` that the makefile has in the list `name` in the end.
fn listed<'d>(text: &str, name: &str, words: &[&'d str]) -> Vec<&'d str> {
    let mut list: Vec<String> = Vec::new();
    for (adds, value) in assignments(text, name) {
        if !adds {
            list.clear();
        }
        list.extend(value.split_whitespace().map(str::to_owned));
    }
    words.iter().copied().filter(|d| list.iter().any(|w| wordlist::same(w, d))).collect()
}
