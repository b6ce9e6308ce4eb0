//! Init systems beside systemd and System V: OpenRC's runlevels and upstart's jobs.

use super::sysv::scripts;
use super::{ID, reason};
use crate::edit::Content;
use crate::error::Result;
use crate::guest::{self, FileKind, Guest};
use crate::linux::text::TextFile;
use crate::{Change, Edit};

/// A directory per runlevel, with a link per service (rc-update(8)).
const RUNLEVELS: &str = "/etc/runlevels";
/// A file per job (init(5) of upstart).
const JOBS: &str = "/etc/init";

/// Edits that take the old tools out of OpenRC's runlevels, as `rc-update del` does.
///
/// # Errors
/// The guest could not be read.
pub(super) fn openrc(guest: &dyn Guest) -> Result<Vec<Edit>> {
    let mut edits = Vec::new();
    for level in guest.list(RUNLEVELS)?.unwrap_or_default() {
        for (script, tool) in scripts() {
            let path = guest::join(&guest::join(RUNLEVELS, &level), script);
            if guest.lstat(&path)?.is_some_and(|stat| stat.kind == FileKind::Symlink) {
                let before = Content::Text(guest.readlink(&path)?);
                edits.push(Edit::new(ID, reason(script, tool), Change::Remove { path, before }));
            }
        }
    }
    Ok(edits)
}

/// Edits that keep upstart from starting the old tools' jobs: `manual` in an override, as its cookbook has it.
///
/// # Errors
/// The guest could not be read.
pub(super) fn upstart(guest: &dyn Guest) -> Result<Vec<Edit>> {
    let mut edits = Vec::new();
    for (script, tool) in scripts() {
        if !guest.exists(&format!("{JOBS}/{script}.conf"))? {
            continue;
        }
        let path = format!("{JOBS}/{script}.override");
        match TextFile::read(guest, &path)? {
            Some(file) if file.text.lines().any(|line| line.trim() == "manual") => {}
            Some(file) => {
                let end = if file.text.is_empty() || file.text.ends_with('\n') { "" } else { "\n" };
                let after = format!("{}{end}manual\n", file.text);
                edits.extend(file.edit(ID, &after, reason(script, tool)));
            }
            None => edits.push(Edit::create(ID, &path, "manual\n", 0o644, reason(script, tool))),
        }
    }
    Ok(edits)
}
