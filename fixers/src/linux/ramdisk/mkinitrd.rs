//! mkinitrd from before dracut: SUSE's (SLES 10 and 11, openSUSE up to 13.1) and Red Hat's (RHEL 5). From their
//! mkinitrd(8). Two programs of one name: SUSE's has its settings in /etc/sysconfig/kernel, Red Hat's takes the
//! `scsi_hostadapter` aliases of /etc/modprobe.conf.

use crate::edit::Edit;
use crate::error::Result;
use crate::facts::GuestFacts;
use crate::fixer::Proposal;
use crate::guest::Guest;
use crate::linux::text::TextFile;

mod suse;

use suse::Suse;

use super::{ID, KEPT, Rebuild, drivers, findings, settings, wordlist};

/// SUSE's settings.
const SYSCONFIG: &str = "/etc/sysconfig/kernel";
/// What tells SUSE up to SLES 12.
const SUSE_RELEASE: &str = "/etc/SuSE-release";

/// SUSE's list of modules.
const MODULES: &str = "INITRD_MODULES";
/// Red Hat's settings.
const MODPROBE: &str = "/etc/modprobe.conf";

/// Proposes what makes every one of the images hold the drivers, now and at the guest's next rebuild.
///
/// # Errors
/// The guest could not be read.
pub(super) fn propose(
    facts: &GuestFacts,
    guest: &dyn Guest,
    rebuilds: &[Rebuild<'_>],
    kept: &[&str],
    proposal: &mut Proposal,
) -> Result<()> {
    let program =
        settings::program(guest, &["/sbin/mkinitrd", "/usr/sbin/mkinitrd"])?.unwrap_or("/sbin/mkinitrd");
    let suse = TextFile::read(guest, SYSCONFIG)?.filter(|f| f.text.contains(MODULES));
    let is_suse = suse.is_some() || guest.exists(SUSE_RELEASE)?;
    let listed = match &suse {
        Some(file) => keep_suse(file, kept, proposal),
        None if is_suse => {
            proposal.concerns.push(findings::not_kept(SYSCONFIG, MODULES, kept));
            false
        }
        None => {
            proposal.edits.extend(keep_redhat(guest, kept)?);
            true
        }
    };
    let script = TextFile::read(guest, program)?.map(|f| f.text).unwrap_or_default();
    let suses = Suse::read(facts, guest, program, &script, listed)?;
    for rebuild in rebuilds {
        let edit = match is_suse {
            true => suses.edit(guest, rebuild)?,
            false if is_redhats(&script) => Ok(rebuild.run(&redhat_argv(program, rebuild))),
            false => Err("its mkinitrd is neither SUSE's nor Red Hat's"),
        };
        match edit {
            Ok(edit) => proposal.edits.push(edit),
            Err(why) => proposal.concerns.push(findings::not_built(&rebuild.initramfs.path, why)),
        }
    }
    Ok(())
}

/// Whether the drivers are in SUSE's list.
fn keep_suse(file: &TextFile, kept: &[&str], proposal: &mut Proposal) -> bool {
    let after = wordlist::with_words(&file.text, MODULES, kept);
    match &after {
        Some(after) => proposal.edits.extend(file.edit(ID, after, KEPT)),
        None => proposal.concerns.push(findings::not_kept(SYSCONFIG, MODULES, kept)),
    }
    after.is_some()
}

/// It speaks of what only Red Hat's has: the init of its images, or the aliases of modprobe.conf.
fn is_redhats(script: &str) -> bool {
    ["nash", "scsi_hostadapter", "redhat.com"].iter().any(|word| script.contains(word))
}

fn redhat_argv(program: &str, rebuild: &Rebuild<'_>) -> Vec<String> {
    let mut argv = vec![program.to_owned(), "-f".to_owned()];
    argv.extend(drivers::kept(rebuild.kernel, rebuild.bus).iter().map(|d| format!("--with={d}")));
    argv.extend([rebuild.initramfs.path.clone(), rebuild.kernel.version.clone()]);
    argv
}

/// `alias scsi_hostadapterN DRIVER` for each driver of disks.
fn keep_redhat(guest: &dyn Guest, kept: &[&str]) -> Result<Option<Edit>> {
    let file = TextFile::read(guest, MODPROBE)?;
    let text = file.as_ref().map_or("", |f| f.text.as_str());
    let aliases: Vec<(&str, &str)> = text.lines().filter_map(adapter).collect();
    let mut after = text.to_owned();
    if !after.is_empty() && !after.ends_with('\n') {
        after.push('\n');
    }
    let mut number = aliases.len();
    for driver in kept.iter().filter(|d| **d != "virtio_net") {
        if aliases.iter().any(|(_, have)| wordlist::same(have, driver)) {
            continue;
        }
        let free = |n: usize| {
            let name = if n == 0 { "scsi_hostadapter".to_owned() } else { format!("scsi_hostadapter{n}") };
            (!aliases.iter().any(|(have, _)| *have == name)).then_some(name)
        };
        let name = loop {
            number += 1;
            if let Some(name) = free(number - 1) {
                break name;
            }
        };
        after.push_str(&format!("alias {name} {driver}\n"));
    }
    Ok(match file {
        Some(file) => file.edit(ID, &after, KEPT),
        None => (!after.is_empty()).then(|| Edit::create(ID, MODPROBE, &after, 0o644, KEPT)),
    })
}

/// The alias of a disk's driver in a line: its name and the driver.
fn adapter(line: &str) -> Option<(&str, &str)> {
    let mut words = line.split_whitespace();
    match (words.next()?, words.next()?, words.next()?) {
        ("alias", name, driver) if name.starts_with("scsi_hostadapter") => Some((name, driver)),
        _ => None,
    }
}
