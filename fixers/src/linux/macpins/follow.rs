//! A NIC that is given another MAC: everything in the network configuration that names the old one names the new one.

use std::collections::BTreeSet;

use crate::error::Result;
use crate::facts::GuestFacts;
use crate::guest::{self, Guest};
use crate::linux::netnames::existing::{RULES, parse_mac};
use crate::linux::text::{Replacement, TextFile, files_in, lines, replace};

/// Characters of a MAC address as text.
const MAC_LENGTH: usize = 17;

/// Directories of network configuration and the endings of its files. Only lines with the old MAC are touched.
const PLACES: &[(&str, &str)] = &[
    ("/etc/sysconfig/network-scripts", ""),
    ("/etc/sysconfig/network", ""),
    ("/etc/NetworkManager/system-connections", ""),
    ("/etc/NetworkManager/conf.d", ".conf"),
    ("/etc/netplan", ".yaml"),
    ("/etc/systemd/network", ""),
    ("/etc/network/interfaces.d", ""),
    ("/etc/wicked/ifconfig", ".xml"),
    ("/etc/cloud/cloud.cfg.d", ".cfg"),
    (RULES, ".rules"),
    ("/var/lib/connman", ".config"),
];

/// Single files.
const FILES: &[&str] = &["/etc/network/interfaces", "/etc/iftab", "/etc/mactab"];

/// Old and new MAC of each NIC that is given another.
pub(super) fn changed(facts: &GuestFacts) -> Vec<(&str, &str)> {
    let nics = facts.hardware.nics.iter();
    nics.filter_map(|nic| Some((nic.source_mac.as_deref()?, nic.mac.as_str())))
        .filter(|(old, new)| old != new)
        .collect()
}

/// Files that may name a MAC: those of the usual places, drop-ins of systemd-networkd, and what inspection found.
///
/// # Errors
/// The guest could not be read.
pub(super) fn files(guest: &dyn Guest, facts: &GuestFacts) -> Result<BTreeSet<String>> {
    let mut found: BTreeSet<String> = FILES.iter().map(|f| (*f).to_owned()).collect();
    for (dir, ending) in PLACES {
        found.extend(files_in(guest, dir, ending)?);
    }
    for dir in files_in(guest, "/etc/systemd/network", ".d")? {
        found.extend(files_in(guest, &dir, ".conf")?);
    }
    found.extend(facts.network.interfaces.iter().map(|i| i.file.clone()));
    Ok(found)
}

/// The text with the new MACs in place of the old ones, in lines that are no comments.
pub(super) fn follow(text: &str, changed: &[(&str, &str)]) -> String {
    let mut replacements = Vec::new();
    for (offset, line) in lines(text) {
        if line.trim_start().starts_with(['#', ';']) {
            continue;
        }
        let mut at = 0;
        while at < line.len() {
            let Some((found, new)) =
                mac_at(line, at).and_then(|mac| Some((mac, new_of(&mac_text(mac), changed)?)))
            else {
                at += 1;
                continue;
            };
            let start = offset + at;
            replacements.push(Replacement { start, end: start + MAC_LENGTH, text: spelt_as(found, new) });
            at += MAC_LENGTH;
        }
    }
    replace(text, &replacements)
}

/// The MAC that starts at `at` and is no part of something longer, such as a client identifier.
fn mac_at(line: &str, at: usize) -> Option<&str> {
    let found = line.get(at..at + MAC_LENGTH)?;
    parse_mac(found)?;
    let longer = |c: char| c.is_ascii_hexdigit() || c == ':' || c == '-';
    let before = line.get(..at)?.chars().next_back().is_some_and(longer);
    let after = line.get(at + MAC_LENGTH..)?.chars().next().is_some_and(longer);
    (!before && !after).then_some(found)
}

fn mac_text(found: &str) -> String {
    parse_mac(found).unwrap_or_default()
}

fn new_of<'a>(old: &str, changed: &[(&str, &'a str)]) -> Option<&'a str> {
    changed.iter().find(|(from, _)| *from == old).map(|(_, to)| *to)
}

/// The new MAC in the old one's case and with its separator.
fn spelt_as(old: &str, new: &str) -> String {
    let new = if old.contains('-') { new.replace(':', "-") } else { new.to_owned() };
    let upper =
        !old.contains(|c: char| c.is_ascii_lowercase()) && old.contains(|c: char| c.is_ascii_uppercase());
    if upper { new.to_ascii_uppercase() } else { new }
}

/// Where a file goes whose name holds a MAC: SUSE 10's `ifcfg-eth-id-MAC`, and nothing else.
pub(super) fn renamed(path: &str, changed: &[(&str, &str)]) -> Option<String> {
    let old = path.rsplit('/').next()?.strip_prefix("ifcfg-eth-id-")?;
    let new = new_of(&parse_mac(old)?, changed)?;
    Some(guest::join(guest::parent(path), &format!("ifcfg-eth-id-{}", spelt_as(old, new))))
}

/// The edit's file, if it holds an old MAC.
///
/// # Errors
/// The guest could not be read.
pub(super) fn file(
    guest: &dyn Guest,
    path: &str,
    changed: &[(&str, &str)],
) -> Result<Option<(TextFile, String)>> {
    let Some(file) = TextFile::read(guest, path)? else { return Ok(None) };
    let after = follow(&file.text, changed);
    Ok((after != file.text).then_some((file, after)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHANGED: &[(&str, &str)] = &[("00:0c:29:aa:00:09", "52:54:00:ab:00:01")];

    #[test]
    fn whole_macs_outside_of_comments_follow() {
        for (before, after) in [
            ("HWADDR=\"00:0C:29:AA:00:09\"\n", "HWADDR=\"52:54:00:AB:00:01\"\n"),
            ("MACAddress=00-0c-29-aa-00-09", "MACAddress=52-54-00-ab-00-01"),
            ("a: {macaddress: 00:0c:29:aa:00:09}", "a: {macaddress: 52:54:00:ab:00:01}"),
            ("x 00:0c:29:aa:00:09 00:0c:29:aa:00:09", "x 52:54:00:ab:00:01 52:54:00:ab:00:01"),
        ] {
            assert_eq!(follow(before, CHANGED), after);
        }
        for same in [
            "# was 00:0c:29:aa:00:09",
            "  ; 00:0c:29:aa:00:09",
            "client-identifier=01:00:0c:29:aa:00:09",
            "00:0c:29:aa:00:09:01",
            "00:0c:29:aa:00:08",
            "ä00:0c:29:aa:00:0",
        ] {
            assert_eq!(follow(same, CHANGED), same);
        }
        assert_eq!(
            renamed("/etc/sysconfig/network/ifcfg-eth-id-00:0c:29:aa:00:09", CHANGED).as_deref(),
            Some("/etc/sysconfig/network/ifcfg-eth-id-52:54:00:ab:00:01")
        );
        assert_eq!(renamed("/etc/sysconfig/network/ifcfg-eth0", CHANGED), None);
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "([0-9a-fä]{0,2}[:-]|00:0c:29:aa:00:09|[#; \n\"]){0,24}") {
            follow(&text, CHANGED);
        }
    }
}
