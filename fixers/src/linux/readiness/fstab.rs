//! Lines of fstab that the boot waits for (fstab(5), systemd.mount(5)): without `nofail` and `noauto`, a missing device
//! ends in emergency mode. Swap space is waited for, and the boot goes on.

use crate::error::Result;
use crate::facts::FstabEntry;
use crate::inspect::fstab::PATH;
use crate::linux::names::place_of;
use crate::readiness::{Link, LinkKind, LinkState};

use super::Seen;
use super::crypttab::Opened;
use super::devices::Found;

/// Lines that are looked at; a system has a dozen.
const MAX_LINES: usize = 256;
/// File systems that are on no disk of the VM.
const ELSEWHERE: [&str; 14] = [
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "ceph",
    "glusterfs",
    "9p",
    "virtiofs",
    "iso9660",
    "udf",
    "overlay",
    "afs",
    "sshfs",
    "none",
];

/// A link for each line that the boot waits for.
pub(super) fn check(seen: &Seen<'_>) -> Result<Vec<Link>> {
    let opened = Opened::read(seen)?;
    let mut waited = seen.facts.fstab.iter().filter(|e| waits(e));
    let mut links: Vec<Link> =
        waited.by_ref().take(MAX_LINES).map(|entry| link(seen, entry, &opened)).collect();
    if waited.next().is_some() {
        let why = format!("more than {MAX_LINES} lines are not looked at");
        links.push(Link::new(LinkKind::Fstab, LinkState::Unknown, PATH, why));
    }
    Ok(links)
}

fn waits(entry: &FstabEntry) -> bool {
    let device = entry.spec.starts_with("/dev/") || entry.spec.contains('=') && !entry.spec.starts_with('/');
    // Removable media, and what the system makes at boot.
    let drive = ["/dev/cdrom", "/dev/dvd", "/dev/fd", "/dev/sr", "/dev/zram"]
        .iter()
        .any(|d| entry.spec.starts_with(d));
    let optional = ["nofail", "noauto", "_netdev", "bind", "rbind"].iter().any(|o| entry.has_option(o));
    device && !drive && !optional && !ELSEWHERE.contains(&entry.fstype.as_str()) && entry.fstype != "ignore"
}

fn link(seen: &Seen<'_>, entry: &FstabEntry, opened: &Opened) -> Link {
    let swap = entry.fstype == "swap";
    let subject = format!("{PATH}: {}", if swap { "swap" } else { entry.mountpoint.as_str() });
    let (state, detail) = match seen.device(&entry.spec, opened) {
        Found::Device(device) => (LinkState::Ok, format!("{} is {}", entry.spec, place_of(device))),
        Found::Volume(_) => (LinkState::Ok, format!("{} is opened by crypttab", entry.spec)),
        Found::Missing(why) if swap => (LinkState::Late, why),
        Found::Missing(why) => (LinkState::Broken, why),
        Found::Unknown(why) => (LinkState::Unknown, why),
    };
    // Its device is there; that it could not be mounted from outside says that something else is wrong with it.
    let unmounted = seen.facts.unmounted.iter().find(|u| u.mountpoint == entry.mountpoint && !swap);
    match unmounted {
        Some(u) if state == LinkState::Ok => {
            let detail = format!("{detail}, and could not be mounted: {}", u.reason);
            Link::new(LinkKind::Fstab, LinkState::Unknown, subject, detail)
        }
        _ => Link::new(LinkKind::Fstab, state, subject, detail),
    }
}
