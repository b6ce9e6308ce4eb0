//! Images of booster: modules lie side by side, and one that lies there is not yet one that is loaded.
//!
//! ```text
//! etc/booster.init.yaml         kernel: 6.1.0          for which kernel all of it is
//!                               modulesforceload       loaded whatever the machine has
//!                               moduledependencies     what each module needs
//! [usr/]lib/modules/NAME.ko     the modules
//! …/modules/booster.alias       PATTERN NAME           loaded where a device fits the pattern
//! ```
//!
//! From the files of images of versions 0.9 and 0.10, and booster(1): its init has no modules.dep, modules.alias or modprobe.

use std::collections::{BTreeMap, BTreeSet};

use super::contents::module_name;

/// What the generator tells its init; every version writes it, and nobody else.
const SETTINGS: &str = "etc/booster.init.yaml";

/// Patterns of devices and the module for each.
const ALIASES: &str = "modules/booster.alias";

/// Bytes read of either file: an image with every module of a distribution has 0.2 MiB of patterns.
const MAX_TEXT: u64 = 1024 * 1024;

/// Longest name of a module: `MODULE_NAME_LEN` of the kernel. What is longer is none, and is not copied again and again.
const MAX_NAME: usize = 56;

/// What is kept of such an image.
#[derive(Debug, Default)]
pub(super) struct Booster {
    settings: Option<Settings>,
    aliased: BTreeSet<String>,
    files: BTreeMap<String, String>,
}

#[derive(Debug, Default)]
struct Settings {
    kernel: String,
    forced: Vec<String>,
    needs: BTreeMap<String, Vec<String>>,
}

impl Booster {
    /// Bytes that are wanted of the file.
    pub(super) fn wants(path: &str) -> u64 {
        if path == SETTINGS || below_lib(path) == Some(ALIASES) { MAX_TEXT } else { 0 }
    }

    /// Takes note of an entry; how many bytes are kept of it.
    pub(super) fn add(&mut self, path: &str, file: bool, body: &[u8]) -> usize {
        if path == SETTINGS {
            self.settings = file.then(|| settings(&String::from_utf8_lossy(body)));
            return body.len();
        }
        let Some(below) = below_lib(path) else { return 0 };
        if below == ALIASES {
            self.aliased = if file { aliased(&String::from_utf8_lossy(body)) } else { BTreeSet::new() };
            return body.len();
        }
        let name = below.strip_prefix("modules/").filter(|name| !name.contains('/')).and_then(module_name);
        let Some(name) = name else { return 0 };
        if file {
            self.files.insert(path.to_owned(), name);
        } else {
            self.files.remove(path);
        }
        path.len().saturating_mul(2)
    }

    /// It is an image of booster.
    pub(super) fn made_it(&self) -> bool {
        self.settings.is_some()
    }

    /// Its kernel and the modules in it that its init loads where their device is there.
    pub(super) fn modules(&self) -> Option<(String, BTreeSet<String>)> {
        let settings = self.settings.as_ref()?;
        let mut loaded: BTreeSet<&str> = BTreeSet::new();
        let mut next: Vec<&str> = settings.forced.iter().chain(&self.aliased).map(String::as_str).collect();
        while let Some(name) = next.pop() {
            if loaded.insert(name) {
                next.extend(settings.needs.get(name).into_iter().flatten().map(String::as_str));
            }
        }
        let there = self.files.values().filter(|name| loaded.contains(name.as_str()));
        Some((settings.kernel.clone(), there.cloned().collect()))
    }
}

/// The path below `lib`, which may be below `usr`.
fn below_lib(path: &str) -> Option<&str> {
    path.strip_prefix("usr/").unwrap_or(path).strip_prefix("lib/")
}

/// The last word of each line.
fn aliased(text: &str) -> BTreeSet<String> {
    text.lines()
        .filter_map(|line| line.split_whitespace().nth(1))
        .map(|name| name.replace('-', "_"))
        .collect()
}

