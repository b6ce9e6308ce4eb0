//! mkinitcpio: Arch and what is made of it. From mkinitcpio(8) and mkinitcpio.conf(5).
//!
//! `MODULES` lists what goes in whatever the machine is; a drop-in in mkinitcpio.conf.d overrides it where it assigns
//! instead of adding. The hook `autodetect` takes the drivers of the running machine, which is the appliance, so it is
//! left out (`-S`) of the image that h2k has built; the guest's own rebuilds keep it. Images are built one by one
//! (`-k`, `-g`), not by preset, since a preset writes several and may write unified kernels elsewhere.

use crate::edit::Edit;
use crate::error::Result;
use crate::facts::GuestFacts;
use crate::fixer::Proposal;
use crate::guest::Guest;
use crate::linux::text::{TextFile, files_in};

use super::{ID, KEPT, Rebuild, findings, settings, wordlist};

const CONF: &str = "/etc/mkinitcpio.conf";
const CONF_D: &str = "/etc/mkinitcpio.conf.d";

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
    keep(guest, kept, proposal)?;
    let program = settings::program(guest, &["/usr/bin/mkinitcpio", "/sbin/mkinitcpio"])?;
    let program = program.unwrap_or("/usr/bin/mkinitcpio");
    for rebuild in rebuilds {
        let path = &rebuild.initramfs.path;
        let mut argv = vec![program, "-k", &rebuild.kernel.version, "-g", path, "-S", "autodetect"];
        if rebuild.unreadable {
            argv.extend(["-z", "gzip"]);
        }
        proposal.edits.push(rebuild.run(&argv));
    }
    Ok(())
}

/// The drivers in `MODULES`, in the file that assigns it last.
fn keep(guest: &dyn Guest, kept: &[&str], proposal: &mut Proposal) -> Result<()> {
    let mut file = TextFile::read(guest, CONF)?;
    for path in files_in(guest, CONF_D, ".conf")? {
        if let Some(drop_in) = TextFile::read(guest, &path)?.filter(|f| wordlist::assigns(&f.text, "MODULES"))
        {
            file = Some(drop_in);
        }
    }
    let Some(file) = file else {
        let text = format!("MODULES=({})\n", kept.join(" "));
        proposal.edits.push(Edit::create(ID, CONF, &text, 0o644, KEPT));
        return Ok(());
    };
    match wordlist::with_words(&file.text, "MODULES", kept) {
        Some(after) => proposal.edits.extend(file.edit(ID, &after, KEPT)),
        None => proposal.concerns.push(findings::not_kept(&file.path, "MODULES", kept)),
    }
    Ok(())
}
