//! Entries of the Boot Loader Specification ("Type #1"): which one GRUB's `blscfg` or systemd-boot starts.

use crate::error::Result;
use crate::facts::{GuestFacts, Mount, UkiFacts};
use crate::guest;
use crate::inspect::{bls::places, version_key};
use crate::linux::text::{TextFile, files_in};

use super::Seen;
use super::entry::{Entry, Loaded};
use super::paths::Place;

/// An entry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct BlsEntry {
    /// File.
    pub path: String,
    /// The file's name without `.conf`.
    pub id: String,
    /// `title`.
    pub title: String,
    /// `linux`, as it may lie in the guest.
    pub kernel: Vec<String>,
    /// Each `initrd`, likewise.
    pub initramfs: Vec<Vec<String>>,
    /// `options`, joined.
    pub options: String,
    /// `sort-key`, and `version` or the id.
    order: (String, String),
}

impl BlsEntry {
    fn parse(facts: &GuestFacts, path: &str, text: &str) -> Self {
        let name = path.rsplit('/').next().unwrap_or(path);
        let id = name.strip_suffix(".conf").unwrap_or(name).to_owned();
        let mut entry =
            Self { path: path.to_owned(), order: (String::new(), id.clone()), id, ..Self::default() };
        for line in text.lines().map(str::trim) {
            let Some((key, value)) = line.split_once([' ', '\t']) else { continue };
            let value = value.trim();
            let first = value.split_whitespace().next().unwrap_or_default();
            match key.to_ascii_lowercase().as_str() {
                "title" => value.clone_into(&mut entry.title),
                "linux" => entry.kernel = on_its_file_system(facts, path, first),
                "initrd" => entry.initramfs.push(on_its_file_system(facts, path, first)),
                "sort-key" => value.clone_into(&mut entry.order.0),
                "version" => value.clone_into(&mut entry.order.1),
                "options" => {
                    entry.options.push(' ');
                    entry.options.push_str(value);
                }
                _ => {}
            }
        }
        entry
    }

    /// What it starts; `options` with its variables replaced.
    pub(super) fn load(&self, seen: &Seen<'_>, config: &str, options: String) -> Result<Loaded> {
        if self.kernel.is_empty() {
            return Ok(Loaded::unknown(&self.path, "the entry names no kernel by a path"));
        }
        let initramfs = self.initramfs.iter().map(|paths| seen.first_of(paths)).collect::<Result<_>>()?;
        let title = if self.title.is_empty() { &self.id } else { &self.title };
        Ok(Loaded::Entry(Box::new(Entry {
            config: if config.is_empty() { self.path.clone() } else { format!("{config}, {}", self.path) },
            title: title.clone(),
            kernel: seen.first_of(&self.kernel)?,
            initramfs,
            arguments: options,
            unified: None,
        })))
    }
}

/// Where the entry at `path` (…/loader/entries/NAME.conf) has a file that it calls `name`: names start at the file
/// system that holds the entry, wherever the guest mounts it ("Type #1 Boot Loader Specification Entries").
fn on_its_file_system(facts: &GuestFacts, path: &str, name: &str) -> Vec<String> {
    let base = guest::parent(guest::parent(guest::parent(path)));
    let mut found = places(name, base);
    let holds = |m: &&Mount| path.starts_with(&guest::join(&m.mountpoint, ""));
    let mount = facts.mounts.iter().filter(holds).max_by_key(|m| m.mountpoint.len());
    // Of btrfs a part is mounted, which the name may hold.
    if let Some(mount) = mount.filter(|m| !m.mountable.starts_with("btrfsvol:")) {
        let there = guest::join(&mount.mountpoint, name.trim_start_matches('/'));
        found.retain(|place| *place == there);
    }
    found
}

/// The entries in the given directories, the one that is started without any other choice first.
pub(super) fn entries(seen: &Seen<'_>, dirs: &[String]) -> Result<Vec<BlsEntry>> {
    let mut found = Vec::new();
    for dir in dirs {
        for path in files_in(seen.guest, dir, ".conf")? {
            if let Some(file) = TextFile::read(seen.guest, &path)? {
                found.push(BlsEntry::parse(seen.facts, &path, &file.text));
            }
        }
    }
    found.sort_by_cached_key(|e| version_key(&e.id));
    found.reverse();
    Ok(found)
}

