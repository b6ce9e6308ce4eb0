//! What a package's scripts do besides unpacking files, as far as it can be told beforehand: links that start its
//! services.

use std::collections::BTreeSet;

use crate::error::Result;
use crate::guest::{self, Guest};
use crate::linux::text::real_path;

const UNITS: &str = "/etc/systemd/system";

/// Adds where files really are on a guest whose `/lib` is a link to `/usr/lib`: packages name the old place.
pub(super) fn merged(guest: &dyn Guest, changes: &mut BTreeSet<String>) -> Result<()> {
    for top in ["/bin", "/sbin", "/lib", "/lib32", "/lib64"] {
        let real = real_path(guest, top)?;
        if real == top {
            continue;
        }
        let inside =
            |path: &String| path.strip_prefix(top).filter(|rest| rest.starts_with('/')).map(str::to_owned);
        let moved: Vec<String> =
            changes.iter().filter_map(inside).map(|rest| format!("{real}{rest}")).collect();
        changes.extend(moved);
    }
    Ok(())
}

/// Names of the units among a package's files.
fn units(paths: &[String]) -> impl Iterator<Item = &str> {
    paths.iter().filter_map(|path| {
        path.rsplit_once('/').filter(|(dir, _)| dir.ends_with("/systemd/system")).map(|(_, n)| n)
    })
}

/// Directories below [`UNITS`] with the links of what wants or requires a unit.
fn wanting(guest: &dyn Guest) -> Result<Vec<String>> {
    let mut dirs = vec!["multi-user.target.wants".to_owned()];
    let etc = guest.list(UNITS)?.unwrap_or_default();
    dirs.extend(etc.into_iter().filter(|n| n.ends_with(".wants") || n.ends_with(".requires")));
    Ok(dirs)
}

/// Adds the links that `systemctl enable` and `disable` make and remove for a package's units, and those of its init
/// scripts (update-rc.d(8), chkconfig(8)).
pub(super) fn services(guest: &dyn Guest, paths: &[String], changes: &mut BTreeSet<String>) -> Result<()> {
    let dirs = wanting(guest)?;
    for name in units(paths) {
        changes.insert(format!("{UNITS}/{name}"));
        changes.extend(dirs.iter().map(|d| format!("{UNITS}/{d}/{name}")));
    }
    for path in paths {
        let Some((dir, name)) = path.rsplit_once('/') else { continue };
        if dir == "/etc/init.d" || dir == "/etc/rc.d/init.d" {
            run_levels(guest, dir.trim_end_matches("/init.d"), name, changes)?;
        }
    }
    Ok(())
}

fn run_levels(guest: &dyn Guest, etc: &str, name: &str, changes: &mut BTreeSet<String>) -> Result<()> {
    for level in ["0", "1", "2", "3", "4", "5", "6", "S"] {
        let runlevel = format!("{etc}/rc{level}.d");
        let links = guest.list(&runlevel)?.unwrap_or_default();
        changes.extend(links.iter().filter(|l| l.get(3..) == Some(name)).map(|l| guest::join(&runlevel, l)));
        changes.extend(["S01", "K01"].map(|order| format!("{runlevel}/{order}{name}")));
    }
    changes.extend(["start", "boot", "stop"].map(|kind| format!("/etc/init.d/.depend.{kind}")));
    Ok(())
}

/// Adds the notes of a helper, which keeps some for each unit below `places`.
pub(super) fn service_notes(
    guest: &dyn Guest,
    paths: &[String],
    places: &[&str],
    changes: &mut BTreeSet<String>,
) -> Result<()> {
    let dirs = wanting(guest)?;
    for name in units(paths) {
        for place in places {
            changes.insert(format!("{place}/{name}"));
            changes.insert(format!("{place}/{name}.dsh-also"));
            changes.extend(dirs.iter().map(|d| format!("{place}/{d}/{name}")));
        }
    }
    Ok(())
}

/// Whether it is a path that a package may own.
pub(super) fn is_path(path: &str) -> bool {
    path.starts_with('/') && path.len() > 1 && !path.ends_with("/.") && !path.split('/').any(|c| c == "..")
}
