//! mkinitcpio: Arch and what is made of it. From mkinitcpio(8) and mkinitcpio.conf(5).
//!
//! `MODULES` lists what goes in whatever the machine is; a drop-in in mkinitcpio.conf.d overrides it where it assigns
//! instead of adding, unless a preset names the configuration. The hook `autodetect` takes the drivers of the running
//! machine, which is the appliance, so it is left out (`-S`) of the image that h2k has built, and with it `kms`, which
//! without it takes the drivers and firmware of every graphics card; the guest's own rebuilds keep both. Images are
//! built one by one (`-k`, `-g`), not by preset, since a preset writes several and may write unified kernels elsewhere.

use crate::error::Result;
use crate::facts::GuestFacts;
use crate::fixer::Proposal;
use crate::guest::Guest;
use crate::inspect::version;
use crate::linux::shell;
use crate::linux::text::{TextFile, files_in};

use super::{ID, KEPT, Rebuild, drivers, findings, settings, wordlist};

const CONF: &str = "/etc/mkinitcpio.conf";
const CONF_D: &str = "/etc/mkinitcpio.conf.d";
/// What the guest's own rebuilds go by: an image and its configuration.
const PRESETS: &str = "/etc/mkinitcpio.d";

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
    // One that a kernel does not have ends its build with an error.
    let kept = drivers::of_every_kernel(facts, kept);
    let program = settings::program(guest, &["/usr/bin/mkinitcpio", "/sbin/mkinitcpio"])?;
    let program = program.unwrap_or("/usr/bin/mkinitcpio");
    let mut edited: Vec<String> = Vec::new();
    for rebuild in rebuilds {
        let path = &rebuild.initramfs.path;
        let conf = preset(guest, path)?;
        let files = match &conf {
            Some(conf) => vec![conf.clone()],
            None => configuration(guest)?,
        };
        let last = last_of(guest, &files)?;
        if !edited.contains(&last) {
            keep(guest, &last, &kept, proposal)?;
            edited.push(last);
        }
        let mut argv = vec![program];
        if let Some(conf) = &conf {
            argv.extend(["-c", conf]);
        }
        argv.extend(["-k", &rebuild.kernel.version, "-g", path, "-S", "autodetect,kms"]);
        if rebuild.unreadable {
            // Options for the guest's own compressor would be gzip's too; for cat they are dropped.
            let options = settings::values(guest, &files, "COMPRESSION_OPTIONS")?;
            argv.extend(["-z", if options.iter().all(String::is_empty) { "gzip" } else { "cat" }]);
        }
        proposal.edits.push(rebuild.run(&argv));
    }
    Ok(())
}

/// The configuration that a preset names for the image, which is read without drop-ins.
fn preset(guest: &dyn Guest, image: &str) -> Result<Option<String>> {
    for path in files_in(guest, PRESETS, ".preset")? {
        let Some(file) = TextFile::read(guest, &path)? else { continue };
        let words = shell::words_of_file(&file.text);
        let assigned: Vec<(&str, &str)> = words
            .iter()
            .filter_map(|word| {
                let assignment = shell::assignment(word)?;
                Some((assignment.name, word.text.get(assignment.value..)?))
            })
            .collect();
        let value = |name: &str| assigned.iter().rfind(|(have, _)| *have == name).map(|(_, value)| *value);
        let named = assigned.iter().find(|(_, value)| *value == image);
        let Some(name) = named.and_then(|(name, _)| name.strip_suffix("_image")) else { continue };
        let conf = value(&format!("{name}_config")).or_else(|| value("ALL_config"));
        return Ok(conf.filter(|conf| conf.starts_with('/')).map(str::to_owned));
    }
    Ok(None)
}

/// The configuration, the drop-ins in the order in which they are read.
fn configuration(guest: &dyn Guest) -> Result<Vec<String>> {
    let mut drop_ins = files_in(guest, CONF_D, ".conf")?;
    drop_ins.sort_by_cached_key(|path| version::key(path));
    Ok(std::iter::once(CONF.to_owned()).chain(drop_ins).collect())
}

/// The file that assigns `MODULES` last; the first where none does.
fn last_of(guest: &dyn Guest, files: &[String]) -> Result<String> {
    let mut last = files.first().cloned().unwrap_or_default();
    for path in files {
        if TextFile::read(guest, path)?.is_some_and(|file| wordlist::assigns(&file.text, "MODULES")) {
            last.clone_from(path);
        }
    }
    Ok(last)
}

/// The drivers in `MODULES` of that file.
fn keep(guest: &dyn Guest, path: &str, kept: &[&str], proposal: &mut Proposal) -> Result<()> {
    let file = TextFile::read(guest, path)?;
    let after = file.as_ref().and_then(|file| wordlist::with_words(&file.text, "MODULES", kept));
    match (file, after) {
        (Some(file), Some(after)) => proposal.edits.extend(file.edit(ID, &after, KEPT)),
        _ => proposal.concerns.push(findings::not_kept(path, "MODULES", kept)),
    }
    Ok(())
}
