//! ConnMan: services that it remembers, and connman-service.config(5).

use crate::error::Result;
use crate::guest::{self, Guest};

use super::ini::{self, Section};
use super::{Stack, names, text};

/// Where it keeps both.
const DIR: &str = "/var/lib/connman";

/// Reads the stack. A remembered service is named after its NIC's MAC: `ethernet_005056aa0001_cable`.
///
/// # Errors
/// The guest could not be read.
pub(super) fn read(guest: &dyn Guest) -> Result<Stack> {
    let mut stack = Stack::default();
    for name in text::names(guest, DIR, "")? {
        let path = guest::join(DIR, &name);
        if name.ends_with(".config") {
            let Some(content) = text::config(guest, &path)? else { continue };
            stack.present = true;
            for section in ini::parse(&content).iter().filter(|s| s.name.starts_with("service_")) {
                provisioned(&mut stack, section, &path);
            }
        } else if let Some(mac) = service_mac(&name) {
            let path = guest::join(&path, "settings");
            let Some(content) = text::config(guest, &path)? else { continue };
            stack.present = true;
            remembered(&mut stack, &content, mac, &path);
        }
    }
    Ok(stack)
}

/// The MAC in the name of a service.
fn service_mac(name: &str) -> Option<String> {
    let digits = name.strip_prefix("ethernet_")?.split('_').next()?;
    let octets: Option<Vec<&str>> = (0..12).step_by(2).map(|at| digits.get(at..at + 2)).collect();
    names::mac(&octets.filter(|_| digits.len() == 12)?.join(":"))
}

fn remembered(stack: &mut Stack, content: &str, mac: String, file: &str) {
    let sections = ini::parse(content);
    let value =
        |key| sections.iter().flat_map(|s| &s.entries).find(|(k, _)| k == key).map(|(_, v)| v.as_str());
    stack.add("", file, |interface| {
        interface.mac = Some(mac);
        interface.dhcp = value("IPv4.method") == Some("dhcp");
        let list = value("IPv4.local_address").into_iter().flat_map(|v| v.split(';'));
        let prefix = value("IPv4.netmask_prefixlen");
        interface.addresses.extend(list.filter_map(|a| names::address(a, prefix)));
    });
}

/// A section of a configuration: for a MAC, a name, or any NIC.
fn provisioned(stack: &mut Stack, section: &Section, file: &str) {
    let value = |key| section.entries.iter().rev().find(|(k, _)| k == key).map(|(_, v)| v.as_str());
    if value("Type") != Some("ethernet") {
        return;
    }
    let name = value("DeviceName").filter(|n| names::is_name(n)).unwrap_or_default();
    let mac = value("MAC").and_then(names::mac);
    if name.is_empty() && mac.is_none() || !name.is_empty() && !names::is_physical(name) {
        return;
    }
    let address = value("IPv4").and_then(|v| {
        let mut parts = v.split('/');
        names::address(parts.next()?, parts.next())
    });
    stack.add(name, file, |interface| {
        interface.mac = mac.or(interface.mac.take());
        interface.dhcp |= value("IPv4") == Some("dhcp");
        interface.addresses.extend(address);
    });
}
