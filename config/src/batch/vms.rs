//! The section `vms`.

use std::path::PathBuf;

use super::hooks::{Owner, hooks};
use super::keys::{NOT_OF_A_VM, VM};
use super::values::{Base, Reading};
use super::waves::{check_times, missing};
use super::{Glob, Sources, VmEntry, Wave};
use crate::keys::{KEYS, Key};
use crate::settings::Settings;
use crate::yaml::tree::{Entry, Node, Value};
use crate::yaml::{entries, unknown, value};

/// Most entries. Globs make more VMs of them.
const MAX_VMS: usize = 100_000;

/// The entries of a list, or the only one of a mapping.
pub(super) fn vms(node: &Node, waves: &[Wave], base: Base<'_>, reading: &mut Reading<'_>) -> Vec<VmEntry> {
    let list = match &node.value {
        Value::List(list) => list.as_slice(),
        Value::Map(_) => std::slice::from_ref(node),
        Value::Nothing => &[],
        Value::Text { .. } => {
            reading.wrong::<()>(node, "vms: a text is given, a list of VMs is wanted");
            return Vec::new();
        }
    };
    if list.is_empty() {
        reading.wrong::<()>(node, "vms: there are none");
    }
    if let Some(node) = list.get(MAX_VMS) {
        reading.wrong::<()>(node, format!("vms: there are more than {MAX_VMS}"));
    }
    list.iter().take(MAX_VMS).filter_map(|node| vm(node, waves, base, reading)).collect()
}

/// What an entry says of where its VMs come from.
#[derive(Default)]
struct Origin<'n> {
    source: Option<(&'n Entry, Option<Vec<PathBuf>>)>,
    from: Option<(&'n Entry, Option<Vec<Glob>>)>,
}

fn vm(node: &Node, waves: &[Wave], base: Base<'_>, reading: &mut Reading<'_>) -> Option<VmEntry> {
    let mut vm = VmEntry {
        at: node.at,
        sources: Sources::One(Vec::new()),
        source_at: node.at,
        name: None,
        wave: 0,
        priority: 0,
        not_before: None,
        deadline: None,
        settings: Settings::default(),
        hooks: Vec::new(),
    };
    let mut origin = Origin::default();
    let (mut name, mut wave, mut deadline) = (None, None, node);
    for entry in entries(node, reading.mistakes) {
        match entry.name.as_str() {
            "source" => origin.source = Some((entry, sources(entry, base, reading))),
            "from" => origin.from = Some((entry, globs(entry, base, reading))),
            "name" => {
                name = Some(entry);
                vm.name = reading.name(entry);
            }
            "wave" => wave = Some(reading.text(entry).map(|text| (text, entry))),
            "priority" => vm.priority = priority(entry, reading),
            "not-before" => vm.not_before = reading.time(entry),
            "deadline" => {
                deadline = &entry.value;
                vm.deadline = reading.time(entry);
            }
            "hooks" => vm.hooks = hooks(&entry.value, Owner::Vm, base, reading),
            _ => setting(entry, &mut vm.settings, reading),
        }
    }
    check_times(vm.not_before, vm.deadline, deadline, reading);
    vm.settings.anchor(base.dir, base.home);
    vm.wave = wave_of(node, wave, waves, reading);
    if let (Some(name), Some(_)) = (name, &origin.from) {
        reading.mistakes.add(name.at, "name: globs may match several VMs, which cannot have one name");
    }
    (vm.source_at, vm.sources) = origin.settled(node, reading)?;
    Some(vm)
}

impl Origin<'_> {
    fn settled(self, node: &Node, reading: &mut Reading<'_>) -> Option<(crate::yaml::Place, Sources)> {
        match (self.source, self.from) {
            (Some((entry, sources)), None) => Some((entry.value.at, Sources::One(sources?))),
            (None, Some((entry, globs))) => Some((entry.value.at, Sources::Globs(globs?))),
            (Some(_), Some((from, _))) => {
                reading.mistakes.add(from.at, "from: a VM has either source or from");
                None
            }
            (None, None) if matches!(node.value, Value::Map(_)) => {
                reading.wrong(node, "a VM without \"source\" or \"from\"")
            }
            (None, None) if matches!(node.value, Value::Nothing) => {
                reading.wrong(node, "a VM without anything")
            }
            (None, None) => None,
        }
    }
}

