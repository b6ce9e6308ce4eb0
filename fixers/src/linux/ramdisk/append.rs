//! The fast way: an archive with the drivers is appended to the image that is there, and nothing of the guest is run.
//!
//! The kernel unpacks one archive after the other, and a later file replaces an earlier one. The image has modules and
//! indexes of its own (generators run depmod(8) in it), so the archive holds what is missing: modules with what they
//! depend on, a line for each in the image's own indexes, and names in the list of modules that the image loads.
//!
//! ```text
//!  layout ─ obstacles? ─▶ why not: the tool
//!    │
//!    ├─ modules   modules.dep of the guest ─▶ modules that the image lacks ─▶ files, index lines
//!    ├─ copies    settings that the generator copied and that name devices of the old hardware
//!    └─ the list of modules that it loads; the names of NICs, where it has drivers of NICs
//! ```

mod copies;
mod modules;

use crate::append::{ArchiveEntry, EntryContent, directories};
use crate::edit::{Change, Edit};
use crate::error::Result;
use crate::facts::{GuestFacts, InitramfsLayout};
use crate::guest::{self, FileKind, Guest, MAX_READ};
use crate::initramfs::Layout;
use crate::linux::text::real_path;

use super::{ID, Rebuild};

/// Generators whose images load modules by udev, from the indexes, and the list of modules that each of them loads
/// besides (initramfs-tools(7), "load_modules" in scripts/functions; dracut's module systemd, modules-load.d(5)).
const KNOWN: &[(&str, &str)] =
    &[("initramfs-tools", "conf/modules"), ("dracut", "etc/modules-load.d/90-h2k-virtio.conf")];

/// Where initramfs-tools before 0.138 keep a checksum of each image; they do not update one that differs.
const CHECKSUMS: &str = "/var/lib/initramfs-tools";

/// Drivers of NICs of the hypervisors that guests come from: an image with one of them may need its network.
const NIC_DRIVERS: &[&str] = &["vmxnet3", "e1000", "e1000e", "pcnet32", "hv_netvsc", "virtio_net"];

/// Where h2k keeps names of NICs (`linux.nic-names`): udev in the initramfs is the first to give them.
const NIC_NAMES: &[(&str, &str, &str)] =
    &[("/etc/systemd/network", "10-h2k-", ".link"), ("/etc/udev/rules.d", "70-h2k-net", ".rules")];

/// An archive that can be appended.
#[derive(Debug)]
pub(super) struct Appendix {
    /// The edit.
    pub(super) edit: Edit,
    /// Generator that made the image.
    pub(super) generator: String,
    /// About how many bytes are appended.
    pub(super) estimate: u64,
    /// Settings in the image that still name devices of the old hardware: `conf/param.conf: /dev/sda2`.
    pub(super) old_names: Vec<String>,
}

/// What would be appended to an image; an inner error is the reason why nothing can be.
///
/// # Errors
/// The guest could not be read.
pub(super) fn appendix(
    facts: &GuestFacts,
    guest: &dyn Guest,
    rebuild: &Rebuild<'_>,
) -> Result<std::result::Result<Appendix, String>> {
    let Some(layout) = &rebuild.initramfs.layout else { return Ok(Err("it cannot be listed".to_owned())) };
    let list = match fit(guest, rebuild, layout)? {
        Ok(list) => list,
        Err(why) => return Ok(Err(why)),
    };
    let nic = rebuild.initramfs.modules.iter().any(|m| NIC_DRIVERS.contains(&m.as_str()));
    let mut entries = match modules::entries(guest, rebuild, layout, nic)? {
        Ok(entries) => entries,
        Err(why) => return Ok(Err(why)),
    };
    let add = modules::to_load(rebuild);
    entries.push(ArchiveEntry { path: list.to_owned(), content: EntryContent::Lines { add } });
    if nic {
        entries.extend(nic_names(guest)?);
    }
    let copies = copies::of(facts, guest, layout, rebuild.bus)?;
    entries.extend(copies.entries);
    let entries = with_directories(layout, entries);
    if let Some(path) = entries.iter().map(|e| &e.path).find(|p| layout.obstacles.contains(p)) {
        return Ok(Err(format!("{path} in it is not what it is in other images")));
    }
    let path = real_path(guest, &rebuild.initramfs.path)?;
    let estimate = estimate(layout, &entries);
    let change = Change::AppendArchive {
        path,
        size: rebuild.initramfs.size,
        tail: layout.tail.clone(),
        estimate,
        entries,
    };
    let edit = Edit { fixer: ID.to_owned(), reason: rebuild.reason.clone(), change };
    let old_names = copies.old_names;
    Ok(Ok(Appendix { edit, generator: layout.generator.clone(), estimate, old_names }))
}

