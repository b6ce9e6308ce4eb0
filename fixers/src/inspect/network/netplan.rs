//! netplan: `/etc/netplan/*.yaml`, netplan(5).

use std::collections::BTreeSet;

use serde_yaml::Value;

use crate::error;
use crate::facts::InterfaceFacts;
use crate::guest::Guest;

use super::{MAX_ADDRESSES, MAX_INTERFACES, Stack, names, text};

/// The administrator's files; cloud-init writes here too.
const DIR: &str = "/etc/netplan";

/// Largest file that is parsed: YAML unfolds in memory to many times its size. Real ones have a few kilobytes.
const MAX_YAML: usize = 128 * 1024;

/// An Ethernet definition, merged over all files.
#[derive(Debug, Default)]
struct Definition {
    id: String,
    match_name: Option<String>,
    match_mac: Option<String>,
    match_driver: Vec<String>,
    matches: bool,
    set_name: Option<String>,
    addresses: Vec<String>,
    dhcp4: bool,
    dhcp6: bool,
    file: String,
}

/// Reads the stack. Files are merged in the order of their names.
///
/// # Errors
/// The guest could not be read.
pub(super) fn read(guest: &dyn Guest) -> error::Result<Stack> {
    let mut stack = Stack::default();
    let mut definitions: Vec<Definition> = Vec::new();
    let mut ports = BTreeSet::new();
    for path in text::paths(guest, DIR, ".yaml")? {
        let Some(content) = text::config(guest, &path)? else { continue };
        stack.present = true;
        match parse(&content) {
            Ok(yaml) => {
                merge(&mut definitions, &yaml, &path);
                ports.extend(port_ids(&yaml));
            }
            Err(why) => stack.unparsed.push(format!("{path}: {why}")),
        }
    }
    for definition in &definitions {
        stack.condition("driver", &definition.match_driver.join(" "), &definition.file);
        let pattern = definition.match_name.as_deref().filter(|n| n.contains(['*', '?']));
        stack.condition("name", pattern.unwrap_or_default(), &definition.file);
    }
    for definition in definitions.iter().filter(|d| ports.contains(&d.id)) {
        let name = definition.set_name.as_deref().or(definition.match_name.as_deref());
        let file = definition.file.clone();
        stack.ports([name.unwrap_or(&definition.id)], &file);
    }
    // Each is declared; its definition tells all.
    stack.below.clear();
    stack.interfaces = definitions.into_iter().filter_map(interface).take(MAX_INTERFACES).collect();
    Ok(stack)
}

/// A file as YAML.
///
/// # Errors
/// It is too large, has aliases, or is no YAML.
pub(crate) fn parse(content: &str) -> Result<Value, String> {
    if content.len() > MAX_YAML {
        return Err(format!("more than {MAX_YAML} bytes"));
    }
    // A few aliases of aliases unfold to more than any memory holds; nobody needs them for a network.
    if content.lines().any(has_alias) {
        return Err("YAML aliases are not followed".to_owned());
    }
    serde_yaml::from_str(content).map_err(|e| e.to_string())
}

/// Whether a value on the line may start with a star: an alias, where it is not in a comment.
fn has_alias(line: &str) -> bool {
    let before = line.split('#').next().unwrap_or(line);
    let starts = before.match_indices('*').filter_map(|(at, _)| before.get(..at));
    starts.into_iter().any(|b| b.is_empty() || b.ends_with([' ', '\t', '[', '{', ',', ':']))
}

fn merge(definitions: &mut Vec<Definition>, yaml: &Value, file: &str) {
    let ethernets = yaml.get("network").and_then(|n| n.get("ethernets")).and_then(Value::as_mapping);
    for (id, value) in ethernets.into_iter().flatten() {
        let Some(id) = id.as_str() else { continue };
        let at = definitions.iter().position(|d| d.id == id).unwrap_or_else(|| {
            definitions.push(Definition {
                id: id.to_owned(),
                file: file.to_owned(),
                ..Definition::default()
            });
            definitions.len().saturating_sub(1)
        });
        if let Some(definition) = definitions.get_mut(at) {
            update(definition, value);
        }
    }
}

/// Ids of the ports of bonds and bridges.
fn port_ids(yaml: &Value) -> Vec<String> {
    let kind = |kind| yaml.get("network").and_then(|n| n.get(kind)).and_then(Value::as_mapping);
    let lists = ["bonds", "bridges"].into_iter().filter_map(kind).flat_map(|m| m.values());
    let ports = lists.filter_map(|v| v.get("interfaces").and_then(Value::as_sequence)).flatten();
    ports.filter_map(Value::as_str).map(str::to_owned).take(MAX_INTERFACES).collect()
}

fn update(definition: &mut Definition, value: &Value) {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    if let Some(matching) = value.get("match") {
        definition.matches = true;
        definition.match_name = text(matching.get("name")).or(definition.match_name.take());
        // One driver, or since 0.104 several.
        let drivers = matching.get("driver");
        let several = drivers.and_then(Value::as_sequence).into_iter().flatten().filter_map(Value::as_str);
        definition
            .match_driver
            .extend(drivers.and_then(Value::as_str).into_iter().chain(several).map(str::to_owned));
        let mac = matching.get("macaddress").and_then(Value::as_str).and_then(names::mac);
        definition.match_mac = mac.or(definition.match_mac.take());
    }
    definition.set_name = text(value.get("set-name")).or(definition.set_name.take());
    definition.dhcp4 = truth(value.get("dhcp4")).unwrap_or(definition.dhcp4);
    definition.dhcp6 = truth(value.get("dhcp6")).unwrap_or(definition.dhcp6);
    for address in value.get("addresses").and_then(Value::as_sequence).into_iter().flatten() {
        // Either the address, or a mapping from it to its options.
        let plain = address.as_str().or_else(|| address.as_mapping()?.keys().next()?.as_str());
        definition.addresses.extend(plain.and_then(|a| names::address(a, None)));
    }
}

/// netplan takes YAML 1.1's words for booleans, the parser YAML 1.2's.
pub(crate) fn truth(value: Option<&Value>) -> Option<bool> {
    match value? {
        Value::Bool(truth) => Some(*truth),
        Value::String(word) => match word.to_ascii_lowercase().as_str() {
            "yes" | "y" | "on" | "true" => Some(true),
            "no" | "n" | "off" | "false" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

/// The name is what the interface is set to, or what is matched, or, without a match, the definition's id.
fn interface(definition: Definition) -> Option<InterfaceFacts> {
    let matched = if definition.matches { definition.match_name } else { Some(definition.id) };
    let name = definition.set_name.or(matched).filter(|n| names::is_name(n)).unwrap_or_default();
    if name.is_empty() && definition.match_mac.is_none() {
        return None;
    }
    Some(InterfaceFacts {
        name,
        mac: definition.match_mac,
        addresses: definition.addresses.into_iter().take(MAX_ADDRESSES).collect(),
        dhcp: definition.dhcp4 || definition.dhcp6,
        file: definition.file,
        port: false,
    })
}
