//! NetworkManager's keyfiles, nm-settings-keyfile(5).

use crate::error::Result;
use crate::guest::Guest;

use super::ini::{self, Section, values};
use super::{Stack, names, text};

/// Where connections are kept.
const DIR: &str = "/etc/NetworkManager/system-connections";

/// The section of an Ethernet connection under its new and its old name.
const ETHERNET: &[&str] = &["ethernet", "802-3-ethernet"];

/// Reads the stack.
///
/// # Errors
/// The guest could not be read.
pub(super) fn read(guest: &dyn Guest) -> Result<Stack> {
    let mut stack = Stack::default();
    for path in text::paths(guest, DIR, "")? {
        let name = path.rsplit('/').next().unwrap_or_default();
        // Hidden files and editors' copies are ignored (nm-settings-keyfile(5), "File format").
        if name.starts_with('.') || name.ends_with('~') || name.ends_with(".bak") {
            continue;
        }
        let Some(content) = text::config(guest, &path)? else { continue };
        stack.present = true;
        add(&mut stack, &ini::parse(&content), &path);
    }
    Ok(stack)
}

fn add(stack: &mut Stack, sections: &[Section], file: &str) {
    let value = |names, key| values(sections, names, key).last();
    // The parent of a VLAN is a name, or the UUID of a connection.
    let parent = value(&["vlan"], "parent").or_else(|| value(&["macvlan"], "parent"));
    stack.below(parent, file);
    if !value(&["connection"], "type").is_some_and(|t| ETHERNET.contains(&t)) {
        return;
    }
    let name = value(&["connection"], "interface-name")
        .or_else(|| value(&["match"], "interface-name"))
        .map(|n| n.trim_end_matches(';'))
        .filter(|n| names::is_name(n))
        .unwrap_or_default();
    for (key, kind) in [("interface-name", "name"), ("driver", "driver"), ("path", "path")] {
        let wanted = value(&["match"], key).unwrap_or_default().replace(';', " ");
        // A plain name is the connection's own, and an exclamation mark excludes.
        if wanted.contains('*') || kind != "name" && !wanted.contains('!') {
            stack.condition(kind, wanted.trim(), file);
        }
    }
    if ["controller", "master"].iter().any(|key| value(&["connection"], key).is_some()) {
        stack.ports([name], file);
    }
    let mac = value(ETHERNET, "mac-address").and_then(names::mac);
    // A connection without either is for any interface that comes along.
    if name.is_empty() && mac.is_none() || !name.is_empty() && !names::is_physical(name) {
        return;
    }
    let addresses = sections
        .iter()
        .filter(|s| ["ipv4", "ipv6"].contains(&s.name.as_str()))
        .flat_map(|s| &s.entries)
        .filter(|(key, _)| key.strip_prefix("address").is_some_and(is_number))
        .filter_map(|(_, value)| address(value));
    let dhcp = value(&["ipv4"], "method") == Some("auto") || value(&["ipv6"], "method") == Some("dhcp");
    stack.add(name, file, |interface| {
        interface.mac = mac.or(interface.mac.take());
        interface.addresses.extend(addresses);
        interface.dhcp |= dhcp;
    });
}

/// What follows `address` in a key: `address1`, and `addresses1` of old files.
fn is_number(rest: &str) -> bool {
    let digits = rest.strip_prefix("es").unwrap_or(rest);
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
}

/// `10.0.0.5/24,10.0.0.1`, or the old `10.0.0.5;24;10.0.0.1;`.
fn address(value: &str) -> Option<String> {
    match value.split_once(';') {
        Some((address, rest)) => names::address(address, rest.split(';').next()),
        None => names::address(value.split(',').next()?, None),
    }
}
