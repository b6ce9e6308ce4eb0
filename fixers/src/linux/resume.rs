//! `linux.resume`: the device that a hibernated system is resumed from, by a name that holds on any hardware.
//!
//! Sources: initramfs.conf(5) (`RESUME`), dracut.conf(5) (`add_device`), uswsusp's `suspend.conf`.

use h2k_config::Policy;

use super::names::{Holds, Names, Resolution, Use, Why, WhyKind};
use super::reason;
use super::shell::{Assignment, assignment, words_of_file};
use super::text::{Replacement, TextFile, files_in, lines, replace};
use crate::{Concern, Edit, Fixer, Guest, GuestFacts, Proposal, Severity, error::Result};

#[cfg(test)]
mod tests;

const ID: &str = "linux.resume";
const INITRAMFS_TOOLS: &str = "/etc/initramfs-tools";
const DRACUT: &str = "/etc/dracut.conf";
const DRACUT_DROP_INS: &str = "/etc/dracut.conf.d";
const USWSUSP: [&str; 2] = ["/etc/suspend.conf", "/etc/uswsusp.conf"];

/// Replaces device names of the old hardware in the configuration of resuming.
pub struct Resume;

impl Fixer for Resume {
    fn id(&self) -> &'static str {
        ID
    }

    fn summary(&self) -> &'static str {
        "names the device to resume from by UUID, so that the boot does not wait for a device that is gone"
    }

    fn explanation(&self) -> &'static str {
        "The configuration of the initramfs names the swap space that a hibernated system is resumed from. A name of \
         the old hardware does not exist on virtio, and each boot waits for it, half a minute and more, before it goes \
         on. h2k writes the UUID of the swap space in place of the name (RESUME= of initramfs-tools, add_device of \
         dracut, suspend.conf). Where RESUME names a partition that the VM does not have at all, RESUME=none takes its \
         place: nothing can be resumed from it, and the wait is all that it does. none, auto and UUIDs stay. The \
         initramfs holds a copy of RESUME; until it is rebuilt, the copy counts. resume= on the kernel's command line \
         is a matter of linux.kernel-arguments."
    }

    fn plan(&self, facts: &GuestFacts, guest: &dyn Guest, _: &Policy) -> Result<Proposal> {
        let mut proposal = Proposal::default();
        if !facts.is_linux() {
            return Ok(proposal);
        }
        let names = Names::new(facts);
        let mut initramfs_tools = vec![format!("{INITRAMFS_TOOLS}/initramfs.conf")];
        initramfs_tools.extend(files_in(guest, &format!("{INITRAMFS_TOOLS}/conf.d"), "")?);
        let mut dracut = vec![DRACUT.to_owned()];
        dracut.extend(files_in(guest, DRACUT_DROP_INS, ".conf")?);
        let kinds: [(&[String], Rewrite); 3] = [
            (&initramfs_tools, in_initramfs_tools),
            (&dracut, in_dracut),
            (&USWSUSP.map(str::to_owned), in_suspend_conf),
        ];
        for (paths, rewrite) in kinds {
            for path in paths {
                let Some(file) = TextFile::read(guest, path)? else { continue };
                let mut found = Found::new(&names);
                let new = replace(&file.text, &rewrite(&file.text, &mut found));
                proposal.edits.extend(found.edit(&file, &new));
                proposal
                    .concerns
                    .extend(found.left.iter().map(|(name, why)| unresolved(&file.path, name, why)));
            }
        }
        Ok(proposal)
    }
}

type Rewrite = fn(&str, &mut Found<'_, '_>) -> Vec<Replacement>;

/// What was found in one file.
struct Found<'n, 'a> {
    names: &'n Names<'a>,
    changed: Vec<(String, String)>,
    gone: Vec<String>,
    left: Vec<(String, Why)>,
}

impl<'n, 'a> Found<'n, 'a> {
    fn new(names: &'n Names<'a>) -> Self {
        Self { names, changed: Vec::new(), gone: Vec::new(), left: Vec::new() }
    }

