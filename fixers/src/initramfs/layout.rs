//! What has to be known of an initramfs before an archive is appended to it: where its modules are, which indexes it
//! has, what is in the way, and which settings the generator copied into it.

use std::collections::{BTreeMap, BTreeSet};

use super::contents::LOAD_LIST;
use super::cpio::Entry;

/// Directories that an appended archive names. One that is a symbolic link in the image must not become a directory.
const DIRECTORIES: &[&str] = &[
    "usr",
    "usr/lib",
    "usr/lib/modules",
    "lib",
    "lib/modules",
    "conf",
    "conf/conf.d",
    "etc",
    "etc/modules-load.d",
    "etc/systemd",
    "etc/systemd/network",
    "etc/udev",
    "etc/udev/rules.d",
];

/// Indexes that an appended archive extends.
const INDEXES: &[&str] =
    &["modules.dep", "modules.dep.bin", "modules.alias", "modules.alias.bin", "modules.softdep"];

/// Settings that generators copy into images and that may name devices.
const SETTINGS: &[&str] = &[
    "conf/initramfs.conf",
    "cryptroot/crypttab",
    "etc/cmdline",
    "etc/crypttab",
    "etc/fstab",
    "etc/lvm/devices/system.devices",
    "etc/lvm/lvm.conf",
    "etc/lvm/lvmlocal.conf",
    "etc/mdadm.conf",
    "etc/mdadm/mdadm.conf",
];

/// Directories of such settings.
const SETTINGS_DIRS: &[&str] = &["conf/conf.d/", "etc/cmdline.d/"];

/// What is known of an image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Layout {
    /// Per kernel version: the directories of its modules, as the image names them, and the endings that modules have
    /// there (`.ko`, `.ko.xz`).
    pub modules: BTreeMap<String, BTreeMap<String, BTreeSet<String>>>,
    /// Files that an appended archive may replace, with their sizes in bytes: indexes, lists of modules, settings.
    pub files: BTreeMap<String, u64>,
    /// What is in the way of an appended archive: a directory of it is a link in the image, a file has two names or is
    /// none.
    pub obstacles: BTreeSet<String>,
    /// Settings that the generator copied: those of their lines that name devices, comments left out.
    pub settings: BTreeMap<String, String>,
}

impl Layout {
    /// Whether a path is one at which generators put settings that may name devices.
    pub fn is_setting(path: &str) -> bool {
        SETTINGS.contains(&path) || is_below_settings(path)
    }

    /// Takes note of an entry that an appended archive may meet; `body` is what was read of it. The bytes that are
    /// kept.
    pub(super) fn add(&mut self, path: &str, entry: &Entry, body: &[u8]) -> usize {
        self.files.remove(path);
        self.obstacles.remove(path);
        self.settings.remove(path);
        let below = below_modules(path);
        let index = below.is_some_and(|rest| INDEXES.contains(&rest));
        let text = Self::is_setting(path) || path == LOAD_LIST;
        let cut = text && body.len() as u64 != entry.size;
        let in_the_way = if DIRECTORIES.contains(&path) {
            !entry.is_directory()
        } else if index || text {
            !entry.is_file() || entry.links > 1 || cut
        } else {
            below.is_some() && entry.is_link()
        };
        if in_the_way {
            self.obstacles.insert(path.to_owned());
        } else if index || text {
            self.files.insert(path.to_owned(), entry.size);
            self.keep_setting(path, body);
        } else {
            return 0;
        }
        path.len().saturating_mul(2).saturating_add(body.len())
    }

    fn keep_setting(&mut self, path: &str, body: &[u8]) {
        let text = String::from_utf8_lossy(body);
        let names = |line: &&str| line.contains("/dev/") && !line.trim_start().starts_with('#');
        let lines: String = text.lines().filter(names).map(|line| format!("{line}\n")).collect();
        if Self::is_setting(path) && !lines.is_empty() {
            self.settings.insert(path.to_owned(), lines);
        }
    }

    /// Takes note of a module.
    pub(super) fn add_module(&mut self, path: &str, kernel: &str) {
        let Some(rest) = below_modules(path) else { return };
        let dir = path.strip_suffix(rest).unwrap_or(path).trim_end_matches('/');
        let file = rest.rsplit('/').next().unwrap_or(rest);
        let ending = file.rfind(".ko").and_then(|at| file.get(at..)).unwrap_or_default();
        let dirs = self.modules.entry(kernel.to_owned()).or_default();
        dirs.entry(dir.to_owned()).or_default().insert(ending.to_owned());
    }
}

/// What follows `lib/modules/VERSION/`.
fn below_modules(path: &str) -> Option<&str> {
    let below = path.strip_prefix("usr/").unwrap_or(path).strip_prefix("lib/modules/")?;
    below.split_once('/').map(|(_, rest)| rest)
}

fn is_below_settings(path: &str) -> bool {
    SETTINGS_DIRS.iter().any(|dir| path.strip_prefix(dir).is_some_and(|name| !name.contains('/')))
}
