//! `ifcfg-*` files: Red Hat's (sysconfig.txt of initscripts) and SUSE's (ifcfg(5)).

use std::collections::BTreeMap;

use crate::error::Result;
use crate::facts::InterfaceFacts;
use crate::guest::{self, Guest};

use super::{Stack, names, text};

/// Red Hat's directory.
pub(super) const REDHAT_DIR: &str = "/etc/sysconfig/network-scripts";

/// SUSE's directory.
pub(super) const SUSE_DIR: &str = "/etc/sysconfig/network";

/// Endings of files that the scripts pass over.
const LEFTOVERS: &[&str] =
    &["~", ".bak", ".orig", ".rpmnew", ".rpmorig", ".rpmsave", ".swp", ".old", ".template"];

/// Keys of which each makes an interface that is no NIC.
const VIRTUAL: &[&str] =
    &["BONDING_MASTER", "BRIDGE_PORTS", "ETHERDEVICE", "PHYSDEV", "TEAM_CONFIG", "TUNNEL", "VLAN_ID"];

/// Reads the files of one directory.
///
/// # Errors
/// The guest could not be read.
pub(super) fn read(guest: &dyn Guest, dir: &str) -> Result<Stack> {
    let mut stack = Stack::default();
    for file in text::names(guest, dir, "")? {
        let Some(name) = file.strip_prefix("ifcfg-") else { continue };
        if name == "lo" || LEFTOVERS.iter().any(|e| name.ends_with(e)) {
            continue;
        }
        let path = guest::join(dir, &file);
        let Some(content) = text::config(guest, &path)? else { continue };
        stack.present = true;
        add(&mut stack, name, &variables(&content), &path);
    }
    Ok(stack)
}

/// Variables of a file that a shell would source. Values with substitutions stay as they are written.
fn variables(content: &str) -> BTreeMap<String, String> {
    let pairs = content.lines().filter_map(|line| {
        let (key, value) = line.trim().split_once('=')?;
        let key = key.trim_start_matches("export ").trim();
        let named = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        named.then(|| (key.to_owned(), unquoted(value)))
    });
    pairs.collect()
}

fn unquoted(value: &str) -> String {
    let value = value.trim();
    for quote in ['"', '\''] {
        if let Some((inner, _)) = value.strip_prefix(quote).and_then(|v| v.split_once(quote)) {
            return inner.to_owned();
        }
    }
    // Behind a blank a comment, or another command, begins.
    value.split_whitespace().next().unwrap_or_default().to_owned()
}

fn add(stack: &mut Stack, file_name: &str, variables: &BTreeMap<String, String>, file: &str) {
    let get = |key: &str| variables.get(key).map(String::as_str).filter(|v| !v.is_empty());
    ports(stack, file_name, variables, file);
    let kind = get("TYPE").or(get("DEVICETYPE")).unwrap_or("Ethernet");
    let no = |v: &str| v.eq_ignore_ascii_case("no");
    let is_virtual = VIRTUAL.iter().any(|k| get(k).is_some_and(|v| !no(v)))
        || get("VLAN").is_some_and(|v| !no(v))
        // SUSE: BRIDGE=yes is a bridge. Red Hat: BRIDGE=br0 is a port of it.
        || get("BRIDGE").is_some_and(|v| v.eq_ignore_ascii_case("yes"));
    if is_virtual || !["ethernet", "eth"].contains(&kind.to_ascii_lowercase().as_str()) {
        return;
    }
    // SUSE 10 named files by MAC: ifcfg-eth-id-00:11:22:33:44:55.
    let by_mac = file_name.strip_prefix("eth-id-").and_then(names::mac);
    let name = match (get("DEVICE"), &by_mac) {
        (Some(device), _) => device,
        (None, Some(_)) => "",
        // NetworkManager names files after connections: ifcfg-Office is for any NIC.
        (None, None) if is_profile(file_name, get("NAME")) => "",
        (None, None) => file_name,
    };
    let name = names::without_alias(name);
    let mac = get("HWADDR").and_then(names::mac).or(by_mac);
    let name = if names::is_name(name) { name } else { "" };
    if name.is_empty() && mac.is_none() || !name.is_empty() && !names::is_physical(name) {
        return;
    }
    stack.add(name, file, |interface| {
        interface.mac = mac.or(interface.mac.take());
        protocols(interface, variables);
    });
}

/// Whether the file is named after a connection, not after an interface.
fn is_profile(file_name: &str, connection: Option<&str>) -> bool {
    let named = connection.is_some_and(|name| name.replace(' ', "_") == file_name);
    named && !names::is_udev_name(file_name)
}

/// What the interface of the file sits upon.
fn ports(stack: &mut Stack, file_name: &str, variables: &BTreeMap<String, String>, file: &str) {
    let device = variables.get("DEVICE").map_or(file_name, String::as_str);
    if let Some((below, id)) = device.split_once('.')
        && !id.is_empty()
        && id.bytes().all(|b| b.is_ascii_digit())
    {
        stack.below([below], file);
    }
    for (key, value) in variables {
        if key == "BRIDGE_PORTS" || key.starts_with("BONDING_SLAVE") {
            stack.ports(value.split_whitespace(), file);
        } else if key == "ETHERDEVICE" || key == "PHYSDEV" {
            stack.below([value.as_str()], file);
        }
    }
    let own = |key: &str| variables.get(key).is_some_and(|v| !v.is_empty() && !v.eq_ignore_ascii_case("yes"));
    if ["BRIDGE", "MASTER", "OVS_BRIDGE", "TEAM_MASTER"].iter().any(|key| own(key)) {
        stack.ports([device], file);
    }
}

/// Static addresses (`IPADDR`, `IPADDR1`, SUSE's `IPADDR_LABEL`, each with a prefix of the same ending) and DHCP.
fn protocols(interface: &mut InterfaceFacts, variables: &BTreeMap<String, String>) {
    let protocol = variables.get("BOOTPROTO").map(|p| p.to_ascii_lowercase()).unwrap_or_default();
    interface.dhcp |= protocol.split('+').any(|p| p.starts_with("dhcp") || p == "bootp");
    for (key, value) in variables {
        if let Some(ending) = key.strip_prefix("IPADDR") {
            let prefix = ["PREFIX", "PREFIXLEN", "NETMASK"]
                .iter()
                .find_map(|k| variables.get(&format!("{k}{ending}")).filter(|v| !v.is_empty()));
            interface.addresses.extend(names::address(value, prefix.map(String::as_str)));
        }
    }
    for key in ["IPV6ADDR", "IPV6ADDR_SECONDARIES"] {
        let list = variables.get(key).map(String::as_str).unwrap_or_default();
        interface.addresses.extend(list.split_whitespace().filter_map(|a| names::address(a, None)));
    }
}
