//! Variables of GRUB that kernel lines are made of: `linux /vmlinuz root=$rootpartition $photon_cmdline`, and the
//! `$kernelopts` of Boot Loader Specification entries.

use std::collections::BTreeMap;

use super::arguments::names_device;
use super::cmdline;
use super::grub_cfg;

/// What a variable holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Variable {
    /// A piece of a command line.
    Line,
    /// The device of this parameter.
    Device(String),
}

/// Variables by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Variables {
    known: BTreeMap<String, Variable>,
}

/// GRUB's own variables of where it reads from.
const GRUBS_OWN: [&str; 4] = ["root", "prefix", "cmdpath", "config_directory"];
/// What blscfg of Red Hat's GRUB puts into entries that have no options, or name it.
const OF_BLSCFG: [&str; 2] = ["kernelopts", "default_kernelopts"];

impl Default for Variables {
    fn default() -> Self {
        let known = OF_BLSCFG.map(|name| (name.to_owned(), Variable::Line));
        Self { known: known.into_iter().collect() }
    }
}

impl Variables {
    /// What a variable holds, if a kernel line uses it.
    pub fn get(&self, name: &str) -> Option<&Variable> {
        self.known.get(name)
    }

    /// Takes in the kernel lines of a `grub.cfg`.
    pub(super) fn of_grub_cfg(&mut self, text: &str) {
        for words in grub_cfg::kernel_lines(text) {
            words.iter().skip(1).for_each(|word| self.note(&word.text));
        }
    }

    /// Takes in the `options` of a Boot Loader Specification entry.
    pub(super) fn of_entry(&mut self, text: &str) {
        let options = text.lines().filter_map(|line| line.trim_start().strip_prefix("options"));
        options.flat_map(cmdline::params).filter(|p| p.value.is_none()).for_each(|p| self.note(p.key));
    }

    fn note(&mut self, word: &str) {
        if let Some(name) = variable(word) {
            self.insert(name, Variable::Line);
        } else if let Some((key, value)) = word.split_once('=')
            && let Some(name) = variable(value)
            && names_device(key)
        {
            self.insert(name, Variable::Device(key.to_owned()));
        }
    }

    fn insert(&mut self, name: &str, what: Variable) {
        if !GRUBS_OWN.contains(&name) {
            self.known.entry(name.to_owned()).or_insert(what);
        }
    }
}

/// The name in `$name` or `${name}`, if the word is nothing else.
fn variable(word: &str) -> Option<&str> {
    let name = word.strip_prefix('$')?;
    let name = name.strip_prefix('{').and_then(|n| n.strip_suffix('}')).unwrap_or(name);
    let plain = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    plain.then_some(name)
}
