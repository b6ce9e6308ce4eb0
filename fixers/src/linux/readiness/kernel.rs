//! The kernel of the default entry, its initramfs, and the drivers of the target's disk.

use h2k_config::DiskBus;

use crate::error::Result;
use crate::facts::{KernelFacts, UkiFacts};
use crate::inspect::initramfs_at;
use crate::linux::ramdisk::drivers::{self, State};
use crate::linux::text::real_path;
use crate::readiness::{Link, LinkKind, LinkState};

use super::Seen;
use super::entry::Entry;
use super::paths::Place;

/// Links of the kernel and of the initramfs.
pub(super) fn check(seen: &Seen<'_>, entry: &Entry) -> Result<Vec<Link>> {
    let mut links = Vec::new();
    let kernel = match &entry.kernel {
        Place::There(path) => {
            links.push(Link::new(LinkKind::Kernel, LinkState::Ok, path, "it is there"));
            Some(path.as_str())
        }
        Place::Missing(why) => {
            links.push(Link::new(LinkKind::Kernel, LinkState::Broken, &entry.config, why));
            None
        }
        Place::Unseen(why) => {
            links.push(Link::new(LinkKind::Kernel, LinkState::Unknown, &entry.config, why));
            None
        }
    };
    for place in &entry.initramfs {
        match place {
            Place::There(_) => {}
            Place::Missing(why) => {
                links.push(Link::new(LinkKind::Initramfs, LinkState::Broken, &entry.config, why));
            }
            Place::Unseen(why) => {
                links.push(Link::new(LinkKind::Initramfs, LinkState::Unknown, &entry.config, why));
            }
        }
    }
    let unseen = entry.initramfs.iter().any(|p| !matches!(p, Place::There(_)));
    if let Some(kernel) = kernel.filter(|_| !unseen) {
        links.push(of_drivers(seen, entry, kernel)?);
    }
    Ok(links)
}

/// The link from kernel and initramfs to the target's disk.
fn of_drivers(seen: &Seen<'_>, entry: &Entry, image: &str) -> Result<Link> {
    let initramfs = match entry.initramfs.last() {
        Some(Place::There(path)) => Some(path.as_str()),
        _ => None,
    };
    let subject = initramfs.unwrap_or(image);
    let link = |state, detail: String| Ok(Link::new(LinkKind::Initramfs, state, subject, detail));
    if let Some(uki) = &entry.unified {
        return Ok(of_unified(seen, uki));
    }
    let Some(facts) = of_image(seen, image, initramfs)? else {
        return link(LinkState::Unknown, format!("which drivers {image} has is not known"));
    };
    let mut kernel = facts.clone();
    kernel.initramfs = match initramfs {
        None => None,
        // The bootloader may load another copy than the one that was listed.
        Some(path) => match &facts.initramfs {
            Some(listed) if real_path(seen.guest, &listed.path)? == path => Some(listed.clone()),
            _ => Some(initramfs_at(seen.guest, path, &facts.version)?),
        },
    };
    for bus in buses(seen) {
        match drivers::state(&kernel, bus) {
            State::Fine => {}
            State::Lacking(lacking) => {
                let why = format!("it holds no {}, which the target's disk needs", lacking.join(", "));
                return link(LinkState::Broken, why);
            }
            State::NoInitramfs(lacking) => {
                let why = format!("no initramfs is loaded, and {} are modules", lacking.join(", "));
                return link(LinkState::Broken, why);
            }
            State::Absent(absent) => {
                return link(
                    LinkState::Broken,
                    format!("kernel {} has no {}", kernel.version, absent.join(", ")),
                );
            }
            State::Unreadable(why) => return link(LinkState::Unknown, format!("it cannot be listed: {why}")),
            State::Unknown => {
                return link(
                    LinkState::Unknown,
                    format!("which drivers kernel {} has is not known", kernel.version),
                );
            }
        }
    }
    link(LinkState::Ok, format!("kernel {} has the drivers of the target's disk", kernel.version))
}

/// The drivers in a unified kernel image. Which kernel is in it is not known, so a driver that one of the installed
/// kernels has built in may be in it.
fn of_unified(seen: &Seen<'_>, uki: &UkiFacts) -> Link {
    let link = |state, detail: String| Link::new(LinkKind::Initramfs, state, &uki.path, detail);
    let Some(modules) = &uki.modules else {
        return link(LinkState::Unknown, "which drivers it holds is not known".to_owned());
    };
    let builtin = |driver: &str| seen.facts.kernels.iter().any(|k| k.builtin.iter().any(|b| b == driver));
    let inside = |driver: &str| modules.iter().any(|m| m == driver);
    let needed = buses(seen).into_iter().flat_map(drivers::needed);
    let lacking: Vec<&str> = needed.copied().filter(|d| !inside(d) && !builtin(d)).collect();
    if lacking.is_empty() {
        return link(LinkState::Ok, "it holds the drivers of the target's disk".to_owned());
    }
    link(LinkState::Broken, format!("it holds no {}, which the target's disk needs", lacking.join(", ")))
}

/// What is known of the kernel at `image`.
fn of_image<'a>(seen: &Seen<'a>, image: &str, initramfs: Option<&str>) -> Result<Option<&'a KernelFacts>> {
    let kernels = &seen.facts.kernels;
    for kernel in kernels {
        if let Some(path) = &kernel.image
            && real_path(seen.guest, path)? == image
        {
            return Ok(Some(kernel));
        }
    }
    // A copy under a name of its own (an entry's directory on the EFI system partition): its version is in its path.
    let by_name = |k: &&KernelFacts| image.contains(k.version.as_str());
    let by_initramfs =
        |k: &&KernelFacts| k.initramfs.as_ref().is_some_and(|i| Some(i.path.as_str()) == initramfs);
    Ok(kernels.iter().rev().find(by_name).or_else(|| kernels.iter().find(by_initramfs)))
}

/// The buses of the disks that hold the root file system.
fn buses(seen: &Seen<'_>) -> Vec<DiskBus> {
    let all = &seen.target.disks;
    let root = crate::linux::names::Names::new(seen.facts).root().and_then(|d| d.disk);
    if let Some(bus) = root.and_then(|disk| all.get(disk)) {
        return vec![*bus];
    }
    let mut buses = Vec::new();
    for bus in all {
        if !buses.contains(bus) {
            buses.push(*bus);
        }
    }
    buses
}
