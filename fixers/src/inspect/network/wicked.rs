//! wicked's own XML, wicked-config(5) and ifconfig(5) of wicked. SUSE's `ifcfg` files are read apart.
//!
//! Elements are looked for by their names; the documents are small and flat, and nothing but `<interface>` is asked
//! for. Tags keep their namespaces (`<ipv4:static>`).

use crate::error::Result;
use crate::guest::Guest;

use super::{MAX_ADDRESSES, MAX_INTERFACES, Stack, names, text};

/// The administrator's interfaces.
const DIR: &str = "/etc/wicked/ifconfig";

/// Elements of which each makes an interface that is no NIC.
const VIRTUAL: &[&str] = &["bond", "bridge", "dummy", "macvlan", "team", "tunnel", "vlan", "vxlan"];

/// Reads the stack.
///
/// # Errors
/// The guest could not be read.
pub(super) fn read(guest: &dyn Guest) -> Result<Stack> {
    let mut stack = Stack::default();
    for path in text::paths(guest, DIR, ".xml")? {
        let Some(content) = text::config(guest, &path)? else { continue };
        stack.present = true;
        let content = without_comments(&content);
        for interface in elements(&content, "interface").take(MAX_INTERFACES) {
            add(&mut stack, interface, &path);
        }
    }
    Ok(stack)
}

fn add(stack: &mut Stack, xml: &str, file: &str) {
    for kind in VIRTUAL {
        for below in elements(xml, kind) {
            let devices = elements(below, "device").map(str::trim);
            if ["bond", "bridge", "team"].contains(kind) {
                stack.ports(devices, file);
            } else {
                stack.below(devices, file);
            }
        }
    }
    if VIRTUAL.iter().any(|kind| elements(xml, kind).next().is_some()) {
        return;
    }
    // <name>eth0</name>, or <name namespace="ethernet"><permanent-address>…</permanent-address></name>.
    let named = elements(xml, "name").next().unwrap_or_default().trim();
    let mac = elements(xml, "permanent-address").next().and_then(names::mac);
    let name = if names::is_name(named) { named } else { "" };
    if name.is_empty() && mac.is_none() || !name.is_empty() && !names::is_physical(name) {
        return;
    }
    let dhcp = ["ipv4:dhcp", "ipv6:dhcp"]
        .iter()
        .any(|tag| elements(xml, tag).any(|inside| elements(inside, "enabled").any(|v| v.trim() == "true")));
    stack.add(name, file, |interface| {
        interface.mac = mac.or(interface.mac.take());
        interface.dhcp |= dhcp;
        let found = elements(xml, "local").filter_map(|a| names::address(a, None));
        interface.addresses.extend(found.take(MAX_ADDRESSES));
    });
}

/// What stands inside each element of a name; one inside another of the same name is part of it.
pub(super) fn elements<'a>(xml: &'a str, tag: &'a str) -> impl Iterator<Item = &'a str> {
    let mut rest = xml;
    std::iter::from_fn(move || {
        loop {
            let (_, after) = rest.split_once('<')?;
            rest = after;
            let Some(open) = after.strip_prefix(tag) else { continue };
            if !open.starts_with(['>', ' ', '\t', '\n', '\r']) {
                continue;
            }
            let (attributes, inside) = open.split_once('>')?;
            if attributes.ends_with('/') {
                continue;
            }
            let end = closing(inside, tag)?;
            let (element, after) = inside.split_at_checked(end)?;
            rest = after;
            return Some(element);
        }
    })
}

/// Where the element that is open ends.
fn closing(inside: &str, tag: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, _) in inside.match_indices('<') {
        let here = inside.get(at + 1..)?;
        if let Some(close) = here.strip_prefix('/').and_then(|h| h.strip_prefix(tag)) {
            if close.trim_start().starts_with('>') {
                if depth == 0 {
                    return Some(at);
                }
                depth -= 1;
            }
        } else if let Some(open) = here.strip_prefix(tag)
            && open.starts_with(['>', ' '])
            && !open.split('>').next().is_some_and(|a| a.ends_with('/'))
        {
            depth += 1;
        }
    }
    None
}

fn without_comments(xml: &str) -> String {
    let mut out = String::with_capacity(xml.len());
    let mut rest = xml;
    while let Some((before, after)) = rest.split_once("<!--") {
        out.push_str(before);
        rest = after.split_once("-->").map_or("", |(_, after)| after);
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryGuest;

    #[test]
    fn interfaces_of_all_kinds() {
        let xml = "<!-- <interface><name>eth9</name></interface> -->\n\
            <interface origin=\"x\">\n <name>eth0</name>\n <control><mode>boot</mode></control>\n\
            \x20<ipv4:static><address><local>10.0.0.5/24</local></address></ipv4:static>\n</interface>\n\
            <interface><name namespace=\"ethernet\"><permanent-address>00:50:56:AA:00:01</permanent-address></name>\
            <ipv4:dhcp><enabled>true</enabled></ipv4:dhcp></interface>\n\
            <interface><name>eth1.5</name><vlan><device>eth1</device><tag>5</tag></vlan></interface>\n\
            <interface><name>lan</name><bridge><ports><port><device>eth2</device></port></ports></bridge></interface>\n\
            <interface><name>";
        let stack = read(&MemoryGuest::new().file("/etc/wicked/ifconfig/a.xml", xml)).unwrap();
        let found: Vec<(&str, Option<&str>, bool, usize)> = stack
            .interfaces
            .iter()
            .map(|i| (i.name.as_str(), i.mac.as_deref(), i.dhcp, i.addresses.len()))
            .collect();
        assert_eq!(found, [("eth0", None, false, 1), ("", Some("00:50:56:aa:00:01"), true, 0)]);
        let ports: Vec<&str> = stack.below.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(ports, ["eth1", "eth2"]);
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "(</?(interface|name|vlan|device)/?>?|[a-z0-9ä]{0,4}|<!--|-->| ){0,24}") {
            let guest = MemoryGuest::new().file("/etc/wicked/ifconfig/a.xml", &text);
            read(&guest).unwrap();
        }
    }
}
