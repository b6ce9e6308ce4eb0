//! SUSE's `ifcfg` files (ifcfg(5)), routes (ifroute(5)) and name servers (netconfig(8)).

use std::collections::BTreeSet;

use super::ifcfg::{entry, of_nic, with, without};
use super::wanted::{Wanted, joined};
use super::{ID, Outcome};
use crate::error::Result;
use crate::linux::text::TextFile;
use crate::{Edit, Guest};

pub(super) const DIR: &str = "/etc/sysconfig/network";

/// Variables of which each belongs to the address of the same ending.
const OF_ADDRESS: [&str; 6] = ["IPADDR", "NETMASK", "PREFIXLEN", "BROADCAST", "NETWORK", "LABEL"];

/// Changes the NIC's file, its routes and the name servers.
pub(super) fn change(guest: &dyn Guest, wanted: &Wanted) -> Result<Option<Outcome>> {
    let files = of_nic(guest, DIR, wanted)?;
    let file = match files.as_slice() {
        [] => return Ok(None),
        [file] => file,
        [one, two, ..] => {
            return Ok(Some(Outcome::Refused(format!("{} and {} are both for it", one.path, two.path))));
        }
    };
    let mut edits: Vec<Edit> =
        file.edit(ID, &changed(&file.text, wanted), wanted.reason()).into_iter().collect();
    edits.extend(routes(guest, wanted, &file.path)?);
    edits.extend(servers(guest, wanted)?);
    Ok(Some(Outcome::Edits(edits)))
}

/// A file of its own.
pub(super) fn create(guest: &dyn Guest, wanted: &Wanted) -> Result<Outcome> {
    let Some(name) = &wanted.name else {
        return Ok(Outcome::Refused("ifcfg of SUSE goes by names, and the NIC has none".to_owned()));
    };
    let path = format!("{DIR}/ifcfg-{name}");
    if guest.exists(&path)? {
        return Ok(Outcome::Refused(format!("{path} is there already")));
    }
    let text = changed("# Written by h2k.\nSTARTMODE='auto'\n", wanted);
    let mut edits = vec![Edit::create(ID, &path, &text, 0o644, wanted.reason())];
    edits.extend(routes(guest, wanted, &path)?);
    edits.extend(servers(guest, wanted)?);
    Ok(Outcome::Edits(edits))
}

fn changed(text: &str, wanted: &Wanted) -> String {
    // Endings of the addresses that are replaced; an empty one stands for the first address.
    let ending = |key: &str, name: &str| key.strip_prefix(name).map(str::to_owned);
    let replaced: BTreeSet<String> = text
        .lines()
        .filter_map(entry)
        .filter(|(_, value)| wanted.replaces_text(value))
        .filter_map(|(key, _)| ending(key, "IPADDR"))
        .collect();
    let kept: Vec<&str> = text
        .lines()
        .filter_map(entry)
        .filter(|(key, value)| key.starts_with("IPADDR") && !value.is_empty() && !wanted.replaces_text(value))
        .map(|(key, _)| key)
        .collect();
    let gone = |key: &str, value: &str| {
        let of_address =
            OF_ADDRESS.iter().filter_map(|name| ending(key, name)).any(|end| replaced.contains(&end));
        let empty = value.is_empty() && OF_ADDRESS.contains(&key);
        of_address || empty || key == "BOOTPROTO" && wanted.v4.is_some()
    };
    let mut lines = Vec::new();
    if let Some(v4) = &wanted.v4 {
        lines.push(format!("BOOTPROTO='{}'", if v4.dhcp { "dhcp" } else { "static" }));
    }
    for (index, (address, prefix)) in wanted.addresses().enumerate() {
        let plain = index == 0 && !kept.contains(&"IPADDR");
        let ending = if plain { String::new() } else { format!("_h2k{index}") };
        lines.push(format!("IPADDR{ending}='{address}/{prefix}'"));
    }
    with(&without(text, gone), &lines)
}

/// Default routes: those of `routes` that are for the NIC or for any go, the new one stands in the NIC's own file.
fn routes(guest: &dyn Guest, wanted: &Wanted, ifcfg: &str) -> Result<Vec<Edit>> {
    let mut edits = Vec::new();
    let name = ifcfg.rsplit("/ifcfg-").next().unwrap_or_default().to_owned();
    let own = format!("{DIR}/ifroute-{name}");
    let gateways: Vec<String> =
        wanted.gateways().map(|gateway| format!("default {gateway} - {name}")).collect();
    let gone = |line: &&str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let here = words.get(3).is_none_or(|interface| ["-", name.as_str()].contains(interface));
        matches!(words.as_slice(), ["default" | "0.0.0.0/0" | "::/0", gateway, ..] if here && wanted.replaces_text(gateway))
    };
    let strip = |text: &str| text.split_inclusive('\n').filter(|line| !gone(line)).collect::<String>();
    if let Some(file) = TextFile::read(guest, &format!("{DIR}/routes"))?
        && (!gateways.is_empty() || wanted.v4.as_ref().is_some_and(|family| family.dhcp))
    {
        edits.extend(file.edit(ID, &strip(&file.text), wanted.reason()));
    }
    match TextFile::read(guest, &own)? {
        Some(file) => edits.extend(file.edit(ID, &with(&strip(&file.text), &gateways), wanted.reason())),
        None if gateways.is_empty() => {}
        None => edits.push(Edit::create(ID, &own, &with("", &gateways), 0o644, wanted.reason())),
    }
    Ok(edits)
}

/// Name servers of the whole system.
fn servers(guest: &dyn Guest, wanted: &Wanted) -> Result<Option<Edit>> {
    const KEY: &str = "NETCONFIG_DNS_STATIC_SERVERS";
    let servers = wanted.dns.iter().flatten().collect::<Vec<_>>();
    let file = TextFile::read(guest, &format!("{DIR}/config"))?;
    let (Some(file), false) = (file, servers.is_empty()) else { return Ok(None) };
    let line = format!("{KEY}=\"{}\"", joined(servers, " "));
    let mut found = false;
    let mut after = String::with_capacity(file.text.len());
    for old in file.text.split_inclusive('\n') {
        if entry(old).is_some_and(|(key, _)| key == KEY) {
            found = true;
            after.push_str(&line);
            after.push('\n');
        } else {
            after.push_str(old);
        }
    }
    let after = if found { after } else { with(&file.text, &[line]) };
    Ok(file.edit(ID, &after, wanted.reason()))
}
