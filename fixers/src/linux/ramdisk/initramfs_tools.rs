//! initramfs-tools: Debian, Ubuntu and what is made of them. Read from its versions 0.133 to 0.142.
//!
//! `update-initramfs -u -k VERSION` runs `mkinitramfs` into `initrd.img-VERSION.new` and renames that. It keeps
//! `initrd.img-VERSION.bak` if `backup_initramfs=yes`; versions before 0.138 keep a checksum below
//! /var/lib/initramfs-tools, and do nothing to an image that does not have it unless given `-t`, which later ones
//! ignore. With `update_initramfs=no` it does nothing, unless told to create (`-c`).
//!
//! With `MODULES=dep`, `mkinitramfs` takes the drivers that the running machine's /sys names: in the appliance those
//! of the appliance. What /etc/initramfs-tools/modules lists is taken whatever the machine is, and that is where
//! h2k asks for the target's drivers. With `MODULES=most` all drivers of disks come in by themselves.

use crate::edit::{Change, Edit};
use crate::error::Result;
use crate::facts::GuestFacts;
use crate::fixer::Proposal;
use crate::guest::{self, Guest};
use crate::linux::text::TextFile;
use crate::{Concern, Severity};

use super::{ID, Rebuild, settings};

/// Modules that are taken whatever the machine is.
const MODULES: &str = "/etc/initramfs-tools/modules";

/// Administrator's settings that override initramfs.conf.
const CONF_D: &str = "/etc/initramfs-tools/conf.d";

/// Packages' settings; a file of the same name in [`CONF_D`] masks one.
const SHARED_CONF_D: &str = "/usr/share/initramfs-tools/conf.d";

/// Where versions before 0.138 keep checksums.
const STATE: &str = "/var/lib/initramfs-tools";

/// Scripts that `update-initramfs` runs when it is done.
const HOOKS: &str = "/etc/initramfs/post-update.d";

/// What a generator's own settings are.
struct Settings {
    /// `MODULES`: which drivers go in.
    modules: String,
    /// `COMPRESS`.
    compress: String,
    /// `update_initramfs=no`.
    no_updates: bool,
    /// `backup_initramfs=yes`.
    backup: bool,
    /// It keeps checksums.
    checksums: bool,
}

