//! Which kernel arguments name devices, and what becomes of them.
//!
//! Sources: Documentation/admin-guide/kernel-parameters.txt (`root`, `resume`), dracut.cmdline(7) (`root=block:…`,
//! `boot`), systemd-fstab-generator(8) (`mount.usr`), genkernel(8) (`real_root`, `crypt_root`), mkinitcpio's encrypt
//! hook (`cryptdevice=DEVICE:NAME`).

use std::collections::BTreeMap;

use super::cmdline::{self, Param};
use super::variables::{Variable, Variables};
use crate::Severity;
use crate::linux::names::{Holds, Names, Resolution, Use};
use crate::linux::shell::{Assignment, Word};
use crate::linux::text::Replacement;

/// What a parameter says of the device that it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Root,
    Resume,
    Swap,
    Mount(&'static str),
    Luks,
}

const ROLES: [(&str, Role); 9] = [
    ("root", Role::Root),
    ("real_root", Role::Root),
    ("resume", Role::Resume),
    ("real_resume", Role::Resume),
    ("swap", Role::Swap),
    ("boot", Role::Mount("/boot")),
    ("mount.usr", Role::Mount("/usr")),
    ("cryptdevice", Role::Luks),
    ("crypt_root", Role::Luks),
];

/// An argument that names a device of the old hardware and stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Weight {
    /// The system comes up without it.
    Nuisance,
    /// The root device: the system does not come up.
    Root,
}

impl Weight {
    pub fn severity(self) -> Severity {
        match self {
            Weight::Nuisance => Severity::Warning,
            Weight::Root => Severity::Critical,
        }
    }
}

/// Replaces the device names on kernel command lines, and notes what it could not replace.
pub(crate) struct Editor<'a> {
    names: &'a Names<'a>,
    kernel_only: bool,
    /// The lines read now boot another system, so that its root is not this one's.
    pub(super) foreign: bool,
    /// The file read now is not what boots, so that nothing in it keeps the system from coming up.
    pub(super) idle: bool,
    /// Variables of GRUB that kernel lines are made of.
    pub(super) variables: Variables,
    file: String,
    text: String,
    changed: Vec<(String, String, Weight)>,
    left: BTreeMap<(String, String), (Weight, Vec<String>)>,
}

impl<'a> Editor<'a> {
    /// An editor for one guest. `kernel_only`: no initramfs will look for the devices.
    pub fn new(names: &'a Names<'a>, kernel_only: bool) -> Self {
        let (file, text, variables) = (String::new(), String::new(), Variables::default());
        let (changed, left) = (Vec::new(), BTreeMap::new());
        Self { names, kernel_only, foreign: false, idle: false, variables, file, text, changed, left }
    }

    /// Begins with another file.
    pub(super) fn begin(&mut self, file: &str, text: &str) {
        file.clone_into(&mut self.file);
        text.clone_into(&mut self.text);
        self.foreign = false;
        self.idle = false;
        self.changed.clear();
    }

    /// What changed in the file since [`Editor::begin`].
    pub(super) fn changed(&self) -> impl Iterator<Item = (&str, &str)> {
        self.changed.iter().map(|(from, to, _)| (from.as_str(), to.as_str()))
    }

    /// The weight of what changed or was left, as if nothing of it had been changed; `None` if that is nothing.
    pub(super) fn weight_of_all(&self) -> Option<Weight> {
        let left = self.left.values().map(|(weight, _)| *weight);
        self.changed.iter().map(|(_, _, weight)| *weight).chain(left).max()
    }

    /// Arguments that stay: as written with the reason, weight, and files.
    pub(super) fn left(&self) -> impl Iterator<Item = (&str, &str, Weight, &[String])> {
        self.left
            .iter()
            .map(|((what, why), (weight, files))| (what.as_str(), why.as_str(), *weight, files.as_slice()))
    }

