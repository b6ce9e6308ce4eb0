//! `linux.mdadm`: what keeps mdadm from looking at the new disks (mdadm.conf(5)).

use h2k_config::{DiskBus, Policy};

use super::names::Names;
use super::text::{Replacement, TextFile, lines, replace};
use crate::error::Result;
use crate::{Concern, Fixer, Guest, GuestFacts, Proposal, Severity};

#[cfg(test)]
mod tests;

const ID: &str = "linux.mdadm";
/// Debian's place and the other distributions' (mdadm.conf(5), "FILES").
const CONF: [&str; 2] = ["/etc/mdadm/mdadm.conf", "/etc/mdadm.conf"];
/// Beginnings of names that disks have on one hardware only.
const OLD: [&str; 8] = [
    "/dev/sd",
    "/dev/hd",
    "/dev/vd",
    "/dev/xvd",
    "/dev/nvme",
    "/dev/[",
    "/dev/disk/by-path/",
    "/dev/disk/by-id/",
];

/// Lets mdadm look at every disk.
pub struct Mdadm;

impl Fixer for Mdadm {
    fn id(&self) -> &'static str {
        ID
    }

    fn summary(&self) -> &'static str {
        "lets mdadm look at all disks, where mdadm.conf names the old hardware's"
    }

    fn explanation(&self) -> &'static str {
        "DEVICE lines in mdadm.conf say which devices mdadm looks at for members of its arrays. One that names \
         /dev/sda and the like shuts out the target's disks: the arrays are not assembled, and a root file system on \
         one is not found. h2k writes DEVICE partitions instead, which is mdadm's own default: every device that the \
         kernel knows. Arrays are named by their UUIDs in ARRAY lines, and those stay. The members that a devices= \
         word of an ARRAY line names are reported and left. The initramfs holds a copy of mdadm.conf; linux.initramfs \
         runs later and takes in what was changed here, and where it has no reason to build the initramfs anew and the \
         root file system is on an array, that is reported."
    }

    fn plan(&self, facts: &GuestFacts, guest: &dyn Guest, policy: &Policy) -> Result<Proposal> {
        let mut proposal = Proposal::default();
        if !facts.is_linux() {
            return Ok(proposal);
        }
        for path in CONF {
            let Some(file) = TextFile::read(guest, path)? else { continue };
            let (text, pinned) = rewrite(&file.text, policy.disk_bus);
            let reason = "its DEVICE line names disks of the old hardware, and mdadm looks at no others";
            let edit = file.edit(ID, &text, reason);
            if edit.is_some() {
                proposal.concerns.extend(kept_in_initramfs(facts, policy.disk_bus));
            }
            proposal.edits.extend(edit);
            proposal.concerns.extend(pinned.into_iter().map(|line| named_members(path, line)));
        }
        Ok(proposal)
    }
}

/// The device of the old hardware that keeps mdadm from looking at the target's disks; `None` where nothing does.
pub(super) fn old_device(text: &str, bus: DiskBus) -> Option<String> {
    let (rewritten, pinned) = rewrite(text, bus);
    if let Some(line) = pinned.first() {
        return Some(format!("line {line}"));
    }
    if rewritten == text {
        return None;
    }
    let devices = entries(text).into_iter().filter(|e| keyword(e.text, "device"));
    devices.flat_map(|e| words(e.text).map(str::to_owned).collect::<Vec<_>>()).find(|word| is_old(word))
}

/// A line with those that continue it: a line that begins with a blank does (mdadm.conf(5)).
struct Entry<'a> {
    start: usize,
    text: &'a str,
    /// Number of its first line, from 1.
    line: usize,
}

