//! Runlevel links of System V init (update-rc.d(8), chkconfig(8)).

use super::{ID, reason};
use crate::edit::Content;
use crate::error::Result;
use crate::guest::{self, FileKind, Guest};
use crate::inspect::tools::known::{Purpose, TOOLS, Tool};
use crate::{Change, Edit};

/// Where the runlevels' directories are: Debian's place and Red Hat's. One may be a link to the other.
const PLACES: [&str; 3] = ["/etc", "/etc/rc.d", "/etc/init.d"];

/// A link that starts a script in a runlevel.
pub(super) struct StartLink {
    directory: String,
    name: String,
    target: String,
    /// The script.
    pub script: &'static str,
    /// Whose it is.
    pub tool: &'static Tool,
}

/// Every start link of the old tools' scripts.
///
/// # Errors
/// The guest could not be read.
pub(super) fn start_links(guest: &dyn Guest) -> Result<Vec<StartLink>> {
    let mut found = Vec::new();
    for place in PLACES {
        for level in ["0", "1", "2", "3", "4", "5", "6", "S"] {
            let directory = format!("{place}/rc{level}.d");
            // The other name of the same directory.
            if guest.lstat(&directory)?.is_none_or(|stat| stat.kind != FileKind::Directory) {
                continue;
            }
            for name in guest.list(&directory)?.unwrap_or_default() {
                let Some((script, tool)) = script_of(&name) else { continue };
                let path = guest::join(&directory, &name);
                if guest.lstat(&path)?.is_some_and(|stat| stat.kind == FileKind::Symlink) {
                    let target = guest.readlink(&path)?;
                    found.push(StartLink { directory: directory.clone(), name, target, script, tool });
                }
            }
        }
    }
    Ok(found)
}

/// `S38vmware-tools` → the script and whose it is.
fn script_of(name: &str) -> Option<(&'static str, &'static Tool)> {
    let (number, script) = name.strip_prefix('S')?.split_at_checked(2)?;
    number.parse::<u8>().ok()?;
    scripts().find(|(known, _)| *known == script)
}

/// Scripts of the old hypervisors' tools.
pub(super) fn scripts() -> impl Iterator<Item = (&'static str, &'static Tool)> {
    TOOLS
        .iter()
        .filter(|tool| tool.purpose == Purpose::OldHypervisor)
        .flat_map(|tool| tool.scripts.iter().map(move |script| (*script, tool)))
}

/// Edits that make stop links of start links: without any link the next upgrade of the package would start it again.
///
/// # Errors
/// The guest could not be read.
pub(super) fn stop(guest: &dyn Guest, links: &[StartLink]) -> Result<Vec<Edit>> {
    let mut edits = Vec::new();
    for link in links {
        let edit = |change| Edit::new(ID, reason(link.script, link.tool), change);
        let path = guest::join(&link.directory, &link.name);
        edits.push(edit(Change::Remove { path, before: Content::Text(link.target.clone()) }));
        let stop = guest::join(&link.directory, &stop_name(link));
        if !guest.exists(&stop)? {
            edits.push(edit(Change::Symlink { path: stop, before: None, target: link.target.clone() }));
        }
    }
    Ok(edits)
}

/// `S38x` stops as `K62x`: in the reverse order of starting.
fn stop_name(link: &StartLink) -> String {
    let number = link.name.get(1..3).and_then(|n| n.parse::<u8>().ok()).unwrap_or(0);
    format!("K{:02}{}", 100_u8.saturating_sub(number).min(99), link.script)
}
