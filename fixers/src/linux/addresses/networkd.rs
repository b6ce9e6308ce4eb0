//! systemd-networkd, systemd.network(5). Of all files that match a NIC the first counts.

use std::net::IpAddr;

use super::ini::{Ini, Section};
use super::wanted::Wanted;
use super::{ID, Outcome};
use crate::error::Result;
use crate::inspect::network::names::fits_glob;
use crate::linux::text::{TextFile, files_in};
use crate::{Edit, Guest};

const DIR: &str = "/etc/systemd/network";

/// Changes the file that is for the NIC, and its drop-ins; a file for several is copied.
pub(super) fn change(guest: &dyn Guest, wanted: &Wanted) -> Result<Option<Outcome>> {
    for path in files_in(guest, DIR, ".network")? {
        let Some(file) = TextFile::read(guest, &path)? else { continue };
        let ini = Ini::parse(&file.text);
        let Some(alone) = is_for(&ini, wanted) else { continue };
        if !alone {
            return copy(guest, wanted, ini, &path).map(Some);
        }
        let mut edits: Vec<Edit> =
            file.edit(ID, &changed(ini, wanted), wanted.reason()).into_iter().collect();
        for part in files_in(guest, &format!("{path}.d"), ".conf")? {
            if let Some(file) = TextFile::read(guest, &part)? {
                let mut ini = Ini::parse(&file.text);
                strip(&mut ini, wanted);
                edits.extend(file.edit(ID, &ini.to_string(), wanted.reason()));
            }
        }
        return Ok(Some(Outcome::Edits(edits)));
    }
    Ok(None)
}

/// A file of its own.
pub(super) fn create(guest: &dyn Guest, wanted: &Wanted) -> Result<Outcome> {
    let path = own_path(wanted);
    if guest.exists(&path)? {
        return Ok(Outcome::Refused(format!("{path} is there already")));
    }
    let start = format!("# Written by h2k.\n{}\n[Network]\n", matching(wanted));
    let text = changed(Ini::parse(&start), wanted);
    Ok(Outcome::Edits(vec![Edit::create(ID, &path, &text, 0o644, wanted.reason())]))
}

fn own_path(wanted: &Wanted) -> String {
    format!("{DIR}/05-h2k-{}.network", wanted.label())
}

fn matching(wanted: &Wanted) -> String {
    match &wanted.name {
        Some(name) => format!("[Match]\nName={name}\n"),
        // A VLAN or a bridge may have the NIC's MAC; only what sits on the PCI bus has such a path.
        None => format!("[Match]\nMACAddress={}\nPath=*pci-*\n", wanted.mac),
    }
}

/// The file with a match for this NIC alone, before the one for several.
fn copy(guest: &dyn Guest, wanted: &Wanted, mut ini: Ini, path: &str) -> Result<Outcome> {
    let own = own_path(wanted);
    if *path < *own {
        return Ok(Outcome::Refused(format!(
            "{path} is for several NICs, and no file of h2k's comes before it"
        )));
    }
    if guest.exists(&own)? {
        return Ok(Outcome::Refused(format!("{own} is there already")));
    }
    ini.drop_sections(|section| section.name == "Match");
    let text = format!(
        "# Written by h2k: {path} for one NIC.\n{}\n{}",
        matching(wanted),
        changed(ini, wanted).trim_start_matches('\n')
    );
    Ok(Outcome::Edits(vec![Edit::create(ID, &own, &text, 0o644, wanted.reason())]))
}

/// Whether a file is for the NIC, and for it alone.
fn is_for(ini: &Ini, wanted: &Wanted) -> Option<bool> {
    let words = |key| ini.values("Match", key).flat_map(str::split_whitespace).collect::<Vec<_>>();
    let (names, mut macs) = (words("Name"), words("MACAddress"));
    macs.extend(words("PermanentMACAddress"));
    if names.is_empty() && macs.is_empty() {
        return None;
    }
    let by_mac = macs.iter().any(|mac| wanted.is(None, Some(mac)));
    let own = wanted.name.as_deref();
    let by_name = own.is_some_and(|own| names.iter().any(|pattern| fits_glob(own, pattern)));
    if !(by_mac || macs.is_empty()) || !(by_name || names.is_empty()) {
        return None;
    }
    let plain = names.is_empty() || names.len() == 1 && names.first().copied() == own;
    Some(plain && macs.len() <= 1)
}

/// Drops what is replaced.
fn strip(ini: &mut Ini, wanted: &Wanted) {
    ini.drop("Network", |key, value| match key {
        "Address" | "Gateway" => wanted.replaces_text(value),
        "DNS" => value.split_whitespace().any(|server| wanted.replaces_server(server)),
        _ => false,
    });
    ini.drop_sections(|section| match section.name.as_str() {
        "Address" => section.values("Address").any(|a| wanted.replaces_text(a)),
        "Route" => is_default(section) && section.values("Gateway").any(|g| wanted.replaces_text(g)),
        _ => false,
    });
}

fn is_default(section: &Section) -> bool {
    section.values("Destination").all(|d| ["0.0.0.0/0", "::/0", "default"].contains(&d))
}

fn changed(mut ini: Ini, wanted: &Wanted) -> String {
    let written = ini.values("Network", "DHCP").last().unwrap_or_default().to_owned();
    let before = dhcp(&written);
    strip(&mut ini, wanted);
    let mut lines = Vec::new();
    let after = (
        wanted.v4.as_ref().map_or(before.0, |family| family.dhcp),
        wanted.v6.as_ref().map_or(before.1, |family| family.dhcp),
    );
    ini.drop("Network", |key, _| key == "DHCP");
    let word = match after {
        _ if after == before => &written,
        (true, true) => "yes",
        (true, false) => "ipv4",
        (false, true) => "ipv6",
        (false, false) => "no",
    };
    if !word.is_empty() {
        lines.push(format!("DHCP={word}"));
    }
    lines.extend(wanted.addresses().map(|(address, prefix)| format!("Address={address}/{prefix}")));
    lines.extend(wanted.gateways().map(|gateway| format!("Gateway={gateway}")));
    lines.extend(wanted.dns.iter().flatten().map(|server: &IpAddr| format!("DNS={server}")));
    ini.insert("Network", &lines);
    ini.to_string()
}

/// IPv4 and IPv6 of a value of `DHCP=`.
fn dhcp(value: &str) -> (bool, bool) {
    match value.to_ascii_lowercase().as_str() {
        "yes" | "true" | "1" | "on" | "y" | "t" | "both" => (true, true),
        "ipv4" | "v4" => (true, false),
        "ipv6" | "v6" => (false, true),
        _ => (false, false),
    }
}
