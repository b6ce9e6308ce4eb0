//! mkinitfs: Alpine. From mkinitfs(1), its source and the features that it ships.
//!
//! A feature is a list of modules, found in /etc/mkinitfs/features.d; up to version 2 in modules.d. What the shipped ones
//! hold changed over the years, and which of them a disk of the target needs depends on its bus, so h2k writes one of its
//! own and adds it to `features`. The image's init loads modules by their devices.

use crate::edit::Edit;
use crate::error::Result;
use crate::facts::GuestFacts;
use crate::fixer::Proposal;
use crate::guest::Guest;
use crate::linux::text::TextFile;

use super::{ID, KEPT, Rebuild, findings, settings, wordlist};

const CONF: &str = "/etc/mkinitfs/mkinitfs.conf";
/// Lists of modules.
const FEATURES: &str = "/etc/mkinitfs/features.d";
/// Where they were up to version 2, under their bare names.
const OLD_FEATURES: &str = "/etc/mkinitfs/modules.d";
/// The feature that h2k writes.
const FEATURE: &str = "h2k";
/// Its modules, relative to the kernel's directory of modules. What a kernel has built in is no file and is passed over.
const MODULES: &str = "\
kernel/drivers/virtio
kernel/drivers/block/virtio_blk.ko*
kernel/drivers/scsi/virtio_scsi.ko*
kernel/drivers/scsi/sd_mod.ko*
kernel/drivers/ata/ahci.ko*
kernel/drivers/net/virtio_net.ko*
";

/// Proposes what makes every one of the images hold the drivers, now and at the guest's next rebuild.
///
/// # Errors
/// The guest could not be read.
pub(super) fn propose(
    _: &GuestFacts,
    guest: &dyn Guest,
    rebuilds: &[Rebuild<'_>],
    _: &[&str],
    proposal: &mut Proposal,
) -> Result<()> {
    match TextFile::read(guest, CONF)? {
        None => proposal.concerns.push(findings::not_kept(CONF, "features", &[FEATURE])),
        Some(file) => match wordlist::with_words(&file.text, "features", &[FEATURE]) {
            Some(after) => proposal.edits.extend(file.edit(ID, &after, KEPT)),
            None => proposal.concerns.push(findings::not_kept(CONF, "features", &[FEATURE])),
        },
    }
    let old = !guest.exists(FEATURES)? && guest.exists(OLD_FEATURES)?;
    let path = match old {
        true => format!("{OLD_FEATURES}/{FEATURE}"),
        false => format!("{FEATURES}/{FEATURE}.modules"),
    };
    let why = "drivers of the target's disks and network, as a feature of mkinitfs";
    match TextFile::read(guest, &path)? {
        None => proposal.edits.push(Edit::create(ID, &path, MODULES, 0o644, why)),
        Some(file) => proposal.edits.extend(file.edit(ID, MODULES, why)),
    }
    let program =
        settings::program(guest, &["/sbin/mkinitfs", "/usr/sbin/mkinitfs"])?.unwrap_or("/sbin/mkinitfs");
    for rebuild in rebuilds {
        // No -C: what mkinitfs.conf names is stronger, and old versions do not have it.
        let argv = [program, "-o", rebuild.initramfs.path.as_str(), rebuild.kernel.version.as_str()];
        proposal.edits.push(rebuild.run(&argv));
    }
    Ok(())
}