/// What is needed of the settings: YAML as Go's library writes it, one item a line.
fn settings(text: &str) -> Settings {
    let mut found = Settings::default();
    let (mut section, mut module) = (String::new(), String::new());
    for line in text.lines() {
        let item = line.trim();
        let word = |text: &str| {
            let name = text.trim().trim_matches(['"', '\'']);
            if name.len() > MAX_NAME { String::new() } else { name.replace('-', "_") }
        };
        if !line.starts_with([' ', '-']) {
            let (key, value) = item.split_once(':').unwrap_or((item, ""));
            section = key.to_owned();
            if key == "kernel" {
                found.kernel = value.trim().trim_matches(['"', '\'']).to_owned();
            }
        } else if let Some(name) = item.strip_prefix("- ") {
            match section.as_str() {
                "modulesforceload" => found.forced.push(word(name)),
                "moduledependencies" => found.needs.entry(module.clone()).or_default().push(word(name)),
                _ => {}
            }
        } else if let Some(name) = item.strip_suffix(':') {
            module = word(name);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::{Compression, list, testing};
    use super::*;

    const YAML: &str = "\
moduledependencies:
    ext4:
        - mbcache
    virtio_blk:
        - virtio
        - virtio_ring
    virtio_pci:
        - virtio
builtinmodules:
    loop: true
kernel: 6.1.0-57-amd64
";

    /// An image in which these files lie, packed as booster packs.
    fn image(yaml: &str, aliases: &str, dir: &str, modules: &[&str]) -> Vec<u8> {
        let mut files: Vec<(String, Vec<u8>)> =
            modules.iter().map(|name| (format!("{dir}/{name}.ko"), Vec::new())).collect();
        files.push((format!("{dir}/booster.alias"), aliases.as_bytes().to_vec()));
        files.push((SETTINGS.to_owned(), yaml.as_bytes().to_vec()));
        let entries: Vec<(&str, &[u8])> = files.iter().map(|(p, b)| (p.as_str(), b.as_slice())).collect();
        testing::pack(Compression::Zstd, &testing::archive(&entries))
    }

    fn modules(image: &[u8]) -> Vec<String> {
        let listing = list(image).unwrap();
        assert_eq!(listing.generator, Some("booster"));
        assert_eq!(listing.modules.keys().collect::<Vec<_>>(), ["6.1.0-57-amd64"]);
        listing.all_modules().into_iter().collect()
    }

    #[test]
    fn modules_that_a_pattern_names_are_in_it_with_what_they_need() {
        let aliases = "virtio:d00000002v* virtio_blk\npci:v00001AF4d*sv*sd*bc*sc*i* virtio_pci\n";
        for dir in ["usr/lib/modules", "lib/modules"] {
            let image =
                image(YAML, aliases, dir, &["virtio", "virtio_ring", "virtio-blk", "virtio_pci", "ext4"]);
            assert_eq!(modules(&image), ["virtio", "virtio_blk", "virtio_pci", "virtio_ring"]);
        }
    }

    #[test]
    fn a_pattern_whose_module_is_not_there_says_nothing() {
        let image = image(YAML, "virtio:d00000002v* virtio_blk\n", "usr/lib/modules", &["virtio"]);
        assert_eq!(modules(&image), ["virtio"]);
    }

    #[test]
    fn modules_that_are_loaded_by_name_need_no_pattern() {
        let yaml = YAML.replace("builtin", "modulesforceload:\n    - virtio_pci\n    - ext4\nbuiltin");
        let image = image(&yaml, "", "usr/lib/modules", &["virtio", "virtio_pci", "ext4", "virtio_blk"]);
        assert_eq!(modules(&image), ["ext4", "virtio", "virtio_pci"]);
    }

    #[test]
    fn what_is_no_name_of_a_module_needs_nothing() {
        let long = "m".repeat(MAX_NAME + 1);
        let yaml = format!(
            "moduledependencies:\n    {long}:\n        - ext4\nmodulesforceload:\n    - {long}\n    - virtio\nkernel: 6.1.0-57-amd64\n"
        );
        assert_eq!(modules(&image(&yaml, "", "usr/lib/modules", &["virtio"])), ["virtio"]);
        assert!(settings(&yaml).needs.keys().all(|name| name.len() <= MAX_NAME));
    }

    #[test]
    fn modules_that_need_each_other_are_an_end_too() {
        let yaml = "moduledependencies:\n    a:\n        - b\n    b:\n        - a\nmodulesforceload:\n- a\nkernel: 6.1.0-57-amd64\n";
        assert_eq!(modules(&image(yaml, "", "usr/lib/modules", &["a", "b"])), ["a", "b"]);
    }
}