/// What systemd-boot starts from the EFI system partition at `esp` (systemd-boot(7), loader.conf(5)).
pub(super) fn systemd_boot(seen: &Seen<'_>, esp: &str) -> Result<Loaded> {
    let config = format!("{esp}/loader/loader.conf");
    let text = TextFile::read(seen.guest, &config)?.map(|f| f.text).unwrap_or_default();
    let wanted =
        text.lines().filter_map(|l| l.trim().strip_prefix("default")?.split_whitespace().next()).next_back();
    let mut dirs = vec![format!("{esp}/loader/entries")];
    if esp != "/boot" {
        dirs.push("/boot/loader/entries".to_owned());
    }
    let mut all = entries(seen, &dirs)?;
    let name = |uki: &UkiFacts| uki.path.rsplit('/').next().unwrap_or_default().to_owned();
    let mut ukis: Vec<&UkiFacts> = seen.facts.bootloader.ukis.iter().collect();
    ukis.sort_by_cached_key(|uki| version_key(&name(uki)));
    if let Some(pattern) = wanted {
        let named =
            |e: &BlsEntry| matches_glob(pattern, &format!("{}.conf", e.id)) || matches_glob(pattern, &e.id);
        if let Some(entry) = all.iter().find(|e| named(e)) {
            return entry.load(seen, "", entry.options.clone());
        }
        let named = |uki: &&&UkiFacts| {
            let name = name(uki);
            matches_glob(pattern, &name) || matches_glob(pattern, name.trim_end_matches(".efi"))
        };
        if let Some(uki) = ukis.iter().rev().find(named) {
            return Ok(unified(uki));
        }
    }
    // What is no image is passed over.
    let readable: Vec<&&UkiFacts> = ukis.iter().filter(|uki| uki.unreadable.is_none()).collect();
    match (all.first(), readable.as_slice(), ukis.last()) {
        (None, [one], _) => return Ok(unified(one)),
        (None, [], Some(uki)) => return Ok(unified(uki)),
        (_, [], _) => {}
        (_, several, _) => {
            let names: Vec<&str> = several.iter().map(|uki| uki.path.as_str()).collect();
            let why = "which of these, or of the entries in loader/entries, is started is not known";
            return Ok(Loaded::unknown(names.join(", "), why));
        }
    }
    // Entries with a sort-key come first, by it and then the newest first.
    all.sort_by_cached_key(|e| {
        (e.order.0.is_empty(), e.order.0.clone(), std::cmp::Reverse(version_key(&e.order.1)))
    });
    match all.first() {
        Some(entry) => entry.load(seen, "", entry.options.clone()),
        None => Ok(Loaded::broken(&config, "systemd-boot has no entry to start")),
    }
}

/// A kernel, its initramfs and its command line in one file.
fn unified(uki: &UkiFacts) -> Loaded {
    if let Some(why) = &uki.unreadable {
        return Loaded::unknown(&uki.path, format!("it is not understood: {why}"));
    }
    Loaded::Entry(Box::new(Entry {
        config: uki.path.clone(),
        title: uki.path.rsplit('/').next().unwrap_or_default().to_owned(),
        kernel: Place::There(uki.path.clone()),
        initramfs: vec![Place::There(uki.path.clone())],
        arguments: uki.cmdline.clone().unwrap_or_default(),
        unified: Some(uki.clone()),
    }))
}

/// fnmatch(3) with `*` and `?`, without regard to case.
fn matches_glob(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.to_lowercase().chars().collect();
    let name: Vec<char> = name.to_lowercase().chars().collect();
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(c) if *c == '?' || name.get(n) == Some(c) => {
                p += 1;
                n += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    p = at + 1;
                    n = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern.get(p..).is_some_and(|rest| rest.iter().all(|c| *c == '*'))
}

#[cfg(test)]
mod tests {
    use super::matches_glob;

    #[test]
    fn patterns_of_loader_conf() {
        for (pattern, name, want) in [
            ("arch-*", "arch-linux.conf", true),
            ("*", "", true),
            ("a?c.conf", "ABC.conf", true),
            ("a*b*c", "axxbyyc", true),
            ("a*b*c", "axxbyy", false),
            ("@saved", "arch.conf", false),
            ("", "x", false),
        ] {
            assert_eq!(matches_glob(pattern, name), want, "{pattern} {name}");
        }
    }
}
