//! Red Hat's `ifcfg` files (sysconfig.txt of initscripts; nm-settings-ifcfg-rh(5)).

use super::wanted::{Wanted, netmask};
use super::{ID, Outcome};
use crate::error::Result;
use crate::linux::text::{TextFile, files_in};
use crate::{Edit, Guest};

pub(super) const DIR: &str = "/etc/sysconfig/network-scripts";

/// Endings of files that the scripts pass over.
const LEFTOVERS: &[&str] =
    &["~", ".bak", ".orig", ".rpmnew", ".rpmorig", ".rpmsave", ".swp", ".old", ".template"];

/// Changes the NIC's files: the first gets the addresses, others are not started at boot any more.
pub(super) fn change(guest: &dyn Guest, wanted: &Wanted) -> Result<Option<Outcome>> {
    let mut edits = Vec::new();
    let mut first = true;
    for file in of_nic(guest, DIR, wanted)? {
        let after = if first {
            changed(&file.text, wanted)
        } else {
            with(&without(&file.text, |key, _| key == "ONBOOT"), &["ONBOOT=no".to_owned()])
        };
        first = false;
        edits.extend(file.edit(ID, &after, wanted.reason()));
    }
    Ok((!first).then_some(Outcome::Edits(edits)))
}

/// A file of its own.
pub(super) fn create(guest: &dyn Guest, wanted: &Wanted) -> Result<Outcome> {
    let path = format!("{DIR}/ifcfg-{}", wanted.label());
    if guest.exists(&path)? {
        return Ok(Outcome::Refused(format!("{path} is there already")));
    }
    let device = wanted.name.as_ref().map(|name| format!("DEVICE={name}\n")).unwrap_or_default();
    let start = format!("# Written by h2k.\nTYPE=Ethernet\n{device}HWADDR={}\nONBOOT=yes\n", wanted.mac);
    Ok(Outcome::Edits(vec![Edit::create(ID, &path, &changed(&start, wanted), 0o644, wanted.reason())]))
}

/// The files of a directory that are for the NIC.
pub(super) fn of_nic(guest: &dyn Guest, dir: &str, wanted: &Wanted) -> Result<Vec<TextFile>> {
    let mut found = Vec::new();
    for path in files_in(guest, dir, "")? {
        let name = path.rsplit('/').next().and_then(|name| name.strip_prefix("ifcfg-"));
        let Some(name) = name.filter(|name| !LEFTOVERS.iter().any(|end| name.ends_with(end))) else {
            continue;
        };
        let Some(file) = TextFile::read(guest, &path)? else { continue };
        let value = |key| file.text.lines().filter_map(entry).rfind(|(k, _)| *k == key).map(|(_, v)| v);
        let device = value("DEVICE").unwrap_or(name);
        let mac = value("HWADDR").or_else(|| name.strip_prefix("eth-id-"));
        if wanted.is(Some(device), mac) {
            found.push(file);
        }
    }
    Ok(found)
}

/// Variable and value, without quotes, of a line.
pub(super) fn entry(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.trim().split_once('=')?;
    let key = key.trim_start_matches("export ").trim();
    let plain = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    plain.then(|| (key, value.trim().trim_matches(['"', '\''])))
}

/// The text without the lines of some variables.
pub(super) fn without(text: &str, gone: impl Fn(&str, &str) -> bool) -> String {
    let kept = |line: &&str| !entry(line).is_some_and(|(key, value)| gone(key, value));
    text.split_inclusive('\n').filter(kept).collect()
}

/// The text with lines at its end.
pub(super) fn with(text: &str, lines: &[String]) -> String {
    let mut out = text.to_owned();
    if !out.is_empty() && !out.ends_with('\n') {
        out.push('\n');
    }
    for line in lines {
        out.push_str(line);
        out.push('\n');
    }
    out
}

/// A variable, numbered or not.
pub(super) fn is_numbered(key: &str, name: &str) -> bool {
    key.strip_prefix(name).is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit()))
}

fn changed(text: &str, wanted: &Wanted) -> String {
    let gone = |key: &str, value: &str| {
        let numbered = |names: &[&str]| names.iter().any(|name| is_numbered(key, name));
        let v4 = numbered(&["IPADDR", "PREFIX", "NETMASK", "GATEWAY"])
            || ["BOOTPROTO", "BROADCAST", "NETWORK"].contains(&key);
        let v6 =
            ["IPV6INIT", "IPV6_AUTOCONF", "IPV6ADDR", "IPV6ADDR_SECONDARIES", "IPV6_DEFAULTGW", "DHCPV6C"];
        v4 && wanted.v4.is_some()
            || v6.contains(&key) && wanted.v6.is_some()
            || is_numbered(key, "DNS") && wanted.replaces_server(value)
    };
    with(&without(text, gone), &lines(wanted))
}

fn lines(wanted: &Wanted) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(v4) = &wanted.v4 {
        lines.push(format!("BOOTPROTO={}", if v4.dhcp { "dhcp" } else { "none" }));
        for (index, (address, prefix)) in v4.addresses.iter().enumerate() {
            let number = if index == 0 { String::new() } else { index.to_string() };
            lines.push(format!("IPADDR{number}={address}"));
            // Old scripts know no PREFIX.
            lines.push(format!("NETMASK{number}={}", netmask(*prefix)));
        }
        lines.extend(v4.gateway.map(|gateway| format!("GATEWAY={gateway}")));
    }
    if let Some(v6) = &wanted.v6 {
        lines.extend(["IPV6INIT=yes".to_owned(), "IPV6_AUTOCONF=no".to_owned()]);
        let mut addresses = v6.addresses.iter().map(|(address, prefix)| format!("{address}/{prefix}"));
        lines.extend(addresses.next().map(|first| format!("IPV6ADDR={first}")));
        let more: Vec<String> = addresses.collect();
        if !more.is_empty() {
            lines.push(format!("IPV6ADDR_SECONDARIES=\"{}\"", more.join(" ")));
        }
        lines.extend(v6.gateway.map(|gateway| format!("IPV6_DEFAULTGW={gateway}")));
    }
    let servers = wanted.dns.iter().flatten().enumerate();
    lines.extend(servers.map(|(index, server)| format!("DNS{}={server}", index + 1)));
    lines
}