    /// A command line in the kernel's own quoting, at byte `offset` of its file.
    pub fn line(&mut self, line: &str, offset: usize) -> Vec<Replacement> {
        self.edit(&cmdline::params(line), |start, end| Some((offset + start, offset + end)))
    }

    /// A value that a shell word assigns, which is a command line.
    pub fn assigned(&mut self, assigned: &Assignment<'_>) -> Vec<Replacement> {
        let value = assigned.word.text.get(assigned.value..).unwrap_or_default();
        let place = |start, end| assigned.word.place(assigned.value + start, assigned.value + end);
        self.edit(&cmdline::params(value), place)
    }

    /// A value that a shell word assigns, which is the device of the parameter `key`.
    pub fn assigned_device(&mut self, assigned: &Assignment<'_>, key: &str) -> Vec<Replacement> {
        let value = assigned.word.text.get(assigned.value..);
        let param = Param { key, start: 0, value };
        self.edit(&[param], |start, end| assigned.word.place(assigned.value + start, assigned.value + end))
    }

    /// A value at byte `offset` of its file, which is the device of the parameter `key`.
    pub fn device(&mut self, value: &str, key: &str, offset: usize) -> Vec<Replacement> {
        let param = Param { key, start: 0, value: Some(value) };
        self.edit(&[param], |start, end| Some((offset + start, offset + end)))
    }

    /// A value that a shell word assigns to a variable, as kernel lines use the variable.
    pub fn assigned_variable(&mut self, assigned: &Assignment<'_>) -> Vec<Replacement> {
        match self.variables.get(assigned.name).cloned() {
            Some(Variable::Line) => self.assigned(assigned),
            Some(Variable::Device(key)) => self.assigned_device(assigned, &key),
            None => Vec::new(),
        }
    }

    /// The words of a command of GRUB, each of which is a parameter.
    pub fn words(&mut self, words: &[Word]) -> Vec<Replacement> {
        let params: Vec<Param<'_>> = words.iter().map(|word| cmdline::param(&word.text, 0)).collect();
        let offset = has_offset(&params);
        let edit = |(param, word): (&Param<'_>, &Word)| {
            self.param(param, offset, |start, end| word.place(start, end))
        };
        params.iter().zip(words).filter_map(edit).collect()
    }

