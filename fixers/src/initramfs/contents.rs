//! What is kept of an archive's entries: kernel modules, lists of modules to load, traces of the generator.

use std::collections::{BTreeMap, BTreeSet};

use super::booster::Booster;
use super::cpio::Entry;
use super::error::CpioError;
use super::layout::Layout;

/// Bytes of paths that are kept. Every module of a distribution's kernel together comes to 0.5 MiB.
const MAX_KEPT: usize = 16 * 1024 * 1024;

/// Bytes read of a list of modules; real ones have a few lines.
const MAX_LIST: u64 = 64 * 1024;

/// Bytes read of a setting: lvm.conf with its comments has 0.1 MiB.
const MAX_SETTING: u64 = 512 * 1024;

/// Bytes read of a file that is asked for. The largest index that a whole distribution has is below 4 MiB.
const MAX_BODY: u64 = 32 * 1024 * 1024;

/// The list of modules that images of initramfs-tools load.
pub(super) const LOAD_LIST: &str = "conf/modules";

/// An entry worth keeping, under its path.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Kept {
    Module { kernel: String, name: String },
    LoadList(Vec<String>),
}

/// Paths that a generator leaves, and nobody else.
#[derive(Debug, Clone, Copy, Default)]
struct Traces {
    functions: bool,
    initramfs_conf: bool,
    dracut: bool,
    mkinitcpio: bool,
    mkinitfs: bool,
}

/// File systems that dracut's squash modules pack everything else into, modules included.
const NESTED: &[&str] = &["squash-root.img", "squashfs-root.img", "erofs-root.img", "squash/root.img"];

/// Collects entries in the order of the archives; a later entry replaces an earlier one of its path, as unpacking
/// does.
#[derive(Debug, Default)]
pub(super) struct Contents {
    kept: BTreeMap<String, Kept>,
    bytes: usize,
    traces: Traces,
    booster: Booster,
    nested: Option<&'static str>,
    layout: Layout,
    /// Files that are asked for, with their content where there are such.
    asked: BTreeMap<String, Option<Vec<u8>>>,
}

impl Contents {
    /// Contents of which these files are asked for.
    pub(super) fn asking(paths: &[&str]) -> Self {
        let asked = paths.iter().map(|path| ((*path).to_owned(), None)).collect();
        Self { asked, ..Self::default() }
    }

    /// How many bytes of the entry's body are wanted: it is asked for, is a list of modules to load, or a setting.
    pub(super) fn wants_body(&self, entry: &Entry) -> u64 {
        let path = path(&entry.name);
        if !entry.is_file() {
            0
        } else if self.asked.contains_key(path) {
            MAX_BODY
        } else if Layout::is_setting(path) {
            MAX_SETTING
        } else if is_load_list(path) {
            MAX_LIST
        } else {
            Booster::wants(path)
        }
    }

    /// Takes note of an entry; `body` is its content as far as [`Contents::wants_body`].
    ///
    /// # Errors
    /// The names that are kept pass their limit.
    pub(super) fn add(&mut self, entry: &Entry, body: &[u8]) -> Result<(), CpioError> {
        let path = path(&entry.name);
        self.trace(path);
        if let Some(asked) = self.asked.get_mut(path) {
            // What is cut is of no use to who asks.
            *asked = (entry.is_file() && body.len() as u64 == entry.size).then(|| body.to_vec());
            return Ok(());
        }
        let kept = self.layout.add(path, entry, body);
        self.spend(kept)?;
        let kept = self.booster.add(path, entry.is_file(), body);
        self.spend(kept)?;
        let kept = if !entry.is_file() {
            None
        } else if is_load_list(path) {
            Some(Kept::LoadList(module_list(&String::from_utf8_lossy(body))))
        } else {
            module(path).map(|(kernel, name)| Kept::Module { kernel: kernel.to_owned(), name })
        };
        match kept {
            Some(kept) => {
                self.spend(path.len().saturating_mul(2).saturating_add(body.len()))?;
                self.kept.insert(path.to_owned(), kept);
            }
            None => {
                self.kept.remove(path);
            }
        }
        Ok(())
    }

    fn spend(&mut self, bytes: usize) -> Result<(), CpioError> {
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes > MAX_KEPT {
            return Err(CpioError::TooMany { what: "bytes of module names", limit: MAX_KEPT as u64 });
        }
        Ok(())
    }

    /// The files that were asked for and are there.
    pub(super) fn into_asked(self) -> BTreeMap<String, Vec<u8>> {
        self.asked.into_iter().filter_map(|(path, body)| Some((path, body?))).collect()
    }

