//! Where the paths of boot loaders lead: a boot loader names a file by its path on a file system, the guest by where
//! that file system is mounted.

use crate::error::Result;
use crate::facts::{BlockDevice, Mount};
use crate::guest::{self, FileKind};
use crate::linux::names::place_of;
use crate::linux::text::real_path;

use super::Seen;
use super::devices::Found;

/// Where boot loaders keep their files.
const BOOT_MOUNTS: [&str; 5] = ["/", "/boot", "/boot/efi", "/efi", "/boot/firmware"];

/// A file that a boot loader names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// It is there: its real path in the guest.
    There(String),
    /// It is not: what is missing.
    Missing(String),
    /// Where it should be was not seen: why.
    Unseen(String),
}

/// A file system as a boot loader sees it.
#[derive(Debug, Clone)]
pub(super) enum Volume<'a> {
    /// It is mounted here, in one or several places.
    Mounted(Vec<&'a Mount>, String),
    /// Any that holds boot loaders' files.
    Any(Vec<&'a Mount>),
    /// No disk of the VM holds it: why.
    Missing(String),
    /// It could not be told, or is not mounted: why.
    Unseen(String),
}

impl<'a> Seen<'a> {
    /// The regular file at `path` that is not empty, by its real path.
    pub(super) fn file(&self, path: &str) -> Result<Option<String>> {
        let real = real_path(self.guest, path)?;
        let there = self.guest.lstat(&real)?.is_some_and(|s| s.kind == FileKind::File && s.size > 0);
        Ok(there.then_some(real))
    }

    /// The mount that holds `path`.
    pub(super) fn mount_of(&self, path: &str) -> Option<&'a Mount> {
        let holds = |m: &&Mount| {
            let rest = path.strip_prefix(m.mountpoint.trim_end_matches('/'));
            rest.is_some_and(|r| r.is_empty() || r.starts_with('/'))
        };
        self.facts.mounts.iter().filter(holds).max_by_key(|m| m.mountpoint.len())
    }

    /// Every file system that may hold files of a boot loader.
    pub(super) fn any_volume(&self) -> Volume<'a> {
        let boot = |m: &&Mount| BOOT_MOUNTS.contains(&m.mountpoint.as_str());
        Volume::Any(self.facts.mounts.iter().filter(boot).collect())
    }

    /// The file system on `device`.
    pub(super) fn volume(&self, device: &BlockDevice) -> Volume<'a> {
        let mounts: Vec<&Mount> = self.facts.mounts.iter().filter(|m| m.device == device.name).collect();
        if mounts.is_empty() {
            return Volume::Unseen(format!("{} is not mounted by the guest", place_of(device)));
        }
        Volume::Mounted(mounts, place_of(device))
    }

    /// The file system on what was found.
    pub(super) fn volume_of(&self, found: Found<'_>) -> Volume<'a> {
        match found {
            Found::Device(device) => self.volume(device),
            Found::Volume(name) => Volume::Unseen(format!("what {name} holds was not seen")),
            Found::Missing(why) => Volume::Missing(why),
            Found::Unknown(why) => Volume::Unseen(why),
        }
    }

    /// A partition by the firmware's numbers: disks in its order, partitions counted from 1. Only the first disk's place
    /// in that order is certain.
    pub(super) fn by_order(&self, disk: usize, partition: Option<u32>) -> Volume<'a> {
        let Some(index) = self.target.boot_order.first().filter(|_| disk == 0) else {
            return self.any_volume();
        };
        let here = |b: &&BlockDevice| b.disk == Some(*index) && b.partition == partition;
        match self.facts.block.iter().find(here) {
            Some(device) => self.volume(device),
            None => Volume::Missing(format!("the first disk has no such partition ({partition:?})")),
        }
    }

    /// The file at `path` of a file system.
    pub(super) fn on_volume(&self, volume: &Volume<'_>, path: &str) -> Result<Place> {
        let (mounts, place) = match volume {
            Volume::Mounted(mounts, place) => (mounts, place.as_str()),
            Volume::Any(mounts) => (mounts, "the guest's disks"),
            Volume::Missing(why) => return Ok(Place::Missing(why.clone())),
            Volume::Unseen(why) => return Ok(Place::Unseen(why.clone())),
        };
        for candidate in candidates(mounts, path) {
            if let Some(real) = self.file(&candidate)? {
                return Ok(Place::There(real));
            }
        }
        Ok(Place::Missing(format!("there is no {path} on {place}")))
    }

    /// Whether anything is at `path` of a file system.
    pub(super) fn is_on(&self, volume: &Volume<'_>, path: &str) -> Result<bool> {
        let (Volume::Mounted(mounts, _) | Volume::Any(mounts)) = volume else { return Ok(false) };
        for candidate in candidates(mounts, path) {
            if self.guest.exists(&real_path(self.guest, &candidate)?)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The first of several places at which a file is.
    pub(super) fn first_of(&self, paths: &[String]) -> Result<Place> {
        for path in paths {
            if let Some(real) = self.file(path)? {
                return Ok(Place::There(real));
            }
        }
        Ok(match paths {
            [] => Place::Unseen("its path is not understood".to_owned()),
            [one] => Place::Missing(format!("there is no {one}")),
            several => Place::Missing(format!("there is neither {}", several.join(" nor "))),
        })
    }
}

/// Where in the guest the path of a boot loader may be. On btrfs a path begins with the subvolume's, or is relative to
/// the default one.
fn candidates(mounts: &[&Mount], path: &str) -> Vec<String> {
    let mut found = Vec::new();
    for mount in mounts {
        let volume = mount.mountable.strip_prefix(&format!("btrfsvol:{}/", mount.device));
        let inside = volume.and_then(|v| path.trim_start_matches('/').strip_prefix(v.trim_matches('/')));
        found.extend(inside.filter(|r| r.starts_with('/')).map(|r| joined(&mount.mountpoint, r)));
    }
    found.extend(mounts.iter().map(|m| joined(&m.mountpoint, path)));
    found
}

fn joined(mountpoint: &str, path: &str) -> String {
    guest::join(mountpoint, path.trim_start_matches('/'))
}
