//! The modules that an image lacks, with what they depend on.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use h2k_config::DiskBus;

use crate::append::{ArchiveEntry, EntryContent};
use crate::error::Result;
use crate::facts::InitramfsLayout;
use crate::guest::{self, Guest};
use crate::initramfs::{is_plain, module_name};
use crate::linux::text::real_path;

use super::super::{Rebuild, drivers};

/// Modules in one archive. The drivers of the target come to about a dozen.
const MAX_MODULES: usize = 64;

/// A module of the guest.
struct Module<'a> {
    /// Path below the directory of the kernel's modules.
    path: &'a str,
    /// Paths of all modules that it needs.
    needs: Vec<&'a str>,
}

/// Files and lines of indexes for the modules that the image lacks, network among them if `nic`; an inner error is the
/// reason why they cannot be given.
///
/// # Errors
/// The guest could not be read.
pub(super) fn entries(
    guest: &dyn Guest,
    rebuild: &Rebuild<'_>,
    layout: &InitramfsLayout,
    nic: bool,
) -> Result<std::result::Result<Vec<ArchiveEntry>, String>> {
    let Some((dir, endings)) = layout.modules.first_key_value().filter(|_| layout.modules.len() == 1) else {
        let found =
            if layout.modules.is_empty() { "no modules of this kernel" } else { "modules in two places" };
        return Ok(Err(format!("it holds {found}")));
    };
    let (dependencies, aliases) = (format!("{dir}/modules.dep"), format!("{dir}/modules.alias"));
    for index in [&dependencies, &aliases] {
        if !layout.files.contains_key(index) {
            return Ok(Err(format!("it has no {index}")));
        }
    }
    let own = real_path(guest, &format!("/lib/modules/{}", rebuild.kernel.version))?;
    let read = |name: &str| -> Result<String> {
        let bytes = guest.read(&guest::join(&own, name))?.unwrap_or_default();
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let (dep, soft) = (read("modules.dep")?, read("modules.softdep")?);
    let known = known(&dep);
    let lacking = match lacking(&known, &soft, rebuild, nic) {
        Ok(lacking) => lacking,
        Err(why) => return Ok(Err(why)),
    };
    let mut entries = Vec::new();
    let mut lines = Vec::new();
    for module in lacking.values() {
        let place = Place::of(module.path, endings);
        let from = guest::join(&own, module.path);
        match super::file(guest, &from, &format!("{dir}/{}", place.path), place.unpack)? {
            Some(entry) => entries.push(entry),
            None => return Ok(Err(format!("the guest has no {from}, which its modules.dep names"))),
        }
        let needs = module.needs.iter().map(|path| format!(" {}", Place::of(path, endings).path));
        let needs: String = needs.collect();
        lines.push(format!("{}:{needs}", place.path));
    }
    let index = |path: String, add| ArchiveEntry { path, content: EntryContent::Index { add } };
    entries.push(index(dependencies, lines));
    entries.push(index(aliases, of(&read("modules.alias")?, "alias", &lacking)));
    let add = of(&soft, "softdep", &lacking);
    if !add.is_empty() {
        let path = format!("{dir}/modules.softdep");
        entries.push(ArchiveEntry { path, content: EntryContent::Lines { add } });
    }
    Ok(Ok(entries))
}

/// Drivers of disks that the image is told to load: udev finds them by itself, and the list is for images whose udev
/// does not.
pub(super) fn to_load(rebuild: &Rebuild<'_>) -> Vec<String> {
    let network = |name: &&str| name.ends_with("_net");
    let names = drivers::kept(rebuild.kernel, rebuild.bus);
    names.into_iter().filter(|n| !network(n)).map(str::to_owned).collect()
}

/// Where a module is in the image.
struct Place<'a> {
    path: &'a str,
    unpack: bool,
}

impl<'a> Place<'a> {
    /// The guest's form of it, if the image has modules of that form; else unpacked, which every kernel takes.
    fn of(path: &'a str, endings: &[String]) -> Self {
        let packed = [".xz", ".zst", ".gz"].iter().find(|ending| path.ends_with(*ending));
        match packed.filter(|ending| !endings.iter().any(|e| e.ends_with(*ending))) {
            Some(ending) => Self { path: path.strip_suffix(ending).unwrap_or(path), unpack: true },
            None => Self { path, unpack: false },
        }
    }
}