    /// What an appended archive would meet.
    pub(super) fn layout(&self) -> Layout {
        let mut layout = self.layout.clone();
        for (path, kept) in &self.kept {
            if let Kept::Module { kernel, .. } = kept {
                layout.add_module(path, kernel);
            }
        }
        layout
    }

    fn trace(&mut self, path: &str) {
        let traces = &mut self.traces;
        match path {
            "scripts/functions" => traces.functions = true,
            "conf/initramfs.conf" => traces.initramfs_conf = true,
            "buildconfig" => traces.mkinitcpio = true,
            "sbin/nlplug-findfs" | "usr/sbin/nlplug-findfs" => traces.mkinitfs = true,
            _ => {}
        }
        self.nested = NESTED.iter().find(|n| **n == path).copied().or(self.nested);
        traces.dracut |= path.starts_with("usr/lib/dracut/") || path.starts_with("lib/dracut/");
    }

    /// The generator that left its traces.
    pub(super) fn generator(&self) -> Option<&'static str> {
        let traces = self.traces;
        if traces.functions && traces.initramfs_conf {
            Some("initramfs-tools")
        } else if traces.dracut {
            Some("dracut")
        } else if traces.mkinitcpio {
            Some("mkinitcpio")
        } else if traces.mkinitfs {
            Some("mkinitfs")
        } else if self.booster.made_it() {
            Some("booster")
        } else {
            None
        }
    }

    /// A file system image in which the rest is.
    pub(super) fn nested(&self) -> Option<&'static str> {
        self.nested
    }

    /// Module names by kernel version.
    pub(super) fn modules(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut modules: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for kept in self.kept.values() {
            if let Kept::Module { kernel, name } = kept {
                modules.entry(kernel.clone()).or_default().insert(name.clone());
            }
        }
        if let Some((kernel, names)) = self.booster.modules() {
            modules.entry(kernel).or_default().extend(names);
        }
        modules
    }

    /// Names of the modules that the image is told to load, in the order of the lists.
    pub(super) fn load_list(&self) -> Vec<String> {
        let lists = self.kept.values().filter_map(|kept| match kept {
            Kept::LoadList(list) => Some(list),
            Kept::Module { .. } => None,
        });
        let mut seen = BTreeSet::new();
        lists.flatten().filter(|name| seen.insert(*name)).cloned().collect()
    }
}

/// A module's name from its file name (`virtio-blk.ko.xz` → `virtio_blk`): underscores for dashes, as
/// /proc/modules has it. `None` if it is no module.
pub fn module_name(file: &str) -> Option<String> {
    let stem = [".xz", ".gz", ".zst"].iter().find_map(|e| file.strip_suffix(e)).unwrap_or(file);
    let name = stem.strip_suffix(".ko")?;
    (!name.is_empty()).then(|| name.replace('-', "_"))
}

/// An entry's path from the root: tools write `./init`, `/init` and `init` for the same.
fn path(name: &str) -> &str {
    let mut path = name;
    loop {
        let rest = path.strip_prefix("./").unwrap_or(path).trim_start_matches('/');
        if rest.len() == path.len() {
            return path;
        }
        path = rest;
    }
}

/// Kernel version and name of a module from its path. Images of Red Hat's mkinitrd, up to RHEL 5, have their modules in
/// `lib` itself and load each by name (/sbin/mkinitrd, "insmod /lib/"): those are of whatever kernel, which is "".
fn module(path: &str) -> Option<(&str, String)> {
    if let Some(file) = path.strip_prefix("lib/").filter(|file| !file.contains('/')) {
        return Some(("", module_name(file)?));
    }
    let below = path.strip_prefix("usr/").unwrap_or(path).strip_prefix("lib/modules/")?;
    let (kernel, rest) = below.split_once('/')?;
    let file = rest.rsplit('/').next().unwrap_or(rest);
    Some((kernel, module_name(file)?))
}

fn is_load_list(path: &str) -> bool {
    if path == LOAD_LIST {
        return true;
    }
    let below = ["etc/", "usr/lib/", "lib/"].iter().find_map(|p| path.strip_prefix(p));
    below
        .and_then(|p| p.strip_prefix("modules-load.d/"))
        .is_some_and(|f| f.ends_with(".conf") && !f.contains('/'))
}

/// Names in a list of modules: the first word of each line, without comments (modules-load.d(5), initramfs.conf(5)).
fn module_list(text: &str) -> Vec<String> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.starts_with(['#', ';']))
        .filter_map(|line| line.split_whitespace().next())
        .map(|name| name.replace('-', "_"))
        .collect()
}
