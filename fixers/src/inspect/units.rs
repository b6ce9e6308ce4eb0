//! Which systemd units an administrator or a package enabled: systemctl(1) keeps that as links.

use std::collections::BTreeSet;

use crate::error::Result;
use crate::guest::{self, FileKind, Guest};

use super::text;

/// Where enabling puts its links. Those of /usr/lib are static and say nothing of this guest.
const DIR: &str = "/etc/systemd/system";

/// A unit that is a link to this is masked.
const MASK: &str = "/dev/null";

/// Names of the units that are linked from a target (`*.wants`, `*.requires`) or by an alias, without those that
/// are masked.
///
/// # Errors
/// The guest could not be read.
pub(crate) fn enabled(guest: &dyn Guest) -> Result<BTreeSet<String>> {
    let mut enabled = BTreeSet::new();
    let mut masked = BTreeSet::new();
    for name in text::names(guest, DIR, "")? {
        let path = guest::join(DIR, &name);
        if name.ends_with(".wants") || name.ends_with(".requires") {
            for unit in text::names(guest, &path, "")? {
                if !is_mask(guest, &guest::join(&path, &unit))? {
                    enabled.insert(unit);
                }
            }
        } else if guest.lstat(&path)?.is_some_and(|s| s.kind == FileKind::Symlink) {
            if is_mask(guest, &path)? {
                masked.insert(name);
            } else {
                enabled.insert(name);
            }
        }
    }
    Ok(enabled.difference(&masked).cloned().collect())
}

fn is_mask(guest: &dyn Guest, path: &str) -> Result<bool> {
    let link = guest.lstat(path)?.is_some_and(|s| s.kind == FileKind::Symlink);
    Ok(link && guest.readlink(path)? == MASK)
}
