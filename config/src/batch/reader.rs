//! Reads a batch file: all mistakes at once, each with its place.

use std::path::Path;

use super::hooks::{Owner, hooks};
use super::keys::{BESIDE_DEFAULTS, CONCURRENCY, FILE, MOST};
use super::values::{Base, Reading};
use super::{BatchFile, Concurrency, VERSION, duplicates, vms, waves};
use crate::keys::Key;
use crate::settings::Settings;
use crate::yaml::tree::{self, Entry, Limits, Node, Value};
use crate::yaml::{Mistakes, Place, entries, section, unknown, value};

/// Largest batch file in bytes: 10,000 VMs with a dozen settings each have four million.
pub const MAX_FILE: usize = 8 << 20;

/// Most values of a batch file, with those that aliases repeat.
const MAX_NODES: usize = 1_500_000;

/// What stands at the top.
#[derive(Default)]
struct Sections<'n> {
    version: Option<&'n Entry>,
    name: Option<&'n Entry>,
    vms: Option<&'n Entry>,
    waves: Option<&'n Node>,
    concurrency: Concurrency,
    hooks: Option<&'n Node>,
    settings: Settings,
}

/// Reads a batch file's text. `path` is absolute: relative paths in it start at its directory, `~/` at `home`.
///
/// # Errors
/// All mistakes in the order of their places, the first 20 of them.
pub fn read(path: &Path, text: &str, home: Option<&Path>) -> Result<BatchFile, Mistakes> {
    let mut mistakes = Mistakes::default();
    let limits = Limits { bytes: MAX_FILE, nodes: MAX_NODES };
    let Some(root) = tree::read(text, limits, &mut mistakes) else {
        return Err(mistakes.told());
    };
    let base = Base { dir: path.parent().unwrap_or(Path::new("/")), home };
    let file = file(path, &root, base, &mut mistakes);
    mistakes.end(file)
}

fn file(path: &Path, root: &Node, base: Base<'_>, mistakes: &mut Mistakes) -> BatchFile {
    let mut sections = sections(root, mistakes);
    sections.settings.anchor(base.dir, base.home);
    let mut reading = Reading { mistakes };
    version(root, sections.version, &mut reading);
    let stem = || path.file_stem().map_or("batch".into(), |stem| stem.to_string_lossy());
    let name = sections.name.and_then(|entry| reading.name(entry));
    let waves = waves::waves(sections.waves, &mut reading);
    let vms = match sections.vms {
        Some(entry) => vms::vms(&entry.value, &waves, base, &mut reading),
        None => {
            reading.wrong::<()>(root, "a batch without \"vms\"");
            Vec::new()
        }
    };
    let hooks = sections.hooks.map(|node| hooks(node, Owner::Batch, base, &mut reading));
    duplicates::duplicates(&sections.settings, &vms, reading.mistakes);
    BatchFile {
        path: path.to_owned(),
        name: name.unwrap_or_else(|| stem().into_owned()),
        defaults: sections.settings,
        vms,
        waves,
        concurrency: sections.concurrency,
        hooks: hooks.unwrap_or_default(),
    }
}

fn sections<'n>(root: &'n Node, mistakes: &mut Mistakes) -> Sections<'n> {
    let mut found = Sections::default();
    let all = entries(root, mistakes);
    // The others may add to what defaults say.
    if let Some(entry) = all.iter().find(|entry| entry.name == "defaults") {
        found.settings = section(&entry.value, mistakes);
    }
    let in_defaults = |name: &str| given_in_defaults(all, name);
    for entry in all {
        match entry.name.as_str() {
            "version" => found.version = Some(entry),
            "name" => found.name = Some(entry),
            "defaults" => {}
            "networks" => networks(entry, &mut found.settings, in_defaults("network"), mistakes),
            "vms" => found.vms = Some(entry),
            "waves" => found.waves = Some(&entry.value),
            "concurrency" => found.concurrency = concurrency(&entry.value, mistakes),
            "hooks" => found.hooks = Some(&entry.value),
            other => match Key::find(other).filter(|key| BESIDE_DEFAULTS.contains(&key.name)) {
                Some(key) => match in_defaults(key.name) {
                    Some((line, _)) => {
                        mistakes
                            .add(entry.at, format!("{other} is set twice, first in defaults on line {line}"));
                    }
                    None => value::set(key, entry, &mut found.settings, mistakes),
                },
                None => mistakes.add(entry.at, unknown(other, &known())),
            },
        }
    }
    found
}

/// Names of all keys that may stand at the top.
fn known() -> Vec<&'static str> {
    let beside = BESIDE_DEFAULTS.iter().filter_map(|name| Key::find(name)).map(|key| key.name);
    FILE.iter().map(|key| key.name).chain(beside).collect()
}

fn given_in_defaults(all: &[Entry], name: &str) -> Option<Place> {
    let defaults = all.iter().find(|entry| entry.name == "defaults")?;
    let Value::Map(entries) = &defaults.value.value else { return None };
    entries.iter().find(|entry| entry.name == name).map(|entry| entry.at)
}

/// `networks` is `defaults.network` under another name.
fn networks(entry: &Entry, settings: &mut Settings, twice: Option<Place>, mistakes: &mut Mistakes) {
    if let Some((line, _)) = twice {
        let message = format!("networks and defaults.network (line {line}) are the same: write one of them");
        mistakes.add(entry.at, message);
        return;
    }
    if let Some(key) = Key::find("network") {
        value::set(key, entry, settings, mistakes);
    }
}

fn version(root: &Node, entry: Option<&Entry>, reading: &mut Reading<'_>) {
    let Some(entry) = entry else {
        if matches!(root.value, Value::Map(_) | Value::Nothing) {
            reading.wrong::<()>(root, format!("a batch without \"version\": write version: {VERSION}"));
        }
        return;
    };
    let Some(text) = reading.text(entry) else { return };
    match text.parse::<u64>() {
        Ok(VERSION) => {}
        Ok(newer) if newer > VERSION => {
            let message =
                format!("version: {newer} is newer than this h2k reads, which is {VERSION}: update h2k");
            reading.wrong::<()>(&entry.value, message);
        }
        _ => {
            let message =
                format!("version: {:?} is no version; there is {VERSION}", super::values::shown(&text));
            reading.wrong::<()>(&entry.value, message);
        }
    }
}

fn concurrency(node: &Node, mistakes: &mut Mistakes) -> Concurrency {
    let mut found = Concurrency::default();
    let all = entries(node, mistakes);
    let mut reading = Reading { mistakes };
    for entry in all {
        let mut count =
            |most: i64| reading.number(entry, 1, most).and_then(|number| usize::try_from(number).ok());
        match entry.name.as_str() {
            "vms" => found.vms = count(MOST),
            "per-source" => found.per_source = count(MOST),
            "per-target" => found.per_target = count(MOST),
            "cores" => found.cores = count(MOST),
            "tries" => found.tries = count(100).and_then(|tries| u32::try_from(tries).ok()),
            "memory" => found.memory = reading.bytes(entry),
            other => {
                let names: Vec<&str> = CONCURRENCY.iter().map(|key| key.name).collect();
                reading.mistakes.add(entry.at, unknown(other, &names));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests;