/// The modules of a `modules.dep`, by name. Lines that lead elsewhere are passed over.
fn known(dep: &str) -> BTreeMap<String, Module<'_>> {
    let fits = |path: &str| is_plain(path) && path.bytes().all(|b| b.is_ascii_graphic() && b != b':');
    let module = |line| {
        let (path, needs): (&str, &str) = str::split_once(line, ':')?;
        let name = module_name(path.rsplit('/').next()?)?;
        let needs: Vec<&str> = needs.split_whitespace().collect();
        (fits(path) && needs.iter().all(|n| fits(n))).then_some((name, Module { path, needs }))
    };
    dep.lines().filter_map(module).collect()
}

/// The modules that the target's drivers need and the image lacks; an error is the reason why they cannot be given.
fn lacking<'a, 'd>(
    known: &'a BTreeMap<String, Module<'d>>,
    soft: &str,
    rebuild: &Rebuild<'_>,
    nic: bool,
) -> std::result::Result<BTreeMap<&'a str, &'a Module<'d>>, String> {
    let inside = |name: &str| rebuild.initramfs.modules.iter().any(|m| m == name);
    let mut todo: VecDeque<String> = wanted(nic).map(str::to_owned).collect();
    let (mut seen, mut found) = (BTreeSet::new(), BTreeMap::new());
    while let Some(name) = todo.pop_front() {
        // What the kernel has built in is in no modules.dep.
        let Some((name, module)) = known.get_key_value(&name) else { continue };
        if !seen.insert(name.as_str()) {
            continue;
        }
        if !inside(name) {
            found.insert(name.as_str(), module);
        }
        todo.extend(module.needs.iter().filter_map(|path| module_name(path.rsplit('/').next()?)));
        todo.extend(soft_needs(soft, name));
        if found.len() > MAX_MODULES {
            return Err(format!("its drivers depend on more than {MAX_MODULES} modules"));
        }
    }
    // A kernel without modules.dep, or with one whose paths are not taken.
    let module = |name: &&str| rebuild.kernel.modules.iter().any(|m| m == name);
    let mut needed =
        drivers::needed(rebuild.bus).iter().chain(drivers::helpers(rebuild.bus)).filter(|n| module(n));
    match needed.find(|name| !inside(name) && !found.contains_key(*name)) {
        Some(name) => Err(format!("the guest's modules.dep does not tell where {name} is")),
        None => Ok(found),
    }
}

/// The drivers of both buses, so that a later change of the VM's hardware does not break it.
fn wanted(nic: bool) -> impl Iterator<Item = &'static str> {
    let buses = [DiskBus::VirtioBlk, DiskBus::VirtioScsi];
    let disks =
        buses.into_iter().flat_map(|bus| drivers::needed(bus).iter().chain(drivers::helpers(bus)).copied());
    disks.chain(nic.then_some("virtio_net"))
}

/// What is to be loaded before or after a module (modprobe.d(5), `softdep NAME pre: A B post: C`).
fn soft_needs<'s>(soft: &'s str, name: &str) -> impl Iterator<Item = String> + use<'s> {
    let name = name.to_owned();
    soft.lines().filter_map(move |line| words_of(line, "softdep", &name)).flatten()
}

fn words_of<'s>(line: &'s str, kind: &str, name: &str) -> Option<impl Iterator<Item = String> + use<'s>> {
    let mut words = line.split_whitespace();
    let fits = words.next() == Some(kind) && words.next().is_some_and(|w| w.replace('-', "_") == name);
    fits.then(|| words.filter(|w| !["pre:", "post:"].contains(w)).map(|w| w.replace('-', "_")))
}

/// The lines of an index that are about these modules: `alias PATTERN NAME`, `softdep NAME …`.
fn of(text: &str, kind: &str, modules: &BTreeMap<&str, &Module<'_>>) -> Vec<String> {
    let about = |line: &&str| {
        let mut words = line.split(' ');
        let name = match (words.next() == Some(kind), kind) {
            (false, _) => None,
            (true, "alias") => words.nth(1),
            (true, _) => words.next(),
        };
        name.is_some_and(|n| modules.contains_key(n.replace('-', "_").as_str()))
    };
    text.lines().filter(about).map(str::to_owned).collect()
}
