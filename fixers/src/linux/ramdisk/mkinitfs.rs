//! mkinitfs: Alpine. From mkinitfs(1) and the features that it ships.
//!
//! A feature is a list of modules. `virtio` holds those of virtio's buses, disks and network; `scsi` holds all drivers
//! of SCSI controllers, virtio_scsi among them. Versions of mkinitfs before 3.0 have no `virtio`; h2k writes one.

use crate::edit::Edit;
use crate::error::Result;
use crate::facts::GuestFacts;
use crate::fixer::Proposal;
use crate::guest::{self, Guest};
use crate::linux::text::TextFile;

use super::{ID, KEPT, Rebuild, findings, settings, wordlist};

const CONF: &str = "/etc/mkinitfs/mkinitfs.conf";
/// Where features are, the administrator's first.
const FEATURES: [&str; 2] = ["/etc/mkinitfs/features.d", "/usr/share/mkinitfs/features.d"];
/// Modules of virtio, relative to the kernel's directory of modules.
const VIRTIO: &str = "kernel/drivers/virtio\nkernel/drivers/block/virtio*\nkernel/drivers/net/virtio_net*\n";

/// Proposes what makes every one of the images hold the drivers, now and at the guest's next rebuild.
///
/// # Errors
/// The guest could not be read.
pub(super) fn propose(
    _: &GuestFacts,
    guest: &dyn Guest,
    rebuilds: &[Rebuild<'_>],
    kept: &[&str],
    proposal: &mut Proposal,
) -> Result<()> {
    let mut features = vec!["virtio"];
    // Kept besides the others where the target's disks are SCSI ones.
    if kept.contains(&"sd_mod") {
        features.push("scsi");
    }
    if !has_feature(guest, "virtio")? {
        let path = guest::join(FEATURES[0], "virtio.modules");
        proposal.edits.push(Edit::create(ID, &path, VIRTIO, 0o644, "mkinitfs has no such feature yet"));
    }
    match TextFile::read(guest, CONF)? {
        None => {
            proposal.concerns.push(findings::not_kept(CONF, "features", &features));
        }
        Some(file) => match wordlist::with_words(&file.text, "features", &features) {
            Some(after) => proposal.edits.extend(file.edit(ID, &after, KEPT)),
            None => proposal.concerns.push(findings::not_kept(CONF, "features", &features)),
        },
    }
    let program =
        settings::program(guest, &["/sbin/mkinitfs", "/usr/sbin/mkinitfs"])?.unwrap_or("/sbin/mkinitfs");
    for rebuild in rebuilds {
        let path = &rebuild.initramfs.path;
        let compress: &[&str] = if rebuild.unreadable { &["-C", "gzip"] } else { &[] };
        let argv = [&[program, "-o", path.as_str()], compress, &[rebuild.kernel.version.as_str()]].concat();
        proposal.edits.push(rebuild.run(&argv));
    }
    Ok(())
}

fn has_feature(guest: &dyn Guest, name: &str) -> Result<bool> {
    for dir in FEATURES {
        if guest.exists(&guest::join(dir, &format!("{name}.modules")))? {
            return Ok(true);
        }
    }
    Ok(false)
}
