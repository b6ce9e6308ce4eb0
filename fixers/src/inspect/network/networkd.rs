//! systemd-networkd: `/etc/systemd/network/*.network`, systemd.network(5).

use std::collections::BTreeSet;

use crate::error::Result;
use crate::guest::{self, Guest};

use super::ini::{self, Section, values};
use super::{MAX_ADDRESSES, MAX_INTERFACES, Stack, names, text};

/// The administrator's files. Those of /usr/lib are the distribution's and name no interface.
const DIR: &str = "/etc/systemd/network";

/// Reads the stack.
///
/// # Errors
/// The guest could not be read.
pub(super) fn read(guest: &dyn Guest) -> Result<Stack> {
    let mut stack = Stack::default();
    let made = netdevs(guest)?;
    for path in text::paths(guest, DIR, ".network")? {
        let Some(mut content) = text::config(guest, &path)? else { continue };
        for part in text::paths(guest, &format!("{path}.d"), ".conf")? {
            content.push('\n');
            content.push_str(&text::config(guest, &part)?.unwrap_or_default());
        }
        stack.present = true;
        add(&mut stack, &ini::parse(&content), &made, &path);
    }
    Ok(stack)
}

/// Names of the interfaces that `*.netdev` files make: bridges, bonds, VLANs and the like.
fn netdevs(guest: &dyn Guest) -> Result<BTreeSet<String>> {
    let mut made = BTreeSet::new();
    for name in text::names(guest, DIR, ".netdev")? {
        let content = text::config(guest, &guest::join(DIR, &name))?.unwrap_or_default();
        made.extend(values(&ini::parse(&content), &["NetDev"], "Name").map(str::to_owned));
    }
    Ok(made)
}

fn add(stack: &mut Stack, sections: &[Section], made: &BTreeSet<String>, file: &str) {
    let matching = |key| values(sections, &["Match"], key).flat_map(str::split_whitespace);
    if matching("Kind").next().is_some() || matching("Type").any(|t| t != "ether") {
        return;
    }
    for (key, kind) in [("Driver", "driver"), ("Path", "path")] {
        let wanted: Vec<&str> = matching(key).filter(|v| !v.starts_with('!')).collect();
        stack.condition(kind, &wanted.join(" "), file);
    }
    let patterns: Vec<&str> = matching("Name").collect();
    if patterns.iter().any(|n| n.contains(['*', '?'])) && !patterns.iter().any(|n| n.starts_with('!')) {
        stack.condition("name", &patterns.join(" "), file);
    }
    let found: Vec<&str> = matching("Name").filter(|n| names::is_name(n)).take(MAX_INTERFACES).collect();
    let macs = matching("MACAddress").chain(matching("PermanentMACAddress")).filter_map(names::mac);
    let macs: Vec<String> = macs.take(MAX_INTERFACES).collect();
    let dhcp = values(sections, &["Network"], "DHCP")
        .last()
        .is_some_and(|v| ["yes", "true", "1", "on", "ipv4", "ipv6", "both", "v4", "v6"].contains(&v));
    let addresses = values(sections, &["Network", "Address"], "Address");
    let addresses: Vec<String> =
        addresses.filter_map(|a| names::address(a, None)).take(MAX_ADDRESSES).collect();
    if ["Bond", "Bridge"].iter().any(|key| values(sections, &["Network"], key).next().is_some()) {
        stack.ports(found.iter().copied().filter(|name| !made.contains(*name)), file);
    }
    // Without a name each MAC is an interface; with names, one MAC belongs to one name.
    let wanted: Vec<(&str, Option<&String>)> = match (found.as_slice(), macs.as_slice()) {
        ([], macs) => macs.iter().map(|m| ("", Some(m))).collect(),
        ([name], [mac]) => vec![(*name, Some(mac))],
        (found, _) => found.iter().map(|n| (*n, None)).collect(),
    };
    for (name, mac) in wanted {
        if !name.is_empty() && (made.contains(name) || !names::is_physical(name)) {
            continue;
        }
        stack.add(name, file, |interface| {
            interface.mac = mac.cloned().or(interface.mac.take());
            interface.dhcp |= dhcp;
            interface.addresses.extend(addresses.iter().cloned());
        });
    }
}
