//! dracut: Red Hat's family, SUSE, and others. Read from its version 059; the options used are in 004 already.
//!
//! `dracut --force --add-drivers "…" IMAGE VERSION` builds below /var/tmp and copies over the image. In host-only
//! mode it takes the drivers of the running machine, which is the appliance, and those it is told to add.

use crate::edit::Edit;
use crate::error::Result;
use crate::facts::GuestFacts;
use crate::fixer::Proposal;
use crate::guest::{self, Guest};
use crate::linux::text::TextFile;
use crate::{Concern, Severity};

use super::{ID, KEPT, Rebuild, drivers, settings};

/// Where dracut looks for settings.
const CONF_D: &str = "/etc/dracut.conf.d";

/// h2k's settings.
const DROP_IN: &str = "/etc/dracut.conf.d/90-h2k-virtio.conf";

/// Written to if it is there (dracut.conf(5), `logfile`, by its usual value).
const LOG: &str = "/var/log/dracut.log";

/// libblkid's cache, which dracut's calls of blkid(8) leave on the guest's disk; at boot a tmpfs lies over it.
const BLKID_CACHE: &str = "/run/blkid/blkid.tab";

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
    let program = ["/usr/bin/dracut", "/sbin/dracut", "/usr/sbin/dracut"];
    let program = settings::program(guest, &program)?.unwrap_or("/usr/bin/dracut");
    proposal.concerns.extend(omitted(guest, kept, !rebuilds.is_empty())?);
    proposal.edits.extend(keep(guest, kept)?);
    let logs = guest.exists(LOG)?;
    for rebuild in rebuilds {
        let path = &rebuild.initramfs.path;
        let add = drivers::kept(rebuild.kernel, rebuild.bus).join(" ");
        let mut argv = vec![program, "--force", "--add-drivers", &add];
        if rebuild.unreadable {
            // Nested images and lzop cannot be listed: h2k could not see that it was rebuilt.
            argv.extend(["--gzip", "--omit", "squash squash-squashfs squash-erofs"]);
        }
        argv.extend([path.as_str(), rebuild.kernel.version.as_str()]);
        let others: &[&str] = if logs { &[BLKID_CACHE, LOG] } else { &[BLKID_CACHE] };
        proposal.edits.push(rebuild.run_with(&argv, others));
    }
    Ok(())
}

/// The drop-in that adds the drivers to every image that the guest builds.
fn keep(guest: &dyn Guest, kept: &[&str]) -> Result<Option<Edit>> {
    let after = format!(
        "# Written by h2k: disks and network of the VM on KVM.\nadd_drivers+=\" {} \"\n",
        kept.join(" ")
    );
    Ok(match TextFile::read(guest, DROP_IN)? {
        Some(file) => file.edit(ID, &after, KEPT),
        None => Some(Edit::create(ID, DROP_IN, &after, 0o644, KEPT)),
    })
}

/// `omit_drivers` wins over `add_drivers`: now, if an image is `built`, or at the guest's next rebuild.
fn omitted(guest: &dyn Guest, kept: &[&str], built: bool) -> Result<Option<Concern>> {
    let mut files = vec!["/etc/dracut.conf".to_owned()];
    for dir in ["/usr/lib/dracut/dracut.conf.d", CONF_D] {
        let names = guest.list(dir)?.unwrap_or_default();
        files.extend(names.iter().filter(|n| n.ends_with(".conf")).map(|n| guest::join(dir, n)));
    }
    let values = settings::values(guest, &files, "omit_drivers")?.join(" ");
    let omitted: Vec<&str> = kept
        .iter()
        .copied()
        .filter(|d| values.split_whitespace().any(|o| o.replace('-', "_") == *d))
        .collect();
    Ok((!omitted.is_empty()).then(|| {
        Concern::new(
            "guest.initramfs.driver-omitted",
            if built { Severity::Critical } else { Severity::Warning },
            "/etc/dracut.conf.d",
            format!("omit_drivers keeps {} out of every initramfs", omitted.join(", ")),
            "Take these drivers out of omit_drivers in the guest's dracut configuration.",
        )
    }))
}