fn priority(entry: &Entry, reading: &mut Reading<'_>) -> i32 {
    let number = reading.number(entry, -super::keys::MOST, super::keys::MOST);
    number.and_then(|number| i32::try_from(number).ok()).unwrap_or_default()
}

fn setting(entry: &Entry, settings: &mut Settings, reading: &mut Reading<'_>) {
    let name = entry.name.as_str();
    if NOT_OF_A_VM.contains(&name) {
        reading.mistakes.add(entry.at, format!("{name}: is no VM's: it stands in defaults"));
        return;
    }
    match Key::find(name) {
        Some(key) => value::set(key, entry, settings, reading.mistakes),
        None => {
            let own = VM.iter().map(|key| key.name);
            let keys = KEYS.iter().map(|key| key.name).filter(|name| !NOT_OF_A_VM.contains(name));
            let known: Vec<&str> = own.chain(keys).collect();
            reading.mistakes.add(entry.at, unknown(name, &known));
        }
    }
}

fn wave_of(
    node: &Node,
    wave: Option<Option<(String, &Entry)>>,
    waves: &[Wave],
    reading: &mut Reading<'_>,
) -> usize {
    let names = || waves.iter().map(|wave| wave.name.as_str()).filter(|name| !name.is_empty());
    match wave {
        None if names().next().is_some() && matches!(node.value, Value::Map(_)) => {
            let known: Vec<&str> = names().collect();
            reading.wrong::<()>(node, format!("a VM without \"wave\"; the waves are {}", known.join(", ")));
            0
        }
        None | Some(None) => 0,
        Some(Some((name, entry))) => match waves.iter().position(|wave| wave.name == name) {
            Some(index) => index,
            None => {
                reading.wrong::<()>(&entry.value, missing("wave: ", &name, names()));
                0
            }
        },
    }
}

/// Whether it is a URI and no path: `scheme://`, or `nbd:…` and the like, which h2k knows as `nbd+unix://`.
fn is_uri(text: &str) -> bool {
    let scheme = text.split_once("://").map_or("", |(scheme, _)| scheme);
    let plain = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.chars().all(plain)
}

fn sources(entry: &Entry, base: Base<'_>, reading: &mut Reading<'_>) -> Option<Vec<PathBuf>> {
    let texts = reading.texts(entry)?;
    let path =
        |(text, _): (String, &Node)| if is_uri(&text) { PathBuf::from(text) } else { base.path(&text) };
    Some(texts.into_iter().map(path).collect())
}

fn globs(entry: &Entry, base: Base<'_>, reading: &mut Reading<'_>) -> Option<Vec<Glob>> {
    let mut globs = Vec::new();
    for (written, node) in reading.texts(entry)? {
        if is_uri(&written) {
            return reading.wrong(node, "from: a URI is no glob: name it as source");
        }
        if written.split('/').any(|part| part == "..") {
            return reading.wrong(node, "from: a glob does not lead upwards: write its directory without ..");
        }
        globs.push(Glob { pattern: pattern(&written, base), written, at: node.at });
    }
    Some(globs)
}

/// Absolute; the directory that it starts at is meant as it is, whatever characters it has.
fn pattern(written: &str, base: Base<'_>) -> String {
    if written.starts_with('/') {
        return written.to_owned();
    }
    let (dir, rest) = match (written.strip_prefix("~/"), base.home) {
        (Some(rest), Some(home)) => (home, rest),
        _ => (base.dir, written),
    };
    let mut pattern = String::new();
    for c in dir.to_string_lossy().chars() {
        match c {
            '*' | '?' | '[' | ']' => pattern.extend(['[', c, ']']),
            c => pattern.push(c),
        }
    }
    format!("{}/{}", pattern.trim_end_matches('/'), rest.trim_start_matches("./"))
}
