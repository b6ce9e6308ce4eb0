//! Units of systemd.

use super::ID;
use crate::edit::Content;
use crate::error::Result;
use crate::guest::{self, FileKind, Guest};
use crate::{Change, Edit};

const DIR: &str = "/etc/systemd/system";
const MASK: &str = "/dev/null";
/// Units that are masked of one guest: the tools have a handful, and their names come from the guest.
const MAX_UNITS: usize = 64;

/// Edits that keep `units` from starting.
///
/// # Errors
/// The guest could not be read.
pub(super) fn mask(guest: &dyn Guest, units: &[String]) -> Result<Vec<Edit>> {
    let mut edits = Vec::new();
    for unit in units.iter().filter(|unit| is_unit_name(unit)).take(MAX_UNITS) {
        let path = guest::join(DIR, unit);
        let before = match guest.lstat(&path)?.map(|stat| stat.kind) {
            None => None,
            Some(FileKind::Symlink) => Some(guest.readlink(&path)?),
            Some(_) => {
                edits.extend(disable(guest, unit)?);
                continue;
            }
        };
        if before.as_deref() != Some(MASK) {
            let change = Change::Symlink { path, before, target: MASK.to_owned() };
            edits.push(edit(
                format!("{unit} belongs to VMware's guest tools, which find no VMware on KVM"),
                change,
            ));
        }
    }
    Ok(edits)
}

/// Removes the links that start a unit whose file is in the place where the mask would be.
fn disable(guest: &dyn Guest, unit: &str) -> Result<Vec<Edit>> {
    let mut edits = Vec::new();
    let names = guest.list(DIR)?.unwrap_or_default();
    for dir in names.iter().filter(|name| name.ends_with(".wants") || name.ends_with(".requires")) {
        let path = guest::join(&guest::join(DIR, dir), unit);
        if guest.lstat(&path)?.is_some_and(|stat| stat.kind == FileKind::Symlink) {
            let before = Content::Text(guest.readlink(&path)?);
            let reason = format!("it starts {unit} of VMware's guest tools, which find no VMware on KVM");
            edits.push(edit(reason, Change::Remove { path, before }));
        }
    }
    Ok(edits)
}

fn edit(reason: String, change: Change) -> Edit {
    Edit { fixer: ID.to_owned(), reason, change }
}

/// systemd.unit(5): letters, digits and `:-_.\@`, and a suffix; 255 characters.
fn is_unit_name(unit: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || ":-_.\\@".contains(c);
    unit.len() <= 255 && !unit.starts_with('.') && unit.contains('.') && unit.chars().all(plain)
}