    fn edit(
        &mut self,
        params: &[Param<'_>],
        place: impl Fn(usize, usize) -> Option<(usize, usize)>,
    ) -> Vec<Replacement> {
        let offset = has_offset(params);
        params.iter().filter_map(|param| self.param(param, offset, &place)).collect()
    }

    fn param(
        &mut self,
        param: &Param<'_>,
        offset: bool,
        place: impl Fn(usize, usize) -> Option<(usize, usize)>,
    ) -> Option<Replacement> {
        let value = param.value?;
        // A variable is resolved where it is set.
        if value.contains(['$', '`']) {
            return None;
        }
        let first = value.chars().next().map_or(0, char::len_utf8);
        let at = place(param.start, param.start + first).map(|(start, _)| start);
        let Some((_, role)) = ROLES.iter().find(|(key, _)| *key == param.key) else {
            self.note_unknown(param.key, value, at);
            return None;
        };
        let device = device_part(value, *role)?;
        let (from, to) = (device.start, device.start + device.text.len());
        let stable = self.resolve(param, &device.name, *role, offset, at)?;
        let Some((start, end)) = place(param.start + from, param.start + to) else {
            self.leave(param, self.weight(*role), "it is quoted in a way that h2k does not edit", at);
            return None;
        };
        self.changed.push((device.text.to_owned(), stable.clone(), self.weight(*role)));
        Some(Replacement { start, end, text: stable })
    }

    fn resolve(
        &mut self,
        param: &Param<'_>,
        name: &str,
        role: Role,
        offset: bool,
        at: Option<usize>,
    ) -> Option<String> {
        let mountpoint = match role {
            Role::Root if !self.foreign => Some("/"),
            Role::Mount(mountpoint) if !self.foreign => Some(mountpoint),
            _ => None,
        };
        let holds = match role {
            // With an offset the image lies in a swap file.
            Role::Resume if offset => Holds::Filesystem("auto"),
            Role::Resume | Role::Swap => Holds::Swap,
            Role::Luks => Holds::Luks,
            Role::Root | Role::Mount(_) => Holds::Filesystem("auto"),
        };
        match self.names.resolve(name, &Use { holds, mountpoint, kernel_only: self.kernel_only }) {
            Resolution::Resolved { stable, .. } => Some(stable),
            Resolution::AlreadyStable => None,
            Resolution::Unresolved(why) => {
                self.leave(param, self.weight(role), &why.text, at);
                None
            }
        }
    }

    fn weight(&self, role: Role) -> Weight {
        let needed = matches!(role, Role::Root | Role::Luks) && !self.foreign && !self.idle;
        if needed { Weight::Root } else { Weight::Nuisance }
    }

    /// A parameter that h2k does not know may name a device too.
    fn note_unknown(&mut self, key: &str, value: &str, at: Option<usize>) {
        let used = Use::holding(Holds::Anything);
        let unstable = |part: &str| !matches!(self.names.resolve(part, &used), Resolution::AlreadyStable);
        if value.split([',', ':', '=']).any(unstable) {
            let param = Param { key, start: 0, value: Some(value) };
            self.leave(&param, Weight::Nuisance, "h2k does not know what this argument means", at);
        }
    }

    /// Notes an argument that stays, with the line of byte `at` of the file. Of each file the first line is told.
    fn leave(&mut self, param: &Param<'_>, weight: Weight, why: &str, at: Option<usize>) {
        let what = format!("{}={}", param.key, param.value.unwrap_or_default());
        let line = at.and_then(|at| self.text.get(..at)).map(|before| before.matches('\n').count() + 1);
        let (known, places) = self.left.entry((what, why.to_owned())).or_insert((weight, Vec::new()));
        *known = weight.max(*known);
        let same = |place: &String| {
            place.strip_prefix(&self.file).is_some_and(|r| r.is_empty() || r.starts_with(' '))
        };
        if !places.iter().any(same) {
            let file = &self.file;
            places.push(line.map_or_else(|| file.clone(), |line| format!("{file} line {line}")));
        }
    }
}

/// Whether the parameter names a device.
pub(super) fn names_device(key: &str) -> bool {
    ROLES.iter().any(|(known, _)| *known == key)
}

fn has_offset(params: &[Param<'_>]) -> bool {
    params.iter().any(|p| p.key == "resume_offset")
}

/// The device in a value: its place, its text, and a name that can be resolved.
struct Device<'a> {
    start: usize,
    text: &'a str,
    name: String,
}

fn device_part(value: &str, role: Role) -> Option<Device<'_>> {
    let (start, text) = match value.strip_prefix("block:") {
        Some(rest) => (value.len() - rest.len(), rest),
        None => (0, value),
    };
    let whole = |name: String| Some(Device { start, text, name });
    if text.starts_with("/dev/") {
        let end = if role == Role::Luks { text.find(':').unwrap_or(text.len()) } else { text.len() };
        let text = text.get(..end)?;
        return Some(Device { start, text, name: text.to_owned() });
    }
    if !matches!(role, Role::Root | Role::Resume) {
        return None;
    }
    device_number(text).map(|(major, minor)| format!("/dev/block/{major}:{minor}")).and_then(whole)
}

/// `8:1`, or `801` in hexadecimal as old boot loaders wrote it (early_lookup_bdev() of block/early-lookup.c).
fn device_number(text: &str) -> Option<(u32, u32)> {
    if let Some((major, minor)) = text.split_once(':') {
        return Some((major.parse().ok()?, minor.parse().ok()?));
    }
    let hex = (3..=8).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit());
    let number = u32::from_str_radix(text, 16).ok().filter(|_| hex)?;
    Some(((number & 0xf_ff00) >> 8, (number & 0xff) | ((number >> 12) & 0xf_ff00)))
}
