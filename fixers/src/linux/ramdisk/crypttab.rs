//! What unlocks an encrypted root has to come into an initramfs that is built in the appliance.
//!
//! cryptsetup-initramfs takes the lines of crypttab whose volume is mounted as root under its own name; in the
//! appliance the open volume has another one. The option `initramfs` takes a line in whatever is mounted
//! (crypttab(5) of Debian).

use crate::edit::Edit;
use crate::error::Result;
use crate::facts::GuestFacts;
use crate::guest::Guest;
use crate::linux::fields::{Field, fields};
use crate::linux::text::{self, Replacement, TextFile};

use super::ID;

/// The table.
const PATH: &str = "/etc/crypttab";

/// Marks the volumes that are unlocked by a passphrase, if the root file system is on an encrypted volume.
///
/// # Errors
/// The guest could not be read.
pub(super) fn propose(guest: &dyn Guest, facts: &GuestFacts) -> Result<Option<Edit>> {
    let plain = facts.mounted_at("/").is_none_or(|root| root.partition.is_some());
    let encrypted = facts.block.iter().any(|b| b.fstype == "crypto_LUKS");
    if plain || !encrypted {
        return Ok(None);
    }
    let Some(file) = TextFile::read(guest, PATH)? else { return Ok(None) };
    let lines = text::lines(&file.text).map(|(offset, line)| fields(offset, line));
    let replacements: Vec<Replacement> = lines.filter_map(|fields| marked(&fields)).collect();
    let after = text::replace(&file.text, &replacements);
    Ok(file.edit(
        ID,
        &after,
        "an initramfs that is built in the appliance, where the open volume has another name, takes only marked lines",
    ))
}

/// A line's insertion: volumes with a key file are none that hold the root file system.
fn marked(fields: &[Field<'_>]) -> Option<Replacement> {
    let insert = |field: &Field<'_>, text: &str| {
        let end = field.start.saturating_add(field.text.len());
        Some(Replacement { start: end, end, text: text.to_owned() })
    };
    match fields {
        [_, source] => insert(source, " none luks,initramfs"),
        [_, _, key] if is_passphrase(key) => insert(key, " luks,initramfs"),
        [_, _, key, options, ..]
            if is_passphrase(key) && !options.text.split(',').any(|o| o == "initramfs") =>
        {
            insert(options, ",initramfs")
        }
        _ => None,
    }
}

fn is_passphrase(key: &Field<'_>) -> bool {
    ["none", "-"].contains(&key.text)
}