    /// The name to write in place of `name`; `missing` where the VM has no such device.
    fn stable(&mut self, name: &str, holds: Holds<'_>, missing: Option<&str>) -> Option<String> {
        match self.names.resolve(name, &Use::holding(holds)) {
            Resolution::AlreadyStable => None,
            Resolution::Resolved { stable, .. } => {
                self.changed.push((name.to_owned(), stable.clone()));
                Some(stable)
            }
            Resolution::Unresolved(why) => match missing.filter(|_| why.kind == WhyKind::Missing) {
                Some(none) => {
                    self.gone.push(name.to_owned());
                    Some(none.to_owned())
                }
                None => {
                    self.left.push((name.to_owned(), why));
                    None
                }
            },
        }
    }

    fn edit(&self, file: &TextFile, new: &str) -> Option<Edit> {
        let changed = self.changed.iter().map(|(from, to)| (from.as_str(), to.as_str()));
        let mut reasons: Vec<String> = Vec::new();
        if !self.changed.is_empty() {
            reasons.push(reason::renamed(changed));
        }
        if !self.gone.is_empty() {
            reasons.push(format!(
                "the VM has no {}: nothing can be resumed from it, and every boot would wait for it",
                self.gone.join(", ")
            ));
        }
        file.edit(ID, new, reasons.join("; "))
    }
}

/// `RESUME=/dev/sda2`.
fn in_initramfs_tools(text: &str, found: &mut Found<'_, '_>) -> Vec<Replacement> {
    let words = words_of_file(text);
    let resume = words.iter().filter_map(assignment).filter(|a| a.name == "RESUME");
    let edit = |a: Assignment<'_>| {
        let value = a.word.text.get(a.value..)?;
        let (start, end) = a.word.place(a.value, a.word.text.len())?;
        let text = found.stable(value, Holds::Swap, Some("none"))?;
        Some(Replacement { start, end, text })
    };
    resume.filter_map(edit).collect()
}

/// `add_device+=" /dev/sda2 "`: a list of device files.
fn in_dracut(text: &str, found: &mut Found<'_, '_>) -> Vec<Replacement> {
    let words = words_of_file(text);
    let lists = words.iter().filter_map(assignment).filter(|a| a.name == "add_device");
    let mut replacements = Vec::new();
    for list in lists {
        let mut at = list.value;
        for name in list.word.text.get(list.value..).unwrap_or_default().split([' ', '\t', '\n']) {
            let place = list.word.place(at, at + name.len());
            at += name.len() + 1;
            let Some((start, end)) = place else { continue };
            let stable = found.stable(name, Holds::Anything, None).map(|stable| device_file(&stable));
            replacements.extend(stable.map(|text| Replacement { start, end, text }));
        }
    }
    replacements
}

/// `resume device = /dev/sda2`.
fn in_suspend_conf(text: &str, found: &mut Found<'_, '_>) -> Vec<Replacement> {
    let mut replacements = Vec::new();
    for (offset, line) in lines(text) {
        let Some((key, value)) = line.split_once('=') else { continue };
        if key.split_whitespace().ne(["resume", "device"]) {
            continue;
        }
        let name = value.trim();
        let start = offset + key.len() + 1 + (value.len() - value.trim_start().len());
        let stable = found.stable(name, Holds::Swap, None).map(|stable| device_file(&stable));
        replacements.extend(stable.map(|text| Replacement { start, end: start + name.len(), text }));
    }
    replacements
}

/// Where a file is wanted, the link that udev makes for the tag.
fn device_file(stable: &str) -> String {
    match stable.split_once('=') {
        Some((tag, value)) => format!("/dev/disk/by-{}/{value}", tag.to_ascii_lowercase()),
        None => stable.to_owned(),
    }
}

fn unresolved(path: &str, name: &str, why: &Why) -> Concern {
    Concern::new(
        "guest.resume.unresolved",
        Severity::Warning,
        path,
        format!("{name} stays: {}; each boot may wait for it", why.text),
        "name the swap space by UUID=… (see blkid) in the guest before the migration, or write RESUME=none",
    )
}