/// Proposes what makes every one of the images hold the drivers, now and at the guest's next rebuild.
///
/// # Errors
/// The guest could not be read.
pub(super) fn propose(
    _: &GuestFacts,
    guest: &dyn Guest,
    rebuilds: &[Rebuild<'_>],
    drivers: &[&str],
    proposal: &mut Proposal,
) -> Result<()> {
    let settings = read_settings(guest)?;
    if ["dep", "list", "netboot"].contains(&settings.modules.as_str()) {
        proposal.edits.extend(keep(guest, drivers, &settings.modules)?);
    }
    if settings.modules == "dep" && !rebuilds.is_empty() {
        proposal.concerns.push(Concern::new(
            "guest.initramfs.modules-dep",
            Severity::Information,
            "initramfs-tools",
            "MODULES=dep: the rebuilt image holds the drivers of the machine that it is built on, and those that are listed",
            "Run update-initramfs -u in the guest once it runs on KVM, if you want an image for that machine only.",
        ));
    }
    let mut hooked = false;
    for rebuild in rebuilds {
        let (argv, changes) = command(guest, rebuild, &settings)?;
        hooked |= argv.first().is_some_and(|program| program.ends_with("/update-initramfs"));
        proposal.edits.push(Edit {
            fixer: ID.to_owned(),
            reason: rebuild.reason.clone(),
            change: Change::Run { argv, changes },
        });
    }
    if hooked {
        proposal.concerns.extend(hooks(guest)?);
    }
    Ok(())
}

fn read_settings(guest: &dyn Guest) -> Result<Settings> {
    let own = names(guest, CONF_D)?;
    let shared = names(guest, SHARED_CONF_D)?.into_iter().filter(|n| !own.contains(n));
    let mut files = vec!["/etc/initramfs-tools/initramfs.conf".to_owned()];
    files.extend(shared.map(|n| guest::join(SHARED_CONF_D, &n)));
    files.extend(own.iter().map(|n| guest::join(CONF_D, n)));
    let last = |files: &[String], name: &str| -> Result<String> {
        Ok(settings::values(guest, files, name)?.pop().unwrap_or_default())
    };
    let update = ["/etc/initramfs-tools/update-initramfs.conf".to_owned()];
    Ok(Settings {
        modules: last(&files, "MODULES")?,
        compress: last(&files, "COMPRESS")?,
        no_updates: last(&update, "update_initramfs")? == "no",
        backup: last(&update, "backup_initramfs")? == "yes",
        checksums: guest.exists(STATE)?,
    })
}

/// Names of files that mkinitramfs reads of a directory of settings.
fn names(guest: &dyn Guest, dir: &str) -> Result<Vec<String>> {
    let mut names = guest.list(dir)?.unwrap_or_default();
    names.retain(|name| {
        name.starts_with(|c: char| c.is_ascii_alphanumeric())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
            && !name.contains(".dpkg-")
    });
    Ok(names)
}

/// Lists the drivers in [`MODULES`], where the guest's own choice of drivers would leave them out.
fn keep(guest: &dyn Guest, drivers: &[&str], choice: &str) -> Result<Option<Edit>> {
    let reason = format!("MODULES={choice} leaves out drivers of hardware that the guest has not seen yet");
    let file = TextFile::read(guest, MODULES)?;
    let text = file.as_ref().map(|f| f.text.as_str()).unwrap_or_default();
    let listed = |driver: &str| {
        let names = text.lines().filter_map(|l| l.split_whitespace().next());
        names.map(|n| n.replace('-', "_")).any(|n| n == driver)
    };
    let missing: Vec<&str> = drivers.iter().copied().filter(|d| !listed(d)).collect();
    if missing.is_empty() {
        return Ok(None);
    }
    let mut after = text.to_owned();
    if !after.is_empty() && !after.ends_with('\n') {
        after.push('\n');
    }
    after.push_str("# Added by h2k: disks and network of the VM on KVM.\n");
    for driver in missing {
        after.push_str(driver);
        after.push('\n');
    }
    Ok(match file {
        Some(file) => file.edit(ID, &after, reason),
        None => Some(Edit::create(ID, MODULES, &after, 0o644, reason)),
    })
}

/// The program with its arguments, and every file that it leaves changed.
fn command(
    guest: &dyn Guest,
    rebuild: &Rebuild<'_>,
    settings: &Settings,
) -> Result<(Vec<String>, Vec<String>)> {
    let (path, version) = (&rebuild.initramfs.path, &rebuild.kernel.version);
    let update = settings::program(guest, &["/usr/sbin/update-initramfs", "/sbin/update-initramfs"])?;
    let own_place = *path == format!("/boot/initrd.img-{version}");
    // lzop is the one compression of the kernel's that h2k does not read: it could not see that it was rebuilt.
    let repack = rebuild.unreadable && settings.compress == "lzop";
    let Some(program) = update.filter(|_| own_place && !repack) else {
        let program = settings::program(guest, &["/usr/sbin/mkinitramfs"])?.unwrap_or("/sbin/mkinitramfs");
        let compress: &[&str] = if repack { &["-c", "gzip"] } else { &[] };
        let argv = [&[program], compress, &["-o", path, version]].concat();
        return Ok((argv.into_iter().map(str::to_owned).collect(), vec![path.clone()]));
    };
    let mut argv = vec![program, if settings.no_updates { "-c" } else { "-u" }];
    let mut changes = vec![path.clone()];
    if settings.checksums {
        argv.push("-t");
        changes.push(guest::join(STATE, version));
    }
    argv.extend(["-k", version]);
    if settings.backup && !settings.no_updates {
        changes.push(format!("{path}.bak"));
    }
    // What an interrupted run left behind is cleared away.
    for left in [format!("{path}.dpkg-bak"), format!("{path}.new")] {
        if guest.exists(&left)? {
            changes.push(left);
        }
    }
    Ok((argv.into_iter().map(str::to_owned).collect(), changes))
}

/// Scripts that run with `update-initramfs`, of which nobody can say what they change.
fn hooks(guest: &dyn Guest) -> Result<Option<Concern>> {
    let mut names = guest.list(HOOKS)?.unwrap_or_default();
    // run-parts(8), "Names".
    names.retain(|n| n.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_'));
    Ok((!names.is_empty()).then(|| {
        Concern::new(
            "guest.initramfs.hooks",
            Severity::Warning,
            HOOKS,
            format!("update-initramfs also runs {}; what they change is not in this plan", names.join(", ")),
            "Look at these scripts. They are the guest's own and run at every update of its kernel as well.",
        )
    }))
}
