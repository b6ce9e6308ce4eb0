//! The devices on the kernel's command line: `root=`, what the initramfs waits for, and `resume=`.
//!
//! Sources: Documentation/admin-guide/kernel-parameters.txt, dracut.cmdline(7).

use crate::error::Result;
use crate::linux::boot::cmdline::{self, Param};
use crate::linux::names::{Names, place_of};
use crate::readiness::{Link, LinkKind, LinkState};

use super::Seen;
use super::crypttab::Opened;
use super::devices::Found;
use super::entry::Entry;

/// Links of the devices that `entry` names.
pub(super) fn check(seen: &Seen<'_>, entry: &Entry) -> Result<Vec<Link>> {
    let opened = Opened::read(seen)?;
    let params = cmdline::params(&entry.arguments);
    // Of several the last counts, as in the kernel and in dracut.
    let last = |key: &str| params.iter().rfind(|p| p.key == key).and_then(|p| p.value);
    let mut links = vec![match last("root") {
        Some(root) => of_root(seen, entry, root, &opened),
        None => {
            let why = "the command line names no root device; the initramfs may know one";
            Link::new(LinkKind::Root, LinkState::Unknown, &entry.config, why)
        }
    }];
    links.extend(params.iter().filter_map(|p| waited_for(seen, p)));
    links.extend(last("resume").and_then(|resume| of_resume(seen, resume, &opened)));
    Ok(links)
}

fn of_root(seen: &Seen<'_>, entry: &Entry, root: &str, opened: &Opened) -> Link {
    let spec = root.strip_prefix("block:").unwrap_or(root);
    let link = |state, detail: String| Link::new(LinkKind::Root, state, format!("root={root}"), detail);
    if ["/dev/nfs", "/dev/root"].contains(&spec) || !spec.starts_with("/dev/") && !spec.contains('=') {
        return link(LinkState::Unknown, "h2k does not look for such a root".to_owned());
    }
    if entry.initramfs.is_empty() && (spec.starts_with("UUID=") || spec.starts_with("LABEL=")) {
        let why = "no initramfs is loaded, and the kernel itself finds partitions by PARTUUID only";
        return link(LinkState::Broken, why.to_owned());
    }
    match (seen.device(spec, opened), Names::new(seen.facts).root()) {
        (Found::Device(device), Some(system))
            if device.name != system.name && !same_btrfs(device, system) =>
        {
            let why = format!("it is {}, and the system is on {}", place_of(device), place_of(system));
            link(LinkState::Broken, why)
        }
        (Found::Device(device), _) => {
            link(LinkState::Ok, format!("it is {} ({})", place_of(device), device.fstype))
        }
        (Found::Volume(name), _) => link(LinkState::Ok, format!("crypttab opens {name}")),
        (Found::Missing(why), _) => link(LinkState::Broken, why),
        (Found::Unknown(why), _) => link(LinkState::Unknown, why),
    }
}

fn same_btrfs(a: &crate::facts::BlockDevice, b: &crate::facts::BlockDevice) -> bool {
    a.fstype == "btrfs" && a.uuid == b.uuid
}

/// Volumes that dracut does not go on without.
fn waited_for(seen: &Seen<'_>, param: &Param<'_>) -> Option<Link> {
    let value = param.value?;
    let there = match param.key {
        "rd.lvm.lv" => {
            let (vg, lv) = value.split_once('/')?;
            seen.logical(vg, lv).is_some()
        }
        "rd.luks.uuid" => {
            let uuid = value.strip_prefix("luks-").unwrap_or(value).to_ascii_lowercase();
            seen.facts.block.iter().any(|b| b.uuid.to_ascii_lowercase().starts_with(&uuid))
        }
        _ => return None,
    };
    let subject = format!("{}={value}", param.key);
    Some(if there {
        Link::new(LinkKind::Root, LinkState::Ok, subject, "it is on the disks")
    } else {
        let why = "no disk of the VM holds it, and the initramfs waits for it";
        Link::new(LinkKind::Root, LinkState::Broken, subject, why)
    })
}

fn of_resume(seen: &Seen<'_>, resume: &str, opened: &Opened) -> Option<Link> {
    if ["", "none"].contains(&resume) {
        return None;
    }
    let (state, detail) = match seen.device(resume, opened) {
        Found::Device(device) => (LinkState::Ok, format!("it is {}", place_of(device))),
        Found::Volume(name) => (LinkState::Ok, format!("crypttab opens {name}")),
        Found::Missing(why) => (LinkState::Late, why),
        Found::Unknown(why) => (LinkState::Unknown, why),
    };
    Some(Link::new(LinkKind::Resume, state, format!("resume={resume}"), detail))
}