/// The list of modules that the image loads; an inner error is the reason why nothing can be appended.
fn fit(
    guest: &dyn Guest,
    rebuild: &Rebuild<'_>,
    layout: &InitramfsLayout,
) -> Result<std::result::Result<&'static str, String>> {
    let known = KNOWN.iter().find(|(generator, _)| *generator == layout.generator);
    let Some((_, list)) = known else {
        let made = if layout.generator.is_empty() { "an unknown program" } else { &layout.generator };
        return Ok(Err(format!("it was made by {made}, and h2k does not know how such images load modules")));
    };
    // lz4's legacy form has no end mark; kernels before 5.11 take what follows for a block of it.
    if let Some(last) = rebuild.initramfs.segments.last().filter(|s| s.starts_with("lz")) {
        return Ok(Err(format!("it is packed with {last}, behind which old kernels take nothing")));
    }
    if layout.trailing {
        return Ok(Err("it ends with bytes that the kernel stumbles over".to_owned()));
    }
    if let Some(path) = layout.obstacles.iter().find(|p| Layout::is_setting(p)) {
        return Ok(Err(format!("{path} in it cannot be read, and may name devices of the old hardware")));
    }
    if layout.generator == "initramfs-tools" && guest.exists(CHECKSUMS)? {
        return Ok(Err(
            "update-initramfs keeps a checksum of it, and would not update it any more".to_owned()
        ));
    }
    Ok(Ok(list))
}

/// Files that give NICs their names.
fn nic_names(guest: &dyn Guest) -> Result<Vec<ArchiveEntry>> {
    let mut entries = Vec::new();
    for (dir, start, end) in NIC_NAMES {
        for name in guest.list(dir)?.unwrap_or_default() {
            if name.starts_with(start) && name.ends_with(end) {
                let path = guest::join(dir, &name);
                entries.extend(file(guest, &path, path.trim_start_matches('/'), false)?);
            }
        }
    }
    Ok(entries)
}

/// An entry with the content of a file of the guest; `None` if there is no such file, or it is too large.
///
/// # Errors
/// The guest could not be read.
fn file(guest: &dyn Guest, from: &str, path: &str, unpack: bool) -> Result<Option<ArchiveEntry>> {
    let from = real_path(guest, from)?;
    let stat = guest.lstat(&from)?.filter(|s| s.kind == FileKind::File && s.size <= MAX_READ);
    Ok(stat.map(|stat| ArchiveEntry {
        path: path.to_owned(),
        content: EntryContent::File { from, size: stat.size, unpack },
    }))
}

/// The entries with the directories that they need before them. Those above the modules that the image has are there.
fn with_directories(layout: &InitramfsLayout, entries: Vec<ArchiveEntry>) -> Vec<ArchiveEntry> {
    let there = |dir: &str| layout.modules.keys().any(|m| m == dir || m.starts_with(&format!("{dir}/")));
    let mut out: Vec<ArchiveEntry> = Vec::new();
    for entry in entries {
        for dir in directories(&entry.path) {
            if !there(dir) && !out.iter().any(|e| e.path == dir) {
                out.push(ArchiveEntry { path: dir.to_owned(), content: EntryContent::Directory });
            }
        }
        out.push(entry);
    }
    out
}

/// About how many bytes the archive has: a module unpacks to about four times its size, and the binary form of an
/// index is about as long as the text.
fn estimate(layout: &InitramfsLayout, entries: &[ArchiveEntry]) -> u64 {
    let lines = |add: &[String]| add.iter().fold(0, |sum: u64, l| sum.saturating_add(l.len() as u64 + 1));
    let old = |path: &str| layout.files.get(path).copied().unwrap_or(0);
    let bytes = |e: &ArchiveEntry| match &e.content {
        EntryContent::Directory => 0,
        EntryContent::File { size, unpack, .. } => size.saturating_mul(if *unpack { 4 } else { 1 }),
        EntryContent::Lines { add } => old(&e.path).saturating_add(lines(add)),
        EntryContent::Index { add } => old(&e.path).saturating_add(lines(add)).saturating_mul(2),
    };
    entries.iter().map(|e| bytes(e).saturating_add(256)).fold(0, u64::saturating_add)
}