/// The file with DEVICE lines that take in the target's disks, and the numbers of ARRAY lines that name members.
fn rewrite(text: &str, bus: DiskBus) -> (String, Vec<usize>) {
    let entries = entries(text);
    let devices: Vec<&Entry<'_>> = entries.iter().filter(|e| keyword(e.text, "device")).collect();
    let words = |e: &&Entry<'_>| words(e.text).skip(1).map(str::to_owned).collect::<Vec<_>>();
    let all: Vec<String> = devices.iter().flat_map(words).collect();
    let mut replacements = Vec::new();
    if !all.is_empty() && !all.iter().any(|word| takes_in(word, bus)) && all.iter().any(|word| is_old(word)) {
        for entry in &devices {
            let body = entry.text.trim_end_matches(['\n', '\r']);
            let keyword = body.split([' ', '\t']).next().unwrap_or_default();
            // Words that hold on any hardware stay: mdadm looks at what any of the words names.
            let kept = words(entry).into_iter().filter(|word| !is_old(word) && word != "partitions");
            let new: Vec<String> =
                [keyword.to_owned(), "partitions".to_owned()].into_iter().chain(kept).collect();
            let end = entry.start + body.len();
            replacements.push(Replacement { start: entry.start, end, text: new.join(" ") });
        }
    }
    let pinned = entries.iter().filter(|e| keyword(e.text, "array"));
    let pinned = pinned.filter(|e| self::words(e.text).any(names_old_members));
    (replace(text, &replacements), pinned.map(|e| e.line).collect())
}

fn entries(text: &str) -> Vec<Entry<'_>> {
    let mut entries: Vec<Entry<'_>> = Vec::new();
    for (index, (start, line)) in lines(text).enumerate() {
        let continues = line.starts_with([' ', '\t']) && !line.trim().is_empty();
        match entries.last_mut().filter(|_| continues) {
            Some(last) => last.text = text.get(last.start..start + line.len()).unwrap_or(last.text),
            None => entries.push(Entry { start, text: line, line: index + 1 }),
        }
    }
    entries
}

/// Whether an entry is of this kind: keywords count in any case, and by their first three letters
/// (mdadm.conf(5), `match_keyword` in mdadm's config.c).
fn keyword(entry: &str, kind: &str) -> bool {
    let word = entry.split([' ', '\t', '\n', '\r']).next().unwrap_or_default().to_ascii_lowercase();
    word.len() >= 3 && kind.starts_with(&word)
}

/// The words of an entry, without comments.
fn words(entry: &str) -> impl Iterator<Item = &str> {
    let uncommented = entry.lines().map(|line| match line.find('#') {
        Some(at) => line.get(..at).unwrap_or_default(),
        None => line,
    });
    uncommented.flat_map(str::split_whitespace)
}

/// Whether a word of DEVICE lets the target's disks pass.
fn takes_in(word: &str, bus: DiskBus) -> bool {
    let disk = if bus.is_sd() { "/dev/sd" } else { "/dev/vd" };
    let pattern = word.starts_with(disk) && word.contains(['*', '?', '[']);
    let class = word.strip_prefix("/dev/[").and_then(|rest| rest.split_once(']'));
    let letter = disk.chars().nth(5).unwrap_or('v');
    let in_class = class.is_some_and(|(class, rest)| {
        class.contains(letter) && rest.starts_with('d') && rest.contains(['*', '?', '['])
    });
    word == "partitions" || word == "/dev/*" || pattern || in_class
}

fn is_old(word: &str) -> bool {
    OLD.iter().any(|prefix| word.starts_with(prefix))
}

fn names_old_members(word: &str) -> bool {
    let list = word.split_once('=').filter(|(name, _)| name.eq_ignore_ascii_case("devices"));
    list.is_some_and(|(_, list)| list.split(',').any(is_old))
}

fn named_members(path: &str, line: usize) -> Concern {
    Concern::new(
        "guest.mdadm.members",
        Severity::Warning,
        format!("{path} line {line}"),
        "an ARRAY line names its members by the old hardware's names, and takes no others",
        "take the word devices=… out of the line in the guest before the migration; UUID= is enough",
    )
}

/// The initramfs holds a copy. It is not built anew where it has the disk's driver already.
fn kept_in_initramfs(facts: &GuestFacts, bus: DiskBus) -> Option<Concern> {
    let root = Names::new(facts).root()?;
    facts.below(root).iter().find(|device| device.array.is_some())?;
    let kernel = facts.kernels.iter().rfind(|kernel| kernel.initramfs.is_some())?;
    let initramfs = kernel.initramfs.as_ref()?;
    let driver = crate::linux::ramdisk::drivers::controller(bus);
    initramfs.modules.iter().chain(&kernel.builtin).find(|module| *module == driver)?;
    Some(Concern::new(
        "guest.mdadm.initramfs",
        Severity::Warning,
        &initramfs.path,
        "it has the disk's driver and is not built anew; its copy of mdadm.conf still looks at the old disks only, and \
         the root file system's array may not be assembled",
        "watch the first boot; if it stops, mend mdadm.conf and build the initramfs in the guest before the migration",
    ))
}
